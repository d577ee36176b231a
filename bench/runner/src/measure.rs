//! One turn of one system on one route, and the rounds that turns make up.
//!
//! What must stay true: every turn begins the same way. The system's process is new and alone, the store is empty, nobody
//! else is connected to Postgres; then a check that it answers as it should, a warm-up, and the load that counts.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::{
    database::Database,
    generator::{Generator, Load, Outcome, Plan, Request},
    population::Population,
    processes::{Processes, pss_mib_below},
    progress::Progress,
    route::Route,
    system::{Running, Starter, System},
};

/// More failed requests than this share, and the figures would be those of refusals.
const FAILED_SHARE_MAX: f64 = 0.005;

/// Everything that a run needs.
#[derive(Debug)]
pub(crate) struct Bench {
    /// Starts systems.
    pub(crate) starter: Starter,
    /// The servers under them.
    pub(crate) database: Database,
    /// Who is measured.
    pub(crate) population: Population,
    /// Makes the load.
    pub(crate) generator: Generator,
    /// Tells what happens.
    pub(crate) progress: Progress,
    /// Rounds, seconds and connections.
    pub(crate) settings: Settings,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Rounds of everything.
    pub(crate) rounds: u32,
    /// Seconds of each turn.
    pub(crate) seconds: u32,
    /// Seconds of warm-up before each turn.
    pub(crate) warm_up_seconds: u32,
    /// Connections of the load generator.
    pub(crate) connections: u32,
}

/// What one turn measured.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// Which system.
    pub(crate) system: System,
    /// Which route.
    pub(crate) route: Route,
    /// In which round, from 0.
    pub(crate) round: u32,
    /// What the generator met with.
    pub(crate) outcome: Outcome,
    /// CPU microseconds a request.
    pub(crate) cpu: Cpu,
    /// Memory of the system right after the load, in MiB.
    pub(crate) pss_mib: f64,
}

/// CPU microseconds a request, by who used them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cpu {
    /// The measured system's processes.
    pub(crate) system: f64,
    /// Postgres.
    pub(crate) postgres: f64,
    /// Redis.
    pub(crate) redis: f64,
}

/// A load and what it cost.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// What the generator met with.
    pub(crate) outcome: Outcome,
    /// CPU microseconds a request.
    pub(crate) cpu: Cpu,
    /// Memory of the system right after the load, in MiB.
    pub(crate) pss_mib: f64,
}

impl Bench {
    /// Measures every system on every route, round by round. In each round another system begins.
    pub(crate) fn rounds(&self, systems: &[System], routes: &[Route]) -> Result<Vec<Turn>> {
        let mut turns = Vec::new();
        for (place, route) in routes.iter().enumerate() {
            let taking_part: Vec<System> =
                systems.iter().copied().filter(|system| !(system.is_floor() && route.hashes())).collect();
            if taking_part.is_empty() {
                continue;
            }
            for round in 0..self.settings.rounds {
                let mut order = taking_part.clone();
                order.rotate_left((round as usize + place) % taking_part.len());
                for system in order {
                    turns.push(self.turn(system, *route, round)?);
                }
            }
        }
        Ok(turns)
    }

    /// Takes one turn.
    fn turn(&self, system: System, route: Route, round: u32) -> Result<Turn> {
        let running = self.fresh(system)?;
        // The plan is made now, for its tokens to be young.
        let plan = if system.is_floor() { Plan::of([Request::get("/floor")]) } else { route.plan(&self.population) };
        let load = Load {
            connections: route.connections(self.settings.connections),
            seconds: self.settings.seconds,
            count_statuses: false,
        };
        if !system.is_floor() {
            prove(&running, &plan, route)?;
        }
        let Measured { outcome, cpu, pss_mib } = self.measure(&running, &plan, load)?;
        ensure!(
            outcome.requests > 0 && outcome.failed_share() <= FAILED_SHARE_MAX,
            "{} on {route}: {} of {} requests were refused and {} connections broke: these figures would be those of \
             refusals\n{}",
            system.label(),
            outcome.refused,
            outcome.requests,
            outcome.broken,
            running.log_tail()
        );
        self.progress.say(&format!(
            "{:<12} round {} {:<13} {:>8.0} requests/s  p50 {:>7.2} ms  p99 {:>7.2} ms  CPU {:>6.0} + {:>5.0} + {:>3.0} µs  {:>4.0} MiB{}",
            route.name(),
            round + 1,
            system.name(),
            outcome.rate(),
            outcome.p50_ms,
            outcome.p99_ms,
            cpu.system,
            cpu.postgres,
            cpu.redis,
            pss_mib,
            if outcome.refused + outcome.broken > 0 { format!("  {} failed", outcome.refused + outcome.broken) } else { String::new() },
        ));
        Ok(Turn { system, route, round, outcome, cpu, pss_mib })
    }

    /// A new process of a system, alone on servers that have nothing else to do.
    pub(crate) fn fresh(&self, system: System) -> Result<Running> {
        self.progress.go_on()?;
        self.database.wait_until_quiet()?;
        self.database.empty_redis()?;
        self.starter.start(system)
    }

    /// Warms a system up, then puts the load on it that counts.
    pub(crate) fn measure(&self, running: &Running, plan: &Plan, load: Load) -> Result<Measured> {
        let warm_up = Load { seconds: self.settings.warm_up_seconds, count_statuses: false, ..load };
        self.generator.load(running.port, plan, warm_up)?;
        self.progress.go_on()?;
        let before = self.cpu_now(running);
        let outcome = self.generator.load(running.port, plan, load)?;
        let after = self.cpu_now(running);
        self.progress.go_on()?;
        let each = |place: usize| after[place].saturating_sub(before[place]) as f64 / outcome.requests.max(1) as f64;
        let cpu = Cpu { system: each(0), postgres: each(1), redis: each(2) };
        Ok(Measured { outcome, cpu, pss_mib: pss_mib_below(running.root()) })
    }

    fn cpu_now(&self, running: &Running) -> [u64; 3] {
        let processes = Processes::now();
        [running.root(), self.database.postgres_pid, self.database.redis_pid].map(|pid| processes.cpu_microseconds(pid))
    }
}

/// Sees to it that a system answers a route as it should, before its speed is of interest.
pub(crate) fn prove(running: &Running, plan: &Plan, route: Route) -> Result<()> {
    let unique = format!("proof-{}-{}", std::process::id(), running.port);
    let answer = running.ask(&plan.requests[0], &unique)?;
    ensure!(
        answer.status == route.expected_status() && answer.text.contains(route.expected_text()),
        "{} does not answer {route} as it should: {}\n{}",
        running.label,
        answer.text,
        running.log_tail()
    );
    Ok(())
}

/// The turns of one system on one route.
pub(crate) fn turns_of(turns: &[Turn], system: System, route: Route) -> impl Iterator<Item = &Turn> {
    turns.iter().filter(move |turn| turn.system == system && turn.route == route)
}

/// By round, how one system's requests a second compare with another's in the same round.
pub(crate) fn ratios(turns: &[Turn], route: Route, system: System, peer: System) -> Vec<f64> {
    let peers: BTreeMap<u32, f64> =
        turns_of(turns, peer, route).map(|turn| (turn.round, turn.outcome.rate())).collect();
    turns_of(turns, system, route)
        .filter_map(|turn| Some(turn.outcome.rate() / peers.get(&turn.round).filter(|rate| **rate > 0.0)?))
        .collect()
}

/// Turns for tests of what is made of them.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// One turn with this many requests a second.
    pub(crate) fn turn(system: System, route: Route, round: u32, rate: f64) -> Turn {
        let outcome = Outcome {
            requests: (rate * 2.0) as u64,
            seconds: 2.0,
            p50_ms: 1.0,
            p99_ms: 4.0,
            max_ms: 9.0,
            refused: 0,
            broken: 0,
            retry_after: 0,
            saturated: 0,
            statuses: BTreeMap::new(),
        };
        Turn { system, route, round, outcome, cpu: Cpu { system: 100.0, postgres: 50.0, redis: 5.0 }, pss_mib: 60.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{samples::turn, *};

    #[test]
    fn ratios_are_made_inside_a_round() {
        let route = Route::ListLeads;
        let turns = [
            turn(System::Ours, route, 0, 200.0),
            turn(System::Ours, route, 1, 900.0),
            turn(System::Fastapi, route, 1, 300.0),
            turn(System::Fastapi, route, 0, 100.0),
            turn(System::Ours, Route::ReadLead, 0, 7.0),
        ];
        assert_eq!(ratios(&turns, route, System::Ours, System::Fastapi), [2.0, 3.0]);
        assert!(ratios(&turns, route, System::Ours, System::Axum).is_empty());
    }
}
