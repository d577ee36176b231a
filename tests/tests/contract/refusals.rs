//! What a lead may not be, and bodies that are none.

use e2e::{Anonymous, App, Member};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_bad_lead_is_refused_by_the_place_that_is_wrong() {
    let owner = Member::owner(App::shared()).await;
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("a b@example.com")),
        ("email", json!("a@localhost")),
        ("email", json!(format!("a@{}.com", "x".repeat(64)))),
        ("email", Value::Null),
        ("email", json!(["a@example.com"])),
        ("first_name", json!("")),
        ("first_name", json!("x".repeat(101))),
        ("last_name", json!("two\nlines")),
        ("company", json!("x".repeat(201))),
        ("company", json!("   ")),
        ("job_title", json!(7)),
        ("job_title", json!("x".repeat(201))),
        ("phone", json!("call me")),
        ("phone", json!("12")),
        ("phone", json!("1".repeat(33))),
        ("source", json!("TELEPATHY")),
        ("source", json!("website")),
        ("source", json!(5)),
        ("source", json!({ "WEBSITE": null })),
        ("website", json!("ftp://example.com")),
        ("website", json!("https://user@example.com")),
        ("website", json!("https://127.0.0.1")),
        ("website", json!("javascript:alert(1)")),
        ("website", json!(format!("https://example.com/{}", "x".repeat(481)))),
        ("country", json!("Germany")),
        ("country", json!("de")),
        ("country", json!("ZZ")),
        ("country", json!(true)),
        ("notes", json!("x".repeat(10_001))),
        ("notes", json!("a bell \u{7}")),
        ("status", json!("WON")),
        ("score", json!(100)),
        ("tenant_id", json!("ten_01h455vb4pex5vsknk084sn02q")),
    ] {
        let mut lead = json!({ "email": "ok@example.com" });
        lead[field] = value;
        owner.post("/leads", &lead).await.invalid(&[&format!("/{field}")]);
    }
    owner.post("/leads", &json!({})).await.invalid(&["/email"]);
    let several = json!({ "email": "nobody", "phone": "call me", "first_name": "", "country": "Germany" });
    owner.post("/leads", &several).await.invalid(&["/country", "/email", "/first_name", "/phone"]);
    owner.post("/leads", &json!({ "email": "a@example.com", "notes": "a\u{0}b" })).await.invalid(&[""]);
    assert_eq!(owner.get("/leads").await.expect(200), json!({ "data": [], "next_cursor": null }));
}

#[tokio::test]
async fn what_is_just_allowed_is_taken() {
    let owner = Member::owner(App::shared()).await;
    for (field, value) in [
        ("email", format!("{}@example.com", "x".repeat(64))),
        ("email", "o'brien+tag@sub.exämple.co.uk".to_owned()),
        ("first_name", "é".repeat(100)),
        ("company", "x".repeat(200)),
        ("phone", "+49 (0)30/12345-67 x89".to_owned()),
        ("website", "HTTP://münchen.example:8080/path".to_owned()),
        ("country", "XK".to_owned()),
        ("notes", "x\r\n\t".repeat(2_500)[..9_999].to_owned()),
    ] {
        let mut lead = json!({ "email": "ok@example.com" });
        lead[field] = json!(value);
        let made = owner.create_lead(lead).await;
        assert_eq!(made[field], value.trim(), "{field}");
    }
}

#[tokio::test]
async fn bodies_have_a_type_a_form_and_a_limit() {
    let owner = Member::owner(App::shared()).await;
    let post = |content_type: &'static str, body: Vec<u8>| {
        Anonymous::send(owner.request(Method::POST, "/leads").header("content-type", content_type).body(body))
    };
    let json = "application/json";
    let lead = br#"{"email":"a@example.com"}"#;
    post("text/plain", lead.to_vec()).await.problem(415, "unsupported_media_type");
    post("application/x-www-form-urlencoded", b"email=a".to_vec()).await.problem(415, "unsupported_media_type");
    let untyped = owner.request(Method::POST, "/leads").body(lead.to_vec());
    Anonymous::send(untyped).await.problem(415, "unsupported_media_type");
    for body in [&b"{"[..], b"", b"\xff\xfe", b"nothing", b"{\"email\":\"a@example.com\",}", b"{\"email\":\"a\"} x"] {
        post(json, body.to_vec()).await.problem(400, "malformed_json");
    }
    post(json, b"[]".to_vec()).await.invalid(&[""]);
    post(json, b"null".to_vec()).await.invalid(&[""]);
    post(json, vec![b' '; 2 << 20]).await.problem(413, "body_too_large");
    post("application/json; charset=utf-8", lead.to_vec()).await.expect(201);
    post("application/vnd.api+json", lead.to_vec()).await.expect(201);

    // Who calls is asked first.
    let anonymous = owner.anonymous.request(Method::POST, "/leads").header("content-type", "text/plain").body("{");
    Anonymous::send(anonymous).await.problem(401, "unauthenticated");
    let register = owner.anonymous.request(Method::POST, "/auth/register").header("content-type", json).body("{");
    Anonymous::send(register).await.problem(400, "malformed_json");
}
