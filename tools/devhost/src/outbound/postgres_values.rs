//! The type table between Postgres and `spin:postgres@4.2.0`, in both directions.
//!
//! Deliberately as narrow as Spin's: TIMESTAMPTZ is announced as a datetime and cannot be read; types without a row in the
//! table arrive as raw bytes; a parameter must have exactly the type that Postgres infers.

use crate::{
    bindings::postgres::{DbDataType, DbValue, ParameterValue},
    outbound::postgres_types::{Decimal, Interval, Null, Raw, Span, decimals, read_decimals, span_of, wit_span},
};
use anyhow::{Context as _, anyhow};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Utc};
use postgres_range::Range;
use tokio_postgres::{
    Row,
    types::{FromSql, ToSql, Type},
};

/// A parameter as the driver wants it.
pub(crate) type Parameter = Box<dyn ToSql + Send + Sync>;

/// What the guest is told about a column's type.
pub(crate) fn data_type(column: &Type) -> DbDataType {
    match *column {
        Type::BOOL => DbDataType::Boolean,
        Type::INT2 => DbDataType::Int16,
        Type::INT4 => DbDataType::Int32,
        Type::INT8 => DbDataType::Int64,
        Type::FLOAT4 => DbDataType::Floating32,
        Type::FLOAT8 => DbDataType::Floating64,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => DbDataType::Str,
        Type::BYTEA => DbDataType::Binary,
        Type::DATE => DbDataType::Date,
        Type::TIME => DbDataType::Time,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => DbDataType::Datetime,
        Type::INTERVAL => DbDataType::Interval,
        Type::UUID => DbDataType::Uuid,
        Type::JSONB => DbDataType::Jsonb,
        Type::NUMERIC => DbDataType::Decimal,
        Type::INT4_RANGE => DbDataType::RangeInt32,
        Type::INT8_RANGE => DbDataType::RangeInt64,
        Type::NUM_RANGE => DbDataType::RangeDecimal,
        Type::INT4_ARRAY => DbDataType::ArrayInt32,
        Type::INT8_ARRAY => DbDataType::ArrayInt64,
        Type::NUMERIC_ARRAY => DbDataType::ArrayDecimal,
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => DbDataType::ArrayStr,
        _ => DbDataType::Other(column.name().to_owned()),
    }
}

/// A field of a row as the guest gets it.
pub(crate) fn value(row: &Row, index: usize) -> anyhow::Result<DbValue> {
    match *row.columns()[index].type_() {
        Type::BOOL => read(row, index, DbValue::Boolean),
        Type::INT2 => read(row, index, DbValue::Int16),
        Type::INT4 => read(row, index, DbValue::Int32),
        Type::INT8 => read(row, index, DbValue::Int64),
        Type::FLOAT4 => read(row, index, DbValue::Floating32),
        Type::FLOAT8 => read(row, index, DbValue::Floating64),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => read(row, index, DbValue::Str),
        Type::BYTEA => read(row, index, DbValue::Binary),
        Type::DATE => read(row, index, |date: NaiveDate| DbValue::Date(date_parts(date))),
        Type::TIME => read(row, index, |time: NaiveTime| DbValue::Time(time_parts(time))),
        // The driver refuses to read TIMESTAMPTZ as a time without a zone, and so the whole query fails.
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            read(row, index, |moment: NaiveDateTime| DbValue::Datetime(datetime_parts(moment)))
        }
        Type::INTERVAL => read(row, index, |interval: Interval| DbValue::Interval(interval.0)),
        Type::UUID => read(row, index, |id: uuid::Uuid| DbValue::Uuid(id.to_string())),
        Type::JSONB => read(row, index, |json: serde_json::Value| DbValue::Jsonb(json.to_string().into_bytes())),
        Type::NUMERIC => read(row, index, |number: rust_decimal::Decimal| DbValue::Decimal(number.to_string())),
        Type::INT4_RANGE => read(row, index, |range: Range<i32>| DbValue::RangeInt32(span_of(&range, |n| *n))),
        Type::INT8_RANGE => read(row, index, |range: Range<i64>| DbValue::RangeInt64(span_of(&range, |n| *n))),
        Type::NUM_RANGE => {
            read(row, index, |range: Range<Decimal>| DbValue::RangeDecimal(span_of(&range, |n| n.0.to_string())))
        }
        Type::INT4_ARRAY => read(row, index, DbValue::ArrayInt32),
        Type::INT8_ARRAY => read(row, index, DbValue::ArrayInt64),
        Type::NUMERIC_ARRAY => read(row, index, |numbers| DbValue::ArrayDecimal(decimals(numbers))),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => read(row, index, DbValue::ArrayStr),
        _ => read(row, index, |raw: Raw| DbValue::Unsupported(raw.0)),
    }
}

fn read<'row, T: FromSql<'row>>(
    row: &'row Row,
    index: usize,
    wrap: impl FnOnce(T) -> DbValue,
) -> anyhow::Result<DbValue> {
    Ok(row.try_get::<_, Option<T>>(index)?.map_or(DbValue::DbNull, wrap))
}

/// A guest's parameter as the driver wants it; fails where the value makes no sense in itself.
pub(crate) fn parameter(value: ParameterValue) -> anyhow::Result<Parameter> {
    Ok(match value {
        ParameterValue::Boolean(value) => Box::new(value),
        ParameterValue::Int8(value) => Box::new(value),
        ParameterValue::Int16(value) => Box::new(value),
        ParameterValue::Int32(value) => Box::new(value),
        ParameterValue::Int64(value) => Box::new(value),
        ParameterValue::Floating32(value) => Box::new(value),
        ParameterValue::Floating64(value) => Box::new(value),
        ParameterValue::Str(value) => Box::new(value),
        ParameterValue::Binary(value) => Box::new(value),
        ParameterValue::Date(parts) => Box::new(date(parts)?),
        ParameterValue::Time(parts) => Box::new(time(parts)?),
        ParameterValue::Datetime((year, month, day, hour, minute, second, nanosecond)) => {
            Box::new(NaiveDateTime::new(date((year, month, day))?, time((hour, minute, second, nanosecond))?))
        }
        ParameterValue::Timestamp(seconds) => Box::new(
            DateTime::<Utc>::from_timestamp(seconds, 0)
                .with_context(|| format!("invalid epoch timestamp {seconds}"))?,
        ),
        ParameterValue::Interval(interval) => Box::new(Interval(interval)),
        ParameterValue::Uuid(text) => {
            Box::new(uuid::Uuid::parse_str(&text).with_context(|| format!("invalid UUID {text}"))?)
        }
        ParameterValue::Jsonb(text) => Box::new(
            serde_json::from_slice::<serde_json::Value>(&text)
                .with_context(|| format!("invalid JSON {}", String::from_utf8_lossy(&text)))?,
        ),
        ParameterValue::Decimal(text) => Box::new(Decimal::parse(&text)?.0),
        ParameterValue::RangeInt32(span) => Box::new(wit_span(span, Ok)?),
        ParameterValue::RangeInt64(span) => Box::new(wit_span(span, Ok)?),
        ParameterValue::RangeDecimal(span) => {
            let span: Span<String> = span;
            Box::new(wit_span(span, |text| Decimal::parse(&text))?)
        }
        ParameterValue::ArrayInt32(values) => Box::new(values),
        ParameterValue::ArrayInt64(values) => Box::new(values),
        ParameterValue::ArrayDecimal(values) => Box::new(read_decimals(values)?),
        ParameterValue::ArrayStr(values) => Box::new(values),
        ParameterValue::DbNull => Box::new(Null),
    })
}

fn date((year, month, day): (i32, u8, u8)) -> anyhow::Result<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month.into(), day.into())
        .ok_or_else(|| anyhow!("invalid date y={year}, m={month}, d={day}"))
}

fn time((hour, minute, second, nanosecond): (u8, u8, u8, u32)) -> anyhow::Result<NaiveTime> {
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond)
        .ok_or_else(|| anyhow!("invalid time {hour}:{minute}:{second}:{nanosecond}"))
}

/// Months, days, hours, minutes and seconds all fit a byte.
fn byte(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn date_parts(date: NaiveDate) -> (i32, u8, u8) {
    (date.year(), byte(date.month()), byte(date.day()))
}

fn time_parts(time: NaiveTime) -> (u8, u8, u8, u32) {
    (byte(time.hour()), byte(time.minute()), byte(time.second()), time.nanosecond())
}

fn datetime_parts(moment: NaiveDateTime) -> (i32, u8, u8, u8, u8, u8, u32) {
    let (year, month, day) = date_parts(moment.date());
    let (hour, minute, second, nanosecond) = time_parts(moment.time());
    (year, month, day, hour, minute, second, nanosecond)
}

/// Roughly the bytes that a row takes in the host, for the limit on one row.
pub(crate) fn row_bytes(row: &[DbValue]) -> usize {
    row.iter().map(value_bytes).sum()
}

fn value_bytes(value: &DbValue) -> usize {
    let content = match value {
        DbValue::Str(text) | DbValue::Uuid(text) | DbValue::Decimal(text) => text.len(),
        DbValue::Binary(bytes) | DbValue::Jsonb(bytes) | DbValue::Unsupported(bytes) => bytes.len(),
        DbValue::ArrayInt32(items) => size_of_val(items.as_slice()),
        DbValue::ArrayInt64(items) => size_of_val(items.as_slice()),
        DbValue::ArrayDecimal(items) | DbValue::ArrayStr(items) => {
            size_of_val(items.as_slice()) + items.iter().flatten().map(String::len).sum::<usize>()
        }
        _ => 0,
    };
    size_of::<DbValue>() + content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamptz_is_announced_as_what_it_cannot_be_read_as() {
        assert!(matches!(data_type(&Type::TIMESTAMPTZ), DbDataType::Datetime));
        assert!(!<NaiveDateTime as FromSql>::accepts(&Type::TIMESTAMPTZ));
        assert!(matches!(data_type(&Type::JSON), DbDataType::Other(name) if name == "json"));
        assert!(matches!(data_type(&Type::INET), DbDataType::Other(name) if name == "inet"));
    }

    #[test]
    fn a_parameter_that_makes_no_sense_is_refused() {
        for wrong in [
            ParameterValue::Date((2026, 13, 1)),
            ParameterValue::Time((25, 0, 0, 0)),
            ParameterValue::Uuid("x".to_owned()),
            ParameterValue::Jsonb(b"{".to_vec()),
            ParameterValue::Decimal("ten".to_owned()),
            ParameterValue::ArrayDecimal(vec![Some("ten".to_owned())]),
        ] {
            assert!(parameter(wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_moment_survives_the_way_there_and_back() {
        let moment = NaiveDate::from_ymd_opt(2026, 8, 21).unwrap().and_hms_micro_opt(13, 5, 9, 123_456).unwrap();
        assert_eq!(datetime_parts(moment), (2026, 8, 21, 13, 5, 9, 123_456_000));
        assert_eq!(date((2026, 8, 21)).unwrap(), moment.date());
        assert_eq!(time((13, 5, 9, 123_456_000)).unwrap(), moment.time());
    }
}
