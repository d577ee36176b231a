//! The API description against the app: every route in it exists, each component's part is whole, and the page that
//! shows it to people loads only what the app itself serves.

use std::collections::BTreeSet;

use e2e::{Anonymous, Answer, App};
use reqwest::Method;
use serde_json::{Value, json};

/// As `tools/openapi` finds them in `spin.toml`.
const COMPONENTS: [&str; 5] = ["auth", "crm", "payments", "events", "web"];

#[tokio::test]
async fn the_description_is_served_and_every_route_in_it_exists() {
    let app = App::shared();
    let anonymous = Anonymous::of(app);
    let document = anonymous.get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 10, "{}", paths.len());
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let path = parameters_of(operation).fold(path.clone(), |path, parameter| {
                let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
                path.replace(&name, parameter["example"].as_str().unwrap_or("led_01h455vb4pex5vsknk084sn02q"))
            });
            let answer = match path.starts_with("/internal/") {
                true => app.as_scheduler(method.clone(), &path).await,
                false => Anonymous::send(anonymous.request(method.clone(), &path)).await,
            };
            let code = answer.json()["code"].clone();
            // Where names are made up, the route may say that there is no such thing; it is there nevertheless.
            let is_known =
                operation["responses"]["404"]["description"].as_str().is_some_and(|it| it.contains("no such file"));
            assert!(is_known || code != "route_not_found", "{method} {path}: {code}");
            assert!(code != "method_not_allowed" && answer.status.as_u16() < 500, "{method} {path}: {}", answer.status);
        }
    }
}

fn parameters_of(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path")
}

#[tokio::test]
async fn internal_routes_are_not_there_for_strangers() {
    let anonymous = Anonymous::of(App::shared());
    let document = anonymous.get("/openapi.json").await.expect(200);
    let mut asked = 0;
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/internal/"))
    {
        for (method, operation) in item.as_object().unwrap() {
            assert_eq!(operation["security"], json!([{ "service": [] }]), "{method} {path}");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{id}", "evt_01h455vb4pex5vsknk084sn02q");
            let plain = Anonymous::send(anonymous.request(method.clone(), &path)).await;
            plain.problem(404, "route_not_found");
            Anonymous::send(anonymous.request(method, &path).bearer_auth("guessed"))
                .await
                .problem(404, "route_not_found");
            asked += 1;
        }
    }
    assert!(asked >= 8, "{asked}");
}

#[tokio::test]
async fn each_component_has_a_whole_document_of_its_own() {
    let anonymous = Anonymous::of(App::shared());
    let merged = anonymous.get("/openapi.json").await.expect(200);
    let operations = |document: &Value| -> BTreeSet<String> {
        let items = document["paths"].as_object().unwrap().iter();
        items
            .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
            .collect()
    };
    let mut described = BTreeSet::new();
    for component in COMPONENTS {
        let answer = anonymous.get(&format!("/openapi/{component}.json")).await;
        let part = answer.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(part["openapi"], merged["openapi"]);
        for operation in operations(&part) {
            assert!(described.insert(operation.clone()), "{operation} is described twice");
        }
        // Whole: nothing leads nowhere. Of its own: everything is led to.
        let mut references = BTreeSet::new();
        collect_references(&part, &mut references);
        for reference in &references {
            assert!(part.pointer(&reference[1..]).is_some(), "{component}: {reference}");
        }
        for (kind, named) in
            part["components"].as_object().unwrap().iter().filter(|(kind, _)| *kind != "securitySchemes")
        {
            for name in named.as_object().unwrap().keys() {
                assert!(references.contains(&format!("#/components/{kind}/{name}")), "{component}: {kind}/{name}");
            }
        }
    }
    assert_eq!(described, operations(&merged));
    for name in ["openapi.json", "web", "nobody.json", "WEB.json", "..%2fopenapi.json"] {
        anonymous.get(&format!("/openapi/{name}")).await.problem(404, "route_not_found");
    }
}

fn collect_references(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect_references(member, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, references)),
        _ => {}
    }
}

/// Asks as a browser does, which takes gzip.
async fn browse(path: &str) -> Answer {
    let request = Anonymous::of(App::shared()).request(Method::GET, path).header("accept-encoding", "gzip, br");
    Anonymous::send(request).await
}

#[tokio::test]
async fn the_page_loads_what_the_app_itself_serves_and_nothing_else() {
    let mut pages = vec!["/docs".to_owned()];
    pages.extend(COMPONENTS.map(|component| format!("/docs/{component}")));
    for path in pages {
        let page = browse(&path).await;
        page.expect(200);
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8(page.body).unwrap();
        let addresses =
            ["href=\"", "src=\"", "data-description=\""].into_iter().flat_map(|start| html.split(start).skip(1));
        let addresses: BTreeSet<_> = addresses.filter_map(|rest| rest.split('"').next()).collect();
        // The licence's own page is the one way out, and nothing is loaded from it.
        let (ours, others): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.starts_with('/'));
        assert_eq!(others, ["https://www.apache.org/licenses/LICENSE-2.0"], "{path}");
        assert!(ours.len() >= 12, "{ours:?}");
        for address in ours {
            assert_eq!(browse(address).await.status, 200, "{path}: {address}");
        }
    }
    Anonymous::of(App::shared()).get("/docs/nothing").await.problem(404, "route_not_found");
    Anonymous::of(App::shared()).get("/docs/openapi").await.problem(404, "route_not_found");
}

#[tokio::test]
async fn files_of_the_page_are_packed_and_kept_for_good() {
    let anonymous = Anonymous::of(App::shared());
    let html = String::from_utf8(anonymous.get("/docs").await.body).unwrap();
    let script = html.split("src=\"").find(|rest| rest.contains("swagger-ui-bundle.js\"")).unwrap();
    let script = script.split('"').next().unwrap();

    let packed = browse(script).await;
    assert_eq!((packed.status.as_u16(), packed.header("content-encoding")), (200, "gzip"));
    assert_eq!(packed.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(packed.header("content-type"), "text/javascript; charset=utf-8");
    assert!(packed.header("vary").contains("accept-encoding"));
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < 450_000, "{}", packed.body.len());

    // Who does not take gzip gets the same file as it is, under another tag.
    let plain = anonymous.get(script).await;
    assert_eq!((plain.status.as_u16(), plain.header("content-encoding")), (200, ""));
    assert!(plain.body.starts_with(b"/*! For license information") && plain.body.len() > 1_000_000);
    assert_ne!(plain.header("etag"), packed.header("etag"));
    for answer in [&plain, &packed] {
        let request = anonymous.request(Method::GET, script).header("if-none-match", answer.header("etag"));
        let request = match answer.header("content-encoding") {
            "gzip" => request.header("accept-encoding", "gzip"),
            _ => request,
        };
        let again = Anonymous::send(request).await;
        assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    }
    // An address of another deployment is gone, not answered with another file.
    let stale = script.replacen("/docs/assets/", "/docs/assets/another-", 1);
    anonymous.get(&stale).await.problem(404, "route_not_found");
}
