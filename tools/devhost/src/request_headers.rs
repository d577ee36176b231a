//! The headers that a component sees: the client's, then the host's own.
//!
//! The host's are appended and never replace what the client sent, so a component must take the last value of
//! `spin-client-addr`. A value that is not UTF-8 makes the request fail.

use crate::{allowed_host::CHAINING_SUFFIX, routes::RouteMatch};
use anyhow::{Context as _, bail, ensure};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Uri,
    header::{CONNECTION, HOST},
    uri::{Authority, Scheme},
};
use std::net::SocketAddr;

/// Removes what belongs to the connection, and a Host that only chaining may use.
pub(crate) fn strip_forbidden<B>(request: &mut Request<B>) {
    let headers = request.headers_mut();
    let internal =
        headers.get(HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| chaining_target(host).is_some());
    if internal {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}

/// The component that `<component>.spin.internal`, with or without a port, names.
pub(crate) fn chaining_target(host: &str) -> Option<&str> {
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let component = host.strip_suffix(CHAINING_SUFFIX)?;
    (!component.contains('.')).then_some(component)
}

/// Gives the request a whole URI. The authority is the Host header's or the URI's; both must agree where both are given.
pub(crate) fn complete_uri<B>(request: &mut Request<B>, scheme: Scheme) -> anyhow::Result<()> {
    let mut parts = request.uri().clone().into_parts();
    let host = match request.headers().get(HOST) {
        Some(host) => {
            let text = host.to_str().context("the Host header is not text")?;
            Some(text.parse::<Authority>().context("the Host header is not an authority")?)
        }
        None => None,
    };
    let authority = match (host, parts.authority.take()) {
        (None, None) => bail!("the request has no Host header"),
        (Some(host), Some(authority)) => {
            ensure!(host == authority, "the Host header and the URI name different hosts");
            host
        }
        (Some(authority), None) | (None, Some(authority)) => authority,
    };
    parts.scheme = Some(scheme);
    parts.authority = Some(authority);
    if parts.path_and_query.is_none() {
        parts.path_and_query = Some("/".parse()?);
    }
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

/// Appends the host's own headers, in Spin's order.
pub(crate) fn append<B>(request: &mut Request<B>, found: &RouteMatch, client: SocketAddr) -> anyhow::Result<()> {
    for value in request.headers().values() {
        std::str::from_utf8(value.as_bytes()).context("a header of the request is not UTF-8")?;
    }
    let host = match request.headers().get(HOST) {
        Some(host) => std::str::from_utf8(host.as_bytes())?.to_owned(),
        None => "localhost".to_owned(),
    };
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or("http");
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("{scheme}://{host}{path}");
    let headers = request.headers_mut();
    push(headers, HeaderName::from_static("spin-path-info"), &found.path_info);
    push(headers, HeaderName::from_static("spin-full-url"), &full_url);
    push(headers, HeaderName::from_static("spin-matched-route"), &found.route.based);
    push(headers, HeaderName::from_static("spin-base-path"), "/");
    push(headers, HeaderName::from_static("spin-raw-component-route"), &found.route.raw);
    push(headers, HeaderName::from_static("spin-component-route"), found.route.prefix());
    push(headers, HeaderName::from_static("spin-client-addr"), &client.to_string());
    for (name, value) in &found.named {
        let name = format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-"));
        if let Ok(name) = name.parse() {
            push(headers, name, value);
        }
    }
    Ok(())
}

fn push(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4711))
    }

    #[test]
    fn the_hosts_headers_come_after_the_clients() {
        let mut request = Request::get("/a/b?c=d")
            .header("host", "shop.example:3000")
            .header("spin-client-addr", "evil")
            .body(())
            .unwrap();
        complete_uri(&mut request, Scheme::HTTP).unwrap();
        append(&mut request, &RouteMatch::chained("x", "/a/b"), client()).unwrap();
        let values: Vec<_> = request.headers().get_all("spin-client-addr").iter().collect();
        assert_eq!(values, ["evil", "127.0.0.1:4711"]);
        assert_eq!(request.headers()["spin-full-url"], "http://shop.example:3000/a/b?c=d");
        assert_eq!(request.headers()["spin-component-route"], "");
        assert_eq!(request.headers()["spin-path-info"], "/a/b");
    }

    #[test]
    fn host_and_uri_must_agree() {
        let complete = |uri: &str, host: Option<&str>| {
            let builder = host.into_iter().fold(Request::get(uri), |builder, host| builder.header(HOST, host));
            let mut request = builder.body(()).unwrap();
            complete_uri(&mut request, Scheme::HTTP).map(|()| request.uri().to_string())
        };
        assert_eq!(complete("/x", Some("a:1")).unwrap(), "http://a:1/x");
        assert_eq!(complete("http://a/x", None).unwrap(), "http://a/x");
        assert_eq!(complete("http://a/x", Some("a")).unwrap(), "http://a/x");
        complete("http://a/x", Some("b")).unwrap_err();
        complete("/x", None).unwrap_err();
    }

    #[test]
    fn nobody_outside_may_call_himself_internal() {
        let mut request = Request::get("/").header(HOST, "auth.spin.internal:80").body(()).unwrap();
        strip_forbidden(&mut request);
        assert!(request.headers().get(HOST).is_none());
        assert_eq!(chaining_target("auth.spin.internal"), Some("auth"));
        assert_eq!(chaining_target("a.b.spin.internal"), None);
        assert_eq!(chaining_target("spin.internal"), None);
    }

    #[test]
    fn a_header_that_is_not_text_fails_the_request() {
        let mut request = Request::get("/").body(()).unwrap();
        request.headers_mut().insert("x", HeaderValue::from_bytes(&[0xff]).unwrap());
        append(&mut request, &RouteMatch::chained("x", "/"), client()).unwrap_err();
    }
}
