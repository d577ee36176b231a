//! The charts of a result.

use crate::{
    growth::Point,
    result::Outcomes,
    route::Route,
    svg::{self, Bar, Group, Line, number_text},
    system::System,
};

/// A chart: the name of its file, and what it shows in words, for those who cannot see it.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// The name, without `.svg`.
    pub(crate) name: &'static str,
    /// Its title.
    pub(crate) title: String,
    /// The file's text.
    pub(crate) svg: String,
}

/// Every chart that the result has figures for.
pub(crate) fn charts(outcomes: &Outcomes) -> Vec<Chart> {
    let (hashing, leads): (Vec<Route>, Vec<Route>) = Route::all().partition(|route| route.hashes());
    let (hashing, leads) = (hashing.as_slice(), leads.as_slice());
    let mut charts = vec![
        bars(outcomes, "requests", "Requests a second", "more is better; median of the rounds", leads, "rps"),
        bars(
            outcomes,
            "requests-hashing",
            "Requests a second where a password is hashed",
            "more is better; median of the rounds",
            hashing,
            "rps",
        ),
        bars(
            outcomes,
            "p99",
            "Latency: 99 of 100 answers came within",
            "ms, less is better; median of the rounds",
            leads,
            "p99_ms",
        ),
        cpu(outcomes, "cpu", "CPU time of a request", leads),
        cpu(outcomes, "cpu-hashing", "CPU time of a request where a password is hashed", hashing),
    ];
    charts.retain(|chart| chart.svg.contains("class='c"));
    if let Some(growth) = &outcomes.growth {
        // Analytics reads every lead: on one scale with what reads an index, nothing else could be seen.
        let by_index: Vec<Point> =
            growth.leads.iter().filter(|point| point.route != Route::Analytics).cloned().collect();
        let sets = [
            (&growth.connections, "connections", ["growth-connections-requests", "growth-connections-p99"]),
            (&growth.tenants, "tenants that take turns", ["growth-tenants-requests", "growth-tenants-p99"]),
            (&by_index, "leads of one tenant", ["growth-leads-requests", "growth-leads-p99"]),
        ];
        for (points, what, [requests, p99]) in sets.into_iter().filter(|(points, ..)| !points.is_empty()) {
            charts.push(growth_chart(
                points,
                requests,
                "Requests a second",
                "all answers, refusals among them",
                what,
                |point| point.rps,
            ));
            charts.push(growth_chart(points, p99, "Latency: 99 of 100 answers came within", "ms", what, |point| {
                point.p99_ms
            }));
        }
        if !growth.connections.is_empty() {
            let (name, title) = ("growth-connections-memory", "Memory right after the load");
            charts.push(growth_chart(&growth.connections, name, title, "MiB (PSS)", "connections", |point| {
                point.pss_mib
            }));
        }
    }
    charts
}

/// The palette of `svg` follows the order of the systems: ours are blues, FastAPI's greens, floors grey.
fn colour(system: System) -> usize {
    System::all().position(|one| one == system).unwrap_or_default()
}

fn bars(outcomes: &Outcomes, name: &'static str, title: &str, unit: &str, routes: &[Route], what: &str) -> Chart {
    let systems = outcomes.measured_systems();
    let group = |route: &Route| {
        let bars = systems.iter().filter_map(|system| {
            let value = outcomes.figure(*system, *route, what)?;
            let spread =
                [format!("{what}_min"), format!("{what}_max")].map(|name| outcomes.figure(*system, *route, &name));
            let value_text = match spread {
                [Some(min), Some(max)] if min < max => {
                    format!("{} ({}–{})", number_text(value), number_text(min), number_text(max))
                }
                _ => number_text(value),
            };
            let parts = vec![(value, colour(*system))];
            Some(Bar { label: system.label().to_owned(), parts, value: value_text })
        });
        Group { label: route.label().to_owned(), bars: bars.collect() }
    };
    let groups: Vec<Group> = routes.iter().map(group).filter(|group| !group.bars.is_empty()).collect();
    Chart { name, title: title.to_owned(), svg: svg::bars(title, unit, &[], &groups) }
}

fn cpu(outcomes: &Outcomes, name: &'static str, title: &str, routes: &[Route]) -> Chart {
    let legend = [("the system itself", 0), ("Postgres", 2), ("Redis", 5)];
    let group = |route: &Route| {
        let bars = outcomes.measured_systems().into_iter().filter_map(|system| {
            let figures =
                ["cpu_us", "postgres_cpu_us", "redis_cpu_us"].map(|what| outcomes.figure(system, *route, what));
            let [Some(own), Some(postgres), Some(redis)] = figures else { return None };
            let parts = vec![(own, 0), (postgres, 2), (redis, 5)];
            let value = number_text((own + postgres + redis).round());
            Some(Bar { label: system.label().to_owned(), parts, value })
        });
        Group { label: route.label().to_owned(), bars: bars.collect() }
    };
    let groups: Vec<Group> = routes.iter().map(group).filter(|group| !group.bars.is_empty()).collect();
    Chart {
        name,
        title: title.to_owned(),
        svg: svg::bars(title, "microseconds, less is better; median of the rounds", &legend, &groups),
    }
}

fn growth_chart(
    points: &[Point],
    name: &'static str,
    title: &str,
    unit: &str,
    what: &str,
    of: impl Fn(&Point) -> f64,
) -> Chart {
    let single = points.iter().all(|point| point.system == points[0].system);
    let mut lines: Vec<Line> = Vec::new();
    for point in points {
        let label = format!("{}, {}", point.system.label(), point.route.label());
        let at = (f64::from(point.size), of(point));
        match lines.iter_mut().find(|line| line.label == label) {
            Some(line) => line.points.push(at),
            None => {
                // One system: a colour for each route. Several: a colour for each system, dashes for what writes.
                let colour = if single { [0, 3, 2, 5][lines.len() % 4] } else { colour(point.system) };
                let dashed = !single && point.route == Route::CreateLead;
                lines.push(Line { label, colour, dashed, points: vec![at] });
            }
        }
    }
    let title = format!("{title}, by {what}");
    Chart { name, svg: svg::lines(&title, unit, what, &lines), title }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::samples::outcomes;

    #[test]
    fn every_chart_is_well_formed() {
        let charts = charts(&outcomes());
        assert_eq!(charts.len(), 12);
        for chart in &charts {
            svg::xml::check(&chart.svg);
            assert!(chart.svg.contains("class='c"), "{} shows something", chart.name);
        }
    }

    #[test]
    fn what_was_not_measured_has_no_chart() {
        let mut outcomes = outcomes();
        outcomes.growth = None;
        outcomes.spin = None;
        for route in Route::all().filter(|route| route.hashes()) {
            outcomes.routes.remove(route.name());
        }
        let names: Vec<&str> = charts(&outcomes).iter().map(|chart| chart.name).collect();
        assert_eq!(names, ["requests", "p99", "cpu"]);
    }
}
