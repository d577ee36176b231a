//! One statement: prepared, run, and its rows carried to the guest.
//!
//! What the guest learns of an error is everything that Postgres said, as Spin passes it on.

#![allow(clippy::result_large_err, reason = "the interface's error carries everything that Postgres said")]

use crate::{
    bindings::postgres::{Column, DbError, DbValue, Error, ParameterValue, QueryError, RowSet},
    outbound::{
        REPLY_BYTES_MAX,
        postgres_values::{Parameter, data_type, parameter, row_bytes, value},
    },
};
use deadpool_postgres::Object;
use futures::{Stream, StreamExt as _};
use std::pin::pin;
use tokio::sync::{
    mpsc,
    oneshot::{self, Receiver},
};
use tokio_postgres::{Row, types::ToSql};

/// Rows that may wait for the guest.
const ROWS_WAITING: usize = 4;

/// A query under way.
pub(crate) struct Answer {
    /// Empty when there is no first row.
    pub(crate) columns: Vec<Column>,
    /// Ends early when something fails; `outcome` knows.
    pub(crate) rows: mpsc::Receiver<Vec<DbValue>>,
    /// How it ended.
    pub(crate) outcome: Receiver<Result<(), Error>>,
}

/// Runs a statement that returns no rows; says how many it touched.
pub(crate) async fn execute(client: &Object, statement: &str, parameters: Vec<ParameterValue>) -> Result<u64, Error> {
    let parameters = converted(parameters).map_err(|error| Error::ValueConversionFailed(format!("{error:?}")))?;
    let references: Vec<&(dyn ToSql + Sync)> =
        parameters.iter().map(|parameter| &**parameter as &(dyn ToSql + Sync)).collect();
    client.execute(statement, &references).await.map_err(|error| failed(&error))
}

/// Runs a query and collects its rows.
pub(crate) async fn query(client: &Object, statement: &str, parameters: Vec<ParameterValue>) -> Result<RowSet, Error> {
    let mut rows = pin!(start(client, statement, parameters).await?);
    let mut answer = RowSet { columns: Vec::new(), rows: Vec::new() };
    let mut bytes = size_of::<RowSet>();
    while let Some(row) = rows.next().await {
        // A row that cannot be read and a server that fails look alike to the guest here: both are text.
        let row = row.map_err(|error| text(format!("{error:?}")))?;
        if answer.rows.is_empty() {
            answer.columns = columns(&row);
        }
        let values = decoded(&row)?;
        bytes += row_bytes(&values);
        if bytes > REPLY_BYTES_MAX {
            return Err(too_large());
        }
        answer.rows.push(values);
    }
    Ok(answer)
}

/// Runs a query and hands its rows on as they come.
pub(crate) async fn query_streamed(
    client: &Object,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<Answer, Error> {
    let stream = start(client, statement, parameters).await?;
    let (rows_in, rows) = mpsc::channel(ROWS_WAITING);
    let (outcome_in, outcome) = oneshot::channel();
    let (columns_in, columns) = oneshot::channel();
    tokio::spawn(async move {
        // The guest may have stopped listening to the outcome: then nobody needs it.
        let _ = outcome_in.send(carry(stream, rows_in, columns_in).await);
    });
    Ok(Answer { columns: columns.await.unwrap_or_default(), rows, outcome })
}

/// Decodes rows until they end, one fails, or the guest drops its end, which is not an error.
async fn carry(
    stream: impl Stream<Item = Result<Row, tokio_postgres::Error>>,
    rows: mpsc::Sender<Vec<DbValue>>,
    columns_in: oneshot::Sender<Vec<Column>>,
) -> Result<(), Error> {
    let mut stream = pin!(stream);
    let mut columns_in = Some(columns_in);
    loop {
        let row = tokio::select! {
            biased;
            () = rows.closed() => return Ok(()),
            row = stream.next() => row,
        };
        let Some(row) = row else { return Ok(()) };
        let row = row.map_err(|error| failed(&error))?;
        if let Some(columns_in) = columns_in.take() {
            let _ = columns_in.send(columns(&row));
        }
        let values = decoded(&row)?;
        if row_bytes(&values) > REPLY_BYTES_MAX {
            return Err(too_large());
        }
        if let Err(error) = rows.send(values).await {
            return Err(text(format!("async error: {error}")));
        }
    }
}

async fn start(
    client: &Object,
    statement: &str,
    parameters: Vec<ParameterValue>,
) -> Result<impl Stream<Item = Result<Row, tokio_postgres::Error>> + use<>, Error> {
    let parameters = converted(parameters).map_err(|error| Error::BadParameter(format!("{error:?}")))?;
    client.query_raw(statement, parameters).await.map_err(|error| failed(&error))
}

fn converted(parameters: Vec<ParameterValue>) -> anyhow::Result<Vec<Parameter>> {
    parameters.into_iter().map(parameter).collect()
}

fn columns(row: &Row) -> Vec<Column> {
    row.columns()
        .iter()
        .map(|column| Column { name: column.name().to_owned(), data_type: data_type(column.type_()) })
        .collect()
}

fn decoded(row: &Row) -> Result<Vec<DbValue>, Error> {
    (0..row.len())
        .map(|index| value(row, index))
        .collect::<anyhow::Result<_>>()
        .map_err(|error| text(format!("{error:?}")))
}

fn text(text: String) -> Error {
    Error::QueryFailed(QueryError::Text(text))
}

fn too_large() -> Error {
    text(format!("query result exceeds limit of {REPLY_BYTES_MAX} bytes"))
}

fn failed(error: &tokio_postgres::Error) -> Error {
    let as_text = format!("{error:?}");
    let Some(said) = error.as_db_error() else { return text(as_text) };
    let extras = [
        ("column", said.column().map(str::to_owned)),
        ("constraint", said.constraint().map(str::to_owned)),
        ("routine", said.routine().map(str::to_owned)),
        ("hint", said.hint().map(str::to_owned)),
        ("table", said.table().map(str::to_owned)),
        ("datatype", said.datatype().map(str::to_owned)),
        ("schema", said.schema().map(str::to_owned)),
        ("file", said.file().map(str::to_owned)),
        ("line", said.line().map(|line| line.to_string())),
        ("where_", said.where_().map(str::to_owned)),
    ];
    Error::QueryFailed(QueryError::DbError(DbError {
        as_text,
        severity: said.severity().to_owned(),
        code: said.code().code().to_owned(),
        message: said.message().to_owned(),
        detail: said.detail().map(str::to_owned),
        extras: extras.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
    }))
}
