//! Metrics for an operator, in the OpenMetrics text format (prometheus.io/docs/specs/om/open_metrics_spec). An instance lives too briefly to
//! count, so everything is a gauge that is read from the database when it is asked for.

use axum::response::{IntoResponse, Response};
use http::header;
use prometheus_client::{
    encoding::text::encode,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::Problem;

/// A number that goes up and down.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What comes behind `bizo_`, with the unit at its end, if it has one.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// What tells it from others of the same name: names and values.
    pub labels: Vec<(&'static str, String)>,
    /// How much.
    pub value: i64,
}

impl Measure {
    /// One of a name that it has for itself.
    pub fn new(name: &'static str, help: &'static str, value: i64) -> Self {
        Self { name, help, labels: Vec::new(), value }
    }

    /// The same with a label.
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}

/// The metrics as a response. Those of one name stand behind each other.
pub fn metrics(measures: &[Measure]) -> Result<Response, Problem> {
    let mut registry = Registry::with_prefix("bizo");
    for same in measures.chunk_by(|a, b| a.name == b.name) {
        let family = Family::<Vec<(&'static str, String)>, Gauge>::default();
        for measure in same {
            family.get_or_create(&measure.labels).set(measure.value);
        }
        // The encoder ends the sentence.
        registry.register(same[0].name, same[0].help, family);
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn measures_are_written_as_openmetrics() {
        let attempts = |state: &str, value| {
            Measure::new("payments_attempts", "Questions without an answer", value).with("state", state)
        };
        let due = Measure::new("payments_due", "Payments to be looked at", 3);
        let response = metrics(&[attempts("started", 1), attempts("unknown", 2), due]).unwrap();
        let text = block_on(response.into_body().collect()).unwrap().to_bytes();
        let text = str::from_utf8(&text).unwrap();
        for line in [
            "# TYPE bizo_payments_attempts gauge",
            "bizo_payments_attempts{state=\"started\"} 1",
            "bizo_payments_attempts{state=\"unknown\"} 2",
            "# HELP bizo_payments_due Payments to be looked at.",
            "bizo_payments_due 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
