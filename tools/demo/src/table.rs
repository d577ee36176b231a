//! The best leads as a table, each with the reasons of its score.

use crate::{contract::Lead, paint::Paint};

/// No column is wider than this; what does not fit ends in an ellipsis.
const CHARS_MAX: usize = 24;

/// The table, best first as the leads come.
pub(crate) fn best_leads(leads: &[Lead], paint: Paint) -> String {
    let head = ["score", "priority", "name", "company"].map(str::to_owned);
    let rows =
        leads.iter().map(|lead| [format!("{:>5}", lead.score), lead.priority.clone(), name(lead), cell(&lead.company)]);
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);

    let mut text = format!("\n{}\n", paint.bold("Best leads, and why"));
    for (place, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let line = cells.join("  ");
        let line = match place.checked_sub(1) {
            None => paint.dim(&format!("{line}  reasons")),
            Some(lead) => format!("{line}  {}", paint.dim(&reasons(&leads[lead]))),
        };
        text.push_str(&format!("  {line}\n"));
    }
    text
}

fn name(lead: &Lead) -> String {
    let names = [&lead.first_name, &lead.last_name];
    let name = names.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    fitting(if name.is_empty() { &lead.email } else { &name })
}

fn cell(text: &Option<String>) -> String {
    fitting(text.as_deref().unwrap_or("-"))
}

fn fitting(text: &str) -> String {
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    text.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

/// `base 50 + company 20`, and where the points are more than the score, that it ends there. What a rule looks at is
/// left out of its name (`source_event` is `event`): a line of the table should fit a terminal.
fn reasons(lead: &Lead) -> String {
    let sum: i32 = lead.score_reasons.iter().map(|reason| reason.points).sum();
    let rules: Vec<_> =
        lead.score_reasons.iter().map(|reason| format!("{} {}", short(&reason.rule), reason.points)).collect();
    let end = if sum > i32::from(lead.score) { format!(" = {sum}, capped") } else { String::new() };
    format!("{}{end}", rules.join(" + "))
}

fn short(rule: &str) -> &str {
    ["source_", "job_title_"].iter().find_map(|looks_at| rule.strip_prefix(looks_at)).unwrap_or(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ScoreReason;

    fn lead(first_name: &str, score: u8, reasons: &[(&str, i32)]) -> Lead {
        Lead {
            email: "somebody@example.example".to_owned(),
            first_name: (!first_name.is_empty()).then(|| first_name.to_owned()),
            priority: "HIGH".to_owned(),
            score,
            score_reasons: reasons
                .iter()
                .map(|&(rule, points)| ScoreReason { rule: rule.to_owned(), points })
                .collect(),
            ..Lead::default()
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let leads = [
            lead("Inês", 100, &[("base", 50), ("company", 20), ("job_title_ceo", 20), ("source_referral", 20)]),
            lead("", 60, &[("base", 50), ("source_website", 10)]),
        ];
        assert_eq!(
            best_leads(&leads, Paint::none()),
            "
Best leads, and why
  score  priority  name                      company  reasons
    100  HIGH      Inês                      -        base 50 + company 20 + ceo 20 + referral 20 = 110, capped
     60  HIGH      somebody@example.example  -        base 50 + website 10
"
        );
    }

    #[test]
    fn a_long_text_ends_in_an_ellipsis() {
        assert_eq!(fitting(&"ä".repeat(25)), format!("{}…", "ä".repeat(23)));
        assert_eq!(fitting(&"ä".repeat(24)), "ä".repeat(24));
    }
}
