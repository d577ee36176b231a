//! Postgres types that the driver does not know by itself: intervals, ranges, exact numbers, NULL of any type, raw bytes.

use crate::bindings::postgres::{Interval as WitInterval, RangeBoundKind};
use anyhow::Context as _;
use bytes::{Buf as _, BufMut as _, BytesMut};
use postgres_range::{BoundSided, BoundType, Normalizable, Range, RangeBound};
use std::error::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Failure = Box<dyn Error + Sync + Send>;

/// NULL, whatever type the statement expects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Null;

impl ToSql for Null {
    fn to_sql(&self, _: &Type, _: &mut BytesMut) -> Result<IsNull, Failure> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value of a type that has no place in the type table, as Postgres sent it.
#[derive(Clone, Debug)]
pub(crate) struct Raw(pub(crate) Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        Ok(Self(raw.to_owned()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// INTERVAL: microseconds, days, months, in that order on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval(pub(crate) WitInterval);

impl ToSql for Interval {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.put_i64(self.0.micros);
        out.put_i32(self.0.days);
        out.put_i32(self.0.months);
        Ok(IsNull::No)
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::INTERVAL
    }

    to_sql_checked!();
}

impl FromSql<'_> for Interval {
    fn from_sql(_: &Type, mut raw: &[u8]) -> Result<Self, Failure> {
        if raw.len() != 16 {
            return Err("an INTERVAL is not 16 bytes long".into());
        }
        Ok(Self(WitInterval { micros: raw.get_i64(), days: raw.get_i32(), months: raw.get_i32() }))
    }

    fn accepts(column: &Type) -> bool {
        *column == Type::INTERVAL
    }
}

/// NUMERIC, in a wrapper of ours because ranges need a trait that only its owner may implement.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Decimal(pub(crate) rust_decimal::Decimal);

impl Decimal {
    /// Reads a number; more digits than fit are an error, not a rounding.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        rust_decimal::Decimal::from_str_exact(text).map(Self).with_context(|| format!("invalid decimal {text}"))
    }
}

impl ToSql for Decimal {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.0.to_sql(column, out)
    }

    fn accepts(column: &Type) -> bool {
        <rust_decimal::Decimal as ToSql>::accepts(column)
    }

    to_sql_checked!();
}

impl FromSql<'_> for Decimal {
    fn from_sql(column: &Type, raw: &[u8]) -> Result<Self, Failure> {
        rust_decimal::Decimal::from_sql(column, raw).map(Self)
    }

    fn accepts(column: &Type) -> bool {
        <rust_decimal::Decimal as FromSql>::accepts(column)
    }
}

impl Normalizable for Decimal {
    fn normalize<S: BoundSided>(bound: RangeBound<S, Self>) -> RangeBound<S, Self> {
        bound
    }
}

/// Array elements on their way to the guest.
pub(crate) fn decimals(numbers: Vec<Option<rust_decimal::Decimal>>) -> Vec<Option<String>> {
    numbers.into_iter().map(|number| number.map(|number| number.to_string())).collect()
}

/// Array elements on their way to Postgres.
pub(crate) fn read_decimals(texts: Vec<Option<String>>) -> anyhow::Result<Vec<Option<rust_decimal::Decimal>>> {
    texts.into_iter().map(|text| text.map(|text| Decimal::parse(&text).map(|number| number.0)).transpose()).collect()
}

/// A range as the guest writes it: lower and upper bound, each of which may be missing.
pub(crate) type Span<T> = (Option<(T, RangeBoundKind)>, Option<(T, RangeBoundKind)>);

/// A range on its way to the guest.
pub(crate) fn span_of<T: PartialOrd + Normalizable, W>(range: &Range<T>, value: impl Fn(&T) -> W) -> Span<W> {
    (
        range.lower().map(|bound| (value(&bound.value), kind_of(bound.type_))),
        range.upper().map(|bound| (value(&bound.value), kind_of(bound.type_))),
    )
}

/// A range on its way to Postgres.
pub(crate) fn wit_span<W, T: PartialOrd + Normalizable>(
    (lower, upper): Span<W>,
    value: impl Fn(W) -> anyhow::Result<T>,
) -> anyhow::Result<Range<T>> {
    let lower = lower.map(|(bound, kind)| bounded(bound, kind, &value)).transpose()?;
    let upper = upper.map(|(bound, kind)| bounded(bound, kind, &value)).transpose()?;
    Ok(Range::new(lower, upper))
}

fn bounded<S: BoundSided, W, T: PartialOrd + Normalizable>(
    bound: W,
    kind: RangeBoundKind,
    value: impl Fn(W) -> anyhow::Result<T>,
) -> anyhow::Result<RangeBound<S, T>> {
    let kind = match kind {
        RangeBoundKind::Inclusive => BoundType::Inclusive,
        RangeBoundKind::Exclusive => BoundType::Exclusive,
    };
    Ok(RangeBound::new(value(bound)?, kind))
}

fn kind_of(kind: BoundType) -> RangeBoundKind {
    match kind {
        BoundType::Inclusive => RangeBoundKind::Inclusive,
        BoundType::Exclusive => RangeBoundKind::Exclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_survives_the_way_there_and_back() {
        let interval = Interval(WitInterval { micros: 1, days: -2, months: 3 });
        let mut wire = BytesMut::new();
        interval.to_sql(&Type::INTERVAL, &mut wire).unwrap();
        let back = Interval::from_sql(&Type::INTERVAL, &wire).unwrap().0;
        assert_eq!((back.micros, back.days, back.months), (1, -2, 3));
        Interval::from_sql(&Type::INTERVAL, &wire[1..]).unwrap_err();
    }

    #[test]
    fn a_range_keeps_its_bounds() {
        let span = (Some((1_i64, RangeBoundKind::Inclusive)), Some((5, RangeBoundKind::Exclusive)));
        let (lower, upper) = span_of(&wit_span(span, Ok).unwrap(), |number| *number);
        assert!(matches!(lower, Some((1, RangeBoundKind::Inclusive))));
        assert!(matches!(upper, Some((5, RangeBoundKind::Exclusive))));
    }

    #[test]
    fn a_number_is_not_rounded() {
        assert_eq!(Decimal::parse("12.340").unwrap().0.to_string(), "12.340");
        Decimal::parse("0.12345678901234567890123456789012345").unwrap_err();
    }
}
