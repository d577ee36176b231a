//! One Postgres server: made by `initdb` when its directory is fresh, run by `pg_ctl`.
//!
//! `pg_ctl` starts it in a session of its own and waits until it answers. In the directory that the caller names lie the
//! password, the port and, where the account that runs the server cannot get there, a note of where its data is instead.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::Durability;
use crate::account::Account;
use crate::certificate::Certificate;
use crate::{binaries, ports, throwaway};

/// A Postgres server of our own.
#[derive(Debug)]
pub struct Postgres {
    account: Account,
    durability: Durability,
    /// Where the programs are.
    bin: PathBuf,
    /// What the caller named.
    dir: PathBuf,
    /// Belongs to the account that runs the server; holds `data` and the log. Below `dir` where that works.
    home: PathBuf,
    port: u16,
    password: String,
    found_running: bool,
    /// A throw-away server speaks TLS with whoever wants it, as production's does.
    certificate: Option<Certificate>,
}

impl Postgres {
    /// Starts a throw-away server in `dir`: fast, forgetful when the machine stops, and stopped when dropped.
    pub fn start(dir: &Path, port: Option<u16>) -> Result<Postgres> {
        Postgres::open(dir, port, Durability::ThrowAway)
    }

    /// Starts the durable server in `dir`, or finds it running. It goes on when the value is dropped.
    pub fn start_durable(dir: &Path, port: Option<u16>) -> Result<Postgres> {
        Postgres::open(dir, port, Durability::Durable)
    }

    /// The durable server of `dir` if one was ever made there, running or not.
    pub(crate) fn existing(dir: &Path) -> Result<Option<Postgres>> {
        let account = Account::for_postgres()?;
        let home = remembered_home(dir).unwrap_or_else(|| dir.join("postgres"));
        let Ok(version) = fs::read_to_string(home.join("data/PG_VERSION")) else { return Ok(None) };
        let bin = binaries::postgres(Some(version.trim()))?;
        let password = ports::password(&dir.join("postgres.password"))?;
        let port = fs::read_to_string(dir.join("postgres.port")).ok().and_then(|text| text.trim().parse().ok());
        let (dir, port) = (dir.to_path_buf(), port.unwrap_or_default());
        Ok(Some(Postgres {
            account,
            durability: Durability::Durable,
            bin,
            dir,
            home,
            port,
            password,
            found_running: true,
            certificate: None,
        }))
    }

    /// What a killed program left running in `home`, so that dropping it stops and deletes it.
    pub(crate) fn adopt(home: &Path) -> Result<Postgres> {
        let version = fs::read_to_string(home.join("data/PG_VERSION"))?;
        Ok(Postgres {
            account: Account::for_postgres()?,
            durability: Durability::ThrowAway,
            bin: binaries::postgres(Some(version.trim()))?,
            dir: home.to_path_buf(),
            home: home.to_path_buf(),
            port: 0,
            password: String::new(),
            found_running: true,
            certificate: None,
        })
    }

    fn open(dir: &Path, port: Option<u16>, durability: Durability) -> Result<Postgres> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let account = Account::for_postgres()?;
        let home = choose_home(&dir, &account, durability)?;
        let version = fs::read_to_string(home.join("data/PG_VERSION")).ok();
        let bin = binaries::postgres(version.as_deref().map(str::trim))?;
        let password = ports::password(&dir.join("postgres.password"))?;

        let certificate = match durability {
            Durability::ThrowAway => Some(Certificate::make(&home, &account)?),
            Durability::Durable => None,
        };
        let mut server =
            Postgres { account, durability, bin, dir, home, port: 0, password, found_running: false, certificate };
        if version.is_none() {
            server.initialise()?;
        }
        if let Some(running_on) = server.running_port()? {
            server.port = running_on;
            server.found_running = true;
            return Ok(server);
        }
        let port_file = server.dir.join("postgres.port");
        server.port = ports::choose(port, &port_file)?;
        server.start_again()?;
        fs::write(&port_file, server.port.to_string())?;
        Ok(server)
    }

    /// The address for the superuser `postgres`, on the database `postgres`.
    pub fn admin_url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// The authority that signed its certificate, as PEM, if it speaks TLS.
    pub fn authority(&self) -> Option<&str> {
        self.certificate.as_ref().map(|certificate| certificate.authority.as_str())
    }

    /// Whether it ran already when it was asked for.
    pub fn found_running(&self) -> bool {
        self.found_running
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts it on the same port after [`stop`](Self::stop) or [`kill`](Self::kill).
    pub fn start_again(&self) -> Result<()> {
        let log = self.log();
        let mut options = format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''", self.port);
        if self.durability == Durability::ThrowAway {
            options.push_str(" -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200");
        }
        if let Some(Certificate { certificate, key, .. }) = &self.certificate {
            let (certificate, key) = (certificate.display(), key.display());
            options.push_str(&format!(" -c ssl=on -c ssl_cert_file='{certificate}' -c ssl_key_file='{key}'"));
        }
        let started = self.pg_ctl(&["start", "-w", "-t", "60", "-o", &options, "-l", &log.to_string_lossy()])?;
        if !started.status.success() {
            let log_text = fs::read_to_string(&log).unwrap_or_default();
            let reason = log_text.lines().rev().find(|line| line.contains("FATAL")).unwrap_or("no reason was logged");
            bail!("Postgres did not start ({}): see {}", reason.trim(), log.display());
        }
        Ok(())
    }

    /// Stops it the orderly way, ending open sessions. Nothing to do if it does not run.
    pub fn stop(&self) -> Result<()> {
        self.stop_with("fast")
    }

    /// Ends it at once, as a crash would; it recovers at the next start.
    pub fn kill(&self) -> Result<()> {
        self.stop_with("immediate")
    }

    /// Stops and starts it on the same port.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Deletes its data. It must not be running.
    pub(crate) fn delete(&self) -> Result<()> {
        ensure!(self.running_port()?.is_none(), "Postgres still runs in {}", self.home.display());
        fs::remove_dir_all(&self.home).with_context(|| format!("cannot delete {}", self.home.display()))?;
        for name in ["postgres.home", "postgres.password", "postgres.port"] {
            let _ = fs::remove_file(self.dir.join(name));
        }
        Ok(())
    }

    fn stop_with(&self, mode: &str) -> Result<()> {
        if self.running_port()?.is_none() {
            return Ok(());
        }
        let stopped = self.pg_ctl(&["stop", "-w", "-t", "30", "-m", mode])?;
        ensure!(stopped.status.success(), "Postgres did not stop: see {}", self.log().display());
        Ok(())
    }

    /// The port of the server that runs on our data, if one does.
    fn running_port(&self) -> Result<Option<u16>> {
        if !self.pg_ctl(&["status"])?.status.success() {
            return Ok(None);
        }
        // Line 4 of this file is the port; Postgres documents the order.
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        Ok(pid_file.lines().nth(3).and_then(|line| line.trim().parse().ok()))
    }

    fn initialise(&self) -> Result<()> {
        // Made beside its final place and then renamed: an interrupted initdb leaves no half-made data directory behind.
        let fresh = self.home.join("data.new");
        let _ = fs::remove_dir_all(&fresh);
        let password_file = self.home.join("initial-password");
        ports::write_private(&password_file, &self.password)?;
        self.account.give(&password_file)?;
        let mut initdb = self.account.command(&self.bin.join("initdb"), &self.home);
        initdb.arg("--pgdata").arg(&fresh).arg("--pwfile").arg(&password_file);
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        if self.durability == Durability::ThrowAway {
            initdb.arg("--no-sync");
        }
        let made = initdb.output().context("initdb cannot be run")?;
        let _ = fs::remove_file(&password_file);
        ensure!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr).trim());
        fs::rename(&fresh, self.data()).context("the new data directory cannot be put in its place")
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = self.account.command(&self.bin.join("pg_ctl"), &self.home);
        command.arg(arguments[0]).arg("-D").arg(self.data()).args(&arguments[1..]);
        // The server would inherit a pipe and keep its reader waiting; so nothing of it is read. The log tells more.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.output().context("pg_ctl cannot be run")
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn log(&self) -> PathBuf {
        self.home.join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.durability == Durability::ThrowAway {
            let _ = self.kill();
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

fn remembered_home(dir: &Path) -> Option<PathBuf> {
    let home = PathBuf::from(fs::read_to_string(dir.join("postgres.home")).ok()?.trim());
    home.is_dir().then_some(home)
}

/// A folder that the server's account can work in: below `dir`, or elsewhere and remembered in `dir`.
fn choose_home(dir: &Path, account: &Account, durability: Durability) -> Result<PathBuf> {
    if let Some(home) = remembered_home(dir).filter(|home| account.owns(home)) {
        return Ok(home);
    }
    let near = dir.join("postgres");
    if account.own(&near)? {
        return Ok(near);
    }
    fs::remove_dir(&near)
        .context("a data directory is there already that the postgres account cannot reach any more")?;

    let (parent, name) = match durability {
        Durability::Durable => (account.home(), format!("bizosaas-{}", ports::random_hex::<4>()?)),
        Durability::ThrowAway => (env::temp_dir(), throwaway::folder_name()?),
    };
    let home = parent.join(name);
    // Not `create_dir_all`: in a folder that everybody may write to, the name must be new.
    DirBuilder::new().mode(0o700).create(&home).with_context(|| format!("cannot make {}", home.display()))?;
    ensure!(account.own(&home)?, "the account `postgres` can reach neither {} nor {}", dir.display(), home.display());
    fs::write(dir.join("postgres.home"), home.to_string_lossy().as_bytes())?;
    if durability == Durability::Durable {
        eprintln!(
            "servers: the account `postgres` cannot reach {}, so the database's files are in {}",
            dir.display(),
            home.display()
        );
    }
    Ok(home)
}
