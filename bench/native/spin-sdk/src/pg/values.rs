//! The types that our statements use, to and from Postgres. A type without a variant here arrives as its raw bytes.

use std::error::Error;

use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut},
};
use uuid::Uuid;

type Failure = Box<dyn Error + Sync + Send>;

/// A field of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum DbValue {
    /// BOOL
    Boolean(bool),
    /// INT2
    Int16(i16),
    /// INT4
    Int32(i32),
    /// INT8
    Int64(i64),
    /// TEXT, VARCHAR, CHAR
    Str(String),
    /// BYTEA
    Binary(Vec<u8>),
    /// UUID
    Uuid(String),
    /// JSONB, as its text
    Jsonb(Vec<u8>),
    /// TEXT[]
    ArrayStr(Vec<Option<String>>),
    /// NULL
    DbNull,
    /// Any other type, as the server sent it.
    Unsupported(Vec<u8>),
}

/// A parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// BOOL
    Boolean(bool),
    /// INT2
    Int16(i16),
    /// INT4
    Int32(i32),
    /// INT8
    Int64(i64),
    /// TEXT, VARCHAR, CHAR
    Str(String),
    /// BYTEA
    Binary(Vec<u8>),
    /// UUID
    Uuid(String),
    /// JSONB, as its text
    Jsonb(Vec<u8>),
    /// TEXT[]
    ArrayStr(Vec<Option<String>>),
    /// NULL
    DbNull,
}

impl ToSql for ParameterValue {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Self::Boolean(value) => value.to_sql_checked(column, out),
            Self::Int16(value) => value.to_sql_checked(column, out),
            Self::Int32(value) => value.to_sql_checked(column, out),
            Self::Int64(value) => value.to_sql_checked(column, out),
            Self::Str(value) => value.to_sql_checked(column, out),
            Self::Binary(value) => value.to_sql_checked(column, out),
            Self::Uuid(value) => Uuid::parse_str(value)?.to_sql_checked(column, out),
            Self::Jsonb(value) => JsonText(value).to_sql_checked(column, out),
            Self::ArrayStr(value) => value.to_sql_checked(column, out),
            Self::DbNull => Ok(IsNull::Yes),
        }
    }

    /// Each value knows for itself, and says so in `to_sql`.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        self.to_sql(column, out)
    }
}

/// JSON that is text already: the server checks it, so nobody parses it on the way.
#[derive(Debug)]
struct JsonText<'a>(&'a [u8]);

/// What stands before the text of a JSONB on the wire.
const JSONB_VERSION: u8 = 1;

impl ToSql for JsonText<'_> {
    fn to_sql(&self, column: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        if *column == Type::JSONB {
            out.extend_from_slice(&[JSONB_VERSION]);
        }
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(column: &Type) -> bool {
        matches!(*column, Type::JSONB | Type::JSON)
    }

    tokio_postgres::types::to_sql_checked!();
}

/// Bytes as the server sent them, whatever their type.
struct Raw(Vec<u8>);

impl FromSql<'_> for Raw {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Failure> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A field of a row.
pub(crate) fn read(row: &Row, index: usize) -> Result<DbValue, tokio_postgres::Error> {
    match *row.columns()[index].type_() {
        Type::BOOL => wrapped(row, index, DbValue::Boolean),
        Type::INT2 => wrapped(row, index, DbValue::Int16),
        Type::INT4 => wrapped(row, index, DbValue::Int32),
        Type::INT8 => wrapped(row, index, DbValue::Int64),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => wrapped(row, index, DbValue::Str),
        Type::BYTEA => wrapped(row, index, DbValue::Binary),
        Type::UUID => wrapped(row, index, |id: Uuid| DbValue::Uuid(id.to_string())),
        Type::JSONB => wrapped(row, index, |Raw(bytes)| DbValue::Jsonb(bytes.get(1..).unwrap_or_default().to_vec())),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY | Type::BPCHAR_ARRAY => wrapped(row, index, DbValue::ArrayStr),
        _ => wrapped(row, index, |Raw(bytes)| DbValue::Unsupported(bytes)),
    }
}

fn wrapped<'row, T: FromSql<'row>>(
    row: &'row Row,
    index: usize,
    wrap: impl FnOnce(T) -> DbValue,
) -> Result<DbValue, tokio_postgres::Error> {
    Ok(row.try_get::<_, Option<T>>(index)?.map_or(DbValue::DbNull, wrap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(value: ParameterValue, column: Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        value.to_sql_checked(&column, &mut out).ok().map(|_| out.to_vec())
    }

    #[test]
    fn a_parameter_fits_exactly_one_type() {
        let json = ParameterValue::Jsonb(b"{}".to_vec());
        assert_eq!(sent(json.clone(), Type::JSONB), Some(b"\x01{}".to_vec()));
        assert_eq!(sent(json.clone(), Type::JSON), Some(b"{}".to_vec()));
        assert_eq!(sent(json, Type::TEXT), None);
        let id = ParameterValue::Uuid(Uuid::nil().to_string());
        assert_eq!(sent(id.clone(), Type::UUID), Some(vec![0; 16]));
        assert_eq!(sent(id, Type::TEXT), None);
        assert_eq!(sent(ParameterValue::Uuid("x".to_owned()), Type::UUID), None);
        assert_eq!(sent(ParameterValue::Str("x".to_owned()), Type::UUID), None);
        assert_eq!(sent(ParameterValue::Binary(vec![7]), Type::BYTEA), Some(vec![7]));
        assert!(sent(ParameterValue::ArrayStr(vec![None]), Type::TEXT_ARRAY).is_some());
    }
}
