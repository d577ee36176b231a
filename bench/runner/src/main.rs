//! The `bench` command: measures the app against its peers in one run, and writes what it measured.
//!
//! - `bench` measures everything and writes `docs/benchmarks.json`, `docs/benchmarks.md` and `docs/benchmarks/*.svg`.
//! - `bench --quick` measures a little, and compares its ratios with the committed ones; it writes nothing.
//! - `bench --growth` measures growth alone, into the committed result; `bench --crypto` does so with Argon2id and Ed25519.
//! - `bench --report` writes the page and the charts anew from the committed result.
//!
//! Every turn has a process of its own: seven systems with 60 connections each would not fit into one Postgres, and what is
//! idle beside the measured one would take its share of the machine.

#![allow(clippy::disallowed_methods, reason = "a native tool whose work is to measure time")]

mod budgets;
mod charts;
mod crypto;
mod database;
mod generator;
mod growth;
mod idle;
mod machine;
mod markdown;
mod measure;
mod population;
mod processes;
mod progress;
mod quick;
mod result;
mod route;
mod stats;
mod svg;
mod system;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use clap::Parser;

use crate::{
    database::Database,
    generator::{Generator, on_path},
    growth::Growth,
    machine::Host,
    measure::{Bench, Settings},
    population::Population,
    progress::Progress,
    result::{Method, OnSpin, Outcomes, all_ratios, routes},
    route::Route,
    system::{MeasuredIn, Places, Runtime, Starter, System},
};

/// Ratios by route.
type Ratios = std::collections::BTreeMap<String, result::Figures>;

/// Measures the app against its peers in one run.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Measures a little, compares with the committed result, writes nothing; fails where a ratio fell by more than 25 %,
    /// or cannot be compared.
    #[arg(long, conflicts_with_all = ["growth", "crypto", "report"])]
    quick: bool,
    /// Measures growth alone, and puts it into the committed result.
    #[arg(long, conflicts_with_all = ["crypto", "report", "no_growth"])]
    growth: bool,
    /// Measures Argon2id and Ed25519 alone, in WebAssembly beside Python's, and puts them into the committed result.
    #[arg(long, conflicts_with_all = ["report", "no_growth"])]
    crypto: bool,
    /// Measures nothing: writes the page and the charts anew from the committed result.
    #[arg(long)]
    report: bool,
    /// Leaves growth out of a whole run.
    #[arg(long)]
    no_growth: bool,
    /// Rounds of everything [default: 5; 2 with --quick].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Seconds of each turn [default: 5; 2 with --quick].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    /// Seconds of warm-up before each turn [default: 2; 1 with --quick].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    warm_up: Option<u32>,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// The systems, separated by commas [default: all that a run of its kind has; Spin where it is on PATH].
    #[arg(long, value_enum, value_delimiter = ',')]
    systems: Vec<System>,
    /// The routes, separated by commas [default: all; with --quick those that have budgets].
    #[arg(long, value_enum, value_delimiter = ',')]
    routes: Vec<Route>,
    /// The folder that the result is written into, or compared with [default: docs, if everything is measured].
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    places: Places,
}

impl Arguments {
    fn chosen_systems(&self) -> Vec<System> {
        let spin = self.places.has_spin() || on_path("spin");
        let is_part = self.growth || self.crypto;
        let wanted = |system: &System| match system.facts().measured {
            _ if !self.systems.is_empty() => self.systems.contains(system),
            MeasuredIn::All => true,
            MeasuredIn::AllButGrowth => !is_part,
            MeasuredIn::Whole => !is_part && !self.quick,
            MeasuredIn::WholeWithSpin => !is_part && !self.quick && spin,
        };
        System::all().filter(wanted).collect()
    }

    fn chosen_routes(&self) -> Vec<Route> {
        match (self.routes.is_empty(), self.quick) {
            (false, _) => Route::all().filter(|route| self.routes.contains(route)).collect(),
            (true, true) => Route::BUDGETED.to_vec(),
            (true, false) => Route::all().collect(),
        }
    }

    fn settings(&self) -> Settings {
        let (rounds, seconds, warm_up) = if self.quick { (2, 2, 1) } else { (5, 5, 2) };
        Settings {
            rounds: self.rounds.unwrap_or(rounds),
            seconds: self.seconds.unwrap_or(seconds),
            warm_up_seconds: self.warm_up.unwrap_or(warm_up),
            connections: self.connections,
        }
    }

    /// Where the result goes: nowhere if it is part of one only, unless a folder is named.
    fn documents(&self, root: &Path) -> Option<PathBuf> {
        let whole = self.systems.is_empty() && self.routes.is_empty() && !self.no_growth;
        self.output.clone().or_else(|| (whole && !self.quick).then(|| root.join("docs")))
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Answers whether all is well.
fn run(arguments: &Arguments) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let documents = arguments.documents(&root);
    if arguments.report {
        let documents = documents.unwrap_or_else(|| root.join("docs"));
        let mut outcomes = Outcomes::read(&documents)?;
        // Of the same components, `bench/footprint` may have measured more meanwhile.
        outcomes.memory.extend(result::idle_memory(&root, &outcomes.wasm_bytes).0);
        write(&root, &documents, &mut outcomes)?;
        return Ok(true);
    }
    // Before anything takes minutes.
    let is_part = arguments.growth || arguments.crypto;
    let committed = if is_part { documents.as_deref().map(Outcomes::read).transpose()? } else { None };
    let (systems, routes) = (arguments.chosen_systems(), arguments.chosen_routes());
    let then = if arguments.quick { committed_ratios(arguments, &root)? } else { Ratios::new() };
    let wanted = quick::wanted(&systems, &routes);
    ensure!(!arguments.quick || !wanted.is_empty(), "there is nothing to compare: choose `ours` and a peer");
    let host = Host::look();
    let work = tempfile::Builder::new().prefix("bizosaas-bench-").tempdir()?;
    let bench = prepare(arguments, &root, work.path())?;

    if arguments.quick {
        let turns = bench.rounds(&systems, &routes)?;
        let moves = quick::compare(&wanted, &then, &all_ratios(&turns, Runtime::Devhost));
        print!("{}", quick::table(&moves));
        return Ok(quick::all_well(&moves));
    }
    if arguments.crypto {
        let crypto = bench.crypto()?;
        if let (Some(mut outcomes), Some(documents)) = (committed, documents) {
            outcomes.crypto = crypto;
            write(&root, &documents, &mut outcomes)?;
        }
        return Ok(true);
    }
    if arguments.growth {
        let growth = bench.growth(&systems)?;
        let kept = nothing_lost(&growth);
        if let (Some(mut outcomes), Some(documents)) = (committed, documents) {
            outcomes.growth = Some(growth);
            write(&root, &documents, &mut outcomes)?;
        }
        return Ok(kept);
    }
    let mut outcomes = whole(&bench, host, &root, &systems, &routes)?;
    if !arguments.no_growth {
        outcomes.growth = Some(bench.growth(&systems)?);
    }
    outcomes.method.load_at_end = machine::load();
    match documents {
        Some(documents) => write(&root, &documents, &mut outcomes)?,
        None => {
            outcomes.budgets = budgets::budgets(&outcomes);
            print!("{}", markdown::page(&outcomes, &[], ""));
            eprintln!("bench: part of a result only, so none was written; --output names a folder for it");
        }
    }
    Ok(outcomes.growth.as_ref().is_none_or(nothing_lost))
}

/// Makes everything that a run needs, and refuses what cannot work before it takes long.
fn prepare(arguments: &Arguments, root: &Path, work: &Path) -> Result<Bench> {
    let systems = arguments.chosen_systems();
    ensure!(!systems.is_empty(), "no system is left to be measured");
    for system in &systems {
        arguments.places.check(root, *system)?;
    }
    let progress = Progress::begin()?;
    let generator = Generator::find(work, generators_core()?)?;
    progress.say(&format!("load generator: {}", generator.description()));
    let (database, variables) = Database::start()?;
    let population = Population::plant(&database, &variables)?;
    progress.say("planted tenants and leads");
    let starter =
        Starter { root: root.to_owned(), places: arguments.places.clone(), variables, folder: work.to_owned() };
    let bench = Bench { starter, database, population, generator, progress, settings: arguments.settings() };
    for system in systems {
        bench.starter.prepare(system)?;
        // The first start compiles: it belongs to no measurement.
        drop(bench.fresh(system)?);
        bench.progress.say(&format!("{} starts", system.label()));
    }
    Ok(bench)
}

/// The generator gets a core to itself where there are enough; we, and all that we start, then leave that one alone.
fn generators_core() -> Result<Option<u32>> {
    let cores = machine::cores();
    if cores < 4 || !on_path("taskset") {
        return Ok(None);
    }
    let others = format!("1-{}", cores - 1);
    let moved = Command::new("taskset").args(["-apc", &others, &std::process::id().to_string()]).output();
    ensure!(moved.context("taskset cannot be run")?.status.success(), "taskset cannot move us to the cores {others}");
    Ok(Some(0))
}

fn whole(bench: &Bench, host: Host, root: &Path, systems: &[System], measured: &[Route]) -> Result<Outcomes> {
    let turns = bench.rounds(systems, measured)?;
    let (footprints, cold_start_ms) = bench.footprints(systems, &turns)?;
    let settings = bench.settings;
    let wasm_bytes = machine::wasm_bytes(root);
    let (memory, missing) = result::idle_memory(root, &wasm_bytes);
    for why in missing {
        bench.progress.say(&format!("no memory of the three services: {why}"));
    }
    Ok(Outcomes {
        host,
        runtime: bench.versions(systems)?,
        method: Method {
            date: DateTime::<Utc>::from(SystemTime::now()).date_naive().to_string(),
            settings,
            generator: bench.generator.description(),
            load_at_end: machine::load(),
        },
        routes: routes(&turns, Runtime::Devhost),
        ratios: all_ratios(&turns, Runtime::Devhost),
        spin: systems
            .contains(&System::Spin)
            .then(|| OnSpin { routes: routes(&turns, Runtime::Spin), ratios: all_ratios(&turns, Runtime::Spin) }),
        memory,
        cold_start_ms,
        systems: footprints,
        wasm_bytes,
        crypto: bench.crypto()?,
        growth: None,
        budgets: Vec::new(),
    })
}

fn nothing_lost(growth: &Growth) -> bool {
    let Some(saturation) = &growth.saturation else { return true };
    let well = saturation.nothing_lost() && saturation.refusals_say_when();
    if !well {
        eprintln!("bench: past saturation something went wrong: {saturation:?}");
    }
    well
}

fn committed_ratios(arguments: &Arguments, root: &Path) -> Result<Ratios> {
    let documents = arguments.output.clone().unwrap_or_else(|| root.join("docs"));
    Ok(Outcomes::read(&documents).context("there is no committed result to compare with")?.ratios)
}

/// Writes the result, the page and the charts.
fn write(root: &Path, documents: &Path, outcomes: &mut Outcomes) -> Result<()> {
    outcomes.budgets = budgets::budgets(outcomes);
    let folder = documents.join("benchmarks");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(Outcomes::path(documents), serde_json::to_string_pretty(outcomes)? + "\n")?;
    let charts = charts::charts(outcomes);
    // A chart that is not drawn any more must not stay behind.
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            std::fs::remove_file(path)?;
        }
    }
    for chart in &charts {
        std::fs::write(folder.join(format!("{}.svg", chart.name)), &chart.svg)?;
    }
    let notes = std::fs::read_to_string(root.join("bench/runner/notes.md")).context("bench/runner/notes.md")?;
    std::fs::write(documents.join("benchmarks.md"), markdown::page(outcomes, &charts, &notes))?;
    eprintln!("bench: wrote {} and {} charts", documents.join("benchmarks.md").display(), charts.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::try_parse_from(std::iter::once("bench").chain(line.split_whitespace())).unwrap()
    }

    #[test]
    fn a_part_of_a_result_is_not_written_over_the_whole() {
        let root = Path::new("/p");
        assert_eq!(arguments("").documents(root), Some(root.join("docs")));
        assert_eq!(arguments("--growth").documents(root), Some(root.join("docs")));
        for part in ["--quick", "--systems ours,floor", "--routes list_leads", "--no-growth"] {
            assert_eq!(arguments(part).documents(root), None, "{part}");
        }
        assert_eq!(arguments("--systems ours --output /x").documents(root), Some("/x".into()));
    }

    #[test]
    fn quick_measures_little() {
        let quick = arguments("--quick");
        assert_eq!(quick.chosen_routes(), Route::BUDGETED);
        assert_eq!(quick.chosen_systems(), [System::Ours, System::Axum, System::Fastapi, System::Floor]);
        assert_eq!(quick::wanted(&quick.chosen_systems(), &quick.chosen_routes()).len(), 9);
        assert_eq!((quick.settings().rounds, quick.settings().seconds), (2, 2));
        assert_eq!(arguments("--systems floor,ours").chosen_systems(), [System::Ours, System::Floor]);
    }
}
