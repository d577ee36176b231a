//! Postgres: pooled connections, and statements that are prepared once a connection.
//!
//! What must stay true: a parameter has exactly the type that Postgres infers, and what Postgres says of an error is
//! passed on whole. Unlike the real host, connections are not reset between uses: our statements leave no settings
//! behind, because `app.enter` sets its own for the transaction alone.

mod pool;
mod values;

use std::fmt;

use deadpool_postgres::Object;
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::{Row, types::ToSql};

pub use values::{DbValue, ParameterValue};

/// What Postgres said of an error.
#[derive(Debug, Clone)]
pub struct DbError {
    /// All of it as one text.
    pub as_text: String,
    /// Such as `ERROR`.
    pub severity: String,
    /// The five characters of SQLSTATE.
    pub code: String,
    /// The message.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// Every other field, by name.
    pub extras: Vec<(String, String)>,
}

/// Why a statement failed.
#[derive(Debug, Clone)]
pub enum QueryError {
    /// Something that the server did not say.
    Text(String),
    /// Said by the server.
    DbError(DbError),
}

/// Why the database gave no answer.
#[derive(Debug, Clone)]
pub enum PgError {
    /// There is no connection.
    ConnectionFailed(String),
    /// The statement failed.
    QueryFailed(QueryError),
    /// Anything else.
    Other(String),
}

/// Every error of this module.
#[derive(Debug, Clone)]
pub enum Error {
    /// The database gave no answer.
    PgError(PgError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Error {}

impl From<PgError> for Error {
    fn from(error: PgError) -> Self {
        Self::PgError(error)
    }
}

/// A certificate in PEM form.
pub enum Certificate {
    /// Kept in this file.
    FilePath(String),
    /// This text.
    Text(String),
}

/// Options of a connection.
#[derive(Default)]
pub struct OpenOptions {
    /// The authority that signed the server's certificate.
    pub ca_root: Option<Certificate>,
}

/// A connection in use; it goes back to its pool when it is dropped.
pub struct Connection {
    client: Object,
    // Dropped after the client, so that whoever waits for the place finds the connection.
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// A pooled connection, or a new one. Waits while all of the thread's connections are in use.
    pub async fn open(address: impl Into<String>) -> Result<Self, Error> {
        Self::take(&address.into()).await
    }

    /// The same with options. There is no TLS here, so an authority is refused rather than ignored.
    pub async fn open_with_options(address: impl AsRef<str>, options: OpenOptions) -> Result<Self, Error> {
        match options.ca_root {
            None => Self::take(address.as_ref()).await,
            Some(_) => Err(PgError::Other("TLS to Postgres is not supported here".to_owned()).into()),
        }
    }

    async fn take(address: &str) -> Result<Self, Error> {
        let (client, place) = pool::take(address).await.map_err(PgError::ConnectionFailed)?;
        Ok(Self { client, _place: place })
    }

    /// Runs a statement and reads all of its rows.
    pub async fn query(
        &self,
        statement: impl Into<String>,
        params: impl Into<Vec<ParameterValue>>,
    ) -> Result<QueryResult, Error> {
        let statement = self.client.prepare_cached(&statement.into()).await.map_err(failed)?;
        let params = params.into();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        let rows = self.client.query(&statement, &params).await.map_err(failed)?;
        Ok(QueryResult { rows: Rows { rows: rows.into_iter(), failure: None } })
    }
}

/// The answer to a statement.
pub struct QueryResult {
    rows: Rows,
}

impl QueryResult {
    /// The rows, to be taken one after the other.
    pub fn rows(&mut self) -> &mut Rows {
        &mut self.rows
    }

    /// Whether all rows could be read.
    pub async fn result(self) -> Result<(), Error> {
        self.rows.failure.map_or(Ok(()), Err)
    }
}

/// Rows; they end where one cannot be read.
pub struct Rows {
    rows: std::vec::IntoIter<Row>,
    failure: Option<Error>,
}

impl Rows {
    /// The next row.
    pub async fn next(&mut self) -> Option<Vec<DbValue>> {
        let row = self.rows.next()?;
        match (0..row.len()).map(|index| values::read(&row, index)).collect() {
            Ok(values) => Some(values),
            Err(error) => {
                self.failure = Some(failed(error));
                None
            }
        }
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    let as_text = format!("{error:?}");
    let failure = match error.as_db_error() {
        None => QueryError::Text(as_text),
        Some(said) => QueryError::DbError(DbError {
            as_text,
            severity: said.severity().to_owned(),
            code: said.code().code().to_owned(),
            message: said.message().to_owned(),
            detail: said.detail().map(str::to_owned),
            extras: extras(said),
        }),
    };
    PgError::QueryFailed(failure).into()
}

fn extras(said: &tokio_postgres::error::DbError) -> Vec<(String, String)> {
    let line = said.line().map(|line| line.to_string());
    [
        ("column", said.column()),
        ("constraint", said.constraint()),
        ("routine", said.routine()),
        ("hint", said.hint()),
        ("table", said.table()),
        ("datatype", said.datatype()),
        ("schema", said.schema()),
        ("file", said.file()),
        ("line", line.as_deref()),
        ("where_", said.where_()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
    .collect()
}
