//! Refresh tokens: one lineage lives, whoever asks how often; what is old ends it.

use std::collections::HashSet;

use e2e::{Answer, App, Member};
use futures::future::join_all;
use serde_json::{Value, json};

async fn refresh(owner: &Member, token: &str) -> Answer {
    owner.anonymous.post("/auth/refresh", &json!({ "refresh_token": token })).await
}

/// The next pair of tokens.
async fn next(owner: &Member, token: &str) -> (Member, String) {
    let answer = refresh(owner, token).await.expect(200);
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(600)));
    let text = |name: &str| answer[name].as_str().expect("a token").to_owned();
    (Member { token: text("access_token"), ..owner.clone() }, text("refresh_token"))
}

/// Moves a session's last refresh back in time.
async fn age(owner: &Member, seconds: u32) {
    let statement = format!(
        "update auth.sessions set refreshed_at = refreshed_at - interval '{seconds} seconds' where user_id = '{}'",
        owner.user()
    );
    App::shared().database.execute(&statement).await;
}

#[tokio::test]
async fn each_token_is_exchanged_for_the_next() {
    let owner = Member::owner(App::shared()).await;
    let mut token = owner.refresh_token.clone();
    let mut seen = HashSet::from([token.clone()]);
    for _ in 0..4 {
        let (refreshed, next_token) = next(&owner, &token).await;
        refreshed.get("/leads").await.expect(200);
        assert!(seen.insert(next_token.clone()), "every token is a new one");
        token = next_token;
    }
    // Tokens of the session that are out already go on until they expire.
    owner.get("/users/me").await.expect(200);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_half_a_minute() {
    let owner = Member::owner(App::shared()).await;
    let (_, second) = next(&owner, &owner.refresh_token).await;
    let (again, repeated) = next(&owner, &owner.refresh_token).await;
    assert_eq!(repeated, second);
    again.get("/users/me").await.expect(200);
    // Once the successor was used, its predecessor is old.
    next(&owner, &second).await;
    refresh(&owner, &owner.refresh_token).await.problem(401, "refresh_token_reused");
    owner.get("/users/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn half_a_minute_later_it_is_reuse_and_ends_the_session_for_everybody() {
    let owner = Member::owner(App::shared()).await;
    let elsewhere = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    let (refreshed, second) = next(&owner, &owner.refresh_token).await;
    age(&owner, 31).await;
    refresh(&owner, &owner.refresh_token).await.problem(401, "refresh_token_reused");
    refresh(&owner, &second).await.problem(401, "invalid_refresh_token");
    refreshed.get("/leads").await.problem(401, "unauthenticated");
    elsewhere.get("/leads").await.expect(200);

    let log = elsewhere.get("/audit-log?action=session.token_reused").await.expect(200);
    assert_eq!(log["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_32_at_once_one_lineage_lives() {
    let owner = Member::owner(App::shared()).await;
    let answers = join_all((0..32).map(|_| refresh(&owner, &owner.refresh_token))).await;
    let tokens: HashSet<String> =
        answers.iter().map(|answer| answer.expect(200)["refresh_token"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tokens.len(), 1);
    let rows = App::shared()
        .database
        .rows(&format!("select 1 from auth.refresh_tokens where user_id = '{}'", owner.user()))
        .await;
    assert_eq!(rows.len(), 2, "the first token and one successor");
    next(&owner, tokens.iter().next().unwrap()).await;
}

#[tokio::test]
async fn an_idle_session_is_over_and_so_is_an_old_one_however_often_it_was_refreshed() {
    let owner = Member::owner(App::shared()).await;
    let of = format!("where user_id = '{}'", owner.user());
    let database = &App::shared().database;
    let lifetimes =
        "extract(day from expires_at - created_at)::int4 || ' ' || extract(day from ends_at - created_at)::int4";
    let rows = database.rows(&format!("select {lifetimes} as days from auth.sessions {of}")).await;
    assert_eq!(sqlx::Row::get::<String, _>(&rows[0], "days"), "14 90");

    database.execute(&format!("update auth.sessions set ends_at = now() + interval '1 hour' {of}")).await;
    let (_, second) = next(&owner, &owner.refresh_token).await;
    let rows = database.rows(&format!("select expires_at = ends_at as capped from auth.sessions {of}")).await;
    assert!(sqlx::Row::get::<bool, _>(&rows[0], "capped"), "a refresh moves the end no further than it may");

    database.execute(&format!("update auth.sessions set expires_at = now() - interval '1 second' {of}")).await;
    refresh(&owner, &second).await.problem(401, "invalid_refresh_token");
    owner.get("/users/me").await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_and_ends_nothing() {
    let owner = Member::owner(App::shared()).await;
    for made_up in ["", "x", &owner.token, &"A".repeat(43), &"A".repeat(5000)] {
        refresh(&owner, made_up).await.problem(401, "invalid_refresh_token");
    }
    owner.anonymous.post("/auth/refresh", &json!({})).await.invalid(&["/refresh_token"]);
    owner.anonymous.post("/auth/refresh", &json!({ "refresh_token": 7 })).await.invalid(&["/refresh_token"]);
    owner.log_out().await.expect(204);
    refresh(&owner, &owner.refresh_token).await.problem(401, "invalid_refresh_token");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_others_at_once() {
    let owner = Member::owner(App::shared()).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await);
    }
    let list = owner.get("/auth/sessions").await.expect(200);
    let sessions = list["data"].as_array().unwrap();
    assert_eq!(sessions.len(), 4);
    assert_eq!(sessions.iter().filter(|session| session["is_current"] == true).count(), 1);
    for session in sessions {
        assert!(session["id"].as_str().unwrap().starts_with("ses_"));
        assert_eq!((&session["address"], &session["mfa"]), (&json!("127.0.0.1"), &json!(false)));
        for moment in ["created_at", "last_used_at", "expires_at"] {
            assert!(session[moment].is_string(), "{session}");
        }
    }

    let first = others[0].get("/auth/sessions").await.expect(200);
    let current = |list: &Value| {
        let sessions = list["data"].as_array().unwrap().clone();
        sessions.iter().find(|session| session["is_current"] == true).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/auth/sessions/{}", current(&first));
    owner.delete(&path).await.expect(204);
    others[0].get("/leads").await.problem(401, "unauthenticated");
    owner.delete(&path).await.problem(404, "session_not_found");

    let stranger = Member::owner(App::shared()).await;
    stranger.delete(&format!("/auth/sessions/{}", current(&list))).await.problem(404, "session_not_found");
    owner.delete("/auth/sessions/usr_01h455vb4pex5vsknk084sn02q").await.problem(400, "malformed_id");

    assert_eq!(owner.delete("/auth/sessions").await.expect(200), json!({ "revoked": 2 }));
    others[1].get("/leads").await.problem(401, "unauthenticated");
    refresh(&others[2], &others[2].refresh_token).await.problem(401, "invalid_refresh_token");
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn a_session_switches_to_another_tenant_of_its_person_and_tokens_of_the_old_one_end() {
    let app = App::shared();
    let (owner, other, stranger) = (Member::owner(app).await, Member::owner(app).await, Member::owner(app).await);
    app.database.plant_membership(other.tenant(), owner.user(), "viewer").await;
    let there = &other.account["tenant"]["id"];

    let switched = owner.post("/auth/switch-tenant", &json!({ "tenant_id": there })).await.expect(200);
    assert_eq!((&switched["tenant"]["id"], &switched["tenant"]["role"]), (there, &json!("viewer")));
    let token = switched["access_token"].as_str().unwrap().to_owned();
    let inside = Member { token, ..owner.clone() };
    inside.get("/leads").await.expect(200);
    inside.post("/leads", &json!({ "email": "a@example.com" })).await.problem(403, "forbidden");
    owner.get("/leads").await.problem(401, "unauthenticated");

    // The refresh token goes on in the new tenant, and the next log-in begins there.
    let (refreshed, _) = next(&owner, &owner.refresh_token).await;
    assert_eq!(refreshed.get("/users/me").await.expect(200)["tenant"]["id"], *there);
    let again = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    assert_eq!(again.get("/users/me").await.expect(200)["tenant"]["id"], *there);

    for tenant in [&stranger.account["tenant"]["id"], &json!("ten_00000000000000000000000000")] {
        inside.post("/auth/switch-tenant", &json!({ "tenant_id": tenant })).await.problem(404, "tenant_not_found");
    }
    inside.post("/auth/switch-tenant", &json!({ "tenant_id": "x" })).await.invalid(&["/tenant_id"]);
}

#[tokio::test]
async fn who_is_shown_out_of_a_tenant_goes_on_in_the_next() {
    let app = App::shared();
    let (owner, person) = (Member::owner(app).await, Member::owner(app).await);
    app.database.plant_membership(owner.tenant(), person.user(), "member").await;
    let scope = format!("tenant:{}", owner.account["tenant"]["slug"].as_str().unwrap());
    let guest = person.anonymous.become_member(&person.email, person.account.clone(), &scope).await;
    app.database
        .execute(&format!(
            "delete from auth.memberships where tenant_id = '{}' and user_id = '{}'",
            owner.tenant(),
            person.user()
        ))
        .await;
    guest.get("/leads").await.problem(401, "unauthenticated");
    let (refreshed, _) = next(&guest, &guest.refresh_token).await;
    assert_eq!(refreshed.get("/users/me").await.expect(200)["tenant"]["id"], person.account["tenant"]["id"]);
}
