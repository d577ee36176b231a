//! The connection of one request, as plain as the SDK gives it: no time limits, which would cost all forms the same.

use std::sync::OnceLock;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use spin_sdk::{
    pg::{Connection, DbValue, Error, ParameterValue},
    variables,
};

/// What went wrong, for whoever runs the measurement.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0).into_response()
    }
}

/// The address of the database, which is the same for all requests of an instance.
async fn address() -> Result<&'static str, Failure> {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    if let Some(address) = ADDRESS.get() {
        return Ok(address);
    }
    let mut address = String::new();
    for (word, variable) in [
        ("host", "db_host"),
        ("port", "db_port"),
        ("dbname", "db_name"),
        ("sslmode", "db_sslmode"),
        ("user", "db_user"),
        ("password", "db_password"),
    ] {
        let value = variables::get(variable).await.map_err(|error| Failure(format!("{variable}: {error:?}")))?;
        address.push_str(&format!("{word}='{value}' "));
    }
    Ok(ADDRESS.get_or_init(|| address))
}

/// One connection, for one request.
pub(crate) struct Db(Connection);

/// Takes a connection from the host's pool.
pub(crate) async fn connect() -> Result<Db, Failure> {
    let address = address().await?;
    #[expect(clippy::disallowed_methods, reason = "the forms that are compared are below crates/db")]
    let connection = Connection::open(address).await?;
    Ok(Db(connection))
}

impl Db {
    /// The floor.
    pub(crate) async fn select_one(&self) -> Result<i32, Failure> {
        match self.rows("select 1", Vec::new()).await?.as_slice() {
            [row] if matches!(row[..], [DbValue::Int32(1)]) => Ok(1),
            _ => Err(Failure("select 1 did not answer 1".to_owned())),
        }
    }

    /// The one text that a statement answers; `None` is SQL's NULL.
    pub(crate) async fn text(&self, statement: &str, params: Vec<ParameterValue>) -> Result<Option<String>, Failure> {
        let mut result = self.0.query(statement, params).await?;
        let row = result.rows().next().await;
        // Rows end on an error too: the result must always be asked.
        result.result().await?;
        match row.map(<[DbValue; 1]>::try_from) {
            Some(Ok([DbValue::Str(text)])) => Ok(Some(text)),
            Some(Ok([DbValue::DbNull])) => Ok(None),
            _ => Err(Failure("not one text".to_owned())),
        }
    }

    /// All rows that a statement answers.
    pub(crate) async fn rows(
        &self,
        statement: &str,
        params: Vec<ParameterValue>,
    ) -> Result<Vec<Vec<DbValue>>, Failure> {
        let mut result = self.0.query(statement, params).await?;
        let mut rows = Vec::new();
        while let Some(row) = result.rows().next().await {
            rows.push(row);
        }
        result.result().await?;
        Ok(rows)
    }
}
