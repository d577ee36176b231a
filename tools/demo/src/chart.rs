//! The analytics as bar charts of text.

use crate::{contract::Analytics, paint::Paint};

/// How many characters the longest bar has.
const BAR_CHARS: u64 = 36;
/// How many of the last days are shown.
const DAYS: usize = 7;

const STATUSES: [&str; 6] = ["NEW", "CONTACTED", "QUALIFIED", "PROPOSAL", "WON", "LOST"];
const PRIORITIES: [&str; 4] = ["URGENT", "HIGH", "MEDIUM", "LOW"];

/// A chart for each kind of figure.
pub(crate) fn analytics(analytics: &Analytics, paint: Paint) -> String {
    let in_order = |words: &[&str], counts: &std::collections::BTreeMap<String, u64>| -> Vec<(String, u64)> {
        words.iter().map(|&word| (word.to_owned(), counts.get(word).copied().unwrap_or_default())).collect()
    };
    let mut by_source: Vec<_> = analytics.by_source.iter().map(|(source, &count)| (source.clone(), count)).collect();
    by_source.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let scores: Vec<_> =
        analytics.score_histogram.iter().map(|step| (format!("{} to {}", step.from, step.to), step.count)).collect();
    // No rule gives less than the base: steps below the lowest score would only take up room.
    let scores = scores.iter().skip_while(|(_, count)| *count == 0).cloned().collect::<Vec<_>>();
    let first_day = analytics.per_day.len().saturating_sub(DAYS);
    let days: Vec<_> = analytics.per_day[first_day..].iter().map(|day| (day.date.clone(), day.count)).collect();

    let number =
        |value: Option<f64>, unit: &str| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.1}{unit}"));
    let mut text = format!(
        "\n{}  {} leads, average score {}, {} won\n",
        paint.bold("Analytics"),
        analytics.total,
        number(analytics.average_score, ""),
        number(analytics.conversion_rate.map(|rate| rate * 100.0), " %"),
    );
    for (title, bars) in [
        ("by status", in_order(&STATUSES, &analytics.by_status)),
        ("by priority", in_order(&PRIORITIES, &analytics.by_priority)),
        ("by source", by_source),
        ("by score", scores),
        ("per day", days),
    ] {
        text.push_str(&chart(title, &bars, paint));
    }
    text
}

/// One chart.
pub(crate) fn chart(title: &str, bars: &[(String, u64)], paint: Paint) -> String {
    let longest = bars.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let label_chars = bars.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0).max(14);
    let mut text = format!("\n  {}\n", paint.dim(title));
    for (label, count) in bars {
        let gap = if *count == 0 { "" } else { " " };
        text.push_str(&format!("  {label:label_chars$}  {}{gap}{count}\n", paint.bar(&bar(*count, longest))));
    }
    text
}

/// A bar in eighths of a character, rounded, but never invisible for a count that is not zero.
fn bar(count: u64, longest: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (count * BAR_CHARS * 8 + longest / 2) / longest;
    let eighths = if count > 0 { eighths.max(1) } else { 0 };
    let (whole, part) = (eighths / 8, eighths % 8);
    let part = EIGHTHS.get(usize::try_from(part).unwrap_or_default()).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(usize::try_from(whole).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Day, ScoreStep};

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(10, 10), "█".repeat(36));
        assert_eq!(bar(5, 10), "█".repeat(18));
        assert_eq!(bar(1, 100), "▍");
        assert_eq!(bar(1, 1_000_000), "▏");
        assert_eq!(bar(0, 10), "");
    }

    #[test]
    fn a_chart_is_lined_up() {
        let bars = [("NEW".to_owned(), 36), ("WON".to_owned(), 1), ("LOST".to_owned(), 0)];
        assert_eq!(
            chart("by status", &bars, Paint::none()),
            format!(
                "\n  by status\n  NEW             {} 36\n  WON             █ 1\n  LOST            0\n",
                "█".repeat(36)
            )
        );
    }

    #[test]
    fn every_kind_of_figure_is_shown() {
        let figures = Analytics {
            total: 3,
            by_status: [("NEW".to_owned(), 3)].into(),
            by_source: [("EVENT".to_owned(), 1), ("WEBSITE".to_owned(), 2)].into(),
            by_priority: [("LOW".to_owned(), 3)].into(),
            average_score: Some(58.333),
            score_histogram: (0..10)
                .map(|n| ScoreStep { from: n * 10, to: n * 10 + 9, count: u64::from(n == 5) })
                .collect(),
            conversion_rate: Some(0.125),
            per_day: (1..=30).map(|day| Day { date: format!("2026-01-{day:02}"), count: day }).collect(),
        };
        let text = analytics(&figures, Paint::none());
        assert!(text.contains("3 leads, average score 58.3, 12.5 % won"), "{text}");
        for (shown, hidden) in [("50 to 59", "40 to 49"), ("2026-01-24", "2026-01-23"), ("URGENT", "ARCHIVED")] {
            assert!(text.contains(shown) && !text.contains(hidden), "{shown}: {text}");
        }
        assert!(text.find("WEBSITE") < text.find("EVENT"), "the best source first");
        assert!(analytics(&Analytics::default(), Paint::none()).contains("0 leads, average score none"));
    }
}
