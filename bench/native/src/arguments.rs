//! The command line of the hosts, as far as it means anything here. Flags of theirs that do not are passed over, so
//! that whatever starts a host can start this.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, bail};

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The path of spin.toml.
    pub(crate) manifest: PathBuf,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
}

impl Arguments {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        match arguments.next().as_deref() {
            Some("up") => {}
            other => bail!("usage: native up -f spin.toml --listen 127.0.0.1:3000 (not {other:?})"),
        }
        let mut found = Self { manifest: "spin.toml".into(), listen: SocketAddr::from(([127, 0, 0, 1], 3000)) };
        while let Some(argument) = arguments.next() {
            let (flag, joined) = match argument.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value =
                || joined.clone().or_else(|| arguments.next()).with_context(|| format!("{flag} takes a value"));
            match flag {
                "-f" | "--from" | "--from-file" => found.manifest = value()?.into(),
                "--listen" => found.listen = value()?.parse().context("--listen takes an address and a port")?,
                // The value of a flag that is passed over comes by here too.
                _ => {}
            }
        }
        if found.manifest.is_dir() {
            found.manifest.push("spin.toml");
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_of_the_hosts_are_passed_over() {
        let arguments = parse("up -f app.toml --state-dir x --listen=127.0.0.1:81 --quiet --runtime-config-file y");
        let wanted = Arguments { manifest: "app.toml".into(), listen: SocketAddr::from(([127, 0, 0, 1], 81)) };
        assert_eq!(arguments.unwrap(), wanted);
        assert!(parse("down").is_err() && parse("up --listen").is_err() && parse("up --listen x").is_err());
    }
}
