//! The systems that are measured: what each one is, and a process of it from start to end.
//!
//! Long because starting a system, waiting for it, measuring it and stopping it are one life, kept by one table of systems:
//! split, each half would need the private parts of the other.

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
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
/// The components of the app's manifest.
pub(crate) const COMPONENTS: [&str; 5] = ["auth", "crm", "events", "payments", "web"];
/// No answer takes longer that will still come.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The shell around a system. It ends the system's whole process group when its input closes, however we end, and ends
/// itself when the system does, so that nobody waits for one that died. As in the end-to-end tests (tests/src/host.rs).
///
/// One part waits for the system, the other reads the input; a background job's input is what it is given, and `kill -s
/// KILL -- -1` is the form that every `sh` reads.
const KEEPER: &str = r#"exec 3<&0
setsid "$@" <&- 3<&- & host=$!
{
    read -r _
    until kill -s KILL -- "-$host" || ! kill -s 0 "$host"; do sleep 0.05; done 2>/dev/null
} <&3 & reader=$!
exec 3<&-
wait "$host"
code=$?
kill -s KILL -- "-$host" "$reader" 2>/dev/null
exit "$code""#;

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

/// What is known of a system: one row of the table in [`System::facts`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// What the result and the flag call it.
    pub(crate) name: &'static str,
    /// What a reader calls it.
    pub(crate) label: &'static str,
    /// What runs it.
    pub(crate) program: Program,
    /// What it answers.
    pub(crate) serves: Serves,
    /// The host that its figures belong to; none for a peer, with which both hosts are compared.
    pub(crate) runtime: Option<Runtime>,
    /// What begins the names of its figures, in the part of the result that is its runtime's.
    pub(crate) column: &'static str,
    /// The ratio of ours to it; none for ours.
    pub(crate) ratio: Option<&'static str>,
    /// In which runs it takes part, unless `--systems` says.
    pub(crate) measured: MeasuredIn,
    /// Environment variables of its own.
    pub(crate) environment: &'static [(&'static str, &'static str)],
}

/// What runs a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Our dev host.
    Devhost,
    /// The Spin CLI.
    Spin,
    /// The components linked into a native server.
    Native,
    /// The peer in FastAPI.
    Fastapi,
}

/// What a system answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The API.
    Api,
    /// The floor's one route.
    Floor,
}

/// A host of WebAssembly components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// The dev host.
    Devhost,
    /// The Spin CLI.
    Spin,
}

/// In which runs a system takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MeasuredIn {
    /// All of them.
    All,
    /// All but those of growth alone.
    AllButGrowth,
    /// Whole ones.
    Whole,
    /// Whole ones, where there is a Spin.
    WholeWithSpin,
}

impl System {
    /// Every system, in the order of the report.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

    /// The table of systems: all that the runner knows of each. CONTRIBUTING.md says what else a new one needs.
    pub(crate) fn facts(self) -> Facts {
        let ours = Facts {
            name: "ours",
            label: "ours, dev host",
            program: Program::Devhost,
            serves: Serves::Api,
            runtime: Some(Runtime::Devhost),
            column: "ours",
            ratio: None,
            measured: MeasuredIn::All,
            environment: &[],
        };
        let spin = Facts {
            name: "spin",
            label: "ours, Spin",
            program: Program::Spin,
            runtime: Some(Runtime::Spin),
            measured: MeasuredIn::WholeWithSpin,
            ..ours
        };
        let fastapi = Facts {
            name: "fastapi",
            label: "FastAPI",
            program: Program::Fastapi,
            runtime: None,
            column: "fastapi",
            ratio: Some("vs_fastapi"),
            environment: &[("STATEMENTS", "functions")],
            ..ours
        };
        match self {
            Self::Ours => ours,
            Self::Spin => spin,
            Self::Axum => Facts {
                name: "axum",
                label: "axum, native",
                program: Program::Native,
                runtime: None,
                column: "axum",
                ratio: Some("vs_axum"),
                measured: MeasuredIn::AllButGrowth,
                ..ours
            },
            Self::Fastapi => fastapi,
            Self::FastapiPlain => Facts {
                name: "fastapi_plain",
                label: "FastAPI, plain SQL",
                column: "fastapi_plain",
                ratio: Some("vs_fastapi_plain"),
                measured: MeasuredIn::Whole,
                environment: &[("STATEMENTS", "plain")],
                ..fastapi
            },
            Self::Floor => Facts {
                name: "floor",
                label: "floor, dev host",
                serves: Serves::Floor,
                column: "floor",
                ratio: Some("vs_floor"),
                measured: MeasuredIn::AllButGrowth,
                ..ours
            },
            Self::SpinFloor => Facts {
                name: "spin_floor",
                label: "floor, Spin",
                serves: Serves::Floor,
                column: "floor",
                ratio: Some("vs_floor"),
                ..spin
            },
        }
    }

    /// What the result calls it.
    pub(crate) fn name(self) -> &'static str {
        self.facts().name
    }

    /// What a reader calls it.
    pub(crate) fn label(self) -> &'static str {
        self.facts().label
    }

    /// Whether it only answers the floor's one route.
    pub(crate) fn is_floor(self) -> bool {
        match self.facts().serves {
            Serves::Floor => true,
            Serves::Api => false,
        }
    }

    /// The systems whose figures stand in a runtime's part of the result: its own, and the peers.
    pub(crate) fn beside(runtime: Runtime) -> impl Iterator<Item = Self> {
        Self::all().filter(move |system| system.facts().runtime.is_none_or(|own| own == runtime))
    }
}

impl Runtime {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Devhost, Self::Spin];

    /// As readers call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Devhost => "dev host",
            Self::Spin => "Spin",
        }
    }

    /// Our app on this runtime.
    pub(crate) fn ours(self) -> System {
        match self {
            Self::Devhost => System::Ours,
            Self::Spin => System::Spin,
        }
    }
}

impl Program {
    /// How to get it where it is missing; none for what is looked for on PATH.
    fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Devhost => Some("cargo build --release -p devhost"),
            Self::Native => {
                Some("cargo build --release --manifest-path bench/native/Cargo.toml --target-dir target/native")
            }
            Self::Fastapi => Some("see bench/fastapi/README.md"),
            Self::Spin => None,
        }
    }

    /// Whether what it runs are the WebAssembly components in `dist/`.
    fn runs_wasm(self) -> bool {
        match self {
            Self::Devhost | Self::Spin => true,
            Self::Native | Self::Fastapi => false,
        }
    }
}

/// Where the programs and manifests are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Places {
    /// The dev host [default: release/devhost in cargo's target folder].
    #[arg(long)]
    devhost: Option<PathBuf>,
    /// The Spin CLI [default: `spin` on PATH].
    #[arg(long)]
    spin: Option<PathBuf>,
    /// The peer in native axum [default: native/release/native in cargo's target folder].
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
    /// The file of a program; Spin's is looked for on PATH unless it is named.
    pub(crate) fn binary(&self, root: &Path, program: Program) -> PathBuf {
        let target = target_folder(root);
        let (given, usual) = match program {
            Program::Devhost => (&self.devhost, target.join("release/devhost")),
            Program::Native => (&self.axum, target.join("native/release/native")),
            Program::Fastapi => (&self.fastapi, root.join("bench/fastapi/serve")),
            Program::Spin => return self.spin.clone().unwrap_or_else(|| "spin".into()),
        };
        absolute(given.clone().unwrap_or(usual))
    }

    /// The manifest of what a system answers.
    fn manifest(&self, root: &Path, serves: Serves) -> PathBuf {
        let (given, usual) = match serves {
            Serves::Floor => (&self.floor_manifest, "bench/data-path/spin.toml"),
            Serves::Api => (&self.manifest, "spin.toml"),
        };
        absolute(given.clone().unwrap_or_else(|| root.join(usual)))
    }

    /// Whether a Spin CLI was named.
    pub(crate) fn has_spin(&self) -> bool {
        self.spin.is_some()
    }

    /// Refuses, with what to do, where a system cannot be started.
    pub(crate) fn check(&self, root: &Path, system: System) -> Result<()> {
        let Facts { label, program, serves, .. } = system.facts();
        let binary = self.binary(root, program);
        if let Some(remedy) = program.remedy() {
            let place = binary.display();
            ensure!(binary.exists(), "{label} is missing ({place}): {remedy}; or leave it out with --systems");
        }
        let wasm: &[&str] = match serves {
            Serves::Floor => &["data-path"],
            Serves::Api => &COMPONENTS,
        };
        for name in wasm.iter().filter(|_| program.runs_wasm()) {
            ensure!(root.join(format!("dist/{name}.wasm")).exists(), "dist/{name}.wasm is missing: ./dev build {name}");
        }
        Ok(())
    }
}

/// Where cargo puts what it builds, as `./dev` asks it to.
fn target_folder(root: &Path) -> PathBuf {
    // A relative one is meant from the project's folder, where `./dev` runs cargo.
    root.join(std::env::var_os("CARGO_TARGET_DIR").filter(|path| !path.is_empty()).unwrap_or_else(|| "target".into()))
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
    /// What a reader calls it.
    pub(crate) label: &'static str,
    /// Where it listens.
    pub(crate) port: u16,
    shell: Child,
    lifeline: Option<ChildStdin>,
    log: PathBuf,
    begun: Instant,
}

/// What is to be started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// Names its folder.
    pub(crate) name: &'a str,
    /// What a reader calls it.
    pub(crate) label: &'static str,
    /// The file that is run.
    pub(crate) binary: PathBuf,
    /// What it serves.
    pub(crate) manifest: PathBuf,
    /// Environment variables of its own.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

impl Starter {
    /// Lets a system fetch what it needs, which may take longer than any start.
    pub(crate) fn prepare(&self, system: System) -> Result<()> {
        match system.facts().program {
            Program::Fastapi => {
                let prepared =
                    Command::new(self.places.binary(&self.root, Program::Fastapi)).arg("--prepare").output()?;
                let said = String::from_utf8_lossy(&prepared.stderr).into_owned();
                ensure!(prepared.status.success(), "{} cannot be prepared: {said}", system.label());
                Ok(())
            }
            Program::Devhost | Program::Spin | Program::Native => Ok(()),
        }
    }

    /// Starts a system and waits until it answers.
    pub(crate) fn start(&self, system: System) -> Result<Running> {
        self.start_launch(&self.launch(system))
    }

    /// Starts what is no system, and waits until it answers.
    pub(crate) fn start_launch(&self, launch: &Launch<'_>) -> Result<Running> {
        let mut running = self.begin(launch)?;
        running.wait_for("/.well-known/spin/health", Duration::from_millis(20))?;
        Ok(running)
    }

    /// How long a system takes from the start of its process to its first answer on a path.
    pub(crate) fn cold_start(&self, system: System, path: &str) -> Result<Duration> {
        self.begin(&self.launch(system))?.wait_for(path, Duration::from_millis(2))
    }

    fn launch(&self, system: System) -> Launch<'static> {
        let Facts { name, label, program, serves, environment, .. } = system.facts();
        let (binary, manifest) = (self.places.binary(&self.root, program), self.places.manifest(&self.root, serves));
        Launch { name, label, binary, manifest, environment }
    }

    fn begin(&self, launch: &Launch<'_>) -> Result<Running> {
        let port = servers::free_port()?;
        let folder = self.folder.join(launch.name);
        std::fs::create_dir_all(&folder)?;
        let config = folder.join("runtime-config.toml");
        std::fs::write(&config, format!("[outbound_pg]\nmax_connections = {DATABASE_CONNECTIONS}\n"))?;
        let log = folder.join("log");
        let log_file = File::create(&log)?;
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&launch.binary).args(["up", "-f"]).arg(&launch.manifest);
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--state-dir"]).arg(folder.join("state"));
        command.arg("--runtime-config-file").arg(config);
        command.envs(&self.variables).envs(launch.environment.iter().copied());
        // With it, every error of a component would pay for a trace that production does not make.
        command.env_remove("RUST_BACKTRACE");
        // An `.env` in the working directory would be read: the project's own must not be.
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(log_file.try_clone()?).stderr(log_file);
        let begun = Instant::now();
        let mut shell = command.spawn().context("sh cannot be run")?;
        let lifeline = shell.stdin.take();
        Ok(Running { label: launch.label, port, shell, lifeline, log, begun })
    }
}

impl Running {
    /// The shell whose descendants are the system.
    pub(crate) fn root(&self) -> u32 {
        self.shell.id()
    }

    /// Sends one request on a connection of its own; `unique` makes its body one of its own.
    pub(crate) fn ask(&self, request: &Request, unique: &str) -> Result<Answer> {
        ask(self.port, request, unique).with_context(|| format!("{} {}", self.label, request.path))
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
                bail!("{} ended by itself: {}", self.label, self.log_tail());
            }
            thread::sleep(pause);
        }
        bail!("{} does not answer {path} after {START_LIMIT:?}: {}", self.label, self.log_tail());
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
        for system in System::all() {
            assert_eq!(serde_json::to_value(system).unwrap(), system.name());
            assert_eq!(System::from_str(system.name(), false).unwrap(), system);
        }
    }

    #[test]
    fn no_two_systems_share_a_place_in_the_result() {
        for runtime in Runtime::ALL {
            let columns: Vec<&str> = System::beside(runtime).map(|system| system.facts().column).collect();
            let mut once = columns.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!((columns.len(), once.len()), (5, 5), "{columns:?}");
            let without: Vec<System> =
                System::beside(runtime).filter(|system| system.facts().ratio.is_none()).collect();
            assert_eq!(without, [runtime.ours()], "all others are what ours is compared with");
        }
    }

    /// Runs the keeper around a command; the shell ends with it, or when its input closes.
    fn kept(shell: &str, script: &str) -> Child {
        let mut command = Command::new(shell);
        command.args(["-c", KEEPER, "keeper", "sh", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    }

    /// The shells that are there.
    fn shells() -> impl Iterator<Item = &'static str> {
        ["sh", "dash", "bash"].into_iter().filter(|shell| crate::generator::on_path(shell))
    }

    fn ends_soon(child: &mut Child) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn the_keeper_ends_with_the_system() {
        for shell in shells() {
            let mut child = kept(shell, "exit 7");
            assert_eq!(ends_soon(&mut child), Some(7), "{shell}");
        }
    }

    #[test]
    fn the_keeper_ends_the_system_and_its_children_with_its_input() {
        for shell in shells() {
            // The pipe is held by the system and its child: it closes when the last of them has ended.
            let mut child = kept(shell, "sleep 600 & echo; wait");
            let mut output = child.stdout.take().unwrap();
            output.read_exact(&mut [0]).unwrap();
            drop(child.stdin.take());
            assert_eq!(ends_soon(&mut child), Some(128 + 9), "{shell}");
            assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0, "{shell}");
        }
    }

    #[test]
    fn the_keeper_leaves_no_child_of_a_system_that_ended() {
        for shell in shells() {
            let mut child = kept(shell, "sleep 600 & exit 3");
            let mut output = child.stdout.take().unwrap();
            assert_eq!(ends_soon(&mut child), Some(3), "{shell}");
            assert_eq!(output.read_to_end(&mut Vec::new()).unwrap(), 0, "{shell}");
        }
    }

    #[test]
    fn a_status_is_read() {
        assert_eq!(status_of("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some(503));
        assert_eq!(status_of("SSH-2.0"), None);
    }
}
