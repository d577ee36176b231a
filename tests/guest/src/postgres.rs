//! Postgres by script: one connection, one statement a line, and what came of each.

use axum::extract::Query;
use send_wrapper::SendWrapper;
use serde::Deserialize;
use spin_sdk::{
    pg::{Certificate, Connection, Error, OpenOptions, ParameterValue, PgError},
    time,
};
use std::time::Duration;

/// Runs the lines of the body on a fresh connection. The line `panic` traps, `sleep <ms>` waits, and what follows `do ` is run
/// without looking for rows.
pub(crate) async fn run(script: String) -> String {
    SendWrapper::new(async move {
        let connection = match connect().await {
            Ok(connection) => connection,
            Err(error) => return told(&error),
        };
        let mut answers = Vec::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let answer = match line.split_once(' ') {
                None if line == "panic" => panic!("told to panic on a connection"),
                Some(("sleep", ms)) => {
                    time::sleep(Duration::from_millis(ms.parse().unwrap_or(0))).await;
                    continue;
                }
                Some(("do", statement)) => execute(&connection, statement).await,
                Some(_) | None => query(&connection, line, Vec::new()).await,
            };
            answers.push(answer.unwrap_or_else(|error| told(&error)));
        }
        answers.join("\n")
    })
    .await
}

/// A value and what it is.
#[derive(Deserialize)]
pub(crate) struct Parameter {
    kind: String,
    value: String,
}

/// Runs the body with one parameter.
pub(crate) async fn parameter(Query(Parameter { kind, value }): Query<Parameter>, statement: String) -> String {
    let number = || value.parse::<i64>().unwrap_or(0);
    let parameter = match kind.as_str() {
        "int64" => ParameterValue::Int64(number()),
        "int32" => ParameterValue::Int32(i32::try_from(number()).unwrap_or(0)),
        "timestamp" => ParameterValue::Timestamp(number()),
        "datetime" => ParameterValue::Datetime((2026, 8, 21, 13, 5, 9, 123_456_000)),
        "uuid" => ParameterValue::Uuid(value),
        "jsonb" => ParameterValue::Jsonb(value.into_bytes()),
        "null" => ParameterValue::DbNull,
        _ => ParameterValue::Str(value),
    };
    SendWrapper::new(async move {
        let answer = async { query(&connect().await?, &statement, vec![parameter]).await };
        answer.await.unwrap_or_else(|error| told(&error))
    })
    .await
}

/// Opens the address in the body's first line, trusting the authority whose certificate follows it.
pub(crate) async fn open(body: String) -> String {
    let (address, authority) = body.split_once('\n').unwrap_or((&body, ""));
    let ca_root = (!authority.is_empty()).then(|| Certificate::Text(authority.to_owned()));
    match SendWrapper::new(Connection::open_with_options(address, OpenOptions { ca_root })).await {
        Ok(_) => "open".to_owned(),
        Err(error) => told(&error),
    }
}

async fn connect() -> Result<Connection, Error> {
    let address = match spin_sdk::variables::get("database_url").await {
        Ok(address) => address,
        Err(error) => return Err(PgError::Other(format!("database_url: {error:?}")).into()),
    };
    Connection::open(address).await
}

async fn execute(connection: &Connection, statement: &str) -> Result<String, Error> {
    Ok(format!("done: {}", connection.execute(statement, Vec::new()).await?))
}

async fn query(connection: &Connection, statement: &str, parameters: Vec<ParameterValue>) -> Result<String, Error> {
    let (columns, mut rows, result) = connection.query(statement, parameters).await?.into_inner();
    let mut answer: Vec<String> =
        columns.iter().map(|column| format!("{}: {:?}", column.name, column.data_type)).collect();
    let mut values = Vec::new();
    while let Some(row) = rows.next().await {
        values.push(format!("{row:?}"));
    }
    result.await?;
    answer.append(&mut values);
    Ok(format!("[{}]", answer.join("; ")))
}

fn told(error: &Error) -> String {
    match error {
        Error::PgError(error) => format!("error: {error:?}"),
        Error::Decode(reason) => format!("error: {reason}"),
    }
}
