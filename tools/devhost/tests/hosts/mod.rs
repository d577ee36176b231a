//! The hosts that every test runs on, and how to talk to them.
//!
//! `devhost` is always there; a real `spin` joins when one is on PATH. Each test gets a process of its own on a free port, with
//! a folder of its own for manifest, state and logs, and ends it by its own handle.

#![allow(dead_code, reason = "each test file uses its part of this module")]
#![allow(clippy::disallowed_methods, reason = "tests wait for processes")]

pub(crate) mod http;

use http::{Reply, Request};
use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use url::Url;

/// One kind of host.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    /// How failures name it.
    pub(crate) name: &'static str,
    program: PathBuf,
}

/// The table: every test runs once for each row.
pub(crate) fn kinds() -> Vec<Kind> {
    let mut kinds = vec![Kind { name: "devhost", program: env!("CARGO_BIN_EXE_devhost").into() }];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let spin = std::env::split_paths(&path).map(|folder| folder.join("spin")).find(|file| file.is_file());
    kinds.extend(spin.map(|program| Kind { name: "spin", program }));
    kinds
}

/// Runs a test on each host, started with the fixture application and these arguments.
pub(crate) fn on_each_host(arguments: &[&str], test: impl Fn(&Host)) {
    for kind in kinds() {
        let host = Setup::new(&kind).arguments(arguments).start();
        test(&host);
    }
}

/// A host about to be started.
pub(crate) struct Setup {
    kind: Kind,
    folder: PathBuf,
    manifest: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// The fixture application in a fresh folder, with the servers of the test run.
    pub(crate) fn new(kind: &Kind) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let folder =
            std::env::temp_dir().join(format!("devhost-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed)));
        fs::create_dir_all(&folder).unwrap();
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let manifest = fs::read_to_string(workspace.join("tests/guest/spin.toml")).unwrap();
        let wasm = std::env::var("GUEST_WASM")
            .map_or_else(|_| workspace.join("dist/guest.wasm"), PathBuf::from)
            .canonicalize()
            .expect("the fixture component is missing: run ./dev test, or ./dev build first");
        Self {
            kind: kind.clone(),
            folder,
            manifest: manifest.replace("../../dist/guest.wasm", wasm.to_str().unwrap()),
            arguments: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Adds arguments of `up`.
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Lets the component use the servers that the test run was given.
    pub(crate) fn with_servers(self) -> Self {
        let (database, redis) = (server_url("TEST_DATABASE_URL"), server_url("TEST_REDIS_URL"));
        self.variable("database_url", &database_url())
            .variable("db_host", database.host_str().unwrap())
            .variable("db_port", &database.port().unwrap_or(5432).to_string())
            .variable("redis_url", redis.as_str())
            .variable("redis_host", redis.host_str().unwrap())
            .variable("redis_port", &redis.port().unwrap_or(6379).to_string())
    }

    /// Gives a variable on the command line.
    pub(crate) fn variable(self, name: &str, value: &str) -> Self {
        self.arguments(&["--variable", &format!("{name}={value}")])
    }

    /// Sets an environment variable of the host.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a file into the host's working directory.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        fs::write(self.folder.join(name), content).unwrap();
        self
    }

    /// Changes the manifest.
    pub(crate) fn manifest(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.manifest = change(self.manifest);
        self
    }

    /// Starts it and waits until it answers.
    pub(crate) fn start(self) -> Host {
        let mut host = self.launch();
        let deadline = Instant::now() + Duration::from_secs(120);
        while !host.serves() {
            if let Some(status) = host.child.try_wait().unwrap() {
                panic!("{} ended with {status} before it served:\n{}", host.kind.name, host.stderr());
            }
            assert!(Instant::now() < deadline, "{} does not answer:\n{}", host.kind.name, host.stderr());
            thread::sleep(Duration::from_millis(10));
        }
        host
    }

    /// Starts it and waits until it ends by itself; says how, and what it had to say.
    pub(crate) fn fail(self) -> (ExitStatus, String) {
        let mut host = self.launch();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = host.child.try_wait().unwrap() {
                return (status, host.stderr());
            }
            let name = host.kind.name;
            assert!(Instant::now() < deadline, "{name} goes on, though it should refuse:\n{}", host.stderr());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn launch(self) -> Host {
        fs::write(self.folder.join("spin.toml"), &self.manifest).unwrap();
        let stderr = fs::File::create(self.folder.join("stderr.txt")).unwrap();
        let child = Command::new(&self.kind.program)
            .args(["up", "--from", "spin.toml", "--listen", "127.0.0.1:0"])
            .args(&self.arguments)
            .envs(self.environment)
            .env_remove("RUST_BACKTRACE")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(fs::File::create(self.folder.join("stdout.txt")).unwrap())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.kind.name));
        Host { kind: self.kind, folder: self.folder, port: 0, child }
    }
}

/// A running host.
pub(crate) struct Host {
    /// Which one.
    pub(crate) kind: Kind,
    /// Its working directory.
    pub(crate) folder: PathBuf,
    /// Where it listens.
    pub(crate) port: u16,
    child: Child,
}

impl Host {
    /// Learns the port from what the host prints, and asks whether it answers there.
    fn serves(&mut self) -> bool {
        let printed = read(&self.folder.join("stdout.txt"));
        let Some((_, address)) = printed.split_once("http://127.0.0.1:") else { return false };
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        self.port = port.parse().unwrap_or(0);
        http::send(self.port, &Request::get("/.well-known/spin/health")).is_some()
    }

    /// Sends a request; fails the test when the connection is closed without an answer.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Reply {
        http::send(self.port, request)
            .unwrap_or_else(|| panic!("{} closed the connection without an answer", self.kind.name))
    }

    /// GETs a path.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(&Request::get(path))
    }

    /// POSTs a text.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        self.send(&Request::post(path, body))
    }

    /// Runs lines of SQL on one connection; see the fixture.
    #[track_caller]
    pub(crate) fn sql(&self, script: &str) -> String {
        self.post("/sql", script).text()
    }

    /// What the host wrote to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        read(&self.folder.join("stderr.txt"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        end(&mut self.child);
        // A folder that is left behind does no harm.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Asks politely first: `spin` passes a termination on to the process that serves, and would leave it behind if killed.
fn end(child: &mut Child) {
    if child.try_wait().is_ok_and(|status| status.is_some()) {
        return;
    }
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let deadline = Instant::now() + Duration::from_secs(5);
    while child.try_wait().is_ok_and(|status| status.is_none()) {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = fs::File::open(path) {
        let _ = file.read_to_string(&mut text);
    }
    text
}

/// Waits until something is so; tests of effects that arrive a moment later use this instead of sleeping.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "after ten seconds still not so: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A name that no other test uses.
pub(crate) fn fresh_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}_{}_{}", std::process::id(), COUNT.fetch_add(1, Relaxed))
}

/// The Postgres of the test run, without TLS.
pub(crate) fn database_url() -> String {
    let mut url = server_url("TEST_DATABASE_URL");
    if !url.query_pairs().any(|(name, _)| name == "sslmode") {
        url.query_pairs_mut().append_pair("sslmode", "disable");
    }
    url.into()
}

/// The authority that signed the certificate of the Postgres of the test run, if it speaks TLS.
pub(crate) fn database_authority() -> Option<String> {
    std::env::var("TEST_DATABASE_CA").ok().filter(|authority| !authority.is_empty())
}

fn server_url(name: &str) -> Url {
    let Ok(text) = std::env::var(name) else {
        panic!("{name} is not set: run ./dev test, which starts the servers that these tests need");
    };
    let url = Url::parse(&text).unwrap_or_else(|error| panic!("{name} is not a URL: {error}"));
    assert!(url.host_str().is_some(), "{name} must name a host: these tests cannot use a socket in the file system");
    url
}
