//! The host process: the development host, or the real Spin where `BIZO_RUNTIME=spin` asks for it.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use secrets::Variables;
use tempfile::TempDir;

/// Uncached code is compiled at the first start, on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(180);

/// The host's processes are gone in less, on a busy machine too.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The shell around the host. It ends the host's whole process group (Spin has a child) when its input closes, however we
/// end, and ends itself when the host does, so that nobody waits for one that died.
///
/// One part waits for the host, the other reads the input. The group exists only from `setsid` on, so an early end is
/// tried again; a background job's input is what it is given; `kill -s KILL -- -1` is the form that every `sh` reads.
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

/// How a host differs from the default one.
#[derive(Debug, Clone, Default)]
pub struct HostOptions {
    /// Further arguments, such as `--max-instance-reuse-count 1`.
    pub arguments: Vec<&'static str>,
    /// Variables of the app, by their name in `spin.toml`.
    pub variables: Vec<(&'static str, String)>,
    /// The cap of the app's database connections, where it is not production's.
    pub database_connections: Option<u32>,
}

/// A running host; it ends with this value, or with the test's process.
#[derive(Debug)]
pub struct Host {
    shell: Child,
    // The shell around the host ends it, with its own children (Spin has one), when this pipe closes, however this
    // process ends.
    lifeline: Option<ChildStdin>,
    folder: TempDir,
    restart: (u16, Variables, HostOptions),
}

impl Host {
    /// Starts the host and waits until it answers.
    pub fn start(port: u16, variables: &Variables, options: &HostOptions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (shell, lifeline) = spawn(folder.path(), port, variables, options)?;
        let restart = (port, variables.clone(), options.clone());
        let mut host = Self { shell, lifeline: Some(lifeline), folder, restart };
        host.wait_until_it_answers()?;
        Ok(host)
    }

    /// Ends the host at once, as a lost node would, and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let (port, variables, options) = &self.restart;
        let (shell, lifeline) = spawn(self.folder.path(), *port, variables, options)?;
        (self.shell, self.lifeline) = (shell, Some(lifeline));
        self.wait_until_it_answers()
    }

    /// Everything that the host and the components have written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("host.log")).unwrap_or_default()
    }

    fn stop(&mut self) {
        self.lifeline = None;
        let deadline = Instant::now() + STOP_LIMIT;
        while matches!(self.shell.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.shell.kill();
                // Not a panic: this runs while a failed test unwinds as well. What is left behind holds its port.
                eprintln!(
                    "the host on port {} is still there {STOP_LIMIT:?} after its end was asked for",
                    self.restart.0
                );
                std::process::abort();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait_until_it_answers(&mut self) -> Result<()> {
        let started = Instant::now();
        let address = format!("127.0.0.1:{}", self.restart.0);
        while started.elapsed() < START_LIMIT {
            if answers(&address) {
                return Ok(());
            }
            if self.shell.try_wait()?.is_some() {
                bail!("the host ended: {}", self.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the host does not answer after {START_LIMIT:?}: {}", self.log());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(folder: &Path, port: u16, variables: &Variables, options: &HostOptions) -> Result<(Child, ChildStdin)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the project's folder")?;
    let runtime_config = folder.join("runtime-config.toml");
    let production = Production::read(root)?;
    let text = match options.database_connections {
        Some(connections) => format!("[outbound_pg]\nmax_connections = {connections}\n"),
        None => production.runtime_config,
    };
    std::fs::write(&runtime_config, text)?;
    let log = File::options().create(true).append(true).open(folder.join("host.log"))?;

    let mut shell = Command::new("sh")
        .args(["-c", KEEPER, "host"])
        .arg(host_binary(root)?)
        .args(["up", "-f"])
        .arg(root.join("spin.toml"))
        .args(["--listen", &format!("127.0.0.1:{port}"), "--state-dir"])
        .arg(folder.join("state"))
        .arg("--runtime-config-file")
        .arg(runtime_config)
        .args(["--max-instance-memory", &production.instance_bytes.to_string()])
        .args(&options.arguments)
        // An `.env` in the working directory would be read: the project's own must not be.
        .current_dir(folder)
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("sh")?;
    let mut lifeline = shell.stdin.take().context("the shell's input")?;
    lifeline.flush()?;
    Ok((shell, lifeline))
}

/// How the app is deployed, as far as a host is told: read from the manifests, so that tests run what they say.
struct Production {
    runtime_config: String,
    instance_bytes: u64,
}

impl Production {
    fn read(root: &Path) -> Result<Self> {
        let settings = std::fs::read_to_string(root.join("deploy/base/settings.yaml"))?;
        let mut lines = settings.lines().skip_while(|line| line.trim() != "runtime-config.toml: |");
        let head = lines.next().context("deploy/base/settings.yaml has no runtime-config.toml")?;
        let indent = head.len() - head.trim_start().len();
        let inside = |line: &&str| line.trim().is_empty() || line.len() - line.trim_start().len() > indent;
        let runtime_config: String = lines.take_while(inside).map(|line| format!("{}\n", line.trim())).collect();

        let app = std::fs::read_to_string(root.join("deploy/single-node/app.yaml"))?;
        let (_, limit) =
            app.split_once("invocationLimits: { memory: ").context("single-node has no invocationLimits")?;
        let (mebibytes, _) = limit.split_once("Mi").context("invocationLimits is not in Mi")?;
        Ok(Self { runtime_config, instance_bytes: mebibytes.parse::<u64>()? << 20 })
    }
}

fn host_binary(root: &Path) -> Result<PathBuf> {
    if std::env::var("BIZO_RUNTIME").as_deref() == Ok("spin") {
        return Ok("spin".into());
    }
    let binary = std::env::var_os("BIZO_HOST_BIN").map_or_else(|| root.join("target/release/devhost"), PathBuf::from);
    if !binary.exists() {
        bail!("{} is not built: run the tests with ./dev test", binary.display());
    }
    Ok(binary)
}

fn answers(address: &str) -> bool {
    use std::io::Read;
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let request = format!("GET /.well-known/spin/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    stream.write_all(request.as_bytes()).is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"200")
}
