//! Who pays, and what a tenant notes beside a payment. `Debug` shows none of it: it must not reach a log.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::country::Country;

const METADATA_ENTRIES_MAX: usize = 20;
const METADATA_KEY_CHARS_MAX: usize = 40;
const METADATA_VALUE_CHARS_MAX: usize = 500;

/// Who pays, as far as the tenant says. Some gateways want it: PayU asks for a name, an address and a phone number.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, garde::Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Customer {
    #[garde(custom(is_email))]
    #[schema(max_length = 254, example = "ada@example.com")]
    pub(crate) email: Option<String>,
    #[garde(inner(custom(is_line)))]
    #[schema(max_length = 100, example = "Ada Lovelace")]
    pub(crate) name: Option<String>,
    #[garde(inner(custom(is_phone)))]
    #[schema(max_length = 20, example = "+442079460018")]
    pub(crate) phone: Option<String>,
    /// Where they pay from, by ISO 3166-1: what the tenant's routing goes by.
    #[garde(skip)]
    #[schema(value_type = Option<String>, example = "GB")]
    pub(crate) country: Option<Country>,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Customer(..)")
    }
}

/// A tenant's own notes: up to 20 texts by name.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({ "order": "1815" }))]
pub(crate) struct Metadata(pub(crate) BTreeMap<String, String>);

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Metadata({})", self.0.len())
    }
}

impl garde::Validate for Metadata {
    type Context = ();

    fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
        if self.0.len() > METADATA_ENTRIES_MAX {
            report.append(parent(), garde::Error::new("at most 20 entries are wanted"));
        }
        for (key, value) in &self.0 {
            let key_fits = (1..=METADATA_KEY_CHARS_MAX).contains(&key.chars().count())
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
            if !key_fits {
                report.append(parent(), garde::Error::new("keys of 1 to 40 letters, digits, _, - and . are wanted"));
            } else if value.chars().count() > METADATA_VALUE_CHARS_MAX {
                // Its place in the report would end at a dot in the key.
                report.append(parent(), garde::Error::new(format!("`{key}`: at most 500 characters are wanted")));
            }
        }
    }
}

fn is_email(email: &Option<String>, _: &()) -> garde::Result {
    match email {
        Some(email) => {
            email::EmailAddress::parse(email).map(|_| ()).map_err(|error| garde::Error::new(error.to_string()))
        }
        None => Ok(()),
    }
}

/// A line of text of 1 to 100 characters.
pub(crate) fn is_line(text: &str, _: &()) -> garde::Result {
    if (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text {
        Ok(())
    } else {
        Err(garde::Error::new("1 to 100 characters are wanted, without control characters or white space around"))
    }
}

fn is_phone(text: &str, _: &()) -> garde::Result {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if (5..=19).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(garde::Error::new("5 to 19 digits are wanted, with or without a + before them"))
    }
}

#[cfg(test)]
mod tests {
    use garde::Validate;
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn what_is_known_of_a_customer_is_checked_and_not_shown() {
        let valid = |value| from_value::<Customer>(value).unwrap().validate().is_ok();
        assert!(
            valid(json!({})) && valid(json!({ "email": "ada@example.com", "name": "Ada", "phone": "+442079460018" }))
        );
        for wrong in
            [json!({ "email": "x" }), json!({ "name": "" }), json!({ "name": " a" }), json!({ "phone": "12 34" })]
        {
            assert!(!valid(wrong.clone()), "{wrong}");
        }
        let shown = format!("{:?}", from_value::<Customer>(json!({ "name": "Ada" })).unwrap());
        assert!(!shown.contains("Ada"));
    }

    #[test]
    fn metadata_is_bounded() {
        let valid = |value| from_value::<Metadata>(value).unwrap().validate().is_ok();
        assert!(valid(json!({ "order": "1815", "a.b-c_d": "" })));
        assert!(!valid(json!({ "": "x" })) && !valid(json!({ "a b": "x" })) && !valid(json!({ "k": "x".repeat(501) })));
        let many: BTreeMap<String, String> = (0..21).map(|n| (format!("k{n}"), String::new())).collect();
        assert!(Metadata(many).validate().is_err());
    }
}
