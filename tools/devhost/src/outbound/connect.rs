//! Connections for outbound HTTP: resolve, check the addresses, take a place, connect, and TLS where the scheme asks for it.
//!
//! The time limit of a request that finds no pooled connection covers the wait for a place and the TCP handshake. TLS trusts
//! the platform's roots and Mozilla's; HTTP/2 is used where TLS negotiated it.

use crate::{
    networks::BlockedNetworks,
    permits::{Permit, Permits},
};
use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower_service::Service;
use wasmtime_wasi_http::p3::bindings::http::types::{DnsErrorPayload, ErrorCode};

tokio::task_local! {
    /// How long the request that is being sent may wait for its connection.
    pub(crate) static CONNECT_TIMEOUT: Duration;
}

/// Makes connections, plain or with TLS.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// Addresses that are never connected to.
    pub(crate) blocked: BlockedNetworks,
    /// Places for connections.
    pub(crate) permits: Permits,
    /// Whether to do TLS.
    pub(crate) tls: bool,
}

/// Why there is no connection, in the guest's terms.
#[derive(Debug)]
pub(crate) struct ConnectError(pub(crate) ErrorCode);

impl fmt::Display for ConnectError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "cannot connect: {:?}", self.0)
    }
}

impl std::error::Error for ConnectError {}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        // Read here and not in the future, which the pool may finish in a task of its own.
        let limit = CONNECT_TIMEOUT.try_with(|limit| *limit).unwrap_or(super::http::DEFAULT_TIMEOUT);
        let connector = self.clone();
        Box::pin(async move { connector.connect(&uri, limit).await.map(TokioIo::new).map_err(ConnectError) })
    }
}

impl Connector {
    async fn connect(&self, uri: &Uri, limit: Duration) -> Result<Stream, ErrorCode> {
        let host = uri.host().ok_or(ErrorCode::HttpRequestUriInvalid)?;
        let port = uri.port_u16().unwrap_or(if self.tls { 443 } else { 80 });
        let addresses = self.resolve(host, port).await?;
        let (tcp, permit) = timeout(limit, async {
            let permit = self.permits.acquire().await;
            (TcpStream::connect(&*addresses).await, permit)
        })
        .await
        .map_err(|_| ErrorCode::ConnectionTimeout)?;
        let tcp = tcp.map_err(|error| match error.kind() {
            io::ErrorKind::AddrNotAvailable => dns_error("address not available"),
            _ => ErrorCode::ConnectionRefused,
        })?;
        let transport =
            if self.tls { Transport::Tls(Box::new(encrypt(host, tcp).await?)) } else { Transport::Plain(tcp) };
        Ok(Stream { transport, _permit: permit })
    }

    async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ErrorCode> {
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut addresses: Vec<_> =
            tokio::net::lookup_host((name, port)).await.map_err(|_| dns_error("address not available"))?.collect();
        if self.blocked.remove(&mut addresses) {
            tracing::error!(host, "every address is blocked by block_networks");
            return Err(ErrorCode::DestinationIpProhibited);
        }
        Ok(addresses)
    }
}

fn dns_error(reason: &str) -> ErrorCode {
    ErrorCode::DnsError(DnsErrorPayload { rcode: Some(reason.to_owned()), info_code: Some(0) })
}

async fn encrypt(host: &str, tcp: TcpStream) -> Result<TlsStream<TcpStream>, ErrorCode> {
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(name).map_err(|_| dns_error("invalid dns name"))?;
    TlsConnector::from(tls_config()).connect(name, tcp).await.map_err(|error| {
        tracing::warn!(host, %error, "TLS failed");
        ErrorCode::TlsProtocolError
    })
}

/// Made at the first encrypted request: reading the platform's roots takes a while, and most runs need none.
fn tls_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Arc::new(config)
        })
        .clone()
}

/// A connection and its place.
pub(crate) struct Stream {
    transport: Transport,
    _permit: Permit,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match &self.transport {
            Transport::Plain(tcp) => tcp.connected(),
            Transport::Tls(tls) => {
                let (tcp, session) = tls.get_ref();
                let connected = tcp.connected();
                if session.alpn_protocol() == Some(b"h2") { connected.negotiated_h2() } else { connected }
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(context, into),
            Transport::Tls(tls) => Pin::new(tls).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Transport::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
