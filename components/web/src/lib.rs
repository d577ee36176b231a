//! The catch-all route: what a person or a tool that comes without knowing anything finds first.
//!
//! - `GET /` is the welcome page.
//! - `GET /openapi.json` is the merged description of every component, `GET /openapi/{component}.json` one component's part
//!   of it, and `GET /docs` shows them to people.
//! - Every other path that no component owns is answered with a problem document.
//!
//! It has no database, no store and no secret. What must stay true: nothing here but the answers themselves depends on the
//! content of `openapi.json`, because the tool that writes that file links this crate; `build.rs` takes any.

mod description;
mod docs;
mod origin;
mod packed;
mod small_files;
mod welcome;

use std::sync::Arc;

use api::{App, Settings};
use axum::{Router, routing::get};

/// The variables that this component reads.
pub const SETTINGS: [&str; 3] = ["public_origin", "cors_origins", "trusted_proxy_hops"];

/// The component's routes.
pub fn router(settings: &Settings, _: Arc<App>) -> Router {
    Router::new()
        .merge(welcome::router(settings))
        .merge(description::router())
        .merge(docs::router())
        .route("/favicon.svg", get(small_files::favicon))
        .route("/robots.txt", get(small_files::robots))
}

/// The API description of this component.
#[derive(utoipa::OpenApi)]
#[openapi(paths(
    welcome::show_welcome,
    description::show_description,
    description::show_part,
    docs::show_docs,
    docs::show_component_docs,
    docs::show_docs_file,
    small_files::favicon,
    small_files::robots
))]
#[derive(Debug)]
pub struct ApiDoc;

#[cfg(target_arch = "wasm32")]
mod entry {
    use spin_sdk::http::Request;

    static INSTANCE: api::Instance = api::Instance::new();

    #[spin_sdk::http_service]
    async fn handle(request: Request) -> http::Response<axum::body::Body> {
        INSTANCE.serve("web", &super::SETTINGS, super::router, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, response::Response};
    use futures::executor::block_on;
    use http::{Request, StatusCode, header};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    const ORIGIN: &str = "http://127.0.0.1:3000";

    fn ask(request: Request<Body>, public_origin: &str) -> Response {
        let settings = Settings::from_values([("public_origin", public_origin)]);
        let router = router(&settings, Arc::new(App::new(&settings)));
        block_on(router.oneshot(request)).unwrap()
    }

    fn get(path: &str) -> Request<Body> {
        Request::get(path).body(Body::empty()).unwrap()
    }

    fn text(response: Response) -> String {
        let bytes = block_on(response.into_body().collect()).unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn every_file_says_what_it_is() {
        for (path, kind, start) in [
            ("/", "text/html; charset=utf-8", "<!doctype html>"),
            ("/openapi.json", "application/json", "{"),
            ("/openapi/crm.json", "application/json", "{"),
            ("/docs", "text/html; charset=utf-8", "<!doctype html>"),
            ("/docs/crm", "text/html; charset=utf-8", "<!doctype html>"),
            ("/favicon.svg", "image/svg+xml", "<svg"),
            ("/robots.txt", "text/plain; charset=utf-8", "User-agent: *\nDisallow: /"),
        ] {
            let response = ask(get(path), ORIGIN);
            assert_eq!(response.headers()[header::CONTENT_TYPE], kind, "{path}");
            assert!(text(response).starts_with(start), "{path}");
        }
    }

    #[test]
    fn head_answers_like_get_without_the_body() {
        for path in ["/", "/docs", "/openapi.json", "/openapi/web.json", "/favicon.svg", "/robots.txt"] {
            let length = text(ask(get(path), ORIGIN)).len();
            let response = ask(Request::head(path).body(Body::empty()).unwrap(), ORIGIN);
            assert_eq!(response.headers()[header::CONTENT_LENGTH], length.to_string(), "{path}");
            assert_eq!(text(response), "", "{path}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for path in ["/docs/x", "/docs/openapi", "/docs/assets/x/docs.js", "/openapi/x.json", "/openapi/openapi.json"] {
            assert_eq!(ask(get(path), ORIGIN).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn packed_and_unpacked_are_two_forms_with_two_tags() {
        for path in ["/openapi.json", "/openapi/auth.json"] {
            let packed =
                ask(Request::get(path).header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).unwrap(), ORIGIN);
            let plain = ask(get(path), ORIGIN);
            assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip", "{path}");
            assert!(!plain.headers().contains_key(header::CONTENT_ENCODING), "{path}");
            assert_ne!(packed.headers()[header::ETAG], plain.headers()[header::ETAG], "{path}");
            let length = |response: Response| block_on(response.into_body().collect()).unwrap().to_bytes().len();
            assert!(length(packed) * 2 < length(plain), "{path}");
        }
    }

    #[test]
    fn a_known_description_is_not_sent_again() {
        let etag = ask(get("/openapi.json"), ORIGIN).headers()[header::ETAG].clone();
        let request = Request::get("/openapi.json").header(header::IF_NONE_MATCH, &etag);
        let response = ask(request.body(Body::empty()).unwrap(), ORIGIN);
        assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &etag));
        assert_eq!(text(response), "");
    }

    #[test]
    fn without_an_origin_only_the_page_is_missing() {
        for origin in ["", "https://a$(reboot)"] {
            assert_eq!(ask(get("/"), origin).status(), StatusCode::SERVICE_UNAVAILABLE, "{origin}");
            assert_eq!(ask(get("/openapi.json"), origin).status(), StatusCode::OK, "{origin}");
        }
    }
}
