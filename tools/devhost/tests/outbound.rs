//! Where a component may go, and what it is told when it may not.

#![allow(clippy::disallowed_methods, reason = "tests wait for what they started")]

mod hosts;

use hosts::{Setup, database_authority, database_url, kinds};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

/// The certificate of an authority that signed nothing here.
const STRANGER: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBizCCATGgAwIBAgIUFEWbQaNBEKr7ckDwYAD26Zwdd/UwCgYIKoZIzj0EAwIw\n\
GjEYMBYGA1UEAwwPbm9ib2R5IHdlIHRydXN0MCAXDTI2MTEyODEwNTAxM1oYDzIx\n\
MjYxMTA0MTA1MDEzWjAaMRgwFgYDVQQDDA9ub2JvZHkgd2UgdHJ1c3QwWTATBgcq\n\
hkjOPQIBBggqhkjOPQMBBwNCAARQpkKNMe2kbzxEJJJsZDbgWqX1fpTI9I/BNq76\n\
vTFr1LvN8UTKx5gfula/nyXLGMi6/joz/OO/dz0cCvRIAdHSo1MwUTAdBgNVHQ4E\n\
FgQU1g+0NA9dcN4w9p/MNH+CbEuCkRgwHwYDVR0jBBgwFoAU1g+0NA9dcN4w9p/M\n\
NH+CbEuCkRgwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiA/uYj1\n\
7+akwJijcCy2SBVLphWUOJMGM4YAs2j1S955gQIhALJYyo7Lrn1Pa1pncKpWNXep\n\
Xo5J1KQCdCV46+S0vakr\n\
-----END CERTIFICATE-----\n";

/// Serves connections one after the other, on a port that it tells.
fn upstream(serve: impl Fn(&mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request);
            if read.is_ok_and(|bytes| bytes > 0) {
                serve(&mut stream);
            }
        }
    });
    port.to_string()
}

#[test]
fn a_disallowed_host_is_refused_with_spins_error() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let postgres = host.post("/sql/open", "postgres://user:secret@127.0.0.1:1/x");
        assert_eq!(
            postgres.text(),
            "error: Error::ConnectionFailed(\"address postgres://127.0.0.1:1 is not permitted\")",
            "{}",
            kind.name
        );
        assert_eq!(host.post("/redis", "redis://127.0.0.1:1").text(), "error: Error::InvalidAddress");
        let http = host.post("/fetch", "http://example.org/").text();
        assert!(http.contains("ErrorCode::HttpRequestDenied"), "{}: {http}", kind.name);
        let stderr = host.stderr();
        for pattern in ["postgres://127.0.0.1:1", "redis://127.0.0.1:1", "http://example.org"] {
            assert!(stderr.contains(pattern), "{}: the log does not name {pattern}:\n{stderr}", kind.name);
        }
    }
}

#[test]
fn the_certificate_of_the_database_must_verify_wherever_tls_is_spoken() {
    let Some(authority) = database_authority() else { return };
    let (plain, stranger) = (database_url(), STRANGER.to_owned());
    let with = |mode: &str| plain.replace("sslmode=disable", &format!("sslmode={mode}"));
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let open = |address: &str, authority: &str| host.post("/sql/open", &format!("{address}\n{authority}")).text();
        for mode in ["require", "prefer"] {
            assert_eq!(open(&with(mode), &authority), "open", "{}: {mode}", kind.name);
            for authority in ["", &stranger] {
                let refused = open(&with(mode), authority);
                assert!(refused.contains("Error::ConnectionFailed"), "{}: {mode}: {refused}", kind.name);
            }
        }
        assert_eq!(open(&plain, ""), "open", "{}: without TLS there is nothing to verify", kind.name);
    }
}

#[test]
fn a_component_without_an_entry_reaches_nothing() {
    for kind in kinds() {
        let host = Setup::new(&kind)
            .manifest(|text| {
                text.replacen(
                    "route = \"/...\"\ncomponent = \"guest\"",
                    "route = \"/...\"\ncomponent = \"neighbour\"",
                    1,
                )
            })
            .start();
        let answer = host.post("/fetch", "http://guest.spin.internal/").text();
        assert!(answer.contains("ErrorCode::HttpRequestDenied"), "{}: {answer}", kind.name);
    }
}

#[test]
fn a_neighbour_is_reached_in_the_process_even_if_it_is_private() {
    for kind in kinds() {
        let host = Setup::new(&kind).start();
        let answer = host.post("/fetch", "http://neighbour.spin.internal/internal/work?x=y").text();
        let mut lines = answer.lines();
        assert_eq!(lines.next(), Some("200"), "{}: {answer}", kind.name);
        assert_eq!(lines.next(), Some("GET http://neighbour.spin.internal/internal/work?x=y"), "{}", kind.name);
        for line in ["spin-client-addr: 0.0.0.0:0", "spin-matched-route: /...", "spin-path-info: /internal/work"] {
            assert!(answer.contains(line), "{}: {line} in\n{answer}", kind.name);
        }
        let failed = host.post("/fetch", "http://neighbour.spin.internal/panic").text();
        assert_eq!(failed, "500\n", "{}: the neighbour's panic is not ours", kind.name);
    }
}

#[test]
fn a_component_reaches_its_own_application() {
    for kind in kinds() {
        let host = Setup::new(&kind).start();
        let answer = host.post("/fetch", "http://self.alt/static").text();
        assert_eq!(answer, "418\nshort and stout", "{}", kind.name);
    }
}

#[test]
fn an_allowed_host_answers_or_is_told_apart() {
    for kind in kinds() {
        let port = upstream(|stream| {
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\ndone").unwrap();
        });
        let host = Setup::new(&kind).variable("upstream_port", &port).start();
        assert_eq!(host.post("/fetch", &format!("http://127.0.0.1:{port}/x")).text(), "201\ndone");

        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let host = Setup::new(&kind).variable("upstream_port", &closed).start();
        let answer = host.post("/fetch", &format!("http://127.0.0.1:{closed}/")).text();
        assert!(answer.contains("ErrorCode::ConnectionRefused"), "{}: {answer}", kind.name);
    }
}

#[test]
fn a_slow_host_meets_the_requests_limits() {
    for kind in kinds() {
        let port = upstream(|stream| {
            thread::sleep(Duration::from_millis(1_000));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf");
            thread::sleep(Duration::from_millis(2_000));
            let _ = stream.write_all(b"done");
        });
        let host = Setup::new(&kind).variable("upstream_port", &port).start();
        let url = format!("http://127.0.0.1:{port}/");
        let answer = host.post("/fetch?first_byte=300", &url).text();
        assert!(answer.contains("ErrorCode::ConnectionReadTimeout"), "{}: {answer}", kind.name);
        let answer = host.post("/fetch?first_byte=20000&between_bytes=300", &url).text();
        assert!(answer.contains("error"), "{}: {answer}", kind.name);
        assert_eq!(host.post("/fetch", &url).text(), "200\nhalfdone", "{}: without limits", kind.name);
    }
}

#[test]
fn replies_of_redis_are_flattened() {
    for kind in kinds() {
        let host = Setup::new(&kind).with_servers().start();
        let key = hosts::fresh_name("key");
        let script = format!(
            "SET {key} 41\nINCR {key}\nGET {key}\nGET {key}_absent\nLPUSH {key} x\n\
             EVAL return{{1,{{2,{{3}}}},'four'}} 0\nEXPIRE {key} 60\nNONSENSE"
        );
        let answer = host.post("/redis", &script).text();
        let lines: Vec<_> = answer.lines().collect();
        assert_eq!(
            lines[..5],
            [
                "open",
                "[RedisResult::Status(\"OK\")]",
                "[RedisResult::Int64(42)]",
                "[RedisResult::Binary([52, 50])]",
                "[RedisResult::Nil]"
            ],
            "{}",
            kind.name
        );
        assert!(lines[5].starts_with("error: Error::Other(\"WRONGTYPE"), "{}: {}", kind.name, lines[5]);
        assert_eq!(
            lines[6],
            "[RedisResult::Int64(1), RedisResult::Int64(2), RedisResult::Int64(3), RedisResult::Binary([102, 111, 117, 114])]"
        );
        assert_eq!(lines[7], "[RedisResult::Int64(1)]");
        assert!(lines[8].starts_with("error: Error::Other("), "{}: {}", kind.name, lines[8]);
    }
}

#[test]
fn blocked_networks_are_a_second_wall() {
    for kind in kinds() {
        let port = upstream(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        let host = Setup::new(&kind)
            .variable("upstream_port", &port)
            .file("runtime.toml", "[outbound_networking]\nblock_networks = [\"private\"]\n")
            .arguments(&["--runtime-config-file", "runtime.toml"])
            .start();
        let answer = host.post("/fetch", &format!("http://127.0.0.1:{port}/")).text();
        assert!(answer.contains("ErrorCode::DestinationIpProhibited"), "{}: {answer}", kind.name);
    }
}
