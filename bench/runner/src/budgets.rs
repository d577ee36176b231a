//! The budgets of the design, each with the figure that was measured and whether it is met. Computed, never written by
//! hand.

use serde::{Deserialize, Serialize};

use crate::{
    crypto::Computation,
    result::{Figures, Outcomes},
    route::Route,
    system::Runtime,
};

const VS_FASTAPI_ON_DEV_HOST: f64 = 1.5;
const VS_FASTAPI_ON_SPIN: f64 = 1.2;
const VS_FLOOR: f64 = 0.7;
const VS_AXUM: f64 = 0.4;
const IDLE_MEMORY_RATIO: f64 = 0.4;
const COLD_START_MS: f64 = 150.0;
const COLD_START_RATIO: f64 = 0.25;
const CRYPTO_CPU_RATIO: f64 = 1.0;
const WASM_MEGABYTES: f64 = 1.5;

/// One budget.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Budget {
    /// What is limited.
    pub(crate) what: String,
    /// The limit, as a reader wants it.
    pub(crate) limit: String,
    /// The figure; none where it was not measured in this run.
    pub(crate) measured: Option<f64>,
    /// The figure's unit; empty for a ratio.
    pub(crate) unit: String,
    /// Whether it is met; none where it was not measured.
    pub(crate) met: Option<bool>,
}

/// All budgets of a result.
pub(crate) fn budgets(outcomes: &Outcomes) -> Vec<Budget> {
    let mut budgets = Vec::new();
    let ratio = |ratios: Option<&std::collections::BTreeMap<String, Figures>>, route: Route, name: &str| {
        ratios?.get(route.name())?.get(name).copied()
    };
    let (here, on_spin) = (Some(&outcomes.ratios), outcomes.spin.as_ref().map(|spin| &spin.ratios));
    let groups = [
        ("requests/s against FastAPI, dev host", here, "vs_fastapi", VS_FASTAPI_ON_DEV_HOST),
        ("requests/s against FastAPI, Spin", on_spin, "vs_fastapi", VS_FASTAPI_ON_SPIN),
        ("requests/s against the floor, dev host", here, "vs_floor", VS_FLOOR),
        ("requests/s against the floor, Spin", on_spin, "vs_floor", VS_FLOOR),
        ("requests/s against native axum, dev host", here, "vs_axum", VS_AXUM),
        ("requests/s against native axum, Spin", on_spin, "vs_axum", VS_AXUM),
    ];
    for (what, ratios, name, least) in groups {
        for route in Route::BUDGETED {
            budgets.push(at_least(&format!("{}: {what}", route.label()), ratio(ratios, route, name), least));
        }
    }

    let of = |figures: &Figures, name: &str| figures.get(name).copied();
    let over = |left: Option<f64>, right: Option<f64>| Some(left? / right.filter(|value| *value > 0.0)?);
    for runtime in Runtime::ALL {
        let host = runtime.label();
        let memory = outcomes.idle_memory(runtime).and_then(|(ours, theirs)| over(Some(ours), Some(theirs)));
        let what = format!("idle memory of the whole app against the three FastAPI services, {host}");
        budgets.push(at_most(&what, memory, IDLE_MEMORY_RATIO, ""));
        let (ours, theirs) =
            (of(&outcomes.cold_start_ms, runtime.ours().name()), of(&outcomes.cold_start_ms, "fastapi"));
        budgets.push(at_most(&format!("cold start, compiled code cached, {host}"), ours, COLD_START_MS, "ms"));
        budgets.push(at_most(&format!("cold start against FastAPI, {host}"), over(ours, theirs), COLD_START_RATIO, ""));
    }
    for computation in Computation::ALL {
        let theirs = match computation {
            Computation::Argon2id => "argon2-cffi's C",
            Computation::Ed25519Verify => "OpenSSL",
        };
        let what = format!("{}: CPU in WebAssembly against {theirs}", computation.label());
        let ratio = outcomes.crypto.get(computation.name()).and_then(|figures| of(figures, "ratio"));
        budgets.push(at_most(&what, ratio, CRYPTO_CPU_RATIO, ""));
    }
    for (name, bytes) in &outcomes.wasm_bytes {
        budgets.push(at_most(&format!("{name}.wasm"), Some(*bytes as f64 / 1e6), WASM_MEGABYTES, "MB"));
    }
    budgets
}

fn at_least(what: &str, measured: Option<f64>, least: f64) -> Budget {
    let met = measured.map(|value| value >= least);
    Budget { what: what.to_owned(), limit: format!("at least {least}"), measured, unit: String::new(), met }
}

fn at_most(what: &str, measured: Option<f64>, most: f64, unit: &str) -> Budget {
    let limit = format!("at most {most} {unit}").trim_end().to_owned();
    let met = measured.map(|value| value <= most);
    Budget { what: what.to_owned(), limit, measured, unit: unit.to_owned(), met }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::outcomes;

    #[test]
    fn budgets_are_met_missed_or_not_measured() {
        let mut outcomes = outcomes();
        let of = |budgets: &[Budget], what: &str| {
            budgets.iter().find(|budget| budget.what == what).unwrap_or_else(|| panic!("{what}")).met
        };
        let all = budgets(&outcomes);
        assert_eq!(of(&all, "create a lead: requests/s against FastAPI, dev host"), Some(true));
        assert_eq!(of(&all, "create a lead: requests/s against FastAPI, Spin"), Some(false));
        assert_eq!(of(&all, "list 20 leads: requests/s against the floor, dev host"), Some(true));
        assert_eq!(of(&all, "read a lead: requests/s against native axum, dev host"), Some(true));
        assert_eq!(of(&all, "idle memory of the whole app against the three FastAPI services, dev host"), Some(true));
        assert_eq!(of(&all, "cold start, compiled code cached, dev host"), Some(true));
        assert_eq!(of(&all, "idle memory of the whole app against the three FastAPI services, Spin"), Some(false));
        assert_eq!(of(&all, "cold start, compiled code cached, Spin"), None);
        assert_eq!(of(&all, "Argon2id, 19 MiB, two passes: CPU in WebAssembly against argon2-cffi's C"), Some(false));
        assert_eq!(of(&all, "verifying an Ed25519 signature: CPU in WebAssembly against OpenSSL"), Some(true));
        assert_eq!(of(&all, "auth.wasm"), Some(true));
        assert_eq!(of(&all, "crm.wasm"), Some(false));

        outcomes.spin = None;
        outcomes.cold_start_ms.clear();
        let all = budgets(&outcomes);
        assert_eq!(of(&all, "create a lead: requests/s against FastAPI, Spin"), None);
        assert_eq!(of(&all, "cold start against FastAPI, dev host"), None);
    }
}
