//! Second factors: the codes of an independent library, as an authenticator app would show them.

use e2e::{App, Member, personas::PASSWORD};
use serde_json::{Value, json};

use crate::python::ask;

/// What an app shows that has read the address: the code of this step, and of the next.
fn codes(totp: &Value) -> [String; 2] {
    let shown = ask("totp_codes.py", &json!({ "otpauth_uri": totp["otpauth_uri"], "steps": [0, 1] }));
    assert_eq!(shown["secret"], totp["secret"], "the address and the text are one secret");
    [0, 1].map(|nth| shown["codes"][nth].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn the_codes_of_an_app_are_accepted_once_each() {
    let owner = Member::owner(App::shared()).await;
    let totp = owner.post("/auth/mfa/totp", &json!({ "password": PASSWORD })).await.expect(201);
    let shown = ask("totp_codes.py", &json!({ "otpauth_uri": totp["otpauth_uri"], "steps": [] }));
    assert_eq!(shown["name"], owner.email);
    assert!(!shown["issuer"].as_str().expect("an issuer").is_empty());

    // A step more or less is allowed, so it does not matter when one ends between an asking and an answer.
    let [now, _] = codes(&totp);
    owner.post("/auth/mfa/totp/confirm", &json!({ "code": now })).await.expect(200);

    let [_, next] = codes(&totp);
    let challenge = async || owner.anonymous.log_in(&owner.email, PASSWORD).await.expect(200)["mfa_token"].clone();
    let body = json!({ "mfa_token": challenge().await, "code": next });
    let tokens = owner.anonymous.post("/auth/mfa/verify", &body).await.expect(200);
    let inside = Member { token: tokens["access_token"].as_str().expect("a token").to_owned(), ..owner.clone() };
    inside.get("/leads").await.expect(200);
    for code in [&now, &next] {
        let body = json!({ "mfa_token": challenge().await, "code": code });
        owner.anonymous.post("/auth/mfa/verify", &body).await.problem(400, "invalid_mfa_code");
    }
}
