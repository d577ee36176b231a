//! The command line: `devhost up`, with the flags that `spin up` has, by the same names.

use crate::range::{Choice, parse_count, parse_time};
use clap::{Args, Parser, Subcommand, ValueEnum, builder::BoolishValueParser};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Runs a Spin application where the Spin CLI is not at hand. For development and tests; production runs on Spin.
#[derive(Debug, Parser)]
#[command(name = "devhost", version, about)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the host can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the application in the foreground.
    Up(Box<Up>),
}

/// `devhost up`
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// The manifest, or the folder that holds spin.toml.
    #[arg(short = 'f', long = "from", visible_alias = "from-file", default_value = "spin.toml")]
    pub(crate) from: PathBuf,

    /// Address to listen on.
    #[arg(long, env = "SPIN_HTTP_LISTEN_ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// Take the next free port when the one of --listen is taken.
    #[arg(long)]
    pub(crate) find_free_port: bool,

    /// How the list of routes is printed.
    #[arg(long, value_enum, default_value_t = Format::Plain)]
    pub(crate) format: Format,

    /// Value of an application variable: name=value, name=@file, @file.json or @file.toml. Repeatable, the last wins.
    #[arg(long = "variable")]
    pub(crate) variables: Vec<String>,

    /// Environment variable (name=value) for every component.
    #[arg(short = 'e', long = "env", value_parser = parse_pair)]
    pub(crate) environment: Vec<(String, String)>,

    /// Providers of variables, limits of connections.
    #[arg(long, env = "RUNTIME_CONFIG_FILE")]
    pub(crate) runtime_config_file: Option<PathBuf>,

    /// Where state is kept; `.spin` beside the manifest unless given, nowhere if empty.
    #[arg(long)]
    pub(crate) state_dir: Option<PathBuf>,

    /// Where components' stdout and stderr go; `logs` in the state folder unless given, nowhere if empty.
    #[arg(short = 'L', long, env = "SPIN_LOG_DIR")]
    pub(crate) log_dir: Option<PathBuf>,

    /// Empty the log files first.
    #[arg(long)]
    pub(crate) truncate_logs: bool,

    /// Do not echo what components print.
    #[arg(short = 'q', long, conflicts_with = "follow")]
    pub(crate) quiet: bool,

    /// Echo what these components print, and no other.
    #[arg(long)]
    pub(crate) follow: Vec<String>,

    /// Compile again instead of taking compiled code from the cache.
    #[arg(long, env = "DISABLE_WASMTIME_CACHE", value_parser = BoolishValueParser::new(), conflicts_with = "cache")]
    pub(crate) disable_cache: bool,

    /// Configuration of the cache of compiled code.
    #[arg(long, env = "WASMTIME_CACHE_FILE")]
    pub(crate) cache: Option<PathBuf>,

    /// Allocate each instance by itself.
    #[arg(long)]
    pub(crate) disable_pooling: bool,

    /// Bytes of linear memory that an instance may have.
    #[arg(long, env = "SPIN_MAX_INSTANCE_MEMORY")]
    pub(crate) max_instance_memory: Option<usize>,

    /// Requests that an instance serves before it is dropped; a number or a range to draw from.
    #[arg(long, default_value = "128", value_parser = parse_count)]
    pub(crate) max_instance_reuse_count: Choice<usize>,

    /// Requests that an instance serves at the same time; a number or a range to draw from.
    #[arg(long, default_value = "16", value_parser = parse_count)]
    pub(crate) max_instance_concurrent_reuse_count: Choice<usize>,

    /// How long an idle instance is kept; a time such as 500ms or a range to draw from.
    #[arg(long, default_value = "1s", value_parser = parse_time)]
    pub(crate) idle_instance_timeout: Choice<Duration>,

    /// How long a request may take; without a limit unless given.
    #[arg(long, value_parser = parse_time)]
    pub(crate) request_timeout: Option<Choice<Duration>>,
}

/// How the list of routes is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Plain,
    /// For programs.
    Json,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write name=value".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_spins() {
        let Command::Up(up) = Cli::parse_from(["devhost", "up"]).command;
        assert_eq!(up.max_instance_reuse_count, Choice::One(128));
        assert_eq!(up.max_instance_concurrent_reuse_count, Choice::One(16));
        assert_eq!(up.idle_instance_timeout, Choice::One(Duration::from_secs(1)));
        assert_eq!(up.request_timeout, None);
    }
}
