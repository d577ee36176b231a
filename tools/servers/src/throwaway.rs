//! A throw-away pair of servers in a folder of its own, and the clean-up after programs that were killed.
//!
//! The folder's name carries the process that made it. Whoever comes next stops and deletes what belongs to processes
//! that are gone, because a killed test run cannot do it itself.

use std::env;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::account::Account;
use crate::{Postgres, Redis, ports};

const PREFIX: &str = "bizosaas-throwaway-";

/// A Postgres and a Redis that vanish with this value.
#[derive(Debug)]
pub struct ThrowAway {
    /// The database server.
    pub postgres: Postgres,
    /// The store.
    pub redis: Redis,
    _folder: Folder,
}

impl ThrowAway {
    /// Starts both at once, on free ports.
    pub fn start() -> Result<ThrowAway> {
        sweep();
        let folder = Folder::new()?;
        let (postgres, redis) = thread::scope(|scope| {
            let postgres = scope.spawn(|| Postgres::start(&folder.0, None));
            let redis = Redis::start(&folder.0, None);
            (postgres.join().unwrap_or_else(|_| Err(anyhow!("starting Postgres panicked"))), redis)
        });
        Ok(ThrowAway { postgres: postgres?, redis: redis?, _folder: folder })
    }
}

/// Deleted when dropped; declared last in [`ThrowAway`], so that both servers are gone by then.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        let path = env::temp_dir().join(folder_name()?);
        // The account that runs Postgres passes through it, and sees no more than it already knows.
        DirBuilder::new().mode(0o711).create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A new name that tells which process it belongs to.
pub(crate) fn folder_name() -> Result<String> {
    Ok(format!("{PREFIX}{}-{}", process::id(), ports::random_hex::<4>()?))
}

/// Stops and deletes what killed programs left behind. Whatever fails here fails quietly: the next one tries again.
fn sweep() {
    let Ok(account) = Account::for_postgres() else { return };
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let path = entry.path();
        if belongs_to_the_dead(&path) && account.owns(&path) {
            if path.join("data").is_dir() {
                // The home of a server whose own folder could not be reached; its folder names it and is swept, too.
                let _ = Postgres::adopt(&path).map(drop);
            } else {
                let _ = Postgres::adopt(&path.join("postgres")).map(drop);
                let _ = Redis::existing(&path).map(|redis| redis.stop());
            }
            let _ = fs::remove_dir_all(&path);
        }
    }
}

fn belongs_to_the_dead(path: &Path) -> bool {
    let pid = path
        .file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.strip_prefix(PREFIX))
        .and_then(|rest| rest.split('-').next())
        .and_then(|digits| digits.parse().ok());
    pid.is_some_and(|pid| kill(Pid::from_raw(pid), None) == Err(nix::errno::Errno::ESRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_processes_are_swept() {
        let own = PathBuf::from(folder_name().unwrap());
        assert!(!belongs_to_the_dead(&own), "we are alive");
        assert!(!belongs_to_the_dead(Path::new("/tmp/somebody-elses")));
        // No process has this number: it is above the kernel's highest.
        assert!(belongs_to_the_dead(Path::new("/tmp/bizosaas-throwaway-2000000000-00")));
    }
}
