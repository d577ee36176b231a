//! Invitations: sent by mail, accepted once, by the address that was invited.

use e2e::{
    Answer, App, Member,
    personas::{PASSWORD, fresh_email, uuid_of},
};
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::Row;

fn path(invitation: &Value) -> String {
    format!("/invitations/{}", invitation["id"].as_str().expect("an id"))
}

/// The token of an invitation's message.
async fn token(invitation: &Value) -> String {
    let app = App::shared();
    let id = uuid_of(&invitation["id"]);
    let events = format!(
        "select id::text as id from app.outbox where type = 'mail.invitation' and payload ->> 'invitation_id' = '{id}'"
    );
    let event: String = app.database.rows(&events).await[0].get("id");
    app.mail_token_of(event.parse().unwrap()).await.expect("a message is to be sent")
}

async fn accept_as_nobody(owner: &Member, token: &str, password: Option<&str>) -> Answer {
    let mut body = json!({ "token": token });
    if let Some(password) = password {
        body["password"] = json!(password);
    }
    owner.anonymous.post("/invitations/accept", &body).await
}

async fn accept(person: &Member, token: &str) -> Answer {
    person.post("/invitations/accept", &json!({ "token": token })).await
}

async fn status(owner: &Member, invitation: &Value) -> Value {
    let listed = owner.get("/invitations?limit=100").await.expect(200);
    let rows = listed["data"].as_array().unwrap();
    rows.iter().find(|row| row["id"] == invitation["id"]).expect("it is listed")["status"].clone()
}

async fn expire(invitation: &Value) {
    let id = uuid_of(&invitation["id"]);
    let aged = format!("update auth.invitations set expires_at = now() - interval '1 second' where id = '{id}'");
    App::shared().database.execute(&aged).await;
}

#[tokio::test]
async fn an_address_without_an_account_gets_one_in_the_tenant() {
    let owner = Member::owner(App::shared()).await;
    let email = fresh_email();
    let invitation = owner.invite(&format!(" {email} "), "member").await;
    assert_eq!(
        (&invitation["email"], &invitation["role"], &invitation["status"], &invitation["invited_by"]),
        (&json!(email), &json!("member"), &json!("pending"), &owner.account["id"])
    );
    assert_eq!(invitation.as_object().unwrap().len(), 7, "the token is not shown: {invitation}");
    let token = token(&invitation).await;

    accept_as_nobody(&owner, &token, None).await.invalid(&["/password"]);
    let short = accept_as_nobody(&owner, &token, Some("short")).await.problem(400, "invalid_password");
    assert_eq!(short["detail"]["code"], "REGISTER_INVALID_PASSWORD");
    let tenant_id = owner.account["tenant"]["id"].clone();
    owner
        .patch(&format!("/tenants/{}", tenant_id.as_str().unwrap()), &json!({ "password_min_length": 40 }))
        .await
        .expect(200);
    accept_as_nobody(&owner, &token, Some(PASSWORD)).await.problem(400, "invalid_password");
    let long = "the tenant's policy wants something longer than usual";
    let account = accept_as_nobody(&owner, &token, Some(long)).await.expect(201);
    assert_eq!((&account["email"], &account["is_verified"]), (&json!(email), &json!(true)));
    assert_eq!((&account["tenant"]["id"], &account["tenant"]["role"]), (&tenant_id, &json!("member")));

    // No tenant of their own: this one is where log-in leads.
    let tokens = owner.anonymous.log_in(&email, long).await.expect(200);
    let mate = Member {
        anonymous: owner.anonymous.clone(),
        email,
        account: account.clone(),
        token: tokens["access_token"].as_str().unwrap().to_owned(),
        refresh_token: String::new(),
    };
    assert_eq!(mate.get("/users/me").await.expect(200), account);
    assert_eq!(mate.get("/tenants").await.expect(200)["data"], json!([account["tenant"]]));
    mate.create_lead(json!({ "email": "lead@example.com" })).await;
    accept_as_nobody(&owner, &token, Some(long)).await.problem(400, "invitation_bad_token");
    assert_eq!(status(&owner, &invitation).await, "accepted");
    let log = owner.get(&format!("/audit-log?target={}", invitation["id"].as_str().unwrap())).await.expect(200);
    let actions: Vec<_> = log["data"].as_array().unwrap().iter().map(|e| (&e["action"], &e["actor"])).collect();
    assert_eq!(
        actions,
        [(&json!("invitation.accepted"), &account["id"]), (&json!("invitation.created"), &owner.account["id"])]
    );
    assert!(!log.to_string().contains(&token));
}

#[tokio::test]
async fn a_person_with_the_address_joins_and_keeps_their_one_account() {
    let app = App::shared();
    let (owner, person, other) = (Member::owner(app).await, Member::owner(app).await, Member::owner(app).await);
    let invitation = owner.invite(&person.email.to_uppercase(), "viewer").await;
    let token = token(&invitation).await;

    accept_as_nobody(&owner, &token, None).await.problem(409, "log_in_to_accept");
    accept_as_nobody(&owner, &token, Some(PASSWORD)).await.problem(409, "log_in_to_accept");
    accept(&other, &token).await.problem(403, "invitation_for_another_address");
    let with_password = json!({ "token": token, "password": PASSWORD });
    person.post("/invitations/accept", &with_password).await.invalid(&["/password"]);
    let stale = Member { token: "x".to_owned(), ..person.clone() };
    accept(&stale, &token).await.problem(401, "unauthenticated");

    let joined = accept(&person, &token).await.expect(200);
    assert_eq!(
        (&joined["tenant"]["id"], &joined["tenant"]["role"]),
        (&owner.account["tenant"]["id"], &json!("viewer"))
    );
    accept(&person, &token).await.problem(400, "invitation_bad_token");
    // The message proved the address, too.
    assert_eq!(person.get("/users/me").await.expect(200)["is_verified"], true);
    assert_eq!(person.get("/tenants").await.expect(200)["data"].as_array().unwrap().len(), 2);
    let inside = person.switched_to(&joined["tenant"]).await;
    inside.get("/leads").await.expect(200);
    inside.post("/leads", &json!({ "email": "a@example.com" })).await.problem(403, "forbidden");
    // A program is no person.
    owner
        .program(&owner.make_api_key(&["tenant:read"]).await)
        .post("/invitations/accept", &json!({ "token": token }))
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn what_opens_nothing_is_refused_alike() {
    let app = App::shared();
    let (owner, person) = (Member::owner(app).await, Member::owner(app).await);
    let (expired, withdrawn) =
        (owner.invite(&fresh_email(), "member").await, owner.invite(&fresh_email(), "member").await);
    let (of_leaver, of_gone) = {
        let admin = owner.colleague(app, "admin").await;
        let invitation = admin.invite(&fresh_email(), "member").await;
        let token = token(&invitation).await;
        // Past the API, which would withdraw it.
        let (tenant, user) = (owner.tenant(), admin.user());
        app.database
            .execute(&format!("delete from auth.memberships where tenant_id = '{tenant}' and user_id = '{user}'"))
            .await;
        let gone = Member::owner(app).await;
        let its = crate::invitations::token(&gone.invite(&fresh_email(), "member").await).await;
        app.database
            .execute(&format!("update auth.tenants set deleted_at = now() where id = '{}'", gone.tenant()))
            .await;
        (token, its)
    };
    let tokens = [token(&expired).await, token(&withdrawn).await, of_leaver, of_gone];
    expire(&expired).await;
    owner.delete(&path(&withdrawn)).await.expect(204);
    for token in tokens.iter().map(String::as_str).chain(["", "nobody's", &"x".repeat(10_000)]) {
        let mut problems = vec![
            accept_as_nobody(&owner, token, Some(PASSWORD)).await.problem(400, "invitation_bad_token"),
            accept_as_nobody(&owner, token, None).await.problem(400, "invitation_bad_token"),
            accept(&person, token).await.problem(400, "invitation_bad_token"),
        ];
        problems.iter_mut().for_each(|problem| problem["request_id"] = json!(""));
        assert!(problems.iter().all(|problem| *problem == problems[0]), "{problems:?}");
    }
    owner.anonymous.post("/invitations/accept", &json!({})).await.invalid(&["/token"]);
}

#[tokio::test]
async fn of_32_who_accept_at_once_one_does() {
    let app = App::shared();
    let (owner, person) = (Member::owner(app).await, Member::owner(app).await);
    let token = token(&owner.invite(&person.email, "member").await).await;
    let answers = join_all((0..32).map(|_| accept(&person, &token))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(400, "invitation_bad_token");
    }
}

#[tokio::test]
async fn of_8_who_make_the_account_at_once_one_does() {
    let owner = Member::owner(App::shared()).await;
    let token = token(&owner.invite(&fresh_email(), "member").await).await;
    let answers = join_all((0..8).map(|_| accept_as_nobody(&owner, &token, Some(PASSWORD)))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        // Who comes later finds an account, or the token used.
        assert!(matches!(answer.status.as_u16(), 400 | 409), "{}", answer.status);
    }
    assert_eq!(owner.get("/memberships").await.expect(200)["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_repeat_with_its_key_gets_the_first_answer() {
    let app = App::shared();
    let (owner, person) = (Member::owner(app).await, Member::owner(app).await);
    let body = json!({ "email": fresh_email(), "role": "member" });
    let made = owner.post_once("/invitations", "key", &body).await.expect(201);
    assert_eq!(owner.post_once("/invitations", "key", &body).await.expect(201), made);
    let events = format!("select 1 from app.outbox where payload ->> 'invitation_id' = '{}'", uuid_of(&made["id"]));
    assert_eq!(app.database.rows(&events).await.len(), 1);

    let key = fresh_email();
    let accepting = json!({ "token": token(&made).await, "password": PASSWORD });
    let request = || {
        let request = owner.anonymous.request(reqwest::Method::POST, "/invitations/accept");
        e2e::Anonymous::send(request.header("idempotency-key", &key).json(&accepting))
    };
    let account = request().await.expect(201);
    let repeat = request().await;
    assert_eq!((repeat.expect(201), repeat.header("idempotent-replayed")), (account, "true"));

    let accepting = json!({ "token": token(&owner.invite(&person.email, "viewer").await).await });
    let joined = person.post_once("/invitations/accept", "key", &accepting).await.expect(200);
    assert_eq!(person.post_once("/invitations/accept", "key", &accepting).await.expect(200), joined);
}

#[tokio::test]
async fn an_address_has_one_pending_invitation() {
    let owner = Member::owner(App::shared()).await;
    let email = fresh_email();
    let body = json!({ "email": email, "role": "member" });
    let answers = join_all((0..8).map(|_| owner.post("/invitations", &body))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    let first = made[0].json();
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        let problem = answer.problem(409, "invitation_pending");
        assert!(problem["detail"].as_str().unwrap().contains(first["id"].as_str().unwrap()), "{problem}");
    }
    let shouted = json!({ "email": email.to_uppercase(), "role": "viewer" });
    owner.post("/invitations", &shouted).await.problem(409, "invitation_pending");

    // One that is over gives way; one that was withdrawn, too.
    expire(&first).await;
    let second = owner.post("/invitations", &shouted).await.expect(201);
    assert_eq!((status(&owner, &first).await, status(&owner, &second).await), (json!("expired"), json!("pending")));
    owner.delete(&path(&second)).await.expect(204);
    owner.invite(&email, "member").await;
    assert_eq!((status(&owner, &first).await, status(&owner, &second).await), (json!("expired"), json!("withdrawn")));
    for _ in 0..2 {
        let last = owner.get("/invitations?status=pending").await.expect(200)["data"][0].clone();
        owner.delete(&path(&last)).await.expect(204);
        owner.invite(&email, "member").await;
    }
    let last = owner.get("/invitations?status=pending").await.expect(200)["data"][0].clone();
    owner.delete(&path(&last)).await.expect(204);
    owner.post("/invitations", &body).await.problem(409, "too_many_invitations");
    owner.invite(&fresh_email(), "member").await;
}

#[tokio::test]
async fn a_tenant_sends_200_messages_a_day() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let plant = format!(
        "insert into auth.invitations (tenant_id, id, email, email_key, role, invited_by, created_at, expires_at)
         select '{}', gen_random_uuid(), n || '@example.com', n || '@example.com', 'member', '{}',
                now() - case when n > 199 then interval '25 hours' else interval '1 hour' end, now() + interval '6 days'
           from generate_series(1, 300) n",
        owner.tenant(),
        owner.user()
    );
    app.database.execute(&plant).await;
    let body = || json!({ "email": fresh_email(), "role": "member" });
    let (one, other) = (body(), body());
    let answers = join_all([&one, &other].map(|body| owner.post("/invitations", body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    answers.iter().find(|answer| answer.status != 201).unwrap().problem(409, "too_many_invitations");

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = owner.get(&format!("/invitations?limit=100&status=pending{cursor}")).await.expect(200);
        seen.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let listed = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((listed, seen.len()), (301, 301));
    owner.get("/invitations?status=lost").await.problem(400, "invalid_parameter");
    owner.get("/invitations?cursor=x").await.problem(400, "invalid_parameter");
}

#[tokio::test]
async fn who_manages_a_role_invites_to_it_and_takes_it_back() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let admin = owner.colleague(app, "admin").await;
    let to_owner = owner.invite(&fresh_email(), "owner").await;
    admin.invite(&fresh_email(), "admin").await;
    let body = json!({ "email": fresh_email(), "role": "owner" });
    admin.post("/invitations", &body).await.problem(403, "forbidden");
    admin.delete(&path(&to_owner)).await.problem(403, "forbidden");
    for role in ["member", "viewer"] {
        let mate = owner.colleague(app, role).await;
        mate.post("/invitations", &json!({ "email": fresh_email(), "role": "viewer" })).await.problem(403, "forbidden");
        mate.get("/invitations").await.problem(403, "forbidden");
        mate.delete(&path(&to_owner)).await.problem(403, "forbidden");
    }
    let program = owner.program(&owner.make_api_key(&["members:read"]).await);
    program.get("/invitations").await.problem(403, "forbidden");

    let known = json!({ "email": admin.email.to_uppercase(), "role": "viewer" });
    owner.post("/invitations", &known).await.problem(409, "already_member");
    for (body, places) in [
        (json!({ "email": "nobody", "role": "member" }), &["/email"][..]),
        (json!({ "email": fresh_email(), "role": "boss" }), &["/role"]),
        (json!({ "email": fresh_email() }), &["/role"]),
        (json!({ "email": fresh_email(), "role": "member", "token": "mine" }), &["/token"]),
    ] {
        owner.post("/invitations", &body).await.invalid(places);
    }

    let heir = accept_as_nobody(&owner, &token(&to_owner).await, Some(PASSWORD)).await.expect(201);
    assert_eq!(heir["tenant"]["role"], "owner");
    owner.delete(&path(&to_owner)).await.problem(409, "invitation_accepted");
    // Two owners now: the first one may go.
    owner.show_out(&owner).await.expect(204);
}

#[tokio::test]
async fn withdrawing_ends_an_invitation_and_may_be_repeated() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let invitation = owner.invite(&fresh_email(), "member").await;
    stranger.delete(&path(&invitation)).await.problem(404, "invitation_not_found");
    assert_eq!(stranger.get("/invitations").await.expect(200)["data"], json!([]));
    assert_eq!(status(&owner, &invitation).await, "pending");
    for _ in 0..2 {
        let answer = owner.delete(&path(&invitation)).await;
        answer.expect(204);
        assert!(answer.body.is_empty());
    }
    assert_eq!(status(&owner, &invitation).await, "withdrawn");
    let log = owner.get(&format!("/audit-log?target={}", invitation["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(log["data"].as_array().unwrap().len(), 2);
    // Both tenants may invite the same address.
    stranger.invite(invitation["email"].as_str().unwrap(), "member").await;
    owner.delete("/invitations/inv_00000000000000000000000000").await.problem(404, "invitation_not_found");
    owner.delete("/invitations/mine").await.problem(400, "malformed_id");
}

#[tokio::test]
async fn who_is_a_member_already_keeps_the_higher_role() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    for (before, invited, after) in
        [("viewer", "admin", "admin"), ("admin", "viewer", "admin"), ("member", "owner", "owner")]
    {
        let person = Member::owner(app).await;
        let token = token(&owner.invite(&person.email, invited).await).await;
        app.database.plant_membership(owner.tenant(), person.user(), before).await;
        assert_eq!(accept(&person, &token).await.expect(200)["tenant"]["role"], after);
    }
    let counts = format!("select owner_count from auth.tenants where id = '{}'", owner.tenant());
    assert_eq!(app.database.rows(&counts).await[0].get::<i32, _>(0), 2);
}
