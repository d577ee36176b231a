//! The instance itself: its memory, its end, its output, what it is told.

use axum::{
    extract::Query,
    http::{HeaderMap, Method, Uri},
};
use send_wrapper::SendWrapper;
use serde::Deserialize;
use std::{
    fmt::Write as _,
    future::pending,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// Differs from instance to instance.
static INSTANCE: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("instance"));

/// Requests that this instance has counted.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

/// Says who this instance is and how many such requests it has seen, this one included.
pub(crate) async fn instance() -> String {
    format!("{} {}", *INSTANCE, REQUESTS.fetch_add(1, Relaxed) + 1)
}

/// Traps.
pub(crate) async fn panic() -> String {
    eprintln!("about to panic");
    panic!("told to panic")
}

/// Never answers.
pub(crate) async fn hang() -> String {
    pending().await
}

/// How long.
#[derive(Deserialize)]
pub(crate) struct Nap {
    ms: u64,
}

/// Answers later, and says who it is as `/instance` does.
pub(crate) async fn sleep(Query(nap): Query<Nap>) -> String {
    let answer = instance().await;
    SendWrapper::new(spin_sdk::time::sleep(Duration::from_millis(nap.ms))).await;
    answer
}

/// What to print.
#[derive(Deserialize)]
pub(crate) struct Words {
    out: String,
    err: String,
}

/// Prints a line to stdout and one to stderr.
pub(crate) async fn print(Query(words): Query<Words>) {
    println!("{}", words.out);
    eprintln!("{}", words.err);
}

/// Which one.
#[derive(Deserialize)]
pub(crate) struct Name {
    name: String,
}

/// Reads a variable; an error is told as the SDK has it.
pub(crate) async fn variable(Query(Name { name }): Query<Name>) -> String {
    match SendWrapper::new(spin_sdk::variables::get(name)).await {
        Ok(value) => format!("value: {value}"),
        Err(error) => format!("error: {error:?}"),
    }
}

/// Reads an environment variable.
pub(crate) async fn environment(Query(Name { name }): Query<Name>) -> String {
    std::env::var(name).unwrap_or_else(|_| "unset".to_owned())
}

/// Sends the body back.
pub(crate) async fn echo(body: String) -> String {
    body
}

/// Shows the request: a line for method and URI, then one for each header, in the order in which they came.
pub(crate) async fn headers(method: Method, uri: Uri, headers: HeaderMap) -> String {
    let mut text = format!("{method} {uri}\n");
    for (name, value) in &headers {
        let _ = writeln!(text, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    }
    text
}
