//! How figures change with connections, tenants and leads, and what happens past saturation.
//!
//! Refusals are results here, not failures: past saturation the app is meant to say 503.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::{
    generator::{Load, Plan, Request},
    measure::{Bench, Measured, prove},
    population::{Account, accounts, known_leads, leads},
    route::{Route, read_lead},
    stats::rounded,
    system::{MeasuredIn, System},
};

const CONNECTIONS: [u32; 4] = [1, 8, 64, 256];
const TENANTS: [usize; 4] = [1, 10, 100, 1000];
const LEADS: [u32; 3] = [10_000, 100_000, 1_000_000];
/// The app has come to itself by then, or never will.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
/// So that each tenant of the crowd has a full list.
const LEADS_OF_CROWD: u32 = 20;
/// Analytics reads every lead: with as many connections as the others have, none would come to its end in time.
const ANALYTICS_CONNECTIONS: u32 = 2;
const ANALYTICS_SECONDS_MIN: u32 = 10;
const SATURATING_CONNECTIONS: u32 = 512;
const SATURATING_SECONDS: u32 = 10;

/// One measurement at one size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Which system.
    pub(crate) system: System,
    /// Which route.
    pub(crate) route: Route,
    /// How many connections, tenants or leads.
    pub(crate) size: u32,
    /// Connections of the load generator.
    pub(crate) connections: u32,
    /// Answers in a second, refusals among them.
    pub(crate) rps: f64,
    /// Half of the answers came in less, in milliseconds.
    pub(crate) p50_ms: f64,
    /// All but one in a hundred came in less.
    pub(crate) p99_ms: f64,
    /// Memory right after the load.
    pub(crate) pss_mib: f64,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Connections that failed.
    pub(crate) broken: u64,
}

/// What happened with far more connections than the app can serve.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Saturation {
    /// Connections, each creating leads without a pause.
    pub(crate) connections: u32,
    /// For how long.
    pub(crate) seconds: u32,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Connections that failed.
    pub(crate) broken: u64,
    /// The longest that an answer took.
    pub(crate) max_ms: f64,
    /// All but one in a hundred came in less.
    pub(crate) p99_ms: f64,
    /// How many answers had a `Retry-After`.
    pub(crate) retry_after: u64,
    /// How many of the 503s were `saturated`: nothing was done, for want of a connection.
    #[serde(default)]
    pub(crate) saturated: u64,
    /// How many leads were in the database afterwards that had not been there.
    pub(crate) created: u64,
}

impl Saturation {
    /// Answers that said a lead was created.
    pub(crate) fn said_created(&self) -> u64 {
        self.statuses.get(&201).copied().unwrap_or_default()
    }

    /// Whether every promised lead is there, and no more than were under way when the generator hung up.
    pub(crate) fn nothing_lost(&self) -> bool {
        let (said, limit) = (self.said_created(), u64::from(self.connections));
        (said..=said + limit + self.unclear()).contains(&self.created)
    }

    /// Answers that said to come back later.
    pub(crate) fn refused(&self) -> u64 {
        self.statuses.get(&503).copied().unwrap_or_default()
    }

    /// Whether every refusal said when.
    pub(crate) fn refusals_say_when(&self) -> bool {
        self.retry_after >= self.refused()
    }

    /// Answers that leave open whether the work was done: the time limit ran out while it was under way.
    fn unclear(&self) -> u64 {
        let errors: u64 = self.statuses.range(500..).map(|(_, count)| count).sum();
        errors.saturating_sub(self.saturated)
    }
}

/// Everything that was measured of growth.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Growth {
    /// By connections.
    pub(crate) connections: Vec<Point>,
    /// By tenants that take turns.
    pub(crate) tenants: Vec<Point>,
    /// By leads of one tenant.
    pub(crate) leads: Vec<Point>,
    /// Past saturation.
    pub(crate) saturation: Option<Saturation>,
}

impl Bench {
    /// Measures all of it, for those of our systems and FastAPI that take part.
    pub(crate) fn growth(&self, systems: &[System]) -> Result<Growth> {
        let both: Vec<System> =
            systems.iter().copied().filter(|system| system.facts().measured == MeasuredIn::All).collect();
        let mut growth = Growth { connections: self.by_connections(&both)?, ..Growth::default() };
        growth.tenants = self.by_tenants(&both)?;
        if systems.contains(&System::Ours) {
            growth.leads = self.by_leads()?;
            growth.saturation = Some(self.saturation()?);
        }
        Ok(growth)
    }

    fn by_connections(&self, systems: &[System]) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for route in [Route::ListLeads, Route::CreateLead] {
            for size in CONNECTIONS {
                for system in systems {
                    let plan = || Ok(route.plan(&self.population));
                    points.push(self.point(*system, route, (size, "connections"), self.load_of(size), plan)?);
                }
            }
        }
        Ok(points)
    }

    fn by_tenants(&self, systems: &[System]) -> Result<Vec<Point>> {
        self.progress.say("planting 1,000 tenants");
        let crowd = accounts(&self.database, "crowd", TENANTS[TENANTS.len() - 1])?;
        leads(&self.database, &crowd, 1, LEADS_OF_CROWD)?;
        self.database.execute("analyze")?;
        let mut points = Vec::new();
        for route in [Route::ListLeads, Route::CreateLead] {
            for size in TENANTS {
                for system in systems {
                    let plan = || route.plan_for(&crowd[..size], &self.population);
                    let load = self.load_of(self.settings.connections);
                    points.push(self.point(*system, route, (size as u32, "tenants"), load, plan)?);
                }
            }
        }
        Ok(points)
    }

    fn by_leads(&self) -> Result<Vec<Point>> {
        let giant = accounts(&self.database, "giant", 1)?;
        let mut points = Vec::new();
        let mut there = 0;
        for size in LEADS {
            self.progress.say(&format!("planting {size} leads of one tenant"));
            leads(&self.database, &giant, there + 1, size)?;
            there = size;
            self.database.execute("analyze")?;
            let known = known_leads(&self.database, &giant)?;
            // Writing comes last, so that what is read is of the size that it is said to be.
            for route in [Route::ListLeads, Route::ReadLead, Route::Analytics, Route::CreateLead] {
                let plan = || self.plan_of_giant(route, &giant, &known);
                let mut load = self.load_of(self.settings.connections);
                if route == Route::Analytics {
                    load.connections = ANALYTICS_CONNECTIONS;
                    load.seconds = load.seconds.max(ANALYTICS_SECONDS_MIN);
                }
                points.push(self.point(System::Ours, route, (size, "leads"), load, plan)?);
            }
        }
        Ok(points)
    }

    fn plan_of_giant(&self, route: Route, giant: &[Account], known: &[(usize, String)]) -> Result<Plan> {
        if route != Route::ReadLead {
            return route.plan_for(giant, &self.population);
        }
        let token = self.population.token(&giant[0]);
        Ok(Plan::of(known.iter().map(|(_, id)| read_lead(&token, id))))
    }

    fn load_of(&self, connections: u32) -> Load {
        Load { connections, seconds: self.settings.seconds, count_statuses: true }
    }

    fn point(
        &self,
        system: System,
        route: Route,
        (size, what): (u32, &str),
        load: Load,
        plan: impl Fn() -> Result<Plan>,
    ) -> Result<Point> {
        let running = self.fresh(system)?;
        let plan = plan()?;
        // A refusal may be right where there is this much to count.
        if route != Route::Analytics {
            prove(&running, &plan, route)?;
        }
        let Measured { outcome, pss_mib, .. } = self.measure(&running, &plan, load)?;
        self.progress.say(&format!(
            "growth {:<12} {:<8} {size:>8} {what:<12} {:>8.0} requests/s  p99 {:>8.2} ms  {:>4.0} MiB  {}",
            route.name(),
            system.name(),
            outcome.rate(),
            outcome.p99_ms,
            pss_mib,
            said(&outcome.statuses)
        ));
        Ok(Point {
            system,
            route,
            size,
            connections: load.connections,
            rps: rounded(outcome.rate()),
            p50_ms: rounded(outcome.p50_ms),
            p99_ms: rounded(outcome.p99_ms),
            pss_mib: rounded(pss_mib),
            broken: outcome.broken,
            statuses: outcome.statuses,
        })
    }

    /// Asks for far more than can be served, without a warm-up: the first moment is part of it.
    fn saturation(&self) -> Result<Saturation> {
        let count = "select count(*) from crm.leads";
        let running = self.fresh(System::Ours)?;
        let plan = Route::CreateLead.plan(&self.population);
        prove(&running, &plan, Route::CreateLead)?;
        let before = self.database.number(count)?;
        let load = Load { connections: SATURATING_CONNECTIONS, seconds: SATURATING_SECONDS, count_statuses: true };
        let outcome = self.generator.load(running.port, &plan, load)?;
        // What is still under way ends before it is counted; and the app must be there afterwards as before.
        let list = Request::get("/leads").with_token(&self.population.token(&self.population.readers[0]));
        let ended = Instant::now();
        while ended.elapsed() < RECOVERY_LIMIT && running.ask(&list, "").is_ok_and(|answer| answer.status == 503) {
            thread::sleep(Duration::from_millis(100));
        }
        prove(&running, &Plan::of([list]), Route::ListLeads)?;
        drop(running);
        self.database.wait_until_quiet()?;
        let saturation = Saturation {
            connections: load.connections,
            seconds: load.seconds,
            broken: outcome.broken,
            max_ms: rounded(outcome.max_ms),
            p99_ms: rounded(outcome.p99_ms),
            retry_after: outcome.retry_after,
            saturated: outcome.saturated,
            created: u64::try_from(self.database.number(count)? - before)?,
            statuses: outcome.statuses,
        };
        self.progress.say(&format!(
            "saturation: {} at {} connections, longest {:.0} ms, {} with Retry-After; {} said created, {} in the database",
            said(&saturation.statuses),
            saturation.connections,
            saturation.max_ms,
            saturation.retry_after,
            saturation.said_created(),
            saturation.created
        ));
        Ok(saturation)
    }
}

/// Statuses as a reader wants them: `200: 1234, 503: 5`.
pub(crate) fn said(statuses: &BTreeMap<u16, u64>) -> String {
    statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saturation(said: u64, refused: u64, created: u64) -> Saturation {
        Saturation {
            connections: 512,
            seconds: 10,
            statuses: BTreeMap::from([(201, said), (503, refused)]),
            broken: 0,
            max_ms: 2000.0,
            p99_ms: 1900.0,
            retry_after: refused,
            saturated: 0,
            created,
        }
    }

    #[test]
    fn a_promised_lead_that_is_not_there_is_lost() {
        assert!(saturation(100, 0, 100).nothing_lost());
        assert!(saturation(100, 0, 612).nothing_lost(), "under way when the generator hung up");
        assert!(!saturation(100, 0, 99).nothing_lost());
        assert!(!saturation(100, 0, 613).nothing_lost());
        assert!(saturation(100, 5, 617).nothing_lost(), "refusals may hide work that was done");
        let refused = Saturation { saturated: 5, ..saturation(100, 5, 613) };
        assert!(!refused.nothing_lost(), "who got no connection has done nothing");
        assert!(saturation(1, 9, 1).refusals_say_when());
        assert_eq!(saturation(1, 9, 1).refused(), 9);
    }

    #[test]
    fn statuses_are_said_in_order() {
        assert_eq!(said(&BTreeMap::from([(503, 2), (200, 1)])), "200: 1, 503: 2");
    }
}
