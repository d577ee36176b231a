//! The contract of fastapi-users: each case that the router tests of that library cover, in our own words. Registering and
//! logging in are in `accounts.rs`.

use e2e::{
    Anonymous, Answer, App, Member,
    personas::{PASSWORD, fresh_email},
};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "a quite different passphrase";

async fn forget(anonymous: &Anonymous, email: &str) -> Answer {
    anonymous.post("/auth/forgot-password", &json!({ "email": email })).await
}

async fn reset(anonymous: &Anonymous, token: &str, password: &str) -> Answer {
    anonymous.post("/auth/reset-password", &json!({ "token": token, "password": password })).await
}

async fn verify(anonymous: &Anonymous, token: &str) -> Answer {
    anonymous.post("/auth/verify", &json!({ "token": token })).await
}

async fn deactivate(person: &Member) {
    let statement = format!("update auth.users set deactivated_at = now() where id = '{}'", person.user());
    App::shared().database.execute(&statement).await;
}

/// An owner whose address is proven.
async fn verified() -> Member {
    let owner = Member::owner(App::shared()).await;
    let token = App::shared().mail_token("mail.verification", &owner.email).await.expect("a message");
    verify(&owner.anonymous, &token).await.expect(200);
    owner
}

fn code(answer: &Answer, status: u16, code: &str, detail: &str) {
    assert_eq!(answer.problem(status, code)["detail"], detail);
}

#[tokio::test]
async fn asking_for_a_reset_answers_alike_for_every_address() {
    let (owner, closed) = (Member::owner(App::shared()).await, Member::owner(App::shared()).await);
    deactivate(&closed).await;
    let mut answers = Vec::new();
    for email in [owner.email.as_str(), &fresh_email(), &closed.email, &owner.email.to_uppercase()] {
        let answer = forget(&owner.anonymous, email).await;
        answers.push((answer.expect(202), answer.body.clone()));
    }
    assert!(answers.iter().all(|answer| *answer == (Value::Null, b"null".to_vec())), "{answers:?}");
    // A message is for those who have an account that is open.
    let token = async |email: &str| App::shared().mail_token("mail.password_reset", email).await;
    assert!(token(&owner.email).await.is_some());
    assert!(token(&closed.email).await.is_none());

    owner.anonymous.post("/auth/forgot-password", &json!({})).await.invalid(&["/email"]);
    owner.anonymous.post("/auth/forgot-password", &json!({ "email": "ada" })).await.invalid(&["/email"]);
}

#[tokio::test]
async fn a_reset_sets_the_password_once_and_ends_every_session() {
    let owner = Member::owner(App::shared()).await;
    forget(&owner.anonymous, &owner.email).await.expect(202);
    let token = App::shared().mail_token("mail.password_reset", &owner.email).await.expect("a message");

    let refused = reset(&owner.anonymous, &token, "short").await.problem(400, "invalid_password");
    let reason = "The password must have at least 8 characters";
    assert_eq!(refused["detail"], json!({ "code": "RESET_PASSWORD_INVALID_PASSWORD", "reason": reason }));
    assert_eq!(reset(&owner.anonymous, &token, NEW_PASSWORD).await.expect(200), Value::Null);

    owner.get("/users/me").await.problem(401, "unauthenticated");
    owner.anonymous.log_in(&owner.email, PASSWORD).await.problem(400, "bad_credentials");
    owner.anonymous.log_in(&owner.email, NEW_PASSWORD).await.expect(200);
    code(&reset(&owner.anonymous, &token, PASSWORD).await, 400, "reset_bad_token", "RESET_PASSWORD_BAD_TOKEN");
}

#[tokio::test]
async fn what_resets_nothing_is_refused_alike() {
    let (owner, closed) = (Member::owner(App::shared()).await, Member::owner(App::shared()).await);
    let token_of = async |person: &Member| {
        forget(&person.anonymous, &person.email).await.expect(202);
        App::shared().mail_token("mail.password_reset", &person.email).await.expect("a message")
    };
    let closed_token = token_of(&closed).await;
    deactivate(&closed).await;
    let expired = token_of(&owner).await;
    let age = format!("update auth.mail_tokens set expires_at = now() where user_id = '{}'", owner.user());
    App::shared().database.execute(&age).await;
    let verification = App::shared().mail_token("mail.verification", &owner.email).await.expect("a message");
    for token in ["", "x", &owner.token, &closed_token, &expired, &verification, &"x".repeat(10_000)] {
        code(&reset(&owner.anonymous, token, NEW_PASSWORD).await, 400, "reset_bad_token", "RESET_PASSWORD_BAD_TOKEN");
    }
    let anonymous = &owner.anonymous;
    anonymous.post("/auth/reset-password", &json!({})).await.invalid(&["/token"]);
    anonymous.post("/auth/reset-password", &json!({ "token": "x" })).await.invalid(&["/password"]);
    anonymous.post("/auth/reset-password", &json!({ "password": NEW_PASSWORD })).await.invalid(&["/token"]);
}

#[tokio::test]
async fn of_32_resets_with_one_token_one_succeeds() {
    let owner = Member::owner(App::shared()).await;
    forget(&owner.anonymous, &owner.email).await.expect(202);
    let token = App::shared().mail_token("mail.password_reset", &owner.email).await.expect("a message");
    let passwords: Vec<String> = (0..32).map(|nth| format!("{NEW_PASSWORD} {nth}")).collect();
    let answers = join_all(passwords.iter().map(|password| reset(&owner.anonymous, &token, password))).await;
    let done: Vec<usize> = (0..32).filter(|&nth| answers[nth].status == 200).collect();
    assert_eq!(done.len(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.problem(400, "reset_bad_token");
    }
    owner.anonymous.log_in(&owner.email, &passwords[done[0]]).await.expect(200);
}

#[tokio::test]
async fn an_older_reset_token_ends_with_the_password_that_it_was_for() {
    let owner = Member::owner(App::shared()).await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        forget(&owner.anonymous, &owner.email).await.expect(202);
        tokens.push(App::shared().mail_token("mail.password_reset", &owner.email).await.expect("a message"));
    }
    reset(&owner.anonymous, &tokens[1], NEW_PASSWORD).await.expect(200);
    reset(&owner.anonymous, &tokens[0], PASSWORD).await.problem(400, "reset_bad_token");
}

#[tokio::test]
async fn nobodys_mailbox_is_flooded() {
    let owner = Member::owner(App::shared()).await;
    for nth in 0..8 {
        forget(&owner.anonymous, &owner.email).await.expect(202);
        let sent = App::shared().mail_token("mail.password_reset", &owner.email).await.is_some();
        assert_eq!(sent, nth < 5, "message {nth}");
    }
}

#[tokio::test]
async fn asking_for_verification_answers_alike_for_every_address() {
    let (owner, proven, closed) =
        (Member::owner(App::shared()).await, verified().await, Member::owner(App::shared()).await);
    deactivate(&closed).await;
    for email in [&owner.email, &proven.email, &closed.email, &fresh_email()] {
        let answer = owner.anonymous.post("/auth/request-verify-token", &json!({ "email": email })).await;
        assert_eq!((answer.expect(202), answer.body.as_slice()), (Value::Null, &b"null"[..]));
    }
    let token = async |email: &str| App::shared().mail_token("mail.verification", email).await;
    assert!(token(&owner.email).await.is_some());
    assert!(token(&proven.email).await.is_none());
    assert!(token(&closed.email).await.is_none());
    owner.anonymous.post("/auth/request-verify-token", &json!({})).await.invalid(&["/email"]);
    owner.anonymous.post("/auth/request-verify-token", &json!({ "email": 7 })).await.invalid(&["/email"]);
}

#[tokio::test]
async fn an_address_is_proven_once() {
    let owner = Member::owner(App::shared()).await;
    let token = App::shared().mail_token("mail.verification", &owner.email).await.expect("a message");
    let answers = join_all((0..32).map(|_| verify(&owner.anonymous, &token))).await;
    let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1);
    let account = done[0].expect(200);
    assert_eq!((&account["id"], &account["email"]), (&owner.account["id"], &owner.account["email"]));
    assert_eq!((&account["is_verified"], &account["is_active"]), (&json!(true), &json!(true)));
    assert!(account.get("password_hash").is_none());
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        code(answer, 400, "already_verified", "VERIFY_USER_ALREADY_VERIFIED");
    }
    assert_eq!(owner.get("/users/me").await.expect(200)["is_verified"], true);
}

#[tokio::test]
async fn what_proves_nothing_is_refused_alike() {
    let owner = Member::owner(App::shared()).await;
    let token = App::shared().mail_token("mail.verification", &owner.email).await.expect("a message");
    // The address has changed since.
    owner.patch("/users/me", &json!({ "email": fresh_email() })).await.expect(200);
    forget(&owner.anonymous, &owner.email).await.expect(202);
    for token in ["", "x", &owner.token, &token] {
        code(&verify(&owner.anonymous, token).await, 400, "verify_bad_token", "VERIFY_USER_BAD_TOKEN");
    }
    owner.anonymous.post("/auth/verify", &json!({})).await.invalid(&["/token"]);
}

#[tokio::test]
async fn ones_own_account_is_read_and_changed_with_a_token() {
    let (owner, other, closed) =
        (verified().await, Member::owner(App::shared()).await, Member::owner(App::shared()).await);
    deactivate(&closed).await;
    closed.get("/users/me").await.problem(401, "unauthenticated");
    closed.patch("/users/me", &json!({})).await.problem(401, "unauthenticated");
    let bare = owner.anonymous.request(Method::PATCH, "/users/me").json(&json!({}));
    Anonymous::send(bare).await.problem(401, "unauthenticated");

    // Nothing to change, and what one may not set, changes nothing.
    assert_eq!(owner.patch("/users/me", &json!({})).await.expect(200)["is_verified"], true);
    let flags = json!({ "is_superuser": true, "is_active": false, "is_verified": false });
    let account = owner.patch("/users/me", &flags).await.expect(200);
    assert_eq!((&account["is_superuser"], &account["is_active"]), (&json!(false), &json!(true)));
    assert_eq!(account["is_verified"], true);

    let taken = owner.patch("/users/me", &json!({ "email": other.email.to_uppercase() })).await;
    code(&taken, 400, "email_already_exists", "UPDATE_USER_EMAIL_ALREADY_EXISTS");
    let weak = owner.patch("/users/me", &json!({ "password": "short" })).await.problem(400, "invalid_password");
    assert_eq!(weak["detail"]["code"], "UPDATE_USER_INVALID_PASSWORD");
    owner.patch("/users/me", &json!({ "email": "nobody" })).await.invalid(&["/email"]);
    owner.patch("/users/me", &json!({ "name": "Ada" })).await.invalid(&["/name"]);

    // The same address is not a new one.
    let same = owner.patch("/users/me", &json!({ "email": owner.email.to_uppercase() })).await.expect(200);
    assert_eq!((&same["email"], &same["is_verified"]), (&json!(owner.email.to_uppercase()), &json!(true)));
}

#[tokio::test]
async fn a_new_address_has_to_be_proven_again() {
    let owner = verified().await;
    let email = fresh_email();
    let account = owner.patch("/users/me", &json!({ "email": email })).await.expect(200);
    assert_eq!((&account["email"], &account["is_verified"]), (&json!(email), &json!(false)));
    owner.anonymous.log_in(&owner.email, PASSWORD).await.problem(400, "bad_credentials");
    owner.anonymous.log_in(&email, PASSWORD).await.expect(200);
    let token = App::shared().mail_token("mail.verification", &email).await.expect("a message");
    assert_eq!(verify(&owner.anonymous, &token).await.expect(200)["is_verified"], true);
    // The address is free for somebody else.
    owner.anonymous.register(&owner.email).await.expect(201);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_not_this_one() {
    let owner = Member::owner(App::shared()).await;
    let elsewhere = owner.anonymous.become_member(&owner.email, owner.account.clone(), "").await;
    owner.patch("/users/me", &json!({ "password": NEW_PASSWORD })).await.expect(200);
    owner.get("/leads").await.expect(200);
    elsewhere.get("/leads").await.problem(401, "unauthenticated");
    let again = json!({ "refresh_token": elsewhere.refresh_token });
    owner.anonymous.post("/auth/refresh", &again).await.problem(401, "invalid_refresh_token");
    owner.anonymous.log_in(&owner.email, PASSWORD).await.problem(400, "bad_credentials");
    owner.anonymous.log_in(&owner.email, NEW_PASSWORD).await.expect(200);
}

/// A colleague whose account belongs to the owner's tenant alone.
async fn only_colleague(owner: &Member, role: &str) -> Member {
    let app = App::shared();
    let colleague = owner.colleague(app, role).await;
    let (tenant, user) = (owner.tenant(), colleague.user());
    let statement = format!("delete from auth.memberships where user_id = '{user}' and tenant_id <> '{tenant}'");
    app.database.execute(&statement).await;
    colleague
}

fn path_of(person: &Member) -> String {
    format!("/users/{}", person.account["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn members_accounts_are_for_administrators_of_the_tenant() {
    let app = App::shared();
    let (owner, stranger) = (Member::owner(app).await, Member::owner(app).await);
    let (admin, member) = (only_colleague(&owner, "admin").await, only_colleague(&owner, "member").await);
    let path = path_of(&member);
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let ask = |person: &Member, path: &str| {
            let request = person.request(method.clone(), path);
            let request = if method == Method::PATCH { request.json(&json!({})) } else { request };
            Anonymous::send(request)
        };
        let bare = owner.anonymous.request(method.clone(), &path);
        let bare = if method == Method::PATCH { bare.json(&json!({})) } else { bare };
        Anonymous::send(bare).await.problem(401, "unauthenticated");
        ask(&member, &path_of(&owner)).await.problem(403, "forbidden");
        for nobody in [&path_of(&stranger), "/users/usr_00000000000000000000000000"] {
            ask(&admin, nobody).await.problem(404, "user_not_found");
        }
        ask(&admin, "/users/7").await.problem(400, "malformed_id");
        ask(&stranger, &path).await.problem(404, "user_not_found");
    }
    let found = admin.get(&path).await.expect(200);
    assert_eq!((&found["id"], &found["email"]), (&member.account["id"], &json!(member.email)));
    assert_eq!((&found["tenant"]["role"], &found["is_active"]), (&json!("member"), &json!(true)));
}

#[tokio::test]
async fn an_administrator_changes_accounts_below_them_that_are_the_tenants_alone() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (admin, member) = (only_colleague(&owner, "admin").await, only_colleague(&owner, "member").await);
    let guest = owner.colleague(app, "member").await;

    assert_eq!(admin.patch(&path_of(&member), &json!({})).await.expect(200)["email"], json!(member.email));
    let taken = admin.patch(&path_of(&member), &json!({ "email": owner.email })).await;
    code(&taken, 400, "email_already_exists", "UPDATE_USER_EMAIL_ALREADY_EXISTS");
    let weak = admin.patch(&path_of(&member), &json!({ "password": "m" })).await.problem(400, "invalid_password");
    assert_eq!(weak["detail"]["code"], "UPDATE_USER_INVALID_PASSWORD");

    let flags = json!({ "is_superuser": true, "is_verified": true });
    let account = admin.patch(&path_of(&member), &flags).await.expect(200);
    assert_eq!((&account["is_superuser"], &account["is_verified"]), (&json!(false), &json!(false)));

    admin.patch(&path_of(&member), &json!({ "password": NEW_PASSWORD })).await.expect(200);
    member.get("/leads").await.problem(401, "unauthenticated");
    owner.anonymous.log_in(&member.email, NEW_PASSWORD).await.expect(200);

    admin.patch(&path_of(&member), &json!({ "is_active": false })).await.expect(200);
    owner.anonymous.log_in(&member.email, NEW_PASSWORD).await.problem(400, "bad_credentials");
    admin.patch(&path_of(&member), &json!({ "is_active": true })).await.expect(200);
    owner.anonymous.log_in(&member.email, NEW_PASSWORD).await.expect(200);

    // Nobody takes over an account above or beside them, or one that is somebody else's too.
    admin.patch(&path_of(&owner), &json!({ "password": NEW_PASSWORD })).await.problem(403, "forbidden");
    admin.patch(&path_of(&guest), &json!({ "password": NEW_PASSWORD })).await.problem(409, "user_in_other_tenants");
    owner.patch(&path_of(&owner), &json!({ "is_active": false })).await.problem(409, "deactivating_oneself");
}

#[tokio::test]
async fn deleting_a_user_ends_the_membership_and_the_last_one_the_account() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let (member, guest) = (only_colleague(&owner, "member").await, owner.colleague(app, "member").await);

    owner.delete(&path_of(&guest)).await.expect(204);
    guest.get("/leads").await.problem(401, "unauthenticated");
    owner.anonymous.log_in(&guest.email, PASSWORD).await.expect(200);

    owner.delete(&path_of(&member)).await.expect(204);
    member.get("/users/me").await.problem(401, "unauthenticated");
    owner.anonymous.log_in(&member.email, PASSWORD).await.problem(400, "bad_credentials");
    owner.delete(&path_of(&member)).await.problem(404, "user_not_found");
    let left = format!("select 1 from auth.users where email_key = '{}'", member.email);
    assert!(app.database.rows(&left).await.is_empty(), "nothing personal stays");
    owner.anonymous.register(&member.email).await.expect(201);

    owner.delete(&path_of(&owner)).await.problem(409, "last_owner");
    owner.get("/leads").await.expect(200);
}
