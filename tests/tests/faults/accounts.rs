//! Accounts in trouble: the store or the database away or slow, a stranger who keeps on guessing, a stolen dump. Nobody gets
//! in who should not, answers come in time, and everything works again without a restart.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use e2e::{
    Anonymous, Answer, App, HostOptions, Member,
    personas::{PASSWORD, fresh_email},
};
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection, Row};

fn app(variables: &[(&'static str, &str)]) -> App {
    let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    App::own(HostOptions { variables, ..HostOptions::default() }).expect("an app")
}

async fn refresh(owner: &Member, token: &str) -> Answer {
    owner.anonymous.post("/auth/refresh", &json!({ "refresh_token": token })).await
}

/// A log-in from somewhere, as a proxy of ours would pass it on.
async fn log_in_from(anonymous: &Anonymous, address: &str, email: &str, password: &str) -> Answer {
    let request =
        anonymous.request(Method::POST, "/auth/jwt/login").form(&[("username", email), ("password", password)]);
    Anonymous::send(request.header("x-forwarded-for", address)).await
}

#[tokio::test]
async fn a_stranger_who_keeps_guessing_does_not_keep_the_owner_out() {
    let app = app(&[("trusted_proxy_hops", "1")]);
    let (anonymous, email) = (Anonymous::of(&app), fresh_email());
    anonymous.register(&email).await.expect(201);
    log_in_from(&anonymous, "203.0.113.1", &email, PASSWORD).await.expect(200);

    for _ in 0..5 {
        log_in_from(&anonymous, "198.51.100.7", &email, "wrong").await.problem(400, "bad_credentials");
    }
    log_in_from(&anonymous, "198.51.100.7", &email, "wrong").await.problem(429, "log_in_throttled");
    log_in_from(&anonymous, "198.51.100.8", &email, PASSWORD).await.problem(429, "log_in_throttled");
    // From where they logged in before, the owner has tries of their own.
    log_in_from(&anonymous, "203.0.113.1", &email, PASSWORD).await.expect(200);
    // Which wipes nobody else's slate.
    log_in_from(&anonymous, "198.51.100.9", &email, PASSWORD).await.problem(429, "log_in_throttled");
    for _ in 0..5 {
        log_in_from(&anonymous, "203.0.113.1", &email, "wrong").await.problem(400, "bad_credentials");
    }
    log_in_from(&anonymous, "203.0.113.1", &email, PASSWORD).await.problem(429, "log_in_throttled");
}

#[tokio::test]
async fn without_the_store_sessions_go_on_and_ended_ones_stay_out() {
    let app = app(&[]);
    let owner = Member::owner(&app).await;
    app.servers().redis.pause().expect("pauses");
    let started = Instant::now();
    let next = refresh(&owner, &owner.refresh_token).await.expect(200);
    let next = next["refresh_token"].as_str().expect("a token");
    owner.log_out().await.expect(204);
    refresh(&owner, next).await.problem(401, "invalid_refresh_token");
    owner.get("/leads").await.problem(401, "unauthenticated");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    app.servers().redis.resume().expect("goes on");
}

#[tokio::test]
async fn without_postgres_nobody_is_let_in_and_no_token_is_lost() {
    let app = app(&[]);
    let owner = Member::owner(&app).await;
    app.servers().postgres.stop().expect("stops");
    refresh(&owner, &owner.refresh_token).await.problem(503, "database_unavailable");
    owner.get("/auth/sessions").await.problem(503, "database_unavailable");
    owner
        .anonymous
        .post("/auth/forgot-password", &json!({ "email": owner.email }))
        .await
        .problem(503, "database_unavailable");
    owner.anonymous.post("/auth/verify", &json!({ "token": "x" })).await.problem(503, "database_unavailable");

    app.servers().postgres.start_again().expect("starts");
    let give_up = Instant::now() + Duration::from_secs(30);
    while refresh(&owner, &owner.refresh_token).await.status != 200 {
        assert!(Instant::now() < give_up, "no recovery");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_database_that_hangs_answers_in_time_and_lets_nobody_in() {
    let app = app(&[]);
    let owner = Member::owner(&app).await;
    let mut admin = app.database.admin().await;
    let mut holding = admin.begin().await.expect("begins");
    sqlx::raw_sql("lock table auth.sessions in access exclusive mode").execute(&mut *holding).await.expect("locks");
    let started = Instant::now();
    owner.get("/leads").await.problem(409, "conflict_in_flight");
    refresh(&owner, &owner.refresh_token).await.problem(409, "conflict_in_flight");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    holding.rollback().await.expect("lets go");
    refresh(&owner, &owner.refresh_token).await.expect(200);
    owner.get("/leads").await.expect(200);
}

#[tokio::test]
async fn a_deployment_can_hide_who_has_an_account() {
    let app = app(&[("require_verified_email", "true"), ("hide_existing_accounts", "true")]);
    let (anonymous, email) = (Anonymous::of(&app), fresh_email());
    let (first, second) = (anonymous.register(&email).await, anonymous.register(&email).await);
    assert_eq!((first.expect(202), &first.body), (second.expect(202), &second.body));
    let told = "select 1 from app.outbox where type = 'mail.account_exists'";
    assert_eq!(app.database.rows(told).await.len(), 1, "the mailbox learns what the answer does not tell");

    // Nor does logging in with what was just registered tell whether it was.
    anonymous.log_in(&email, PASSWORD).await.problem(400, "bad_credentials");
    let token = app.mail_token("mail.verification", &email).await.expect("a message");
    anonymous.post("/auth/verify", &json!({ "token": token })).await.expect(200);
    anonymous.log_in(&email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_deployment_can_ask_for_proven_addresses() {
    let app = app(&[("require_verified_email", "true")]);
    let (anonymous, email) = (Anonymous::of(&app), fresh_email());
    anonymous.register(&email).await.expect(201);
    let refused = anonymous.log_in(&email, PASSWORD).await.problem(400, "user_not_verified");
    assert_eq!(refused["detail"], "LOGIN_USER_NOT_VERIFIED");
    anonymous.log_in(&email, "wrong").await.problem(400, "bad_credentials");
}

/// Everything that gives access, and is given out; none of it is readable in a dump, in any form that it is sent in.
#[tokio::test]
async fn a_dump_of_the_database_reveals_no_usable_secret() {
    let app = app(&[]);
    let owner = Member::owner(&app).await;
    let mut secrets = vec![("password", PASSWORD.to_owned()), ("access token", owner.token.clone())];
    let refreshed = refresh(&owner, &owner.refresh_token).await.expect(200);
    secrets.push(("refresh token", owner.refresh_token.clone()));
    secrets.push(("refresh token", refreshed["refresh_token"].as_str().expect("a token").to_owned()));

    owner.anonymous.post("/auth/forgot-password", &json!({ "email": owner.email })).await.expect(202);
    for kind in ["mail.password_reset", "mail.verification"] {
        secrets.push((kind, app.mail_token(kind, &owner.email).await.expect("a message")));
    }
    let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let seed = totp["secret"].as_str().expect("a seed").to_owned();
    secrets.push(("seed", seed));
    let key = json!({ "name": "dump", "scopes": ["leads:read"] });
    let key = owner.post("/api-keys", &key).await.expect(201)["key"].as_str().expect("a key").to_owned();
    secrets.push(("API key", key));
    // A log-in that owes its second step.
    owner.anonymous.log_in(&owner.email, "a wrong password that was typed").await.problem(400, "bad_credentials");
    secrets.push(("wrong password", "a wrong password that was typed".to_owned()));
    for name in ["JWT_PRIVATE_KEY", "REFRESH_SECRET", "AUTH_ENCRYPTION_KEYS", "MAIL_TOKEN_SECRET", "SERVICE_TOKEN"] {
        let value = app.variables[&format!("SPIN_VARIABLE_{name}")].clone();
        secrets.push(("setting", value.rsplit(':').next().unwrap_or_default().trim_matches(['"', '}']).to_owned()));
    }

    let rows = app.database.rows("select current_database()::text as name").await;
    let database: String = rows[0].get("name");
    let url = app.servers().postgres.admin_url();
    let (before, _) = url.rsplit_once('/').expect("a path");
    let dump = Command::new(pg_dump()).arg(format!("{before}/{database}")).output().expect("pg_dump runs");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let dump = String::from_utf8_lossy(&dump.stdout).into_owned();
    assert!(dump.contains(&owner.email) && dump.contains("$argon2id$"), "the dump has the rows");
    for (what, secret) in secrets {
        assert!(secret.len() >= 16, "{what}");
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!dump.contains(&secret) && !dump.contains(&hex), "the {what} is in the dump");
    }
}

/// pg_dump of the server that the tests start: Debian keeps it off the PATH.
fn pg_dump() -> std::path::PathBuf {
    let found = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = found.map(|version| version.path().join("bin/pg_dump")).filter(|path| path.exists()).max();
    installed.unwrap_or_else(|| "pg_dump".into())
}
