//! The way of every request through a component: what happens before and after the handler, in one place.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tower::ServiceExt;

use crate::{
    App, Clock, Notes, Problem, Settings,
    log::Finished,
    request_id::{self, request_id},
};

/// The longest that a request may take before it is answered for.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Set on every answer that does not set them itself: nothing here is to be cached, framed, sniffed or executed.
const SECURITY_HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// What an instance keeps between requests: its settings and its routes, never anything of a request.
#[derive(Debug, Default)]
pub struct Instance(OnceLock<(Arc<App>, Router)>);

impl Instance {
    /// An instance that has not served yet.
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Serves a request; every component's entry calls this and no more. The first request reads the variables
    /// `names` and lets `build` make the routes.
    pub async fn serve<B>(
        &self,
        component: &'static str,
        names: &[&'static str],
        build: fn(&Settings, Arc<App>) -> Router,
        request: http::Request<B>,
    ) -> Response
    where
        B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        if self.0.get().is_none() {
            let settings = Settings::load(names).await;
            let app = Arc::new(App::new(&settings));
            let router = finished(build(&settings, app.clone()));
            // Two first requests may meet here: both made the same.
            let _ = self.0.set((app, router));
        }
        match self.0.get() {
            Some((app, router)) => serve(component, app, router.clone(), request.map(Body::new)).await,
            None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

/// Adds what every router answers itself: problem documents for unknown paths and methods, and the route's name.
fn finished(router: Router) -> Router {
    router
        .route_layer(axum::middleware::from_fn(note_route))
        .fallback(async || Problem::route_not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
}

/// Carries a request through the router and finishes its answer.
async fn serve(component: &'static str, app: &Arc<App>, router: Router, mut request: Request) -> Response {
    #[expect(clippy::disallowed_methods, reason = "how long a request took is measured here and nowhere else")]
    let started = std::time::Instant::now();
    let request_id = request_id(request.headers());
    let method = request.method().clone();
    // CORS needs the origin again when the answer stands.
    let origin: HeaderMap =
        request.headers().get(header::ORIGIN).map(|origin| (header::ORIGIN, origin.clone())).into_iter().collect();
    let notes = Notes::default();
    notes.request_id(&request_id);
    request.extensions_mut().insert(notes.clone());
    // One moment for the whole request, whoever asks for it.
    request.extensions_mut().insert(Clock::read());

    let mut response = match app.cors.preflight(&request) {
        Some(response) => response,
        None => match db::within(REQUEST_LIMIT, router.oneshot(request)).await {
            Some(Ok(response)) => response,
            Some(Err(never)) => match never {},
            None => timed_out(&method).into_response(),
        },
    };

    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        let document = problem.render(&request_id);
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(document.len()));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        *response.body_mut() = if method == Method::HEAD { Body::empty() } else { Body::from(document) };
    }
    if response.status() == StatusCode::NOT_FOUND {
        // axum adds it to what a route answers to other methods than its own, also where that is "there is nothing here".
        response.headers_mut().remove(header::ALLOW);
    }
    for (name, value) in SECURITY_HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(request_id::HEADER, value);
    }
    if let Some(standing) = notes.noted_standing() {
        response.headers_mut().extend(standing.headers());
    }
    app.cors.mark(&origin, response.headers_mut());
    if notes.is_unremarkable() && response.status().is_success() {
        return response;
    }

    Finished {
        component,
        method: &method,
        route: response.extensions().get::<MatchedPath>().map(MatchedPath::as_str),
        status: response.status().as_u16(),
        took: started.elapsed(),
        request_id: &request_id,
        tenant: notes.noted_tenant(),
        problem: problem.as_ref().map(|problem| (problem.code(), problem.cause())),
    }
    .write();
    response
}

/// Lets the log line name the route's pattern, never the path.
async fn note_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}

fn timed_out(method: &Method) -> Problem {
    if !method.is_safe() {
        return Problem::outcome_unknown().caused_by("the request took longer than 30 s");
    }
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "request_timed_out",
        "The request took too long",
        "The request was given up after 30 seconds; nothing was changed. Try again.",
    )
    .retry_after(1)
}
