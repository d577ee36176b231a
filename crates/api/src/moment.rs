//! Moments that clients name, in queries and cursors: RFC 3339, within what Postgres and people mean.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A moment between the years 1900 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(DateTime<Utc>);

impl Moment {
    /// The moment.
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Microseconds, as Postgres keeps them: a cursor must name its row's very moment.
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .ok()
            .map(|time| time.to_utc())
            // Postgres has no year 0, and an offset or a period of days can carry a time across a limit.
            .filter(|time| (1900..=9999).contains(&time.year()))
            // A leap second, which Postgres refuses where it has a fraction.
            .filter(|time| time.timestamp_subsec_nanos() < 1_000_000_000)
            .map(Self)
            .ok_or_else(|| D::Error::custom("an RFC 3339 time such as 2026-01-31T00:00:00Z is wanted (write + as %2B)"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let found = from_value::<Moment>(json!(text)).ok().map(|moment| to_value(moment).unwrap());
        assert_eq!(found, expected.map(|text| json!(text)), "{text}");
    }

    #[test]
    fn reads_rfc_3339_and_writes_utc() {
        check("2016-12-31T23:59:60.5Z", None);
        check("2026-01-31T12:34:60Z", None);
        check("2026-01-31T00:00:00Z", Some("2026-01-31T00:00:00.000000Z"));
        check("2026-01-31T02:30:00.123456789+02:30", Some("2026-01-31T00:00:00.123456Z"));
        check("1900-01-01T00:00:00Z", Some("1900-01-01T00:00:00.000000Z"));
        for other in [
            "",
            "2026-01-31",
            "2026-01-31T00:00:00",
            "2026-02-30T00:00:00Z",
            "2026-01-31T02:30:00 02:30",
            "now",
            "0000-06-01T00:00:00Z",
            "1900-01-01T00:00:00+02:00",
            "9999-12-31T23:59:59-02:00",
            "infinity",
            "+12026-01-31T00:00:00Z",
        ] {
            check(other, None);
        }
    }
}
