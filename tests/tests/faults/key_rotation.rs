//! The rotation of the signing key, as docs/key-rotation.md has it: nobody is logged out by it, and what the old key signed
//! is refused when it is over.

use e2e::{
    Anonymous, App, HostOptions, Member,
    host::{Host, free_port},
};
use secrets::Variables;
use serde_json::Value;

/// Deploys the variables: the app goes on, on another port, with the same database.
fn deploy(app: &mut App, variables: &Variables) {
    let port = free_port().expect("a port");
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
    let body = serde_json::json!({ "refresh_token": old.refresh_token });
    let tokens = old.anonymous.post("/auth/refresh", &body).await.expect(200);
    let refreshed = Member { token: tokens["access_token"].as_str().expect("a token").to_owned(), ..old };
    refreshed.get("/leads").await.expect(200);
}
