//! The API description against the app: schemathesis sends what it allows and what it does not, and judges the answers;
//! another validator than ours holds its examples against its schemas (`suite/examples.rs` sends them).

use e2e::{App, Member};
use serde_json::json;

use crate::python::ask;

#[tokio::test]
async fn answers_are_what_the_description_says() {
    let app = App::shared();
    let owner = Member::owner(app).await;
    let service = Some(app.variables["SPIN_VARIABLE_SERVICE_TOKEN"].clone());
    for (token, is_service) in [(Some(owner.token.clone()), false), (None, false), (service, true)] {
        let question = json!({ "origin": app.origin, "token": token, "service": is_service });
        let found = tokio::task::spawn_blocking(move || ask("fuzz_api.py", &question)).await.expect("an answer");
        let report = found["report"].as_str().expect("a report");
        println!("{}", report.split("SUMMARY").last().unwrap_or_default());
        assert_eq!(found["code"], 0, "{report}");
        assert!(report.contains("Test cases"), "{report}");
    }
}

#[tokio::test]
async fn every_example_is_valid_against_its_schema() {
    let question = json!({ "origin": App::shared().origin });
    let found = tokio::task::spawn_blocking(move || ask("check_examples.py", &question)).await.expect("an answer");
    assert_eq!(found["wrong"], json!([]));
    assert!(found["checked"].as_u64().expect("a number") >= 500, "{}", found["checked"]);
}
