//! Passwords: what may not be one, whose rules hold, and hashes that were taken over.

use e2e::{
    Anonymous, App, Member,
    personas::{PASSWORD, fresh_email},
};
use serde_json::json;
use sqlx::Row;

/// What the original's libraries made of this password.
const IMPORTED: &str = "an imported password";
const ARGON2_CFFI: &str =
    "$argon2id$v=19$m=65536,t=3,p=4$awtNF+jdSlFK+3NlzlOdkg$XxtKGjwjQoG0msbp6OOEBusJuHr76QXY++riH+dB+x4";
/// And of another, with bcrypt.
const BCRYPT: (&str, &str) = ("U*U*U", "$2b$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a");

async fn hash_of(person: &Member) -> String {
    let query = format!("select password_hash from auth.users where id = '{}'", person.user());
    App::shared().database.rows(&query).await[0].get("password_hash")
}

#[tokio::test]
async fn hashes_that_were_taken_over_let_their_people_in_and_are_made_anew() {
    for (password, hash) in [(IMPORTED, ARGON2_CFFI), BCRYPT] {
        let owner = Member::owner(App::shared()).await;
        let plant = format!("update auth.users set password_hash = '{hash}' where id = '{}'", owner.user());
        App::shared().database.execute(&plant).await;
        owner.anonymous.log_in(&owner.email, PASSWORD).await.problem(400, "bad_credentials");
        assert_eq!(hash_of(&owner).await, hash, "a wrong password changes nothing");

        owner.anonymous.log_in(&owner.email, password).await.expect(200);
        let upgraded = hash_of(&owner).await;
        assert!(upgraded.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{upgraded}");
        owner.anonymous.log_in(&owner.email, password).await.expect(200);
        assert_eq!(hash_of(&owner).await, upgraded, "once is enough");
    }
}

#[tokio::test]
async fn common_passwords_are_refused_wherever_one_is_set() {
    let owner = Member::owner(App::shared()).await;
    let reason = "The password is among the most common ones";
    let body = json!({ "email": fresh_email(), "password": "Password1" });
    let refused = Anonymous::of(App::shared()).post("/auth/register", &body).await.problem(400, "invalid_password");
    assert_eq!(refused["detail"], json!({ "code": "REGISTER_INVALID_PASSWORD", "reason": reason }));
    let refused = owner.patch("/users/me", &json!({ "password": "qwertyuiop" })).await.problem(400, "invalid_password");
    assert_eq!(refused["detail"], json!({ "code": "UPDATE_USER_INVALID_PASSWORD", "reason": reason }));
}

#[tokio::test]
async fn the_strictest_of_a_persons_tenants_decides() {
    let (owner, other) = (Member::owner(App::shared()).await, Member::owner(App::shared()).await);
    let database = &App::shared().database;
    database.plant_membership(other.tenant(), owner.user(), "viewer").await;
    let strict = format!("update auth.tenants set password_min_length = 20 where id = '{}'", other.tenant());
    database.execute(&strict).await;
    let refused = owner.patch("/users/me", &json!({ "password": "nineteen characters" })).await;
    let reason = &refused.problem(400, "invalid_password")["detail"]["reason"];
    assert_eq!(reason, "The password must have at least 20 characters");
    owner.patch("/users/me", &json!({ "password": "twenty characters...." })).await.expect(200);

    // So does what it is called: nobody's password is the name of one of their tenants.
    let name = format!("update auth.tenants set name = 'a name that is long enough' where id = '{}'", other.tenant());
    database.execute(&name).await;
    let refused = owner.patch("/users/me", &json!({ "password": "A name that is long enough" })).await;
    let reason = &refused.problem(400, "invalid_password")["detail"]["reason"];
    assert_eq!(reason, "The password must not be the name of the tenant");
}
