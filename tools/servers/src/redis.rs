//! One Redis server, configured by a file so that its password is in no process list.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Durability;
use crate::{binaries, ports};

/// A Redis server of our own.
#[derive(Debug)]
pub struct Redis {
    durability: Durability,
    dir: PathBuf,
    port: u16,
    password: String,
    found_running: bool,
}

impl Redis {
    /// Starts a throw-away server in `dir`: nothing is saved, and it is stopped when dropped.
    pub fn start(dir: &Path, port: Option<u16>) -> Result<Redis> {
        Redis::open(dir, port, Durability::ThrowAway)
    }

    /// Starts the durable server in `dir`, or finds it running. It goes on when the value is dropped.
    pub fn start_durable(dir: &Path, port: Option<u16>) -> Result<Redis> {
        Redis::open(dir, port, Durability::Durable)
    }

    /// The durable server of `dir` if one was ever made there, running or not.
    pub(crate) fn existing(dir: &Path) -> Option<Redis> {
        let home = dir.join("redis");
        let port = fs::read_to_string(home.join("port")).ok()?.trim().parse().ok()?;
        let password = fs::read_to_string(home.join("password")).ok()?;
        Some(Redis { durability: Durability::Durable, dir: home, port, password, found_running: false })
    }

    fn open(dir: &Path, port: Option<u16>, durability: Durability) -> Result<Redis> {
        let home = dir.join("redis");
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        if let Some(mut running) = Redis::existing(dir).filter(Redis::answers) {
            running.durability = durability;
            running.found_running = true;
            return Ok(running);
        }
        let home = home.canonicalize()?;
        let password = ports::password(&home.join("password"))?;
        let port = ports::choose(port, &home.join("port"))?;
        fs::write(home.join("port"), port.to_string())?;
        let server = Redis { durability, dir: home, port, password, found_running: false };
        server.start_again()?;
        Ok(server)
    }

    /// The address, with the password in it.
    pub fn url(&self) -> String {
        format!("redis://default:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Whether it ran already when it was asked for.
    pub fn found_running(&self) -> bool {
        self.found_running
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it on the same port after [`stop`](Self::stop).
    pub fn start_again(&self) -> Result<()> {
        let binary = binaries::redis()?;
        let config = self.dir.join("redis.conf");
        ports::write_private(&config, &self.config())?;
        let started = Command::new(&binary)
            .arg(&config)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("{} cannot be run", binary.display()))?;
        ensure!(started.success(), "Redis did not start: see {}", self.log().display());
        self.wait(|server| server.answers(), "start")
    }

    /// Stops it, also when it is paused. Nothing to do if it does not run.
    pub fn stop(&self) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let _ = kill(pid, Signal::SIGCONT);
        kill(pid, Signal::SIGTERM).context("Redis cannot be stopped")?;
        self.wait(|server| server.pid().is_none(), "stop")
    }

    /// Freezes it: connections open, nothing answers.
    pub fn pause(&self) -> Result<()> {
        let pid = self.pid().context("Redis does not run")?;
        kill(pid, Signal::SIGSTOP).context("Redis cannot be paused")
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) -> Result<()> {
        let pid = self.pid().context("Redis does not run")?;
        kill(pid, Signal::SIGCONT).context("Redis cannot be resumed")
    }

    /// Deletes its data. It must not be running.
    pub(crate) fn delete(&self) -> Result<()> {
        ensure!(self.pid().is_none(), "Redis still runs in {}", self.dir.display());
        fs::remove_dir_all(&self.dir).with_context(|| format!("cannot delete {}", self.dir.display()))
    }

    fn config(&self) -> String {
        let dir = self.dir.display();
        let save = match self.durability {
            Durability::Durable => "60 1",
            Durability::ThrowAway => "\"\"",
        };
        format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\ndaemonize yes\npidfile \"{dir}/redis.pid\"\n\
             logfile \"{dir}/redis.log\"\ndir \"{dir}\"\nsave {save}\nappendonly no\n",
            self.port, self.password
        )
    }

    fn log(&self) -> PathBuf {
        self.dir.join("redis.log")
    }

    /// Its process, if it runs. The name is compared because a pid file may outlive a crash, and its number be reused.
    fn pid(&self) -> Option<Pid> {
        let pid: i32 = fs::read_to_string(self.dir.join("redis.pid")).ok()?.trim().parse().ok()?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        // A zombie that nobody has collected yet is as good as gone.
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let gone = state.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        let ours = name.starts_with("redis-server") || name.starts_with("valkey-server");
        (ours && !gone).then(|| Pid::from_raw(pid))
    }

    /// Whether a server with our password answers on our port.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<Vec<u8>> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(format!("AUTH {}\r\nPING\r\nQUIT\r\n", self.password).as_bytes())?;
            let mut reply = Vec::new();
            stream.read_to_end(&mut reply)?;
            Ok(reply)
        };
        ask().is_ok_and(|reply| reply.starts_with(b"+OK\r\n+PONG"))
    }

    fn wait(&self, done: impl Fn(&Redis) -> bool, what: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(15);
        while Instant::now() < deadline {
            if done(self) {
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
        bail!("Redis did not {what} within 15 seconds: see {}", self.log().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if self.durability == Durability::ThrowAway {
            let _ = self.stop();
        }
    }
}
