//! What happens to a request before a component sees it, and what the host answers by itself.

mod hosts;

use hosts::{Host, http, http::Request, on_each_host};

/// The headers that the component saw, in order.
fn seen(host: &Host, request: &Request) -> Vec<(String, String)> {
    let text = host.send(request).text();
    text.lines()
        .skip(1)
        .map(|line| line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
}

#[test]
fn the_hosts_headers_follow_the_clients_and_replace_none() {
    on_each_host(&[], |host| {
        let request = Request::get("/a/b?c=d")
            .header("spin-client-addr", "evil")
            .header("spin-full-url", "evil")
            .header("x-own", "kept");
        let headers = seen(host, &request);
        let client = values(&headers, "spin-client-addr");
        assert_eq!(client.len(), 2, "{}: {headers:?}", host.kind.name);
        assert_eq!(client[0], "evil");
        assert!(client[1].starts_with("127.0.0.1:"), "{client:?}");
        assert_eq!(values(&headers, "spin-full-url"), ["evil", "http://localhost/a/b?c=d"]);
        assert_eq!(values(&headers, "x-own"), ["kept"]);
        assert_eq!(values(&headers, "connection"), [""; 0], "it belongs to the server");
        for (name, expected) in [
            ("spin-path-info", "/a/b"),
            ("spin-matched-route", "/..."),
            ("spin-raw-component-route", "/..."),
            ("spin-component-route", ""),
            ("spin-base-path", "/"),
        ] {
            assert_eq!(values(&headers, name), [expected], "{}: {name}", host.kind.name);
        }
    });
}

#[test]
fn the_most_specific_route_wins_on_the_raw_path() {
    on_each_host(&[], |host| {
        let route = |path: &str| values(&seen(host, &Request::get(path)), "spin-matched-route")[0].to_owned();
        for (path, expected) in [
            ("/exact", "/exact"),
            ("/exact/", "/exact"),
            ("/Exact", "/..."),
            ("/ex%61ct", "/..."),
            ("/exact/x", "/..."),
            ("/users/7", "/users/:user_id"),
            ("/users/7/x", "/..."),
            ("/users/me", "/users/me/..."),
            ("/users/me/x", "/users/me/..."),
        ] {
            assert_eq!(route(path), expected, "{}: {path}", host.kind.name);
        }
        let headers = seen(host, &Request::get("/users/7"));
        assert_eq!(values(&headers, "spin-path-match-user-id"), ["7"]);
        let text = host.get("/exact/").text();
        assert!(text.starts_with("GET http://localhost/exact/\n"), "nothing is stripped: {text}");
    });
}

#[test]
fn the_well_known_paths_belong_to_the_host() {
    on_each_host(&[], |host| {
        assert_eq!(host.get("/.well-known/spin/health").text(), "OK");
        let info = host.get("/.well-known/spin/info");
        assert_eq!(info.header("content-type"), Some("application/json"));
        assert!(info.text().contains("\"name\": \"guest\"") && info.text().contains("\"version\": \"1.2.3\""));
        let other = host.get("/.well-known/spin/other");
        assert_eq!((other.status, other.body.len()), (404, 0), "{}", host.kind.name);
    });
}

#[test]
fn a_static_response_needs_no_component() {
    on_each_host(&[], |host| {
        let reply = host.get("/static");
        assert_eq!((reply.status, reply.body.as_slice()), (418, b"short and stout".as_slice()));
        assert_eq!(reply.header("x-from"), Some("manifest"), "{}", host.kind.name);
    });
}

#[test]
fn a_path_without_a_route_is_404_with_an_empty_body() {
    for kind in hosts::kinds() {
        let host = hosts::Setup::new(&kind)
            .manifest(|text| text.replacen("route = \"/...\"", "route = \"/only/here\"", 1))
            .start();
        let reply = host.get("/elsewhere");
        assert_eq!((reply.status, reply.body.len()), (404, 0), "{}", kind.name);
    }
}

#[test]
fn a_request_without_a_usable_host_gets_no_answer() {
    on_each_host(&[], |host| {
        let silent = |request: &Request| http::send(host.port, request).is_none();
        assert!(silent(&Request::bare("GET", "/", "")), "{}: no Host", host.kind.name);
        let contradicting = Request::bare("GET", "http://a.example/", "").header("host", "b.example");
        assert!(silent(&contradicting), "{}: Host and URI differ", host.kind.name);
        let internal = Request::bare("GET", "/", "").header("host", "neighbour.spin.internal");
        assert!(silent(&internal), "{}: a name for insiders", host.kind.name);
    });
}

#[test]
fn a_header_that_is_not_text_fails_the_request() {
    on_each_host(&[], |host| {
        let reply = host.send(&Request::get("/").header("x-bytes", [0xff, 0xfe]));
        assert_eq!((reply.status, reply.body.len()), (500, 0), "{}", host.kind.name);
    });
}

#[test]
fn bodies_pass_unchanged() {
    on_each_host(&[], |host| {
        let body = "0123456789".repeat(100_000);
        assert_eq!(host.post("/echo", &body).text(), body, "{}", host.kind.name);
    });
}
