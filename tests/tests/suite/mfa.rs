//! Second factors: enrolled with the password, asked for at log-in, each code good once.

use e2e::{
    Answer, App, Member,
    personas::PASSWORD,
    totp::{code_at, step_now},
};
use futures::future::join_all;
use serde_json::{Value, json};

/// Somebody with a factor.
struct Enrolled {
    owner: Member,
    secret: String,
    recovery_codes: Vec<String>,
}

impl Enrolled {
    async fn new() -> Self {
        let owner = Member::owner(App::shared()).await;
        let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
        let secret = totp["secret"].as_str().unwrap().to_owned();
        // The step before: the next ones are still good for logging in.
        let code = code_at(&secret, step_now() - 1);
        let codes = owner.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
        let recovery_codes = codes["recovery_codes"].as_array().unwrap().iter();
        let recovery_codes = recovery_codes.map(|code| code.as_str().unwrap().to_owned()).collect();
        Self { owner, secret, recovery_codes }
    }

    /// The first step of a log-in.
    async fn challenge(&self) -> String {
        let answer = self.owner.anonymous.log_in(&self.owner.email, PASSWORD).await.expect(200);
        assert!(answer.get("access_token").is_none() && answer.get("refresh_token").is_none(), "{answer}");
        assert_eq!((&answer["mfa_methods"], &answer["expires_in"]), (&json!(["totp", "recovery_code"]), &json!(300)));
        answer["mfa_token"].as_str().unwrap().to_owned()
    }

    async fn give(&self, body: Value) -> Answer {
        self.owner.anonymous.post("/auth/mfa/verify", &body).await
    }

    fn logged_in(&self, tokens: &Value) -> Member {
        Member { token: tokens["access_token"].as_str().unwrap().to_owned(), ..self.owner.clone() }
    }
}

#[tokio::test]
async fn log_in_takes_two_steps_once_a_code_was_confirmed() {
    let person = Enrolled::new().await;
    assert_eq!(person.recovery_codes.len(), 10);
    let view = person.owner.get("/auth/mfa").await.expect(200);
    assert_eq!(view, json!({ "totp": true, "recovery_codes_left": 10 }));

    let token = person.challenge().await;
    let tokens =
        person.give(json!({ "mfa_token": token, "code": code_at(&person.secret, step_now()) })).await.expect(200);
    let inside = person.logged_in(&tokens);
    inside.get("/leads").await.expect(200);
    let sessions = inside.get("/auth/sessions").await.expect(200);
    assert_eq!(sessions["data"][0]["mfa"], true);
    // The challenge was for one log-in.
    person.give(json!({ "mfa_token": token, "code": "000000" })).await.problem(400, "invalid_mfa_token");
}

#[tokio::test]
async fn of_32_uses_of_one_code_one_succeeds() {
    let person = Enrolled::new().await;
    let code = code_at(&person.secret, step_now());
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(person.challenge().await);
    }
    let uses = (0..32).map(|nth| person.give(json!({ "mfa_token": challenges[nth % 4], "code": code })));
    let answers = join_all(uses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert!(
            ["invalid_mfa_code", "invalid_mfa_token", "log_in_throttled", "conflict_in_flight"]
                .contains(&answer.json()["code"].as_str().unwrap()),
            "{}",
            answer.json()
        );
    }
}

#[tokio::test]
async fn of_32_uses_of_one_recovery_code_one_succeeds() {
    let person = Enrolled::new().await;
    let code = &person.recovery_codes[3];
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(person.challenge().await);
    }
    let uses = (0..32).map(|nth| person.give(json!({ "mfa_token": challenges[nth % 4], "recovery_code": code })));
    let answers = join_all(uses).await;
    let done: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(done.len(), 1);
    let view = person.logged_in(&done[0].json()).get("/auth/mfa").await.expect(200);
    assert_eq!(view["recovery_codes_left"], 9);
}

#[tokio::test]
async fn a_code_that_was_wrong_or_used_or_is_old_opens_nothing() {
    let person = Enrolled::new().await;
    let token = person.challenge().await;
    let confirmed_with = code_at(&person.secret, step_now() - 1);
    for code in ["000000", "12345", "abcdef", "", confirmed_with.as_str()] {
        if code != code_at(&person.secret, step_now()) && code != code_at(&person.secret, step_now() + 1) {
            person.give(json!({ "mfa_token": token, "code": code })).await.problem(400, "invalid_mfa_code");
        }
    }
}

#[tokio::test]
async fn of_32_guesses_at_once_five_are_tried() {
    let person = Enrolled::new().await;
    let token = person.challenge().await;
    let guesses = (0..32).map(|_| person.give(json!({ "mfa_token": token, "code": "00000" })));
    let answers = join_all(guesses).await;
    let tried = answers.iter().filter(|answer| answer.status == 400).count();
    // A sixth may slip in if the 32 took longer than its wait of a second.
    assert!((5..=6).contains(&tried), "{tried} were tried");
    for answer in answers.iter().filter(|answer| answer.status != 400) {
        answer.problem(429, "log_in_throttled");
    }
}

#[tokio::test]
async fn the_second_step_says_what_it_wants() {
    let person = Enrolled::new().await;
    let token = person.challenge().await;
    person.give(json!({ "mfa_token": token })).await.invalid(&["/code"]);
    person.give(json!({ "mfa_token": token, "code": "000000", "recovery_code": "x" })).await.invalid(&["/code"]);
    person.give(json!({ "code": "000000" })).await.invalid(&["/mfa_token"]);
    person.give(json!({ "mfa_token": "x", "code": "000000" })).await.problem(400, "invalid_mfa_token");
    let age = format!("update auth.mfa_challenges set expires_at = now() where user_id = '{}'", person.owner.user());
    App::shared().database.execute(&age).await;
    let right = json!({ "mfa_token": token, "code": code_at(&person.secret, step_now()) });
    person.give(right).await.problem(400, "invalid_mfa_token");
}

#[tokio::test]
async fn a_password_that_changes_ends_the_challenge() {
    let person = Enrolled::new().await;
    let token = person.challenge().await;
    person.owner.patch("/users/me", &json!({ "password": "another passphrase of mine" })).await.expect(200);
    let right = json!({ "mfa_token": token, "code": code_at(&person.secret, step_now()) });
    person.give(right).await.problem(400, "invalid_mfa_token");
}

#[tokio::test]
async fn changing_a_factor_needs_the_password_again() {
    let person = Enrolled::new().await;
    let owner = &person.owner;
    let wrong = json!({ "password": "wrong" });
    owner.post("/auth/mfa/totp", &wrong).await.problem(400, "wrong_password");
    owner.post("/auth/mfa/recovery-codes", &wrong).await.problem(400, "wrong_password");
    let remove = |password: &str| {
        let request = owner.request(reqwest::Method::DELETE, "/auth/mfa/totp").json(&json!({ "password": password }));
        e2e::Anonymous::send(request)
    };
    remove("wrong").await.problem(400, "wrong_password");
    owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.problem(409, "mfa_already_enrolled");

    let renewed = owner.post("/auth/mfa/recovery-codes", &json!({ "password": PASSWORD })).await.expect(200);
    assert_eq!(renewed["recovery_codes"].as_array().unwrap().len(), 10);
    let token = person.challenge().await;
    let old = json!({ "mfa_token": token, "recovery_code": person.recovery_codes[0] });
    person.give(old).await.problem(400, "invalid_mfa_code");
    let new = json!({ "mfa_token": token, "recovery_code": renewed["recovery_codes"][0] });
    person.give(new).await.expect(200);

    remove(PASSWORD).await.expect(204);
    remove(PASSWORD).await.problem(409, "mfa_not_enrolled");
    let answer = owner.anonymous.log_in(&owner.email, PASSWORD).await.expect(200);
    assert!(answer["access_token"].is_string());
}

#[tokio::test]
async fn nothing_is_asked_for_before_the_first_code_was_right() {
    let owner = Member::owner(App::shared()).await;
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": "000000" })).await.problem(409, "mfa_not_enrolled");
    let first = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let second = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    assert!(second["otpauth_uri"].as_str().unwrap().starts_with("otpauth://totp/bizosaas:"));
    assert!(owner.anonymous.log_in(&owner.email, PASSWORD).await.expect(200)["access_token"].is_string());
    // The first seed was replaced.
    let old = code_at(first["secret"].as_str().unwrap(), step_now());
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": old })).await.problem(400, "invalid_mfa_code");
    let code = code_at(second["secret"].as_str().unwrap(), step_now());
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.problem(409, "mfa_already_enrolled");
}

#[tokio::test]
async fn a_tenant_that_asks_for_a_factor_is_entered_with_one_alone() {
    let app = App::shared();
    let person = Enrolled::new().await;
    let (mate, other) = (person.owner.colleague(app, "member").await, person.owner.colleague(app, "viewer").await);
    mate.get("/leads").await.expect(200);
    let tenant = person.owner.tenant();
    app.database.execute(&format!("update auth.tenants set mfa_required = true where id = '{tenant}'")).await;

    mate.get("/leads").await.problem(403, "mfa_required");
    // What people do as themselves goes on, so that they can enrol one where they are.
    other.get("/leads").await.problem(403, "mfa_required");
    other.get("/users/me").await.expect(200);
    let totp = other.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let code = code_at(totp["secret"].as_str().unwrap(), step_now());
    other.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
    other.get("/leads").await.expect(200);
    person.owner.get("/leads").await.expect(200);

    // Logging in gives a session without a tenant, in which a factor can be enrolled.
    let slug = person.owner.account["tenant"]["slug"].as_str().unwrap();
    let scope = format!("tenant:{slug}");
    let form = [("username", mate.email.as_str()), ("password", PASSWORD), ("scope", scope.as_str())];
    let tokens = mate.anonymous.log_in_form(&form).await.expect(200);
    assert_eq!(tokens["mfa_enrolment_required"], true);
    let outside = Member { token: tokens["access_token"].as_str().unwrap().to_owned(), ..mate.clone() };
    assert_eq!(outside.get("/users/me").await.expect(200)["tenant"], Value::Null);
    let there = json!({ "tenant_id": person.owner.account["tenant"]["id"] });
    outside.post("/auth/switch-tenant", &there).await.problem(403, "mfa_required");

    let totp = outside.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let code = code_at(totp["secret"].as_str().unwrap(), step_now());
    outside.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);
    let switched = outside.post("/auth/switch-tenant", &there).await.expect(200);
    let inside = Member { token: switched["access_token"].as_str().unwrap().to_owned(), ..outside };
    inside.get("/leads").await.expect(200);
}

#[tokio::test]
async fn who_registers_with_somebody_elses_address_leaves_nothing_behind_to_get_in_by() {
    let squatter = Enrolled::new().await;
    let key = json!({ "name": "left behind", "scopes": ["leads:read"] });
    let key = squatter.owner.post("/api-keys", &key).await.expect(201)["key"].as_str().unwrap().to_owned();
    let key = Member { token: key, ..squatter.owner.clone() };
    key.get("/leads").await.expect(200);

    // The address's own person asks for a new password and never hears of the factor.
    let owner = &squatter.owner;
    owner.anonymous.post("/auth/forgot-password", &json!({ "email": owner.email })).await.expect(202);
    let token = App::shared().mail_token("mail.password_reset", &owner.email).await.expect("a message");
    let new = json!({ "token": token, "password": "the passphrase of the mailbox" });
    owner.anonymous.post("/auth/reset-password", &new).await.expect(200);
    let tokens = owner.anonymous.log_in(&owner.email, "the passphrase of the mailbox").await.expect(200);
    let inside = squatter.logged_in(&tokens);
    assert_eq!(inside.get("/users/me").await.expect(200)["is_verified"], true);
    assert_eq!(inside.get("/auth/mfa").await.expect(200)["totp"], false);
    key.get("/leads").await.problem(401, "unauthenticated");
    owner.get("/users/me").await.problem(401, "unauthenticated");
}
