//! Finds the servers' programs: Debian keeps Postgres's outside PATH, in a folder for each major version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The folder that holds `initdb` and `pg_ctl`: of version `major` if data of that version is there, else the newest.
pub(crate) fn postgres(major: Option<&str>) -> Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        if let Some(version) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push((version, entry.path().join("bin")));
        }
    }
    found.retain(|(_, bin)| complete(bin));
    found.sort();

    match major {
        Some(major) => {
            if let Some((_, bin)) = found.iter().find(|(version, _)| version.to_string() == major) {
                return Ok(bin.clone());
            }
        }
        None => {
            if let Some((_, bin)) = found.pop() {
                return Ok(bin);
            }
        }
    }
    match on_path("pg_ctl").and_then(|path| path.parent().map(Path::to_path_buf)).filter(|bin| complete(bin)) {
        Some(bin) => Ok(bin),
        None => match major {
            Some(major) => bail!(
                "the data under .local was written by Postgres {major}, which is not installed: install it, or start afresh \
                 with `./dev reset`"
            ),
            None => bail!("Postgres is not installed: run `apt-get install postgresql`, or set DATABASE_URL"),
        },
    }
}

fn complete(bin: &Path) -> bool {
    bin.join("initdb").exists() && bin.join("pg_ctl").exists()
}

/// The Redis server, or Valkey, which took its place on some systems.
pub(crate) fn redis() -> Result<PathBuf> {
    match on_path("redis-server").or_else(|| on_path("valkey-server")) {
        Some(path) => Ok(path),
        None => bail!("Redis is not installed: run `apt-get install redis-server`, or set REDIS_URL"),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
