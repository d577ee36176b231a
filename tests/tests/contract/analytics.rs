//! The figures of a tenant's leads.

use e2e::{App, Member};
use serde_json::{Value, json};

/// Every word of a list with no lead, but for these.
fn counts(words: &[&str], present: &[(&str, u64)]) -> Value {
    let mut counts = json!({});
    for word in words {
        counts[*word] = json!(0);
    }
    for (word, count) in present {
        counts[*word] = json!(count);
    }
    counts
}

const STATUSES: [&str; 6] = ["NEW", "CONTACTED", "QUALIFIED", "PROPOSAL", "WON", "LOST"];
const SOURCES: [&str; 8] =
    ["WEBSITE", "REFERRAL", "SOCIAL_MEDIA", "EMAIL_CAMPAIGN", "PAID_ADS", "EVENT", "COLD_OUTREACH", "OTHER"];
const PRIORITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "URGENT"];

fn histogram(tenths: [u64; 10]) -> Value {
    let steps = (0..10).zip(tenths).map(|(tenth, count)| {
        let to = if tenth == 9 { 100 } else { tenth * 10 + 9 };
        json!({ "from": tenth * 10, "to": to, "count": count })
    });
    steps.collect()
}

#[tokio::test]
async fn the_figures_are_those_of_the_leads() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    // Scores 53, 55, 60, 75, 90 and 100; the best one is won.
    let mut boss = Value::Null;
    for (source, company, job_title) in [
        ("COLD_OUTREACH", None, None),
        ("OTHER", None, None),
        ("WEBSITE", None, None),
        ("OTHER", Some("Acme Rockets"), None),
        ("REFERRAL", Some("Beta"), None),
        ("REFERRAL", Some("Gamma"), Some("CEO")),
    ] {
        let lead = json!({ "email": "a@example.com", "source": source, "company": company, "job_title": job_title });
        boss = owner.create_lead(lead).await;
    }
    let (tenant, boss) = (owner.tenant(), e2e::personas::uuid_of(&boss["id"]));
    let won = format!("update crm.leads set status = 'WON' where tenant_id = '{tenant}' and id = '{boss}'");
    assert_eq!(app.database.execute(&won).await, 1);
    // One of long ago counts in all but the days.
    let old = format!(
        "update crm.leads set created_at = now() - interval '40 days' where tenant_id = '{tenant}' and score = 53"
    );
    assert_eq!(app.database.execute(&old).await, 1);

    let figures = owner.get("/analytics/leads").await.expect(200);
    let per_day = figures["per_day"].as_array().unwrap();
    assert_eq!(per_day.len(), 30);
    assert!(per_day.iter().map(|day| day["date"].as_str().unwrap()).is_sorted());
    assert_eq!(per_day.iter().map(|day| day["count"].as_u64().unwrap()).sum::<u64>(), 5);
    let wanted = json!({
        "total": 6,
        "by_status": counts(&STATUSES, &[("NEW", 5), ("WON", 1)]),
        "by_source": counts(&SOURCES, &[("COLD_OUTREACH", 1), ("OTHER", 2), ("WEBSITE", 1), ("REFERRAL", 2)]),
        "by_priority": counts(&PRIORITIES, &[("LOW", 2), ("MEDIUM", 1), ("HIGH", 1), ("URGENT", 2)]),
        "average_score": 72.17,
        "score_histogram": histogram([0, 0, 0, 0, 0, 2, 1, 1, 0, 2]),
        "conversion_rate": 0.1667,
        "per_day": per_day,
    });
    assert_eq!(figures, wanted);
}

#[tokio::test]
async fn the_figures_of_nothing_are_zeros() {
    let owner = Member::owner(App::shared()).await;
    let figures = owner.get("/analytics/leads").await.expect(200);
    let wanted = json!({
        "total": 0,
        "by_status": counts(&STATUSES, &[]), "by_source": counts(&SOURCES, &[]),
        "by_priority": counts(&PRIORITIES, &[]),
        "average_score": null, "score_histogram": histogram([0; 10]), "conversion_rate": null,
        "per_day": figures["per_day"],
    });
    assert_eq!(figures, wanted);
    assert_eq!(figures["per_day"].as_array().unwrap().len(), 30);
    owner.get("/analytics/leads?colour=red").await.problem(400, "unknown_parameter");
}
