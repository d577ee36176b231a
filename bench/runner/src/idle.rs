//! What a system takes when it does nothing, how long it takes to start, and which versions ran.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::Result;

use crate::{
    generator::Request,
    machine::{python_of, version_of},
    measure::{Bench, Turn, prove, turns_of},
    processes::pss_mib_below,
    result::Figures,
    route::Route,
    stats::{rounded, spread},
    system::{Program, System},
};

const COLD_STARTS: u32 = 5;
const IDLE_ROUNDS: u32 = 3;
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// Of each route, before a system is left alone.
const REQUESTS_BEFORE: usize = 4;

impl Bench {
    /// By system, idle and loaded memory and cold start; and the cold starts by themselves.
    pub(crate) fn footprints(
        &self,
        systems: &[System],
        turns: &[Turn],
    ) -> Result<(BTreeMap<String, Figures>, Figures)> {
        let mut all: BTreeMap<String, Figures> = BTreeMap::new();
        let mut cold_starts = Figures::new();
        let apps: Vec<System> = systems.iter().copied().filter(|system| !system.is_floor()).collect();
        let mut starts: BTreeMap<System, Vec<f64>> = BTreeMap::new();
        for round in 0..COLD_STARTS {
            let mut order = apps.clone();
            order.rotate_left(round as usize % apps.len().max(1));
            for system in order {
                self.database.wait_until_quiet()?;
                let started = self.starter.cold_start(system, "/crm/healthz")?.as_secs_f64() * 1e3;
                self.progress.say(&format!("cold start {:<13} {started:>7.0} ms", system.name()));
                starts.entry(system).or_default().push(started);
            }
        }
        for system in apps {
            let figures = all.entry(system.name().to_owned()).or_default();
            keep(figures, "cold_start_ms", starts.remove(&system).unwrap_or_default());
            if let Some(median) = figures.get("cold_start_ms") {
                cold_starts.insert(system.name().to_owned(), *median);
            }
            let idle = (0..IDLE_ROUNDS).map(|_| self.idle_memory(system)).collect::<Result<Vec<f64>>>()?;
            self.progress.say(&format!("idle memory {:<13} {:>5.1} MiB", system.name(), idle[0]));
            keep(figures, "idle_pss_mib", idle);
            keep(
                figures,
                "loaded_pss_mib",
                turns_of(turns, system, Route::ListLeads).map(|turn| turn.pss_mib).collect(),
            );
        }
        Ok((all, cold_starts))
    }

    /// Some requests to every route, then nothing for a while.
    fn idle_memory(&self, system: System) -> Result<f64> {
        let running = self.fresh(system)?;
        for route in Route::all() {
            let plan = route.plan(&self.population);
            // The proof makes an address of its own, which registering needs; others may come again.
            prove(&running, &plan, route)?;
            if route != Route::Register {
                for request in plan.requests.iter().cycle().take(REQUESTS_BEFORE) {
                    running.ask(request, "idle")?;
                }
            }
        }
        running.ask(&Request::get("/crm/healthz"), "")?;
        thread::sleep(IDLE_AFTER);
        Ok(pss_mib_below(running.root()))
    }

    /// The versions of what takes part.
    pub(crate) fn versions(&self, systems: &[System]) -> Result<BTreeMap<String, String>> {
        let (postgres, redis) = self.database.versions()?;
        let mut versions = BTreeMap::from([("postgres".to_owned(), postgres), ("redis".to_owned(), redis)]);
        for (program, name) in [(Program::Devhost, "devhost"), (Program::Spin, "spin")] {
            if systems.iter().any(|system| system.facts().program == program)
                && let Some(version) = version_of(&self.starter.places.binary(&self.starter.root, program))
            {
                // The name is the key already.
                let version = version.strip_prefix(&format!("{name} ")).unwrap_or(&version).to_owned();
                versions.insert(name.to_owned(), version);
            }
        }
        if systems.contains(&System::Fastapi)
            && let Some(version) = python_of(&self.fresh(System::Fastapi)?)
        {
            versions.insert("python".to_owned(), version.replace("Python ", ""));
        }
        Ok(versions)
    }
}

fn keep(figures: &mut Figures, name: &str, values: Vec<f64>) {
    if let Some(spread) = spread(values) {
        figures.insert(name.to_owned(), rounded(spread.median));
        figures.insert(format!("{name}_min"), rounded(spread.min));
        figures.insert(format!("{name}_max"), rounded(spread.max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_with_their_spread() {
        let mut figures = Figures::new();
        keep(&mut figures, "x", vec![3.0, 1.0, 2.0]);
        keep(&mut figures, "none", Vec::new());
        let expected = [("x", 2.0), ("x_max", 3.0), ("x_min", 1.0)];
        assert_eq!(figures, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }
}
