//! The two computations that a request may wait for, in WebAssembly on the dev host beside what Python services use:
//! Argon2id beside argon2-cffi's C, verifying an Ed25519 signature beside OpenSSL.
//!
//! What must stay true: both sides compute the same from the same inputs, in turn and on a machine that does nothing
//! else; what is compared is CPU time.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    generator::Request,
    measure::Bench,
    processes::Processes,
    result::Figures,
    stats::{rounded, spread},
    system::{Launch, Program, Running},
};

/// A computation, by the path of the guest and the word of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Computation {
    /// A password hash with the parameters of the app.
    Argon2id,
    /// Verifying a signature as long as a token's.
    Ed25519Verify,
}

impl Computation {
    /// Both, in the order of the report.
    pub(crate) const ALL: [Self; 2] = [Self::Argon2id, Self::Ed25519Verify];

    /// What the result calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Argon2id => "argon2id",
            Self::Ed25519Verify => "ed25519_verify",
        }
    }

    /// What a reader calls it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Argon2id => "Argon2id, 19 MiB, two passes",
            Self::Ed25519Verify => "verifying an Ed25519 signature",
        }
    }

    /// How often in a second, about: the kernel counts CPU time in hundredths of one.
    fn times_a_second(self) -> u32 {
        match self {
            Self::Argon2id => 25,
            Self::Ed25519Verify => 6000,
        }
    }
}

impl Bench {
    /// By computation, the CPU time of one on either side, in microseconds, and ours as a multiple of theirs.
    pub(crate) fn crypto(&self) -> Result<BTreeMap<String, Figures>> {
        let starter = &self.starter;
        let python = starter.root.join(".local/bench/fastapi-venv/bin/python");
        ensure!(python.exists(), "{} is missing: run bench/fastapi/serve --prepare", python.display());
        ensure!(
            starter.root.join("dist/crypto-pair.wasm").exists(),
            "dist/crypto-pair.wasm is missing: ./dev build crypto-pair"
        );
        self.progress.go_on()?;
        let guest = starter.start_launch(&Launch {
            name: "crypto-pair",
            label: "the computations, dev host",
            binary: starter.places.binary(&starter.root, Program::Devhost),
            manifest: starter.root.join("bench/crypto-pair/spin.toml"),
            environment: &[],
        })?;
        let script = starter.root.join("bench/crypto-pair/pair.py");
        let mut all = BTreeMap::new();
        for computation in Computation::ALL {
            // What the first one costs more is not what is compared: the script has a first one of its own.
            in_wasm(&guest, computation, 1)?;
            let times = computation.times_a_second() * self.settings.seconds.min(2);
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for round in 0..self.settings.rounds {
                self.progress.go_on()?;
                let mut results = BTreeMap::new();
                for is_ours in if round % 2 == 0 { [true, false] } else { [false, true] } {
                    let (result, cpu_us) = match is_ours {
                        true => in_wasm(&guest, computation, times)?,
                        false => in_python(&python, &script, computation, times)?,
                    };
                    if is_ours {
                        ours.push(cpu_us)
                    } else {
                        theirs.push(cpu_us)
                    }
                    results.insert(is_ours, result);
                }
                ensure!(results[&true] == results[&false], "the sides do not compute the same: {results:?}");
            }
            let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
            let figures = figures(&[("wasm_us", ours), ("python_us", theirs), ("ratio", ratios)]);
            self.progress.say(&format!("{}: {figures:?}", computation.name()));
            all.insert(computation.name().to_owned(), figures);
        }
        Ok(all)
    }
}

fn figures(values: &[(&str, Vec<f64>)]) -> Figures {
    let mut figures = Figures::new();
    for (name, values) in values {
        if let Some(spread) = spread(values.iter().copied()) {
            for (end, value) in [("", spread.median), ("_min", spread.min), ("_max", spread.max)] {
                figures.insert(format!("{name}{end}"), rounded(value));
            }
        }
    }
    figures
}

/// What was computed, and the CPU microseconds of one computation.
fn in_wasm(guest: &Running, computation: Computation, times: u32) -> Result<(String, f64)> {
    let cpu = || Processes::now().cpu_microseconds(guest.root());
    let before = cpu();
    let answer = guest.ask(&Request::get(&format!("/{}?times={times}", computation.name())), "")?;
    let took = cpu().saturating_sub(before);
    ensure!(answer.status == 200, "{computation:?} in WebAssembly failed: {}\n{}", answer.text, guest.log_tail());
    let result = answer.text.lines().last().unwrap_or_default().to_owned();
    Ok((result, took as f64 / f64::from(times)))
}

fn in_python(python: &Path, script: &Path, computation: Computation, times: u32) -> Result<(String, f64)> {
    let output = Command::new(python).arg("-B").arg(script).args([computation.name(), &times.to_string()]).output();
    let output = output.with_context(|| format!("{} cannot be run", python.display()))?;
    ensure!(output.status.success(), "{computation:?} in Python failed: {}", String::from_utf8_lossy(&output.stderr));
    said_by_python(&String::from_utf8_lossy(&output.stdout))
}

fn said_by_python(text: &str) -> Result<(String, f64)> {
    let (result, cpu_us) = text.trim().split_once(' ').with_context(|| format!("Python said {text:?}"))?;
    Ok((result.to_owned(), cpu_us.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_python_is_read() {
        assert_eq!(said_by_python("00ff 123.5\n").unwrap(), ("00ff".to_owned(), 123.5));
        assert!(said_by_python("").is_err());
    }

    #[test]
    fn figures_have_their_spread() {
        let figures = figures(&[("ratio", vec![1.0, 3.0, 2.0]), ("none", Vec::new())]);
        let wanted = [("ratio", 2.0), ("ratio_max", 3.0), ("ratio_min", 1.0)];
        assert_eq!(figures, wanted.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
