//! A tenant's rows are its own.

use e2e::{App, Member};
use serde_json::{Value, json};

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    for _ in 0..3 {
        owner.create_lead(json!({ "email": "secret@example.com" })).await;
    }
    let page = owner.get("/leads?limit=1").await.expect(200);
    let id = page["data"][0]["id"].as_str().unwrap();
    stranger.get(&format!("/leads/{id}")).await.problem(404, "lead_not_found");
    assert_eq!(stranger.get("/leads").await.expect(200), json!({ "data": [], "next_cursor": null }));
    // A cursor grants nothing.
    let with_cursor = format!("/leads?cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(stranger.get(&with_cursor).await.expect(200)["data"], json!([]));
    let figures = stranger.get("/analytics/leads").await.expect(200);
    assert_eq!((&figures["total"], &figures["average_score"]), (&json!(0), &Value::Null));
    assert_eq!(owner.get("/analytics/leads").await.expect(200)["total"], 3);
}

#[tokio::test]
async fn a_row_of_another_tenant_never_shows_whoever_wrote_it() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let lead = owner.create_lead(json!({ "email": "own@example.com" })).await;
    // The same row again under the stranger's tenant, written by the stranger's hand and naming the owner as its maker.
    let (from, to, user) = (owner.tenant(), stranger.tenant(), owner.user());
    let id = e2e::personas::uuid_of(&lead["id"]);
    let planted = format!(
        "insert into crm.leads (tenant_id, id, email, source, status, priority, score, score_reasons, created_by,
                                created_at, updated_at)
         select '{to}', id, 'planted@example.com', source, status, priority, score, score_reasons, '{user}', created_at,
                updated_at
           from crm.leads where tenant_id = '{from}' and id = '{id}'"
    );
    assert_eq!(app.database.execute(&planted).await, 1);

    let path = format!("/leads/{}", lead["id"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.expect(200), lead);
    assert_eq!(owner.get("/leads").await.expect(200)["data"], json!([lead]));
    assert_eq!(owner.get("/analytics/leads").await.expect(200)["total"], 1);
    assert_eq!(stranger.get(&path).await.expect(200)["email"], "planted@example.com");
}

#[tokio::test]
async fn the_role_is_that_of_now() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let colleague = owner.colleague(app, "member").await;
    let lead = json!({ "email": "a@example.com" });
    colleague.post("/leads", &lead).await.expect(201);
    app.database.plant_membership(owner.tenant(), colleague.user(), "viewer").await;
    colleague.post("/leads", &lead).await.problem(403, "forbidden");
    assert_eq!(colleague.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 1);
    let (tenant, user) = (owner.tenant(), colleague.user());
    let removed = format!("delete from auth.memberships where tenant_id = '{tenant}' and user_id = '{user}'");
    app.database.execute(&removed).await;
    colleague.get("/leads").await.problem(401, "unauthenticated");
}
