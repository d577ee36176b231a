//! The servers themselves: what tests of the app do to them must be what they then see.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use servers::{Local, Postgres, Redis, ThrowAway};

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Whether the store says anything within a moment, be it only that it wants a password.
fn speaks(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(b"PING\r\n").unwrap();
    stream.read(&mut [0; 16]).is_ok_and(|count| count > 0)
}

#[test]
fn postgres_stops_and_starts_on_its_port() {
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::start(dir.path(), None).unwrap();
    let port = postgres.port();
    for stop in [Postgres::stop, Postgres::kill] {
        stop(&postgres).unwrap();
        assert!(!listens(port));
        stop(&postgres).expect("stopping what is stopped is no error");
        postgres.start_again().unwrap();
        assert!(listens(port));
    }
    postgres.restart().unwrap();
    assert!(listens(port));
    drop(postgres);
    assert!(!listens(port), "a throw-away server goes with its value");
}

#[test]
fn redis_stops_pauses_and_starts_on_its_port() {
    let dir = tempfile::tempdir().unwrap();
    let redis = Redis::start(dir.path(), None).unwrap();
    let port = redis.port();
    assert!(speaks(port));
    redis.pause().unwrap();
    assert!(listens(port) && !speaks(port), "it is there, and silent");
    redis.resume().unwrap();
    assert!(speaks(port));
    redis.pause().unwrap();
    redis.stop().expect("also when it is paused");
    assert!(!listens(port));
    redis.start_again().unwrap();
    assert!(speaks(port));
    drop(redis);
    assert!(!listens(port));
}

#[test]
fn the_servers_of_a_checkout_are_found_again_until_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let local = Local::lock(dir.path()).unwrap();
    let (postgres, redis) = (local.postgres().unwrap(), local.redis().unwrap());
    let addresses = (postgres.admin_url(), redis.url());
    drop((postgres, redis));
    let found = (local.postgres().unwrap().admin_url(), local.redis().unwrap().url());
    assert_eq!(found, addresses, "they outlive their values");

    local.stop().unwrap();
    let (postgres, redis) = (local.postgres().unwrap(), local.redis().unwrap());
    assert_eq!((postgres.admin_url(), redis.url()), addresses, "and keep port and password");
    let home = fs::read_to_string(dir.path().join("postgres.home")).ok();
    local.delete().unwrap();
    assert!(!listens(postgres.port()) && !listens(redis.port()));
    assert!(!dir.path().join("postgres").exists() && !dir.path().join("redis").exists());
    assert!(home.is_none_or(|home| !fs::exists(home).unwrap()));
}

#[test]
fn a_throw_away_pair_leaves_nothing() {
    let pair = ThrowAway::start().unwrap();
    let ports = (pair.postgres.port(), pair.redis.port());
    assert!(listens(ports.0) && listens(ports.1));
    drop(pair);
    assert!(!listens(ports.0) && !listens(ports.1));
}
