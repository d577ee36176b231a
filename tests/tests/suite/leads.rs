//! One lead: made, scored, read, changed, moved, deleted.

use e2e::{Anonymous, App, Member};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

async fn owner() -> Member {
    Member::owner(App::shared()).await
}

fn path(lead: &Value) -> String {
    format!("/leads/{}", lead["id"].as_str().expect("an id"))
}

async fn move_to(member: &Member, lead: &Value, status: &str) -> e2e::Answer {
    member.post(&format!("{}/status", path(lead)), &json!({ "status": status })).await
}

#[tokio::test]
async fn a_lead_is_scored_and_says_why() {
    let owner = owner().await;
    let sent = json!({
        "email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper", "company": "Compilers",
        "job_title": "Deputy ceo", "phone": "+1 212 555 0100", "source": "REFERRAL", "website": "https://example.com",
        "country": "US", "notes": "Met at the fair.\nCall back.",
    });
    let answer = owner.post("/leads", &sent).await;
    let lead = answer.expect(201);
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&lead[field], value, "{field}");
    }
    assert!(lead["id"].as_str().unwrap().starts_with("led_"));
    assert_eq!((&lead["status"], &lead["priority"], &lead["score"]), (&json!("NEW"), &json!("URGENT"), &json!(100)));
    let points: i64 = lead["score_reasons"].as_array().unwrap().iter().map(|r| r["points"].as_i64().unwrap()).sum();
    assert_eq!(points, 110, "50 and 20 and 20 and 20, before the cap: {}", lead["score_reasons"]);
    assert!(lead["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(answer.header("location"), path(&lead));

    let found = owner.get(&path(&lead)).await;
    assert_eq!(found.expect(200), lead);
    assert_eq!(found.header("etag"), answer.header("etag"));
}

#[tokio::test]
async fn the_rules_of_seed_1_give_their_points() {
    let owner = owner().await;
    for (lead, score, priority) in [
        (json!({}), 55, "LOW"),
        (json!({ "source": "OTHER" }), 55, "LOW"),
        (json!({ "source": "WEBSITE" }), 60, "MEDIUM"),
        (json!({ "source": "SOCIAL_MEDIA" }), 58, "LOW"),
        (json!({ "source": "EMAIL_CAMPAIGN" }), 62, "MEDIUM"),
        (json!({ "source": "PAID_ADS" }), 60, "MEDIUM"),
        (json!({ "source": "EVENT" }), 65, "MEDIUM"),
        (json!({ "source": "COLD_OUTREACH" }), 53, "LOW"),
        (json!({ "company": "X" }), 75, "HIGH"),
        (json!({ "company": "X", "source": "REFERRAL" }), 90, "URGENT"),
        (json!({ "job_title": "CEO" }), 75, "HIGH"),
        (json!({ "job_title": "ceo & founder", "company": "X", "source": "COLD_OUTREACH" }), 93, "URGENT"),
    ] {
        let mut sent = lead.clone();
        sent["email"] = json!("rules@example.com");
        let made = owner.create_lead(sent).await;
        assert_eq!((&made["score"], &made["priority"]), (&json!(score), &json!(priority)), "{lead}");
    }
}

#[tokio::test]
async fn a_bad_lead_is_refused_with_every_place_that_is_wrong() {
    let owner = owner().await;
    owner.post("/leads", &json!({})).await.invalid(&["/email"]);
    let bad =
        json!({ "email": "nobody", "first_name": "", "country": "Germany", "website": "ftp://x", "phone": "call me" });
    let problem = owner.post("/leads", &bad).await.problem(422, "validation_failed");
    assert!(problem["errors"].as_array().unwrap().iter().any(|error| error["pointer"] == "/email"), "{problem}");
    for (field, value) in [
        ("source", json!("TELEPATHY")),
        ("status", json!("WON")),
        ("score", json!(100)),
        ("tenant_id", json!("ten_01h455vb4pex5vsknk084sn02q")),
        ("company", json!("x".repeat(201))),
        ("notes", json!("x".repeat(10_001))),
        ("first_name", json!("a\u{0}b")),
        ("job_title", json!(7)),
        ("email", Value::Null),
        ("email", json!(["a@example.com"])),
    ] {
        let mut lead = json!({ "email": "ok@example.com" });
        lead[field] = value;
        owner.post("/leads", &lead).await.problem(422, "validation_failed");
    }
    for (field, value) in [("source", json!(5)), ("source", json!({ "WEBSITE": null })), ("country", json!(true))] {
        let mut lead = json!({ "email": "ok@example.com" });
        lead[field] = value;
        owner.post("/leads", &lead).await.invalid(&[&format!("/{field}")]);
    }
    let long = owner.post("/leads", &json!({ "x".repeat(500_000): 1 })).await;
    long.problem(422, "validation_failed");
    assert!(long.body.len() < 2000, "the answer quotes no more than it must: {}", long.body.len());
    assert_eq!(owner.get("/leads").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn the_same_address_may_come_twice() {
    let owner = owner().await;
    let (first, second) = (
        owner.create_lead(json!({ "email": "a@example.com" })).await,
        owner.create_lead(json!({ "email": "a@example.com" })).await,
    );
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn a_key_makes_one_lead_however_often_it_is_sent() {
    let owner = owner().await;
    let lead = json!({ "email": "once@example.com" });
    let answers = join_all((0..16).map(|_| owner.post_once("/leads", "key-1", &lead))).await;
    let (done, others): (Vec<_>, Vec<_>) =
        answers.iter().partition(|a| a.status == 201 && a.header("idempotent-replayed").is_empty());
    assert_eq!(done.len(), 1);
    for other in others {
        assert_eq!(other.expect(201), done[0].expect(201));
        assert_eq!(
            (other.header("etag"), other.header("location")),
            (done[0].header("etag"), done[0].header("location"))
        );
    }
    owner
        .post_once("/leads", "key-1", &json!({ "email": "other@example.com" }))
        .await
        .problem(422, "idempotency_key_reused");
    owner.post_once("/leads", "key-2", &lead).await.expect(201);
    owner.post_once("/leads", "with space", &lead).await.problem(400, "invalid_idempotency_key");
    assert_eq!(owner.get("/leads").await.expect(200)["data"].as_array().unwrap().len(), 2);

    // The key is the caller's own: a stranger's is another one.
    let stranger = Member::owner(App::shared()).await;
    assert_eq!(stranger.post_once("/leads", "key-1", &lead).await.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let app = App::shared();
    let owner = owner().await;
    let lead = json!({ "email": "daily@example.com" });
    for key in 0..15 {
        owner.post_once("/leads", &format!("old-{key}"), &lead).await.expect(201);
    }
    let keys = format!("app.idempotency_keys where tenant_id = '{}'", owner.tenant());
    app.database.execute(&format!("update {} ", keys.replace(" where", " set expires_at = now() where"))).await;

    let again = owner.post_once("/leads", "old-0", &json!({ "email": "another@example.com" })).await;
    assert_eq!(
        (again.expect(201)["email"].clone(), again.header("idempotent-replayed")),
        (json!("another@example.com"), "")
    );
    assert_eq!(app.database.rows(&format!("select 1 from {keys}")).await.len(), 5, "ten others went with it");
}

#[tokio::test]
async fn a_refusal_repeats_as_well() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let status = format!("{}/status", path(&lead));
    owner.post_once(&status, "k", &json!({ "status": "WON" })).await.problem(409, "lead_move_not_allowed");
    move_to(&owner, &lead, "QUALIFIED").await.expect(200);
    // Allowed by now, but the key has its answer.
    let again = owner.post_once(&status, "k", &json!({ "status": "WON" })).await;
    again.problem(409, "lead_move_not_allowed");
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_scores_anew() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com", "company": "X", "notes": "n" })).await;
    let changed = owner.patch(&path(&lead), &json!({ "job_title": "CEO", "notes": null })).await.expect(200);
    assert_eq!((&changed["company"], &changed["notes"]), (&json!("X"), &Value::Null));
    assert_eq!((&changed["score"], &changed["priority"]), (&json!(95), &json!("URGENT")));
    assert_eq!(changed["created_at"], lead["created_at"]);

    let by_person = owner.patch(&path(&lead), &json!({ "priority": "LOW" })).await.expect(200);
    assert_eq!((&by_person["priority"], &by_person["score"]), (&json!("LOW"), &json!(95)));
    let still = owner.patch(&path(&lead), &json!({ "company": null })).await.expect(200);
    assert_eq!((&still["priority"], &still["score"]), (&json!("LOW"), &json!(75)), "a person's priority stays");
    let given_back = owner.patch(&path(&lead), &json!({ "priority": null })).await.expect(200);
    assert_eq!(given_back["priority"], "HIGH");

    owner.patch(&path(&lead), &json!({ "email": null })).await.problem(422, "validation_failed");
    owner.patch(&path(&lead), &json!({ "status": "WON" })).await.invalid(&["/status"]);
    owner.patch(&path(&lead), &json!({ "score": 1 })).await.invalid(&["/score"]);
    assert_eq!(owner.get(&path(&lead)).await.expect(200), given_back);
}

#[tokio::test]
async fn if_match_keeps_two_people_from_overwriting_each_other() {
    let owner = owner().await;
    let made = owner.post("/leads", &json!({ "email": "a@example.com" })).await;
    let (lead, tag) = (made.expect(201), made.header("etag").to_owned());
    let patch = |tag: &str, company: &str| {
        let request = owner.request(Method::PATCH, &path(&lead)).header("if-match", tag);
        Anonymous::send(request.json(&json!({ "company": company })))
    };
    let changed = patch(&tag, "first").await;
    changed.expect(200);
    assert_ne!(changed.header("etag"), tag);
    patch(&tag, "second").await.problem(412, "version_mismatch");
    patch("nonsense", "third").await.problem(400, "invalid_if_match");
    patch("*", "fourth").await.expect(200);
    let stale = owner.request(Method::DELETE, &path(&lead)).header("if-match", &tag);
    Anonymous::send(stale).await.problem(412, "version_mismatch");
    assert_eq!(owner.get(&path(&lead)).await.expect(200)["company"], "fourth");
}

#[tokio::test]
async fn changes_at_once_lose_nothing() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let fields = ["first_name", "last_name", "company", "job_title"];
    let answers = join_all(fields.map(|field| {
        let (owner, lead) = (&owner, &lead);
        async move { (field, owner.patch(&path(lead), &json!({ field: "X" })).await) }
    }))
    .await;
    let now = owner.get(&path(&lead)).await.expect(200);
    for (field, answer) in answers {
        answer.expect(200);
        assert_eq!(now[field], "X", "{field} was written and is gone");
    }
}

#[tokio::test]
async fn a_lead_moves_as_the_table_allows_and_its_history_is_kept() {
    let owner = owner().await;
    let allowed = [
        ("NEW", "CONTACTED QUALIFIED LOST"),
        ("CONTACTED", "QUALIFIED PROPOSAL LOST"),
        ("QUALIFIED", "CONTACTED PROPOSAL WON LOST"),
        ("PROPOSAL", "QUALIFIED WON LOST"),
        ("LOST", "CONTACTED"),
        ("WON", ""),
    ];
    let way = |to: &str| match to {
        "NEW" => vec![],
        "PROPOSAL" => vec!["QUALIFIED", "PROPOSAL"],
        "WON" => vec!["QUALIFIED", "WON"],
        direct => vec![direct]
            .into_iter()
            .map(|s| match s {
                "CONTACTED" => "CONTACTED",
                "QUALIFIED" => "QUALIFIED",
                _ => "LOST",
            })
            .collect(),
    };
    for (from, to_all) in allowed {
        for (to, _) in allowed {
            let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
            for step in way(from) {
                move_to(&owner, &lead, step).await.expect(200);
            }
            let answer = move_to(&owner, &lead, to).await;
            if to_all.split(' ').any(|allowed| allowed == to) {
                assert_eq!(answer.expect(200)["status"], to, "{from} to {to}");
            } else {
                answer.problem(409, "lead_move_not_allowed");
                assert_eq!(owner.get(&path(&lead)).await.expect(200)["status"], from, "{from} to {to}");
            }
        }
    }

    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    for step in ["CONTACTED", "LOST", "CONTACTED"] {
        move_to(&owner, &lead, step).await.expect(200);
    }
    let history = owner.get(&format!("{}/status-changes", path(&lead))).await.expect(200);
    let moves: Vec<String> = history["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{history}"))
        .iter()
        .map(|change| format!("{}>{}", change["from"].as_str().unwrap(), change["to"].as_str().unwrap()))
        .collect();
    assert_eq!(moves, ["NEW>CONTACTED", "CONTACTED>LOST", "LOST>CONTACTED"]);
    move_to(&owner, &lead, "SOLD").await.problem(422, "validation_failed");
}

#[tokio::test]
async fn of_two_moves_at_once_the_second_sees_the_first() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    move_to(&owner, &lead, "QUALIFIED").await.expect(200);
    let answers = join_all((0..6).map(|_| move_to(&owner, &lead, "WON"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(409, "lead_move_not_allowed");
    }
    let history = owner.get(&format!("{}/status-changes", path(&lead))).await.expect(200);
    assert_eq!(history["data"].as_array().unwrap().iter().filter(|change| change["to"] == "WON").count(), 1);
}

#[tokio::test]
async fn a_deleted_lead_is_gone() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    owner.delete(&path(&lead)).await.expect(204);
    owner.get(&path(&lead)).await.problem(404, "lead_not_found");
    owner.delete(&path(&lead)).await.problem(404, "lead_not_found");
    owner.patch(&path(&lead), &json!({ "company": "X" })).await.problem(404, "lead_not_found");
    move_to(&owner, &lead, "LOST").await.problem(404, "lead_not_found");
    owner.get(&format!("{}/status-changes", path(&lead))).await.problem(404, "lead_not_found");
    assert_eq!(owner.get("/leads").await.expect(200)["data"], json!([]));
    assert_eq!(owner.get("/analytics/leads").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn ids_that_are_none_are_refused_and_unknown_ones_not_found() {
    let owner = owner().await;
    for id in ["1", "led_1", "usr_01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057", "%00", "led_%ff"]
    {
        owner.get(&format!("/leads/{id}")).await.problem(400, "malformed_id");
    }
    owner.get("/leads/led_01h455vb4pex5vsknk084sn02q").await.problem(404, "lead_not_found");
}

#[tokio::test]
async fn a_viewer_reads_and_does_no_more() {
    let owner = owner().await;
    let lead = owner.create_lead(json!({ "email": "a@example.com" })).await;
    let viewer = owner.colleague(App::shared(), "viewer").await;
    assert_eq!(viewer.get(&path(&lead)).await.expect(200), lead);
    viewer.get("/leads").await.expect(200);
    viewer.get("/analytics/leads").await.expect(200);
    viewer.post("/leads", &json!({ "email": "b@example.com" })).await.problem(403, "forbidden");
    viewer.patch(&path(&lead), &json!({ "company": "X" })).await.problem(403, "forbidden");
    move_to(&viewer, &lead, "LOST").await.problem(403, "forbidden");
    viewer.delete(&path(&lead)).await.problem(403, "forbidden");
    for role in ["member", "admin"] {
        owner.colleague(App::shared(), role).await.create_lead(json!({ "email": "c@example.com" })).await;
    }
}
