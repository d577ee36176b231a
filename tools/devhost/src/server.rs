//! Answers requests: the host's own paths, static responses, components.
//!
//! No match is 404 with an empty body and runs no guest; a guest that fails is 500 with an empty body. A request without a
//! usable Host gets no answer at all: its connection is closed.

use crate::{
    manifest::StaticResponse,
    outbound::http::GuestBody,
    request_headers,
    routes::{RouteMatch, Router, Target, WELL_KNOWN_PREFIX},
    worker::Worker,
};
use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode, uri::Scheme};
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use std::{collections::HashMap, io, net::SocketAddr, sync::Arc};
use wasmtime_wasi_http::{
    handler::{ErrorCode, ProxyHandler},
    p3::bindings::http::types as p3,
};

/// The body of an answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, wasmtime::Error>;

/// Requests from other components come from here.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// A running application.
pub(crate) struct Server {
    name: String,
    version: String,
    router: Router,
    statics: HashMap<String, StaticResponse>,
    components: HashMap<String, ProxyHandler<Worker>>,
    address: SocketAddr,
}

/// What a server is made of.
pub(crate) struct Parts {
    /// The application's name.
    pub(crate) name: String,
    /// The application's version, or nothing.
    pub(crate) version: String,
    /// Public routes.
    pub(crate) router: Router,
    /// Static responses by trigger id.
    pub(crate) statics: HashMap<String, StaticResponse>,
    /// Components that have a trigger, by id.
    pub(crate) components: HashMap<String, Worker>,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Puts the parts together.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let Parts { name, version, router, statics, components, address } = parts;
        let components = components.into_iter().map(|(id, worker)| (id, ProxyHandler::new(worker))).collect();
        let server = Arc::new(Self { name, version, router, statics, components, address });
        for handler in server.components.values() {
            // Set exactly once: these handlers were made above.
            let _ = handler.state().server.set(Arc::downgrade(&server));
        }
        server
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The public routes.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    /// Answers a request from outside.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> anyhow::Result<Response<Body>> {
        let mut request =
            request.map(|body| body.map_err(|_| ErrorCode::P3(p3::ErrorCode::HttpProtocolError)).boxed_unsync());
        request_headers::strip_forbidden(&mut request);
        let path = request.uri().path();
        if let Some(name) = path.strip_prefix(WELL_KNOWN_PREFIX) {
            return self.well_known(name);
        }
        match self.router.find(path) {
            Some(found) => self.answer(request, &found, client).await,
            None => Ok(empty(StatusCode::NOT_FOUND)),
        }
    }

    /// Answers a request from one component to another. An error means that there is no such component.
    pub(crate) async fn chained(
        &self,
        component: &str,
        request: Request<GuestBody>,
    ) -> wasmtime::Result<Response<GuestBody>> {
        let found = RouteMatch::chained(component, request.uri().path());
        let request = request.map(|body| body.map_err(ErrorCode::P3).boxed_unsync());
        let response = self.answer(request, &found, CHAINED_CLIENT).await.map_err(wasmtime::Error::from_anyhow)?;
        Ok(response.map(|body| body.map_err(chained_error).boxed_unsync()))
    }

    fn well_known(&self, name: &str) -> anyhow::Result<Response<Body>> {
        match name {
            "health" => Ok(Response::new(full("OK"))),
            "info" => {
                let mut info = serde_json::json!({ "name": self.name });
                if !self.version.is_empty() {
                    info["version"] = self.version.as_str().into();
                }
                let text = serde_json::to_string_pretty(&info)?;
                Ok(Response::builder().header("content-type", "application/json").body(full(text))?)
            }
            _ => Ok(empty(StatusCode::NOT_FOUND)),
        }
    }

    async fn answer(
        &self,
        mut request: Request<UnsyncBoxBody<Bytes, ErrorCode>>,
        found: &RouteMatch,
        client: SocketAddr,
    ) -> anyhow::Result<Response<Body>> {
        request_headers::complete_uri(&mut request, Scheme::HTTP)?;
        let component = match &found.route.target {
            Target::Component(component) => component,
            Target::Static(trigger) => return self.static_response(trigger),
        };
        let handler = self
            .components
            .get(component)
            .with_context(|| format!("the application has no component {component:?} with a trigger"))?;
        let response = match request_headers::append(&mut request, found, client) {
            Ok(()) => handler.handle((), request).await.map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        Ok(response.unwrap_or_else(|error| {
            tracing::error!(component, "a request failed: {error:?}");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }))
    }

    fn static_response(&self, trigger: &str) -> anyhow::Result<Response<Body>> {
        let given = self.statics.get(trigger).context("a static response is missing")?;
        let mut response = Response::builder().status(given.status_code.unwrap_or(200));
        for (name, value) in &given.headers {
            response = response.header(name, value);
        }
        Ok(response.body(full(given.body.clone().unwrap_or_default()))?)
    }
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn chained_error(error: wasmtime::Error) -> p3::ErrorCode {
    match error.downcast::<p3::ErrorCode>() {
        Ok(code) => code,
        Err(error) => p3::ErrorCode::InternalError(Some(error.to_string())),
    }
}

/// A body error as hyper wants it: the connection is cut, and this is why.
pub(crate) fn connection_error(error: &wasmtime::Error) -> io::Error {
    io::Error::other(format!("{error:#}"))
}
