//! Rotations as docs/key-rotation.md has them: nobody is logged out or loses a second factor by one, and when it is over the old
//! key is good for nothing.

use e2e::{
    Anonymous, App, HostOptions, Member,
    host::Host,
    personas::PASSWORD,
    totp::{code_at, step_now},
};
use reqwest::Method;
use secrets::Variables;
use serde_json::{Value, json};

/// Deploys the variables: the app goes on, on another port, with the same database.
fn deploy(app: &mut App, variables: &Variables) {
    let port = servers::free_port().expect("a port");
    app.host = Host::start(port, variables, &HostOptions::default()).expect("the host");
    app.origin = format!("http://127.0.0.1:{port}");
    app.variables = variables.clone();
}

/// The same person, at the app as it is deployed now.
fn again(app: &App, person: &Member) -> Member {
    Member { anonymous: Anonymous::of(app), ..person.clone() }
}

fn kids(set: &Value) -> Vec<&str> {
    set["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str().expect("a kid")).collect()
}

#[tokio::test]
async fn while_two_keys_are_alive_tokens_of_both_are_accepted_and_afterwards_those_of_one() {
    let mut app = App::own(HostOptions::default()).expect("an app");
    let mut variables = app.variables.clone();
    let old = Member::owner(&app).await;

    secrets::add_signing_key(&mut variables).expect("a pair");
    deploy(&mut app, &variables);
    let set = Anonymous::of(&app).get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(kids(&set).len(), 2);
    let between = again(&app, &old);
    for path in ["/users/me", "/leads"] {
        between.get(path).await.expect(200);
    }

    secrets::switch_signing_key(&mut variables).expect("a switch");
    deploy(&mut app, &variables);
    let old = again(&app, &old);
    let new = old.anonymous.become_member(&old.email, old.account.clone(), "").await;
    let header = |token: &str| token.split('.').next().expect("a header").to_owned();
    assert_ne!(header(&old.token), header(&new.token), "each names its own key");
    for person in [&old, &new] {
        for path in ["/users/me", "/leads"] {
            person.get(path).await.expect(200);
        }
    }

    secrets::finish_signing_key(&mut variables).expect("an end");
    deploy(&mut app, &variables);
    let (old, new) = (again(&app, &old), again(&app, &new));
    for path in ["/users/me", "/leads"] {
        old.get(path).await.problem(401, "unauthenticated");
        new.get(path).await.expect(200);
    }
    let set = Anonymous::of(&app).get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(kids(&set).len(), 1);
    // Whose access token is refused has a refresh token still.
    let body = json!({ "refresh_token": old.refresh_token });
    let tokens = old.anonymous.post("/auth/refresh", &body).await.expect(200);
    let refreshed = Member { token: tokens["access_token"].as_str().expect("a token").to_owned(), ..old };
    refreshed.get("/leads").await.expect(200);
}

#[tokio::test]
async fn a_second_factor_outlives_the_key_that_it_was_sealed_with() {
    const KEYS: &str = "SPIN_VARIABLE_AUTH_ENCRYPTION_KEYS";
    let mut app = App::own(HostOptions::default()).expect("an app");
    let mut variables = app.variables.clone();
    let owner = Member::owner(&app).await;
    let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let secret = totp["secret"].as_str().expect("a secret");
    let code = code_at(secret, step_now() - 1);
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": code })).await.expect(200);

    let old = variables[KEYS].clone();
    let new =
        format!("new:{}", &secrets::generate(&secrets::Addresses::default()).expect("secrets")[KEYS]["dev1:".len()..]);
    let reseal = async |app: &App| app.as_scheduler(Method::POST, "/internal/auth/reseal").await.expect(200);
    for (keys, resealed) in [(format!("{old},{new}"), 0), (format!("{new},{old}"), 1), (format!("{new},{old}"), 0)] {
        variables.insert(KEYS.to_owned(), keys);
        deploy(&mut app, &variables);
        assert_eq!(reseal(&app).await, json!({ "resealed": resealed, "unreadable": 0, "has_more": false }));
    }
    variables.insert(KEYS.to_owned(), new);
    deploy(&mut app, &variables);

    let anonymous = Anonymous::of(&app);
    let challenge = anonymous.log_in(&owner.email, PASSWORD).await.expect(200);
    let body = json!({ "mfa_token": challenge["mfa_token"], "code": code_at(secret, step_now()) });
    anonymous.post("/auth/mfa/verify", &body).await.expect(200);

    // Who takes the only key out that opens a seed is told how many there are.
    variables.insert(KEYS.to_owned(), old);
    deploy(&mut app, &variables);
    assert_eq!(reseal(&app).await, json!({ "resealed": 0, "unreadable": 1, "has_more": false }));
}
