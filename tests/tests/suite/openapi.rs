//! The API description against the app: every route in it exists.

use e2e::{Anonymous, App};
use reqwest::Method;

#[tokio::test]
async fn the_description_is_served_and_every_route_in_it_exists() {
    let app = App::shared();
    let anonymous = Anonymous::of(app);
    let answer = anonymous.get("/openapi.json").await;
    let document = answer.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 10, "{}", paths.len());
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let path = path.replace("{id}", "led_01h455vb4pex5vsknk084sn02q");
            let answer = match path.starts_with("/internal/") {
                true => app.as_scheduler(method.clone(), &path).await,
                false => Anonymous::send(anonymous.request(method.clone(), &path)).await,
            };
            let code = answer.json()["code"].clone();
            assert!(code != "route_not_found" && code != "method_not_allowed", "{method} {path}: {code}");
            assert!(answer.status.as_u16() < 500, "{method} {path}: {}", answer.status);
        }
    }
}
