//! One lead: made, scored, read back.

use e2e::{App, Member};
use serde_json::{Value, json};

async fn owner() -> Member {
    Member::owner(App::shared()).await
}

#[tokio::test]
async fn a_lead_is_answered_whole_and_reads_back_the_same() {
    let owner = owner().await;
    let sent = json!({
        "email": "  grace@example.com ", "first_name": "Grace", "last_name": "Hopper", "company": " Compilers\t",
        "job_title": "Deputy ceo", "phone": "+1 (212) 555-0100 ext. 7", "source": "REFERRAL",
        "website": "https://example.com/a?b#c", "country": "US", "notes": "Met at the fair.\nCall \"back\" \\ später 🎉.",
    });
    let answer = owner.post("/leads", &sent).await;
    let lead = answer.expect(201);
    assert!(lead["id"].as_str().unwrap().starts_with("led_"));
    assert!(lead["created_at"].as_str().unwrap().ends_with('Z'), "{lead}");
    let wanted = json!({
        "id": lead["id"], "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper",
        "company": "Compilers", "job_title": "Deputy ceo", "phone": "+1 (212) 555-0100 ext. 7", "source": "REFERRAL",
        "website": "https://example.com/a?b#c", "country": "US", "notes": sent["notes"],
        "status": "NEW", "priority": "URGENT", "priority_set_at": null, "score": 100,
        "score_reasons": [
            { "rule": "base", "points": 50 }, { "rule": "company", "points": 20 },
            { "rule": "job_title_ceo", "points": 20 }, { "rule": "source_referral", "points": 20 },
        ],
        "created_at": lead["created_at"], "updated_at": lead["created_at"],
    });
    assert_eq!(lead, wanted);
    let path = format!("/leads/{}", lead["id"].as_str().unwrap());
    assert_eq!((answer.header("location"), answer.header("etag")), (path.as_str(), "\"1\""));

    let found = owner.get(&path).await;
    assert_eq!(found.expect(200), lead);
    assert_eq!((found.header("etag"), found.header("location")), ("\"1\"", ""));
}

#[tokio::test]
async fn what_is_left_out_is_null() {
    let lead = owner().await.create_lead(json!({ "email": "a@example.com", "source": null, "notes": null })).await;
    for field in ["first_name", "last_name", "company", "job_title", "phone", "website", "country", "notes"] {
        assert_eq!(lead[field], Value::Null, "{field}");
    }
    assert_eq!(lead["source"], "OTHER");
}

#[tokio::test]
async fn the_rules_give_their_points_and_say_so() {
    let owner = owner().await;
    for (lead, score, priority, rules) in [
        (json!({}), 55, "LOW", "base 50, source_other 5"),
        (json!({ "source": "OTHER" }), 55, "LOW", "base 50, source_other 5"),
        (json!({ "source": "WEBSITE" }), 60, "MEDIUM", "base 50, source_website 10"),
        (json!({ "source": "REFERRAL" }), 70, "MEDIUM", "base 50, source_referral 20"),
        (json!({ "source": "SOCIAL_MEDIA" }), 58, "LOW", "base 50, source_social_media 8"),
        (json!({ "source": "EMAIL_CAMPAIGN" }), 62, "MEDIUM", "base 50, source_email_campaign 12"),
        (json!({ "source": "PAID_ADS" }), 60, "MEDIUM", "base 50, source_paid_ads 10"),
        (json!({ "source": "EVENT" }), 65, "MEDIUM", "base 50, source_event 15"),
        (json!({ "source": "COLD_OUTREACH" }), 53, "LOW", "base 50, source_cold_outreach 3"),
        (json!({ "company": "X" }), 75, "HIGH", "base 50, company 20, source_other 5"),
        (json!({ "company": "X", "source": "REFERRAL" }), 90, "URGENT", "base 50, company 20, source_referral 20"),
        (json!({ "job_title": "CTO" }), 55, "LOW", "base 50, source_other 5"),
        (json!({ "job_title": "Oceonics engineer" }), 75, "HIGH", "base 50, job_title_ceo 20, source_other 5"),
        (
            json!({ "job_title": "ceo & founder", "company": "X", "source": "COLD_OUTREACH" }),
            93,
            "URGENT",
            "base 50, company 20, job_title_ceo 20, source_cold_outreach 3",
        ),
    ] {
        let mut sent = lead.clone();
        sent["email"] = json!("rules@example.com");
        let made = owner.create_lead(sent).await;
        assert_eq!((&made["score"], &made["priority"]), (&json!(score), &json!(priority)), "{lead}");
        let reasons = made["score_reasons"].as_array().unwrap();
        let told: Vec<_> = reasons.iter().map(|r| format!("{} {}", r["rule"].as_str().unwrap(), r["points"])).collect();
        assert_eq!(told.join(", "), rules, "{lead}");
    }
}

#[tokio::test]
async fn no_lead_and_no_id_are_told_apart() {
    let owner = owner().await;
    owner.get("/leads/led_01h455vb4pex5vsknk084sn02q").await.problem(404, "lead_not_found");
    for id in ["led_x", "usr_01h455vb4pex5vsknk084sn02q", "led_01H455VB4PEX5VSKNK084SN02Q", "x"] {
        owner.get(&format!("/leads/{id}")).await.problem(400, "malformed_id");
    }
}
