//! Access tokens: ours are what two JOSE libraries take them for, and what those make wrongly is refused.

use e2e::{Anonymous, App, Member};
use serde_json::{Value, json};

use crate::python::ask;

/// Every library that the scripts have.
const LIBRARIES: [&str; 2] = ["PyJWT", "joserfc"];

/// What must be among the wrong tokens, however the script changes.
const WRONG: [&str; 16] = [
    "alg none",
    "HS256 with the public key's bytes",
    "HS256 with the public key in PEM",
    "typ missing",
    "typ JWT",
    "aud missing",
    "aud wrong",
    "iss missing",
    "iss wrong",
    "kid unknown",
    "crit unknown",
    "expired",
    "not yet valid",
    "another key",
    "truncated signature",
    "a claim twice",
];

async fn verify(app: &App, token: &str) -> Value {
    let jwks = Anonymous::of(app).get("/.well-known/jwks.json").await.expect(200);
    let question = json!({ "token": token, "jwks": jwks, "issuer": "bizosaas", "audience": "bizosaas" });
    ask("verify_tokens.py", &question)
}

#[tokio::test]
async fn our_tokens_verify_with_each_library_by_the_keys_that_we_serve() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let read = verify(app, &owner.token).await;
    for library in LIBRARIES {
        let (header, claims) = (&read[library]["header"], &read[library]["claims"]);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")), "{library}: {read}");
        assert_eq!(claims["sub"], owner.account["id"], "{library}");
        assert_eq!(claims["tid"], owner.account["tenant"]["id"], "{library}");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600, "{library}");
    }

    // They do look: one character more or less, and none of them takes it.
    let (message, signature) = owner.token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    let read = verify(app, &format!("{message}.{other}{}", &signature[1..])).await;
    for library in LIBRARIES {
        assert!(read[library]["refused"].is_string(), "{library}: {read}");
    }
}

#[tokio::test]
async fn what_the_libraries_make_wrongly_is_refused_and_what_they_make_right_is_accepted() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let private_key: Value = serde_json::from_str(&app.variables["SPIN_VARIABLE_JWT_PRIVATE_KEY"]).expect("a JWK");
    let forged = ask("forge_tokens.py", &json!({ "private_key": private_key, "token": owner.token }));
    let bearing = |token: &Value| Member { token: token.as_str().expect("a token").to_owned(), ..owner.clone() };
    for library in LIBRARIES {
        // With the right key and every part as it should be, a token is a token, whoever made it. So each of the others is
        // refused for the one thing that is wrong with it.
        let right = bearing(&forged[library]["right"]);
        assert_ne!(right.token, owner.token);
        assert_eq!(right.get("/users/me").await.expect(200)["id"], owner.account["id"], "{library}");
        right.get("/leads").await.expect(200);

        let wrong = forged[library]["wrong"].as_object().expect("tokens");
        for what in WRONG {
            assert!(wrong.contains_key(what), "{library} made no token with {what}");
        }
        for (what, token) in wrong {
            for path in ["/users/me", "/leads"] {
                let answer = bearing(token).get(path).await;
                assert_eq!(answer.status, 401, "{library}: {what}: {}", answer.json());
                answer.problem(401, "unauthenticated");
            }
        }
    }
}
