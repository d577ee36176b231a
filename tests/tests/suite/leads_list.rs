//! Lists of leads, and what is counted over them.

use e2e::{App, Member};
use serde_json::{Value, json};

/// An owner with leads of known scores: 53, 55, 60, 75, 90, 100, in this order.
async fn owner_with_leads() -> Member {
    let owner = Member::owner(App::shared()).await;
    for (email, lead) in [
        ("cold@example.com", json!({ "source": "COLD_OUTREACH", "last_name": "Frost" })),
        ("plain@example.com", json!({})),
        ("site@example.com", json!({ "source": "WEBSITE", "first_name": "Wendy_100%" })),
        ("firm@example.com", json!({ "company": "Acme Rockets" })),
        ("friend@example.com", json!({ "company": "Beta", "source": "REFERRAL" })),
        ("boss@example.com", json!({ "company": "Gamma", "source": "REFERRAL", "job_title": "CEO" })),
    ] {
        let mut lead = lead;
        lead["email"] = json!(email);
        owner.create_lead(lead).await;
    }
    owner
}

async fn emails(owner: &Member, query: &str) -> Vec<String> {
    let page = owner.get(&format!("/leads{query}")).await.expect(200);
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|lead| lead["email"].as_str().unwrap().trim_end_matches("@example.com").to_owned())
        .collect()
}

#[tokio::test]
async fn lists_are_sorted_and_filtered_by_name() {
    let owner = owner_with_leads().await;
    let all = ["cold", "plain", "site", "firm", "friend", "boss"];
    let backwards: Vec<_> = all.iter().rev().copied().collect();
    for (query, wanted) in [
        ("", backwards.as_slice()),
        ("?sort=-created_at", &backwards),
        ("?sort=created_at", &all),
        ("?sort=score", &all),
        ("?sort=-score", &backwards),
        ("?min_score=75&sort=score", &["firm", "friend", "boss"]),
        ("?source=REFERRAL&sort=score", &["friend", "boss"]),
        ("?source=OTHER&sort=score", &["plain", "firm"]),
        ("?priority=LOW&sort=score", &["cold", "plain"]),
        ("?priority=URGENT&status=NEW&sort=score", &["friend", "boss"]),
        ("?status=WON", &[]),
        ("?q=ROCKETS", &["firm"]),
        ("?q=frost", &["cold"]),
        ("?q=boss%40", &["boss"]),
        ("?q=%25", &["site"]),
        ("?q=_1", &["site"]),
        ("?q=nobody", &[]),
        ("?created_after=2000-01-01T00:00:00Z&sort=score&limit=2", &["cold", "plain"]),
        ("?created_before=2000-01-01T00:00:00Z", &[]),
    ] {
        assert_eq!(emails(&owner, query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn bad_queries_are_refused_by_name() {
    let owner = Member::owner(App::shared()).await;
    for (query, code, parameter) in [
        ("?statsu=NEW", "unknown_parameter", "statsu"),
        ("?status=NEW&status=LOST", "invalid_parameter", "status"),
        ("?status=new", "invalid_parameter", "status"),
        ("?limit=0", "invalid_parameter", "limit"),
        ("?limit=101", "invalid_parameter", "limit"),
        ("?sort=email", "invalid_parameter", "sort"),
        ("?min_score=-1", "invalid_parameter", "min_score"),
        ("?min_score=101", "invalid_parameter", "min_score"),
        ("?created_after=yesterday", "invalid_parameter", "created_after"),
        ("?created_after=2016-12-31T23:59:60.5Z", "invalid_parameter", "created_after"),
        ("?cursor=nonsense", "invalid_parameter", "cursor"),
        ("?q=%00", "invalid_parameter", "q"),
    ] {
        let problem = owner.get(&format!("/leads{query}")).await.problem(400, code);
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}: {problem}");
    }
    owner.get("/analytics/leads?colour=red").await.problem(400, "unknown_parameter");
}

#[tokio::test]
async fn pages_show_every_lead_once_in_every_order() {
    let owner = owner_with_leads().await;
    // Ties in the score: the id breaks them.
    for _ in 0..5 {
        owner.create_lead(json!({ "email": "tie@example.com" })).await;
    }
    for sort in ["created_at", "-created_at", "score", "-score"] {
        let whole = owner.get(&format!("/leads?limit=100&sort={sort}")).await.expect(200);
        assert_eq!(whole["next_cursor"], Value::Null);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = owner.get(&format!("/leads?limit=2&sort={sort}{cursor}")).await.expect(200);
            seen.extend(page["data"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert_eq!(page["data"].as_array().unwrap().len(), 2);
            cursor = format!("&cursor={next}");
        }
        assert_eq!(&json!(seen), &whole["data"], "{sort}");
        let other = if sort == "score" { "-score" } else { "score" };
        if !cursor.is_empty() {
            owner.get(&format!("/leads?sort={other}{cursor}")).await.problem(400, "invalid_parameter");
        }
    }
}

#[tokio::test]
async fn the_analytics_count_what_is_there() {
    let owner = owner_with_leads().await;
    let boss = owner.get("/leads?q=boss").await.expect(200)["data"][0]["id"].as_str().unwrap().to_owned();
    for status in ["QUALIFIED", "WON"] {
        owner.post(&format!("/leads/{boss}/status"), &json!({ "status": status })).await.expect(200);
    }
    let analytics = owner.get("/analytics/leads").await.expect(200);
    assert_eq!(analytics["total"], 6);
    assert_eq!((&analytics["by_status"]["NEW"], &analytics["by_status"]["WON"]), (&json!(5), &json!(1)));
    assert_eq!(analytics["by_status"]["LOST"], 0, "{analytics}");
    assert_eq!((&analytics["by_source"]["REFERRAL"], &analytics["by_source"]["OTHER"]), (&json!(2), &json!(2)));
    assert_eq!((&analytics["by_priority"]["LOW"], &analytics["by_priority"]["URGENT"]), (&json!(2), &json!(2)));
    let average = analytics["average_score"].as_f64().unwrap();
    assert!((average - (53 + 55 + 60 + 75 + 90 + 100) as f64 / 6.0).abs() < 0.01, "{average}");
    assert!((analytics["conversion_rate"].as_f64().unwrap() - 1.0 / 6.0).abs() < 0.001);
    let histogram = analytics["score_histogram"].as_array().unwrap();
    assert_eq!(histogram.len(), 10);
    let counts: Vec<u64> = histogram.iter().map(|bucket| bucket["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [0, 0, 0, 0, 0, 2, 1, 1, 0, 2]);
    let per_day = analytics["per_day"].as_array().unwrap();
    assert_eq!(per_day.iter().map(|day| day["count"].as_u64().unwrap()).sum::<u64>(), 6);
    assert_eq!(per_day.len(), 30);
}

#[tokio::test]
async fn the_analytics_of_nothing_are_zeros() {
    let owner = Member::owner(App::shared()).await;
    let analytics = owner.get("/analytics/leads").await.expect(200);
    assert_eq!(analytics["total"], 0);
    assert_eq!((&analytics["average_score"], &analytics["conversion_rate"]), (&Value::Null, &Value::Null));
}
