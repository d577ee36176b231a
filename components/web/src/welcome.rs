//! `GET /`: says what this is and starts a conversation that works when it is pasted.
//!
//! What must stay true: the page loads nothing from anywhere, runs no script, and its policy allows exactly the one
//! style sheet that it carries, named by its hash.

use std::sync::Arc;

use api::{Problem, SettingError, Settings};
use axum::{
    Router,
    extract::State,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use sha2::{Digest, Sha256};

use crate::origin::PublicOrigin;

const PAGE: &str = include_str!("welcome.html");
const STYLE: &str = include_str!("welcome.css");

/// The page, made once for an instance, or the setting that keeps it from being made.
type Welcome = Arc<Result<Page, SettingError>>;

/// The page and the policy under which a browser shows it.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    html: String,
    policy: HeaderValue,
}

pub(crate) fn router(settings: &Settings) -> Router {
    let page = PublicOrigin::from_settings(settings).map(|origin| page(&origin));
    Router::new().route("/", get(show_welcome)).with_state(Arc::new(page))
}

/// Shows a page for people: what this is, and a first conversation with it.
#[utoipa::path(get, path = "/", operation_id = "show_welcome", tag = "web",
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
              (status = 503, description = "`misconfigured`", body = api::ProblemBody)))]
pub(crate) async fn show_welcome(State(welcome): State<Welcome>) -> Result<Response, Problem> {
    let page = welcome.as_ref().as_ref().map_err(Clone::clone)?;
    let headers = [
        (header::CONTENT_SECURITY_POLICY, page.policy.clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, Html(page.html.clone())).into_response())
}

fn page(origin: &PublicOrigin) -> Page {
    let html = PAGE.replace("{{style}}", STYLE).replace("{{origin}}", &escaped(&origin.to_string()));
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    // Base64 and the words around it are always a header value; the setting is none of it.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Page { html, policy }
}

/// Text as HTML shows it, also inside an attribute's quotes.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut html, char| {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            char => html.push(char),
        }
        html
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn welcome(origin: &str) -> Page {
        page(&PublicOrigin::from_settings(&Settings::from_values([("public_origin", origin)])).unwrap())
    }

    #[test]
    fn the_conversation_is_with_this_deployment() {
        let html = welcome("https://api.example.com").html;
        assert!(html.contains("bizo=https://api.example.com"));
        assert!(!html.contains("{{"));
    }

    #[test]
    fn the_policy_names_the_style_that_the_page_carries() {
        let page = welcome("http://127.0.0.1:3000");
        let style = page.html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(page.policy.to_str().unwrap().contains(&format!("'sha256-{hash}'")));
        for forbidden in ["<script", "style=\"", "onclick", "@import", "url("] {
            assert!(!page.html.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn what_a_setting_says_stays_text() {
        assert_eq!(escaped(r#"<a href="x" b='y'>&</a>"#), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;&lt;/a&gt;");
    }
}
