//! Who may call an operation, in words for its reader: its security scheme names a right, and `crates/identity` says who
//! holds it.

use identity::right::{TABLE, scopes};
use serde_json::Value;

use crate::document::{BEARER, SERVICE};

/// Adds a sentence to the operation's description; gives what is wrong with the right that it names.
pub(crate) fn name(operation: &mut Value) -> Option<String> {
    let needs = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let needs: Vec<_> = needs.collect();
    let is_open = needs.iter().any(|need| need.is_empty());
    let sentence = match needs.iter().find_map(|need| need.iter().next()) {
        None => return None,
        Some((scheme, _)) if scheme == SERVICE => "whoever has the service token.".to_owned(),
        Some((scheme, _)) if scheme != BEARER => return None,
        Some((_, rights)) => match rights[0].as_str() {
            None if is_open => "anybody, logged in or not; no API key.".to_owned(),
            None => "every person who is logged in, for themselves; no API key.".to_owned(),
            Some(right) => {
                let Some((_, roles)) = TABLE.iter().find(|(name, _)| *name == right) else {
                    return Some(format!("names the right {right}, which crates/identity does not have"));
                };
                let keys = match scopes().contains(&right) {
                    true => format!("API keys with the scope `{right}`"),
                    false => "no API key".to_owned(),
                };
                format!("{} (the right `{right}`); {keys}.", joined(roles))
            }
        },
    };
    let told = operation["description"].as_str().map(|told| format!("{told}\n\n")).unwrap_or_default();
    operation["description"] = Value::from(format!("{told}**Who may:** {sentence}"));
    None
}

/// `owners, admins and members`
fn joined(roles: &[&str]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| format!("{role}s")).collect();
    match roles.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(security: Value, wanted: &str) {
        let mut operation = json!({ "security": security, "description": "Does it." });
        assert_eq!(name(&mut operation), None);
        assert_eq!(operation["description"], format!("Does it.{wanted}"));
    }

    #[test]
    fn says_who_may() {
        check(Value::Null, "");
        check(json!([{ "service": [] }]), "\n\n**Who may:** whoever has the service token.");
        check(json!([{ "bearer": [] }]), "\n\n**Who may:** every person who is logged in, for themselves; no API key.");
        check(json!([{}, { "bearer": [] }]), "\n\n**Who may:** anybody, logged in or not; no API key.");
        check(
            json!([{ "bearer": ["leads:write"] }]),
            "\n\n**Who may:** owners, admins and members (the right `leads:write`); API keys with the scope `leads:write`.",
        );
        check(
            json!([{ "bearer": ["api_keys:write"] }]),
            "\n\n**Who may:** owners and admins (the right `api_keys:write`); no API key.",
        );
    }

    #[test]
    fn a_right_that_nobody_can_hold_is_found() {
        let mut operation = json!({ "security": [{ "bearer": ["leads:eat"] }] });
        assert_eq!(name(&mut operation).unwrap(), "names the right leads:eat, which crates/identity does not have");
    }
}
