//! The list: newest first, in pages.

use e2e::{App, Member};
use serde_json::{Value, json};

#[tokio::test]
async fn pages_show_every_lead_once_newest_first() {
    let owner = Member::owner(App::shared()).await;
    let mut made = Vec::new();
    for nth in 0..25 {
        made.push(owner.create_lead(json!({ "email": format!("{nth}@example.com"), "company": "X" })).await);
    }
    made.reverse();

    let first = owner.get("/leads").await.expect(200);
    assert_eq!(first.as_object().unwrap().len(), 2);
    assert_eq!(first["data"], json!(made[..20]), "20 are a page, and they are the leads themselves");
    let second = owner.get(&format!("/leads?cursor={}", first["next_cursor"].as_str().unwrap())).await.expect(200);
    assert_eq!(second, json!({ "data": made[20..], "next_cursor": null }));

    for limit in [1, 5, 7, 24, 25, 100] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = owner.get(&format!("/leads?limit={limit}{cursor}")).await.expect(200);
            let rows = page["data"].as_array().unwrap();
            assert!(rows.len() <= limit);
            seen.extend(rows.iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert_eq!(rows.len(), limit);
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, made, "limit {limit}");
    }
}

#[tokio::test]
async fn leads_of_one_moment_are_all_shown() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    for _ in 0..5 {
        owner.create_lead(json!({ "email": "tie@example.com" })).await;
    }
    let tenant = owner.tenant();
    app.database.execute(&format!("update crm.leads set created_at = now() where tenant_id = '{tenant}'")).await;
    let all = owner.get("/leads").await.expect(200);
    let mut seen = Vec::new();
    let mut path = "/leads?limit=2".to_owned();
    while seen.len() < 5 {
        let page = owner.get(&path).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().cloned());
        path = format!("/leads?limit=2&cursor={}", page["next_cursor"].as_str().unwrap_or("none"));
    }
    assert_eq!(all["data"], Value::Array(seen));
}

#[tokio::test]
async fn bad_queries_are_refused_by_name() {
    let owner = Member::owner(App::shared()).await;
    for (query, code, parameter) in [
        ("?statsu=NEW", "unknown_parameter", "statsu"),
        ("?limit=2&limit=3", "invalid_parameter", "limit"),
        ("?limit=0", "invalid_parameter", "limit"),
        ("?limit=101", "invalid_parameter", "limit"),
        ("?limit=ten", "invalid_parameter", "limit"),
        ("?limit=", "invalid_parameter", "limit"),
        ("?cursor=nonsense", "invalid_parameter", "cursor"),
        ("?cursor=", "invalid_parameter", "cursor"),
        ("?cursor=%00", "invalid_parameter", "cursor"),
    ] {
        let problem = owner.get(&format!("/leads{query}")).await.problem(400, code);
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
    }
}
