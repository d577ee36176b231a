//! The result of a run: `docs/benchmarks.json`. The report and the charts are made of it and of nothing else.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    budgets::Budget,
    growth::Growth,
    machine::Host,
    measure::{Settings, Turn, ratios, turns_of},
    route::Route,
    stats::{rounded, spread},
    system::{Facts, Runtime, System},
};

/// Figures by their name.
pub(crate) type Figures = BTreeMap<String, f64>;

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    /// The machine.
    pub(crate) host: Host,
    /// Versions of what ran.
    pub(crate) runtime: BTreeMap<String, String>,
    /// How it was measured.
    pub(crate) method: Method,
    /// By route: `ours_rps`, `fastapi_rps`, `ours_p99_ms` and so on.
    pub(crate) routes: BTreeMap<String, Figures>,
    /// By route: `vs_fastapi`, `vs_axum`, `vs_floor`, each with its least and most.
    pub(crate) ratios: BTreeMap<String, Figures>,
    /// The same with our components on the Spin CLI in place of the dev host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) spin: Option<OnSpin>,
    /// Idle memory of the whole app and of the three services, from `bench/footprint`.
    pub(crate) memory: Figures,
    /// From the start of the process to the first answer of `/crm/healthz`.
    pub(crate) cold_start_ms: Figures,
    /// By system: idle and loaded memory, cold start with its least and most.
    pub(crate) systems: BTreeMap<String, Figures>,
    /// The sizes of the components.
    pub(crate) wasm_bytes: BTreeMap<String, u64>,
    /// By computation: `wasm_us`, `python_us` and their `ratio`, each with its least and most.
    #[serde(default)]
    pub(crate) crypto: BTreeMap<String, Figures>,
    /// Growth and saturation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) growth: Option<Growth>,
    /// What was wished for, and whether it is met.
    pub(crate) budgets: Vec<Budget>,
}

/// How a run was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Method {
    /// The day, in UTC.
    pub(crate) date: String,
    /// Rounds, seconds, connections.
    #[serde(flatten)]
    pub(crate) settings: Settings,
    /// The load generator, and where it ran.
    pub(crate) generator: String,
    /// The load average of a minute after the run; most of it is the run's own.
    pub(crate) load_at_end: f64,
}

/// What was measured on the Spin CLI.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct OnSpin {
    /// As in [`Outcomes`].
    pub(crate) routes: BTreeMap<String, Figures>,
    /// As in [`Outcomes`].
    pub(crate) ratios: BTreeMap<String, Figures>,
}

impl Outcomes {
    /// Where it lies in a folder of documents.
    pub(crate) fn path(documents: &Path) -> PathBuf {
        documents.join("benchmarks.json")
    }

    /// Reads it from a folder of documents.
    pub(crate) fn read(documents: &Path) -> Result<Self> {
        let path = Self::path(documents);
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not what `bench` writes", path.display()))
    }

    /// A figure of a system on a route, wherever it stands: what ran on Spin has a part of its own.
    pub(crate) fn figure(&self, system: System, route: Route, what: &str) -> Option<f64> {
        let Facts { runtime, column, .. } = system.facts();
        let routes = match runtime {
            Some(Runtime::Spin) => &self.spin.as_ref()?.routes,
            Some(Runtime::Devhost) | None => &self.routes,
        };
        routes.get(route.name())?.get(&format!("{column}_{what}")).copied()
    }

    /// Idle memory of the whole app on a host and of the three services beside it, in MiB.
    pub(crate) fn idle_memory(&self, runtime: Runtime) -> Option<(f64, f64)> {
        let [ours, theirs] =
            IDLE_MEMORY.map(|name| self.memory.get(&format!("{}{name}", footprint_of(runtime).1)).copied());
        ours.zip(theirs)
    }

    /// The systems that took part, in the order of the report.
    pub(crate) fn measured_systems(&self) -> Vec<System> {
        let took_part = |system: &System| Route::all().any(|route| self.figure(*system, route, "rps").is_some());
        System::all().filter(took_part).collect()
    }
}

/// By route, what the systems of a runtime and its peers reached.
pub(crate) fn routes(turns: &[Turn], runtime: Runtime) -> BTreeMap<String, Figures> {
    by_route(turns, |route, figures| {
        for system in System::beside(runtime) {
            let name = system.facts().column;
            let turns: Vec<&Turn> = turns_of(turns, system, route).collect();
            let mut keep = |what: &str, of: &dyn Fn(&Turn) -> f64| {
                if let Some(spread) = spread(turns.iter().map(|turn| of(turn))) {
                    figures.insert(format!("{name}_{what}"), rounded(spread.median));
                    figures.insert(format!("{name}_{what}_min"), rounded(spread.min));
                    figures.insert(format!("{name}_{what}_max"), rounded(spread.max));
                }
            };
            keep("rps", &|turn| turn.outcome.rate());
            keep("p50_ms", &|turn| turn.outcome.p50_ms);
            keep("p99_ms", &|turn| turn.outcome.p99_ms);
            keep("cpu_us", &|turn| turn.cpu.system);
            keep("postgres_cpu_us", &|turn| turn.cpu.postgres);
            keep("redis_cpu_us", &|turn| turn.cpu.redis);
            if !turns.is_empty() {
                let failed: u64 = turns.iter().map(|turn| turn.outcome.refused + turn.outcome.broken).sum();
                figures.insert(format!("{name}_failed"), failed as f64);
                figures.insert(
                    format!("{name}_requests"),
                    turns.iter().map(|turn| turn.outcome.requests).sum::<u64>() as f64,
                );
            }
        }
    })
}

/// By route, how our system on a runtime compares with the others.
pub(crate) fn all_ratios(turns: &[Turn], runtime: Runtime) -> BTreeMap<String, Figures> {
    by_route(turns, |route, figures| {
        for peer in System::beside(runtime) {
            let Some(name) = peer.facts().ratio else { continue };
            if let Some(spread) = spread(ratios(turns, route, runtime.ours(), peer)) {
                figures.insert(name.to_owned(), rounded(spread.median));
                figures.insert(format!("{name}_min"), rounded(spread.min));
                figures.insert(format!("{name}_max"), rounded(spread.max));
            }
        }
    })
}

fn by_route(turns: &[Turn], fill: impl Fn(Route, &mut Figures)) -> BTreeMap<String, Figures> {
    let measured = Route::all().filter(|route| turns.iter().any(|turn| turn.route == *route));
    measured
        .map(|route| {
            let mut figures = Figures::new();
            fill(route, &mut figures);
            (route.name().to_owned(), figures)
        })
        .collect()
}

/// What `bench/footprint` calls the memory of both sides.
const IDLE_MEMORY: [&str; 2] = ["ours_idle_pss_mib", "fastapi_three_services_idle_pss_mib"];

/// The file of `bench/footprint` that is of this host, and how its figures begin in our result.
fn footprint_of(runtime: Runtime) -> (&'static str, &'static str) {
    match runtime {
        Runtime::Devhost => ("result.json", ""),
        Runtime::Spin => ("result-spin.json", "spin_"),
    }
}

/// The memory of both sides on either host, from the results of `bench/footprint`. And why one of them is not there.
pub(crate) fn idle_memory(root: &Path, wasm_bytes: &BTreeMap<String, u64>) -> (Figures, Vec<String>) {
    let (mut all, mut missing) = (Figures::new(), Vec::new());
    for (file, prefix) in Runtime::ALL.map(footprint_of) {
        match footprint(&root.join("bench/footprint").join(file), wasm_bytes) {
            Ok(figures) => all.extend(figures.into_iter().map(|(name, figure)| (format!("{prefix}{name}"), figure))),
            Err(error) => missing.push(format!("{error:#}")),
        }
    }
    (all, missing)
}

/// The memory of both sides from one result of `bench/footprint`, which measures them in one run. Only of the very
/// components that are measured now, told by their sizes.
fn footprint(result: &Path, wasm_bytes: &BTreeMap<String, u64>) -> Result<Figures> {
    let text = std::fs::read_to_string(result).with_context(|| format!("cannot read {}", result.display()))?;
    let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", result.display()))?;
    let then: BTreeMap<String, u64> = serde_json::from_value(value["wasm_bytes"].clone())
        .with_context(|| format!("{} has no sizes of components", result.display()))?;
    ensure!(
        then == *wasm_bytes,
        "{} is of other components ({then:?}, now {wasm_bytes:?}): run bench/footprint/run",
        result.display()
    );
    let figures = IDLE_MEMORY.map(|name| {
        let figure = value["memory"][name].as_f64().with_context(|| format!("{} has no {name}", result.display()))?;
        Ok((name.to_owned(), figure))
    });
    figures.into_iter().collect()
}

/// A result for tests of what is made of it.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use crate::{
        growth::{Point, Saturation},
        measure::samples::turn,
    };

    /// Ours is 1.6 times FastAPI, half of axum, 0.8 of the floor; on Spin 1.1 times FastAPI.
    pub(crate) fn outcomes() -> Outcomes {
        let rates = [
            (System::Ours, 800.0),
            (System::Spin, 550.0),
            (System::Axum, 1600.0),
            (System::Fastapi, 500.0),
            (System::FastapiPlain, 400.0),
            (System::Floor, 1000.0),
            (System::SpinFloor, 700.0),
        ];
        let mut turns = Vec::new();
        for route in Route::all() {
            for (system, rate) in rates {
                turns.extend((0..3).map(|round| turn(system, route, round, rate * f64::from(10 + round) / 10.0)));
            }
        }
        let point = |system, route, size: u32| Point {
            system,
            route,
            size,
            connections: 32,
            rps: 700.0 + f64::from(size.min(100)),
            p50_ms: 2.0,
            p99_ms: 5.0 + f64::from(size) / 100.0,
            pss_mib: 80.0,
            statuses: BTreeMap::from([(200, 1000)]),
            broken: 0,
        };
        let points = |sizes: &[u32]| -> Vec<Point> {
            let systems = [System::Ours, System::Fastapi];
            systems.iter().flat_map(|system| sizes.iter().map(|size| point(*system, Route::ListLeads, *size))).collect()
        };
        let figures = |pairs: &[(&str, f64)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let mut outcomes = Outcomes {
            host: Host {
                cpu: "A processor".to_owned(),
                cores: 2,
                kernel: "6.1".to_owned(),
                memory_gib: 24.0,
                load_at_start: 0.1,
            },
            runtime: BTreeMap::from([("postgres".to_owned(), "17".to_owned())]),
            method: Method {
                date: "2026-01-01".to_owned(),
                settings: Settings { rounds: 3, seconds: 5, warm_up_seconds: 2, connections: 32 },
                generator: "wrk; not pinned".to_owned(),
                load_at_end: 3.0,
            },
            routes: routes(&turns, Runtime::Devhost),
            ratios: all_ratios(&turns, Runtime::Devhost),
            spin: Some(OnSpin { routes: routes(&turns, Runtime::Spin), ratios: all_ratios(&turns, Runtime::Spin) }),
            memory: figures(&[
                ("ours_idle_pss_mib", 57.0),
                ("fastapi_three_services_idle_pss_mib", 220.0),
                ("spin_ours_idle_pss_mib", 110.0),
                ("spin_fastapi_three_services_idle_pss_mib", 220.0),
            ]),
            cold_start_ms: figures(&[("ours", 120.0), ("fastapi", 2000.0)]),
            systems: BTreeMap::from([(
                "ours".to_owned(),
                figures(&[("idle_pss_mib", 50.0), ("loaded_pss_mib", 90.0), ("cold_start_ms", 120.0)]),
            )]),
            wasm_bytes: BTreeMap::from([("auth".to_owned(), 1_200_000), ("crm".to_owned(), 1_600_000)]),
            crypto: BTreeMap::from([
                ("argon2id".to_owned(), figures(&[("wasm_us", 24_000.0), ("python_us", 20_000.0), ("ratio", 1.2)])),
                ("ed25519_verify".to_owned(), figures(&[("wasm_us", 90.0), ("python_us", 100.0), ("ratio", 0.9)])),
            ]),
            growth: Some(Growth {
                connections: points(&[1, 8, 64, 256]),
                tenants: points(&[1, 1000]),
                leads: points(&[10_000, 1_000_000]),
                saturation: Some(Saturation {
                    connections: 512,
                    seconds: 10,
                    statuses: BTreeMap::from([(201, 900), (503, 100)]),
                    broken: 0,
                    max_ms: 2100.0,
                    p99_ms: 2000.0,
                    retry_after: 100,
                    saturated: 100,
                    created: 905,
                }),
            }),
            budgets: Vec::new(),
        };
        outcomes.budgets = crate::budgets::budgets(&outcomes);
        outcomes
    }
}

#[cfg(test)]
mod tests {
    use super::{samples::outcomes, *};

    #[test]
    fn the_result_has_the_shape_that_others_read() {
        let value = serde_json::to_value(outcomes()).unwrap();
        for part in ["host", "runtime", "routes", "ratios", "spin", "memory", "cold_start_ms", "crypto", "growth"] {
            assert!(value[part].is_object(), "{part}");
        }
        let list = &value["routes"]["list_leads"];
        for figure in ["ours_rps", "fastapi_rps", "axum_rps", "ours_p99_ms", "fastapi_p50_ms", "floor_cpu_us"] {
            assert!(list[figure].is_f64(), "{figure}");
        }
        assert_eq!(value["ratios"]["create_lead"]["vs_fastapi"], 1.6);
        assert_eq!(value["ratios"]["create_lead"]["vs_axum"], 0.5);
        assert_eq!(value["ratios"]["create_lead"]["vs_floor"], 0.8);
        assert_eq!(value["spin"]["ratios"]["create_lead"]["vs_fastapi"], 1.1);
        assert_eq!(value["memory"]["ours_idle_pss_mib"], 57.0);
        assert_eq!(value["cold_start_ms"]["fastapi"], 2000.0);
        let back: Outcomes = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(back).unwrap(), value);
    }

    #[test]
    fn memory_of_other_components_is_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let memory = r#"{"ours_idle_pss_mib":57.0,"fastapi_three_services_idle_pss_mib":220.0}"#;
        std::fs::write(&file, format!(r#"{{"wasm_bytes":{{"auth":10}},"memory":{memory}}}"#)).unwrap();
        let sizes = |bytes: u64| BTreeMap::from([("auth".to_owned(), bytes)]);
        assert_eq!(footprint(file.path(), &sizes(10)).unwrap()["ours_idle_pss_mib"], 57.0);
        assert!(footprint(file.path(), &sizes(11)).unwrap_err().to_string().contains("other components"));
    }

    #[test]
    fn spread_is_kept_beside_the_median() {
        let outcomes = outcomes();
        let of = |what: &str| outcomes.figure(System::Ours, Route::ListLeads, what).unwrap();
        assert_eq!((of("rps"), of("rps_min"), of("rps_max")), (880.0, 800.0, 960.0));
        assert_eq!(outcomes.figure(System::Spin, Route::ListLeads, "rps"), Some(605.0));
        assert_eq!(outcomes.measured_systems(), System::all().collect::<Vec<System>>());
    }

    #[test]
    fn the_footprint_is_read_from_its_result() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../footprint/result.json");
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let sizes = serde_json::from_value(committed["wasm_bytes"].clone()).unwrap();
        assert_eq!(footprint(&file, &sizes).unwrap().len(), 2);
        assert!(footprint(Path::new("/nowhere"), &sizes).is_err());
    }
}
