//! A line for each measurement on standard error, with the minutes that have passed; and whether somebody wants the run
//! to end.
//!
//! What must stay true: a run that is ended unwinds, because what it started is stopped by being dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// When the run began.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    ended: Arc<AtomicBool>,
}

impl Progress {
    /// Begins now. From here on a signal ends the run at its next [`go_on`](Self::go_on).
    pub(crate) fn begin() -> Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&ended))?;
        }
        Ok(Self { begun: Instant::now(), ended })
    }

    /// Refuses to go on once somebody wants the run to end.
    pub(crate) fn go_on(&self) -> Result<()> {
        ensure!(!self.ended.load(Ordering::Relaxed), "ended from outside; nothing was written");
        Ok(())
    }

    /// Says something.
    pub(crate) fn say(&self, what: &str) {
        let seconds = self.begun.elapsed().as_secs();
        eprintln!("{:>3}:{:02}  {what}", seconds / 60, seconds % 60);
    }
}
