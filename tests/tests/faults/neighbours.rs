//! Requests of several tenants share instances: no answer is ever another tenant's.

use e2e::{Anonymous, App, HostOptions, Member};
use futures::{StreamExt, future::join_all, stream};
use serde_json::json;

/// 8 tenants, 64 requests at once, several rounds: every answer is the asker's own.
async fn never_see_each_other(arguments: Vec<&'static str>, rounds: usize) {
    let app = App::own(HostOptions { arguments, ..HostOptions::default() }).expect("an app");
    let tenants: Vec<Member> = stream::iter(0..8).then(|_| Member::owner(&app)).collect().await;
    let work = (0..64 * rounds).map(|turn| {
        let (number, tenant) = (turn % 8, &tenants[turn % 8]);
        async move {
            let mine = format!("tenant-{number}@example.com");
            match turn / 8 % 4 {
                0 => assert_eq!(tenant.create_lead(json!({ "email": mine })).await["email"], json!(mine)),
                1 => {
                    let page = tenant.get("/leads?limit=100").await.expect(200);
                    assert!(
                        page["data"].as_array().expect("rows").iter().all(|lead| lead["email"] == json!(mine)),
                        "{page}"
                    );
                }
                2 => assert_eq!(tenant.get("/users/me").await.expect(200), tenant.account),
                _ => drop(tenant.get("/analytics/leads").await.expect(200)),
            }
        }
    });
    stream::iter(work).buffer_unordered(64).collect::<()>().await;

    let each = 64 * rounds / 8 / 4;
    for analytics in join_all(tenants.iter().map(|tenant| tenant.get("/analytics/leads"))).await {
        assert_eq!(analytics.expect(200)["total"], json!(each));
    }
}

#[tokio::test]
async fn in_shared_instances() {
    never_see_each_other(Vec::new(), 6).await;
}

#[tokio::test]
async fn in_an_instance_for_each_request() {
    never_see_each_other(vec!["--max-instance-reuse-count", "1"], 2).await;
}

#[tokio::test]
async fn in_instances_of_changing_lives() {
    never_see_each_other(
        vec!["--max-instance-reuse-count", "1..8", "--max-instance-concurrent-reuse-count", "1..16"],
        3,
    )
    .await;
}

#[tokio::test]
async fn sixteen_at_once_in_one_instance() {
    let app = App::own(HostOptions::default()).expect("an app");
    let tenants: Vec<Member> = stream::iter(0..4).then(|_| Member::owner(&app)).collect().await;
    for tenant in &tenants {
        tenant.create_lead(json!({ "email": format!("{}@example.com", tenant.tenant().simple()) })).await;
    }
    for _ in 0..20 {
        let answers = join_all((0..16).map(|turn| {
            let tenant = &tenants[turn % 4];
            async move { (tenant, tenant.get("/leads").await.expect(200)) }
        }))
        .await;
        for (tenant, page) in answers {
            assert_eq!(page["data"][0]["email"], json!(format!("{}@example.com", tenant.tenant().simple())));
        }
    }
}

#[tokio::test]
async fn a_host_that_dies_and_comes_back_knows_everybody() {
    let mut app = App::own(HostOptions::default()).expect("an app");
    let owner = Member::owner(&app).await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    app.host.restart().expect("comes back");
    // The old client would try its old connections first.
    let owner = Member { anonymous: Anonymous::of(&app), ..owner };
    assert_eq!(owner.get("/leads").await.expect(200)["data"], json!([lead]));
}
