//! Texts that people enter about a lead. White space around them is no part of them: it is dropped when they are
//! read; what is left is checked by the extractor (garde), so that all that is wrong is named at once.
//!
//! What must stay true: the limits are those of the CHECKs on `crm.leads`, counted in characters as Postgres does.

use std::{fmt, ops::RangeInclusive};

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::domain::{country, phone, website};

/// A type for one kind of text: reads itself trimmed, writes itself plainly, and knows its own rule. `Debug` shows no
/// text, because what is known of a person must not reach a log.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $chars:expr, example $example:literal, $check:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub(crate) struct $name(String);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self(trimmed(text)))
            }
        }

        impl garde::Validate for $name {
            type Context = ();

            fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
                let check: fn(&str) -> Result<(), String> = $check;
                let checked = within(&self.0, $chars).and_then(|()| check(&self.0));
                if let Err(problem) = checked {
                    report.append(parent(), garde::Error::new(problem));
                }
            }
        }

        impl ToSchema for $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let schema = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(concat!($($doc),+).trim()))
                    .min_length(Some(*$chars.start()))
                    .max_length(Some(*$chars.end()))
                    .examples([$example]);
                RefOr::T(schema.into())
            }
        }
    };
}

text! {
    /// Where to write to. The same address may belong to several leads.
    Email, 6..=254, example "ada@example.com",
    |text| email::EmailAddress::parse(text).map(|_| ()).map_err(|error| error.to_string())
}
text! {
    /// A first or a last name.
    PersonName, 1..=100, example "Ada", line
}
text! {
    /// A company's name.
    CompanyName, 1..=200, example "Analytical Engines", line
}
text! {
    /// What somebody is in their company.
    JobTitle, 1..=200, example "CEO", line
}
text! {
    /// A phone number as people write it, with an extension if it has one.
    Phone, 3..=32, example "+44 20 7946 0958", phone::check
}
text! {
    /// An `http` or `https` address with a domain name.
    Website, 10..=500, example "https://example.com", website::check
}
text! {
    /// A country's code in ISO 3166-1 alpha-2, upper case.
    Country, 2..=2, example "GB", country::check
}
text! {
    /// Anything else worth knowing, with line breaks and tabs if need be.
    Notes, 1..=10_000, example "Met at the spring fair.\nWants a demo.", lines
}

impl JobTitle {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn trimmed(text: String) -> String {
    let kept = text.trim();
    // Most texts come as they should be, and keep their allocation.
    if kept.len() == text.len() { text } else { kept.to_owned() }
}

fn within(text: &str, chars_wanted: RangeInclusive<usize>) -> Result<(), String> {
    let chars = text.chars().count();
    if chars == 0 {
        return Err("must not be blank: leave it out, or give null if it is optional".to_owned());
    }
    if chars > *chars_wanted.end() {
        return Err(format!("has {chars} characters; {} are the most", chars_wanted.end()));
    }
    // What is too short fails the rule of its kind, which says more.
    Ok(())
}

fn line(text: &str) -> Result<(), String> {
    if text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("must not hold line breaks or other control characters".to_owned());
    }
    Ok(())
}

fn lines(text: &str) -> Result<(), String> {
    // Browsers send the line breaks of a text area as CR LF.
    let without_breaks = text.replace("\r\n", "\n");
    if without_breaks.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err("must not hold control characters but line breaks and tabs".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use garde::Validate;
    use serde::de::DeserializeOwned;
    use serde_json::{from_value, json, to_value};

    /// What a text becomes, or that it is refused.
    #[track_caller]
    fn check<T: DeserializeOwned + Serialize + Validate<Context = ()>>(text: &str, expected: Option<&str>) {
        let read: T = from_value(json!(text)).unwrap();
        let found = read.validate().map(|()| to_value(&read).unwrap()).ok();
        assert_eq!(found, expected.map(|text| json!(text)), "{text:?}");
    }

    #[test]
    fn names_are_trimmed_lines() {
        check::<PersonName>("  Ada \u{a0}", Some("Ada"));
        check::<PersonName>(&"é".repeat(100), Some(&"é".repeat(100)));
        check::<PersonName>("João de Ávila-O'Neil 3rd", Some("João de Ávila-O'Neil 3rd"));
        for refused in ["", " \t\n", "A\nB", "A\u{7f}", "A\u{85}B", "A\u{2028}B", &"x".repeat(101)] {
            check::<PersonName>(refused, None);
        }
        check::<CompanyName>(&"x".repeat(200), Some(&"x".repeat(200)));
        check::<CompanyName>(&"x".repeat(201), None);
        check::<JobTitle>(&"x".repeat(201), None);
    }

    #[test]
    fn notes_may_have_lines() {
        check::<Notes>("one\n\ttwo\r\nthree", Some("one\n\ttwo\r\nthree"));
        check::<Notes>(&"x".repeat(10_000), Some(&"x".repeat(10_000)));
        for refused in ["", "  ", "a\rb", "a\u{1b}[0m", &"x".repeat(10_001)] {
            check::<Notes>(refused, None);
        }
    }

    #[test]
    fn an_email_address_is_one() {
        check::<Email>(" ada@example.com ", Some("ada@example.com"));
        for refused in ["", "ada", "ada@localhost", "Ada <ada@example.com>"] {
            check::<Email>(refused, None);
        }
    }

    #[test]
    fn debug_shows_no_text() {
        let name: PersonName = from_value(json!("Ada")).unwrap();
        assert_eq!(format!("{name:?}"), "PersonName(..)");
    }
}
