//! The systems that are measured: what each one is, and a process of it from start to end.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use secrets::Variables;
use serde::{Deserialize, Serialize};

use crate::generator::Request;

/// The cap of database connections of every system: that of the development host's own configuration.
const DATABASE_CONNECTIONS: u32 = 60;
/// Uncached code is compiled at the first start, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(180);
/// No answer takes longer that will still come.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The shell around a system: it ends the system's whole process group when its input closes, however we end. As in the
/// end-to-end tests, `kill -s KILL -- -1` is the form that every `sh` reads.
const KEEPER: &str = r#"setsid "$@" <&- & host=$!
read -r _
until kill -s KILL -- "-$host" || ! kill -s 0 "$host"; do sleep 0.05; done 2>/dev/null
wait "$host""#;

/// A measured system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum System {
    /// Our components on the dev host.
    Ours,
    /// Our components on the Spin CLI.
    Spin,
    /// The same API in native axum.
    Axum,
    /// The same API in FastAPI, calling the same SQL functions.
    Fastapi,
    /// The same API in FastAPI, with statements as one would write them there.
    FastapiPlain,
    /// A route of one `select 1` on the dev host.
    Floor,
    /// The same on the Spin CLI.
    SpinFloor,
}

impl System {
    /// Every system, in the order of the report.
    pub(crate) const ALL: [Self; 7] =
        [Self::Ours, Self::Spin, Self::Axum, Self::Fastapi, Self::FastapiPlain, Self::Floor, Self::SpinFloor];

    /// What the result calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Spin => "spin",
            Self::Axum => "axum",
            Self::Fastapi => "fastapi",
            Self::FastapiPlain => "fastapi_plain",
            Self::Floor => "floor",
            Self::SpinFloor => "spin_floor",
        }
    }

    /// What a reader calls it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Ours => "ours, dev host",
            Self::Spin => "ours, Spin",
            Self::Axum => "axum, native",
            Self::Fastapi => "FastAPI",
            Self::FastapiPlain => "FastAPI, plain SQL",
            Self::Floor => "floor, dev host",
            Self::SpinFloor => "floor, Spin",
        }
    }

    /// Whether it only answers the floor's one route.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::SpinFloor)
    }
}

/// Where the programs and manifests are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Places {
    /// The dev host [default: target/release/devhost].
    #[arg(long)]
    devhost: Option<PathBuf>,
    /// The Spin CLI [default: `spin` on PATH].
    #[arg(long)]
    spin: Option<PathBuf>,
    /// The peer in native axum [default: target/native/release/native].
    #[arg(long)]
    axum: Option<PathBuf>,
    /// The peer in FastAPI [default: bench/fastapi/serve].
    #[arg(long)]
    fastapi: Option<PathBuf>,
    /// The app's manifest [default: spin.toml].
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// The floor's manifest [default: bench/data-path/spin.toml].
    #[arg(long)]
    floor_manifest: Option<PathBuf>,
}

impl Places {
    /// The program of a system.
    pub(crate) fn binary(&self, root: &Path, system: System) -> PathBuf {
        let (given, usual) = match system {
            System::Ours | System::Floor => (&self.devhost, "target/release/devhost"),
            System::Axum => (&self.axum, "target/native/release/native"),
            System::Fastapi | System::FastapiPlain => (&self.fastapi, "bench/fastapi/serve"),
            System::Spin | System::SpinFloor => return self.spin.clone().unwrap_or_else(|| "spin".into()),
        };
        absolute(given.clone().unwrap_or_else(|| root.join(usual)))
    }

    /// The manifest that a system gets.
    pub(crate) fn manifest(&self, root: &Path, system: System) -> PathBuf {
        let (given, usual) = match system.is_floor() {
            true => (&self.floor_manifest, "bench/data-path/spin.toml"),
            false => (&self.manifest, "spin.toml"),
        };
        absolute(given.clone().unwrap_or_else(|| root.join(usual)))
    }

    /// Whether a Spin CLI was named.
    pub(crate) fn has_spin(&self) -> bool {
        self.spin.is_some()
    }

    /// Refuses, with what to do, where a system cannot be started.
    pub(crate) fn check(&self, root: &Path, system: System) -> Result<()> {
        let binary = self.binary(root, system);
        let how = match system {
            System::Ours | System::Floor => "cargo build --release -p devhost",
            System::Axum => "cargo build --release --manifest-path bench/native/Cargo.toml --target-dir target/native",
            _ => "see bench/fastapi/README.md",
        };
        let there = binary.exists() || matches!(system, System::Spin | System::SpinFloor);
        ensure!(there, "{} is missing ({}): {how}; or leave it out with --systems", system.label(), binary.display());
        let wasm: &[&str] = if system.is_floor() { &["data-path"] } else { &["auth", "crm", "payments", "web"] };
        let native = matches!(system, System::Axum | System::Fastapi | System::FastapiPlain);
        for name in wasm.iter().filter(|_| !native) {
            ensure!(root.join(format!("dist/{name}.wasm")).exists(), "dist/{name}.wasm is missing: ./dev build {name}");
        }
        Ok(())
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// How every system of a run is started: with the same command line, variables and cap of connections.
#[derive(Debug)]
pub(crate) struct Starter {
    /// The project's folder.
    pub(crate) root: PathBuf,
    /// Where the programs are.
    pub(crate) places: Places,
    /// The app's variables.
    pub(crate) variables: Variables,
    /// Logs and state go here, for each system into a folder that its next process finds again.
    pub(crate) folder: PathBuf,
}

/// A running system. It ends with this value, or with our process.
#[derive(Debug)]
pub(crate) struct Running {
    /// What it is.
    pub(crate) system: System,
    /// Where it listens.
    pub(crate) port: u16,
    shell: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
    begun: Instant,
}

impl Starter {
    /// Lets a system fetch what it needs, which may take longer than any start.
    pub(crate) fn prepare(&self, system: System) -> Result<()> {
        if matches!(system, System::Fastapi | System::FastapiPlain) {
            let prepared = Command::new(self.places.binary(&self.root, system)).arg("--prepare").output()?;
            let said = String::from_utf8_lossy(&prepared.stderr).into_owned();
            ensure!(prepared.status.success(), "{} cannot be prepared: {said}", system.label());
        }
        Ok(())
    }

    /// Starts a system and waits until it answers.
    pub(crate) fn start(&self, system: System) -> Result<Running> {
        let mut running = self.begin(system)?;
        running.wait_for("/.well-known/spin/health", Duration::from_millis(20))?;
        Ok(running)
    }

    /// How long a system takes from the start of its process to its first answer on a path.
    pub(crate) fn cold_start(&self, system: System, path: &str) -> Result<Duration> {
        self.begin(system)?.wait_for(path, Duration::from_millis(2))
    }

    fn begin(&self, system: System) -> Result<Running> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let folder = self.folder.join(system.name());
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("runtime-config.toml");
        std::fs::write(&config, format!("[outbound_pg]\nmax_connections = {DATABASE_CONNECTIONS}\n"))?;
        let log = folder.join("log");
        let log_file = File::create(&log)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(self.places.binary(&self.root, system)).args(["up", "-f"]);
        command.arg(self.places.manifest(&self.root, system)).args(["--listen", &format!("127.0.0.1:{port}")]);
        command.arg("--state-dir").arg(folder.join("state")).arg("--runtime-config-file").arg(config);
        command
            .envs(&self.variables)
            .env("STATEMENTS", if system == System::FastapiPlain { "plain" } else { "functions" });
        // With it, every error of a component would pay for a trace that production does not make.
        command.env_remove("RUST_BACKTRACE");
        // An `.env` in the working directory would be read: the project's own must not be.
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(log_file.try_clone()?).stderr(log_file);
        let begun = Instant::now();
        let mut shell = command.spawn().context("sh cannot be run")?;
        let lifeline = shell.stdin.take();
        Ok(Running { system, port, shell, lifeline, log, begun })
    }
}

impl Running {
    /// The shell whose descendants are the system.
    pub(crate) fn root(&self) -> u32 {
        self.shell.id()
    }

    /// Sends one request on a connection of its own; `unique` makes its body one of its own.
    pub(crate) fn ask(&self, request: &Request, unique: &str) -> Result<Answer> {
        ask(self.port, request, unique).with_context(|| format!("{} {}", self.system.label(), request.path))
    }

    /// The last lines of what it wrote.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn wait_for(&mut self, path: &str, pause: Duration) -> Result<Duration> {
        let request = Request::get(path);
        while self.begun.elapsed() < START_LIMIT {
            if ask(self.port, &request, "").is_ok_and(|answer| answer.status == 200) {
                return Ok(self.begun.elapsed());
            }
            if self.shell.try_wait()?.is_some() {
                bail!("{} ended by itself: {}", self.system.label(), self.log_tail());
            }
            thread::sleep(pause);
        }
        bail!("{} does not answer {path} after {START_LIMIT:?}: {}", self.system.label(), self.log_tail());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifeline = None;
        let _ = self.shell.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Head and body as they came, chunk sizes included.
    pub(crate) text: String,
}

fn ask(port: u16, request: &Request, unique: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    let body = request.body_with(unique).unwrap_or_default();
    let mut head =
        format!("{} {} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        head += &format!("content-length: {}\r\n", body.len());
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Answer { status: status_of(&text).context("no HTTP answer came")?, text })
}

fn status_of(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_result_and_the_flag_say() {
        for system in System::ALL {
            assert_eq!(serde_json::to_value(system).unwrap(), system.name());
            assert_eq!(System::from_str(system.name(), false).unwrap(), system);
        }
    }

    #[test]
    fn a_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some(503));
        assert_eq!(status_of("SSH-2.0"), None);
    }
}
