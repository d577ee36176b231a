//! Values that the command line gives as one value or as a range from which each instance draws: `128`, `1..8`, `500ms`, `1s..3s`.
//!
//! The end of a range is not in it. A time without a unit is in seconds.

use rand::{Rng as _, distr::uniform::SampleUniform};
use std::{fmt::Display, str::FromStr, time::Duration};

/// One value, or a range without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice<T> {
    /// Always this one.
    One(T),
    /// From the first up to, and without, the second.
    Between(T, T),
}

impl<T: SampleUniform + PartialOrd + Copy> Choice<T> {
    /// A value for a new instance.
    pub(crate) fn draw(self) -> T {
        match self {
            Self::One(value) => value,
            Self::Between(from, to) => rand::rng().random_range(from..to),
        }
    }
}

/// A suffix and what the number before it counts.
type Unit = (&'static str, fn(u64) -> Duration);

/// A time as the command line writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Time(Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units: [Unit; 6] = [
            ("ms", Duration::from_millis),
            ("us", Duration::from_micros),
            ("μs", Duration::from_micros),
            ("ns", Duration::from_nanos),
            ("s", Duration::from_secs),
            ("", Duration::from_secs),
        ];
        let (number, unit) = units
            .into_iter()
            .find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, unit)))
            .ok_or_else(|| format!("{text:?} is not a time"))?;
        number
            .parse()
            .map(|number| Self(unit(number)))
            .map_err(|_| format!("{text:?} is not a whole number of s, ms, us or ns"))
    }
}

/// Reads a number or a range of numbers.
pub(crate) fn parse_count(text: &str) -> Result<Choice<usize>, String> {
    parse(text, |count| count)
}

/// Reads a time or a range of times.
pub(crate) fn parse_time(text: &str) -> Result<Choice<Duration>, String> {
    parse(text, |Time(time)| time)
}

fn parse<T, V>(text: &str, value: impl Fn(T) -> V) -> Result<Choice<V>, String>
where
    T: FromStr<Err: Display>,
    V: PartialOrd,
{
    let read = |part: &str| {
        part.parse().map(&value).map_err(|error| format!("expected a value or a range such as 1..8: {error}"))
    };
    let Some((from, to)) = text.split_once("..") else { return read(text).map(Choice::One) };
    let (from, to) = (read(from)?, read(to)?);
    if from < to { Ok(Choice::Between(from, to)) } else { Err(format!("the range {text:?} is empty")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ranges() {
        assert_eq!(parse_count("128"), Ok(Choice::One(128)));
        assert_eq!(parse_count("1..8"), Ok(Choice::Between(1, 8)));
        for wrong in ["", "x", "8..1", "3..3", "1.."] {
            parse_count(wrong).unwrap_err();
        }
        assert!((1..8).contains(&Choice::Between(1_usize, 8).draw()));
        assert_eq!(Choice::One(5_usize).draw(), 5);
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse_time("3"), Ok(Choice::One(Duration::from_secs(3))));
        assert_eq!(parse_time("3s"), Ok(Choice::One(Duration::from_secs(3))));
        assert_eq!(parse_time("500ms"), Ok(Choice::One(Duration::from_millis(500))));
        assert_eq!(parse_time("7us"), Ok(Choice::One(Duration::from_micros(7))));
        assert_eq!(parse_time("7ns"), Ok(Choice::One(Duration::from_nanos(7))));
        assert_eq!(parse_time("1s..3s"), Ok(Choice::Between(Duration::from_secs(1), Duration::from_secs(3))));
        parse_time("3m").unwrap_err();
    }
}
