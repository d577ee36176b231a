//! Under which account Postgres runs: it refuses root, so root hands it to the `postgres` account.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

/// The account that owns the data directory and runs the server.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Set when we are root and switch to another account.
    other: Option<User>,
}

impl Account {
    /// The `postgres` account for root, the caller's own for everybody else.
    pub(crate) fn for_postgres() -> Result<Account> {
        if !Uid::effective().is_root() {
            return Ok(Account { other: None });
        }
        match User::from_name("postgres").context("the list of accounts cannot be read")? {
            Some(user) => Ok(Account { other: Some(user) }),
            None => bail!(
                "Postgres does not run as root and there is no account `postgres`: run `apt-get install postgresql`, \
                 which makes it, or start as an ordinary user"
            ),
        }
    }

    /// A command that runs under this account, in `directory`, without a terminal.
    pub(crate) fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(directory).stdin(Stdio::null());
        if let Some(user) = &self.other {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }

    /// Makes `directory` if needed, private to this account; says whether the account can work in it.
    pub(crate) fn own(&self, directory: &Path) -> Result<bool> {
        fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
        let Some(user) = &self.other else { return Ok(true) };
        chown(directory, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .with_context(|| format!("cannot give {} to {}", directory.display(), user.name))?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        // Asked of the system itself: any folder above may refuse to be passed through, for more than one reason.
        let reachable = self.command(Path::new("test"), Path::new("/")).arg("-w").arg(directory).status();
        Ok(reachable.is_ok_and(|status| status.success()))
    }

    /// Gives one file to this account.
    pub(crate) fn give(&self, file: &Path) -> Result<()> {
        if let Some(user) = &self.other {
            chown(file, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .with_context(|| format!("cannot give {} to {}", file.display(), user.name))?;
        }
        Ok(())
    }

    /// Whether `path` belongs to this account or to the caller: anything else in a shared folder is not ours to touch.
    pub(crate) fn owns(&self, path: &Path) -> bool {
        let owner = fs::symlink_metadata(path).map(|metadata| metadata.uid());
        let ours = self.other.as_ref().map(|user| user.uid.as_raw());
        owner.is_ok_and(|uid| uid == Uid::effective().as_raw() || Some(uid) == ours)
    }

    /// Where durable data goes when the account cannot reach the place that was asked for.
    pub(crate) fn home(&self) -> PathBuf {
        match &self.other {
            Some(user) if user.dir.is_dir() => user.dir.clone(),
            Some(_) | None => PathBuf::from("/var/tmp"),
        }
    }
}
