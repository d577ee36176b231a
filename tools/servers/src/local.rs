//! The durable pair of a checkout, under `.local/`: started by `./dev up`, found again by the next one.
//!
//! A lock file makes two starts at once wait for each other.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::{Postgres, Redis};

/// The servers of one directory.
#[derive(Debug)]
pub struct Local {
    dir: PathBuf,
    _lock: File,
}

impl Local {
    /// Takes hold of `dir`, waiting for whoever has it.
    pub fn lock(dir: &Path) -> Result<Local> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let dir = dir.canonicalize()?;
        let lock = File::create(dir.join("servers.lock")).context("the lock of the servers cannot be made")?;
        lock.lock().context("the lock of the servers cannot be taken")?;
        Ok(Local { dir, _lock: lock })
    }

    /// Starts Postgres, or finds it running.
    pub fn postgres(&self) -> Result<Postgres> {
        Postgres::start_durable(&self.dir, None)
    }

    /// Starts Redis, or finds it running.
    pub fn redis(&self) -> Result<Redis> {
        Redis::start_durable(&self.dir, None)
    }

    /// Stops both. Their data stays.
    pub fn stop(&self) -> Result<()> {
        if let Some(redis) = Redis::existing(&self.dir) {
            redis.stop()?;
        }
        if let Some(postgres) = Postgres::existing(&self.dir)? {
            postgres.stop()?;
        }
        Ok(())
    }

    /// Stops both and deletes their data, wherever it is.
    pub fn delete(&self) -> Result<()> {
        self.stop()?;
        if let Some(redis) = Redis::existing(&self.dir) {
            redis.delete()?;
        }
        if let Some(postgres) = Postgres::existing(&self.dir)? {
            postgres.delete()?;
        }
        Ok(())
    }
}
