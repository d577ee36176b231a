//! The load generator: `wrk` with a script of ours, which sends the requests of a plan in turn and makes each body its own.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

const SCRIPT: &str = include_str!("wrk.lua");

/// What is sent, in turn.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The requests; never empty.
    pub(crate) requests: Vec<Request>,
}

impl Plan {
    /// A plan of some requests.
    pub(crate) fn of(requests: impl IntoIterator<Item = Request>) -> Self {
        Self { requests: requests.into_iter().collect() }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Its method.
    pub(crate) method: &'static str,
    /// Its path, with the query.
    pub(crate) path: String,
    /// Its headers, without those that the generator adds.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Its body.
    pub(crate) body: Body,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// None.
    Empty,
    /// Always the same.
    Same(String),
    /// A text of its own for each request between these two.
    Unique {
        /// What stands before it.
        before: String,
        /// What stands behind it.
        after: String,
    },
}

impl Request {
    /// A request that reads.
    pub(crate) fn get(path: &str) -> Self {
        Self { method: "GET", path: path.to_owned(), headers: Vec::new(), body: Body::Empty }
    }

    /// A request that sends a body.
    pub(crate) fn post(path: &str, content_type: &str, body: Body) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { method: "POST", path: path.to_owned(), headers, body }
    }

    /// The same, from a caller.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.headers.push(("authorization", format!("Bearer {token}")));
        self
    }

    /// The body of one request, where `unique` tells it from the others.
    pub(crate) fn body_with(&self, unique: &str) -> Option<String> {
        match &self.body {
            Body::Empty => None,
            Body::Same(text) => Some(text.clone()),
            Body::Unique { before, after } => Some(format!("{before}{unique}{after}")),
        }
    }
}

/// How hard and how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Connections, each with one request under way.
    pub(crate) connections: u32,
    /// Seconds.
    pub(crate) seconds: u32,
    /// Whether answers are counted by their status, which costs the generator something.
    pub(crate) count_statuses: bool,
}

/// What a load met with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Outcome {
    /// Answers.
    pub(crate) requests: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Half of the answers came in less, in milliseconds.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred came in less.
    pub(crate) p99_ms: f64,
    /// None took longer.
    pub(crate) max_ms: f64,
    /// Answers with a status of 400 or above.
    pub(crate) refused: u64,
    /// Connections that failed at any point, and answers that took longer than the generator's 10 s.
    pub(crate) broken: u64,
    /// Answers with a `Retry-After`, if they were counted.
    pub(crate) retry_after: u64,
    /// Answers that were the problem `saturated`, if they were counted.
    pub(crate) saturated: u64,
    /// Answers by status, if they were counted.
    pub(crate) statuses: BTreeMap<u16, u64>,
}

impl Outcome {
    /// Answers in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds.max(0.001)
    }

    /// The share of requests that did not get what they asked for.
    pub(crate) fn failed_share(&self) -> f64 {
        (self.refused + self.broken) as f64 / (self.requests + self.broken).max(1) as f64
    }
}

/// The generator of this run.
#[derive(Debug)]
pub(crate) struct Generator {
    folder: PathBuf,
    /// The core that it has to itself.
    core: Option<u32>,
    run: AtomicU32,
}

impl Generator {
    /// Finds a generator; its files go into `folder`.
    pub(crate) fn find(folder: &Path, core: Option<u32>) -> Result<Self> {
        ensure!(on_path("wrk"), "no load generator: install the Debian package `wrk`");
        std::fs::write(folder.join("wrk.lua"), SCRIPT)?;
        Ok(Self { folder: folder.to_owned(), core, run: AtomicU32::new(0) })
    }

    /// What a reader should know about it.
    pub(crate) fn description(&self) -> String {
        let name = "wrk, all tenants in turn";
        match self.core {
            Some(core) => format!("{name}; pinned to core {core}, everything else to the other cores"),
            None => format!("{name}; not pinned, because there are too few cores to give it one"),
        }
    }

    /// Puts a load on a system.
    pub(crate) fn load(&self, port: u16, plan: &Plan, load: Load) -> Result<Outcome> {
        ensure!(!plan.requests.is_empty(), "a load needs requests");
        let run = format!("{}-{}", std::process::id(), self.run.fetch_add(1, Ordering::Relaxed));
        let file = self.folder.join("plan.lua");
        std::fs::write(&file, lua(plan, &run, load.count_statuses))?;
        let threads = if self.core.is_some() { 1 } else { load.connections.min(2) };
        let mut command = self.wrk();
        command.args([format!("-t{threads}"), format!("-c{}", load.connections), format!("-d{}s", load.seconds)]);
        command.args(["--timeout", "10s", "-s"]).arg(self.folder.join("wrk.lua"));
        command.arg(format!("http://127.0.0.1:{port}")).arg("--").arg(file);
        outcome_of_wrk(&output(command)?)
    }

    fn wrk(&self) -> Command {
        let Some(core) = self.core else { return Command::new("wrk") };
        let mut command = Command::new("taskset");
        command.args(["-c", &core.to_string(), "wrk"]);
        command
    }
}

/// Whether a program can be called by its name.
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn output(mut command: Command) -> Result<String> {
    let output = command.output().context("the load generator cannot be run")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "the load generator failed: {text}{}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(text)
}

/// The plan as a Lua file.
fn lua(plan: &Plan, run: &str, count_statuses: bool) -> String {
    let mut text = format!("return {{ statuses = {count_statuses}, run = {}, requests = {{\n", quoted(run));
    for request in &plan.requests {
        let _ = write!(text, "{{ method = {}, path = {}, headers = {{ ", quoted(request.method), quoted(&request.path));
        for (name, value) in &request.headers {
            let _ = write!(text, "[{}] = {}, ", quoted(name), quoted(value));
        }
        text.push_str("}, ");
        let _ = match &request.body {
            Body::Empty => Ok(()),
            Body::Same(body) => write!(text, "body_before = {}, ", quoted(body)),
            Body::Unique { before, after } => {
                write!(text, "body_before = {}, body_after = {}, ", quoted(before), quoted(after))
            }
        };
        text.push_str("},\n");
    }
    text + "} }\n"
}

/// A Lua string. What is quoted here is ASCII without control characters, but quotes and backslashes may be in it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Reads the line that the script writes at the end.
fn outcome_of_wrk(text: &str) -> Result<Outcome> {
    let line = text.lines().find_map(|line| line.strip_prefix("BENCH "));
    let line = line.with_context(|| format!("wrk did not come to its end: {text}"))?;
    serde_json::from_str(line).with_context(|| format!("wrk wrote something else than figures: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_wrk_is_found_among_others() {
        let text = "Running 5s test\n  2 threads\nBENCH {\"requests\":10,\"seconds\":2.0,\"p50_ms\":1.5,\"p99_ms\":3.5,\
                    \"max_ms\":4.0,\"refused\":1,\"broken\":0,\"retry_after\":1,\"saturated\":1,\"statuses\":{\"200\":9,\"503\":1}}\n";
        let outcome = outcome_of_wrk(text).unwrap();
        assert_eq!((outcome.requests, outcome.rate(), outcome.p99_ms), (10, 5.0, 3.5));
        assert_eq!(outcome.statuses, BTreeMap::from([(200, 9), (503, 1)]));
        assert_eq!(outcome.failed_share(), 0.1);
        assert!(outcome_of_wrk("unable to connect").unwrap_err().to_string().contains("unable to connect"));
    }

    #[test]
    fn a_plan_is_lua() {
        let body = Body::Unique { before: r#"{"a":""#.to_owned(), after: "\"}".to_owned() };
        let plan = Plan::of([Request::post("/x", "application/json", body).with_token("t")]);
        assert_eq!(
            lua(&plan, "r", true),
            "return { statuses = true, run = \"r\", requests = {\n{ method = \"POST\", path = \"/x\", headers = { \
             [\"content-type\"] = \"application/json\", [\"authorization\"] = \"Bearer t\", }, \
             body_before = \"{\\\"a\\\":\\\"\", body_after = \"\\\"}\", },\n} }\n"
        );
    }
}
