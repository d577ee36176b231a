//! `wasi:http/client`: requests of a component to other hosts, to its own application, and to its neighbours.
//!
//! Allowed hosts come first. `http://<component>.spin.internal` stays in the process and reaches private routes too. The guest's
//! Host header is dropped and rebuilt from the URL. Connecting, the first byte, and every pause between bytes may take 600
//! seconds each unless the request says less. Redirects are not followed, bodies are not unpacked; connections are pooled for
//! the whole application.

use crate::{
    networks::BlockedNetworks,
    outbound::connect::{CONNECT_TIMEOUT, ConnectError, Connector},
    outbound_hosts::HostCheck,
    permits::Permits,
    request_headers::chaining_target,
    server::Server,
};
use bytes::Bytes;
use http::{Request, Response, Uri, header::HOST, uri::Scheme};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::{
    error::Error as _,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::{RequestOptions, WasiHttpHooks, bindings::http::types::ErrorCode};

/// How long each step of a request may take unless the guest says less.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// A body on either side of the guest.
pub(crate) type GuestBody = UnsyncBoxBody<Bytes, ErrorCode>;

type Processing = Box<dyn Future<Output = Result<(), ErrorCode>> + Send>;
type Sent = Result<(Response<GuestBody>, Processing), TrappableError<ErrorCode>>;

/// The application's clients: one for plain connections, one for TLS.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    plain: Client<Connector, GuestBody>,
    tls: Client<Connector, GuestBody>,
}

impl Clients {
    /// Clients that keep connections if `pooling`.
    pub(crate) fn new(pooling: bool, blocked: BlockedNetworks, permits: Permits) -> Self {
        let client = |tls| {
            let mut builder = Client::builder(TokioExecutor::new());
            if !pooling {
                builder.pool_max_idle_per_host(0);
            }
            builder.build(Connector { blocked: blocked.clone(), permits: permits.clone(), tls })
        };
        Self { plain: client(false), tls: client(true) }
    }
}

/// Outbound HTTP as one instance sees it.
pub(crate) struct OutboundHttp {
    /// Where the component may go.
    pub(crate) check: HostCheck,
    /// The application's.
    pub(crate) clients: Clients,
    /// Who answers requests to the application itself.
    pub(crate) server: Arc<Server>,
}

impl WasiHttpHooks for OutboundHttp {
    fn send_request(
        &mut self,
        request: Request<GuestBody>,
        options: Option<RequestOptions>,
        _guests_trouble: Processing,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let sender = Self { check: self.check.clone(), clients: self.clients.clone(), server: self.server.clone() };
        Box::new(async move {
            let response = sender.send(request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(async { Ok(()) }) as Processing))
        })
    }
}

impl OutboundHttp {
    async fn send(
        &self,
        mut request: Request<GuestBody>,
        options: RequestOptions,
    ) -> Result<Response<GuestBody>, TrappableError<ErrorCode>> {
        self.address(&mut request)?;
        let pause = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let response = match request.uri().host().and_then(chaining_target).map(str::to_owned) {
            // A component that does not exist is a mistake of the application, not of the network: Spin traps.
            Some(component) => self.server.chained(&component, request).await.map_err(TrappableError::trap)?,
            None => self.network(request, options).await?,
        };
        Ok(response.map(|body| TimedBody { body: Some(body), pause, sleep: None }.boxed_unsync()))
    }

    /// Checks where the request goes, and fills in the host of one to the application itself.
    fn address(&self, request: &mut Request<GuestBody>) -> Result<(), ErrorCode> {
        let authority = request.uri().authority().filter(|authority| !authority.host().is_empty());
        let to_self = authority.is_none_or(|authority| authority.host() == "self.alt");
        let allowed = if to_self {
            self.check.allows_self(&["http", "https"])
        } else {
            self.check.allows(&request.uri().to_string(), "https")
        };
        if !allowed.unwrap_or(false) {
            return Err(ErrorCode::HttpRequestDenied);
        }
        if to_self {
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
            *request.uri_mut() = Uri::builder()
                .scheme(Scheme::HTTP)
                .authority(self.server.address().to_string())
                .path_and_query(path)
                .build()
                .map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
        }
        request.headers_mut().remove(HOST);
        Ok(())
    }

    async fn network(
        &self,
        request: Request<GuestBody>,
        options: RequestOptions,
    ) -> Result<Response<GuestBody>, ErrorCode> {
        let client =
            if request.uri().scheme() == Some(&Scheme::HTTPS) { &self.clients.tls } else { &self.clients.plain };
        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let response = CONNECT_TIMEOUT.scope(connect, client.request(request));
        timeout(first_byte, response)
            .await
            .map_err(|_| ErrorCode::ConnectionReadTimeout)?
            .map(|response| response.map(|body| body.map_err(|error| body_error(&error)).boxed_unsync()))
            .map_err(|error| request_error(&error))
    }
}

/// The reason deep inside, if it is one of ours or the guest's; else the request failed as HTTP.
fn request_error(error: &hyper_util::client::legacy::Error) -> ErrorCode {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(ConnectError(code)) = error.downcast_ref() {
            return code.clone();
        }
        if let Some(code) = error.downcast_ref::<ErrorCode>() {
            return code.clone();
        }
        cause = error.source();
    }
    tracing::warn!(?error, "an outbound request failed");
    ErrorCode::HttpProtocolError
}

fn body_error(error: &hyper::Error) -> ErrorCode {
    if let Some(code) = error.source().and_then(|cause| cause.downcast_ref::<ErrorCode>()) {
        return code.clone();
    }
    tracing::warn!(?error, "reading the body of an outbound response failed");
    ErrorCode::HttpProtocolError
}

/// A body that gives up, and lets its connection go, when the pause between two pieces is too long.
struct TimedBody {
    body: Option<GuestBody>,
    pause: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            this.sleep = None;
            return Poll::Ready(frame);
        }
        let pause = this.pause;
        ready!(this.sleep.get_or_insert_with(|| Box::pin(sleep(pause))).as_mut().poll(context));
        this.body = None;
        Poll::Ready(Some(Err(ErrorCode::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
