//! The connection of one request, and the call.

use std::{pin::pin, sync::OnceLock, time::Duration};

use futures::future::{Either, select};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use spin_sdk::pg::{Certificate, Connection, DbValue, Error, OpenOptions, ParameterValue};
use uuid::Uuid;

use crate::{Claim, Config, DbError, Entry, Once, once::OnceRow};

/// How long a request waits for a free connection; the host alone would wait for ever.
const OPEN_LIMIT: Duration = Duration::from_secs(2);
/// A little more than the role's `statement_timeout` of 5 s, for a server that does not answer at all.
const STATEMENT_LIMIT: Duration = Duration::from_secs(6);

/// Whether a call changes anything: decides what an interruption means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The call only reads.
    Reads,
    /// The call may change rows.
    Writes,
}

/// One connection, for one request.
pub struct Db {
    connection: Connection,
    /// The tenant that an API key opened.
    tenant_of_key: OnceLock<Uuid>,
}

impl Db {
    /// Takes a connection from the host's pool, waiting 2 s at most.
    pub async fn open(config: &Config) -> Result<Self, DbError> {
        let opening = async {
            #[expect(clippy::disallowed_methods, reason = "the one place that opens a database connection")]
            match config.ca() {
                None => Connection::open(config.address()).await,
                Some(ca) => {
                    let ca_root = Some(Certificate::Text(ca.to_owned()));
                    Connection::open_with_options(config.address(), OpenOptions { ca_root }).await
                }
            }
        };
        match within(OPEN_LIMIT, opening).await {
            None => Err(DbError::Busy),
            Some(Ok(connection)) => Ok(Self { connection, tenant_of_key: OnceLock::new() }),
            Some(Err(_)) => Err(DbError::Unavailable),
        }
    }

    /// The tenant that an API key opened, once a call with it was answered.
    pub fn tenant_of_key(&self) -> Option<Uuid> {
        self.tenant_of_key.get().copied()
    }

    /// Calls `function(caller, args)` and reads its JSON answer; `None` is SQL's NULL.
    pub async fn call<T: DeserializeOwned>(
        &self,
        effect: Effect,
        entry: &Entry,
        function: &'static str,
        args: &impl Serialize,
    ) -> Result<Option<T>, DbError> {
        self.ask(effect, entry, function, Args::new(args)).await?.read()
    }

    /// The same for an answer of any type: compiled once, whereas what reads it is compiled for each type.
    pub async fn ask(
        &self,
        effect: Effect,
        entry: &Entry,
        function: &'static str,
        args: Args,
    ) -> Result<Answer, DbError> {
        let (enter, mut params) = entry.to_sql();
        params.push(args.0);
        let statement = format!("select {function}({enter}, ${})::text{}", params.len(), entry.learns());
        self.text(effect, function, statement, params).await
    }

    /// Calls a function that guards itself because nobody is known yet, such as log-in by email.
    pub async fn call_unentered<T: DeserializeOwned>(
        &self,
        effect: Effect,
        function: &'static str,
        args: &impl Serialize,
    ) -> Result<Option<T>, DbError> {
        let (statement, params) = (format!("select {function}($1)::text"), vec![Args::new(args).0]);
        self.text(effect, function, statement, params).await?.read()
    }

    /// Calls `function(caller, args)` at most once for the claim; without a claim, plainly.
    pub async fn call_once<T: DeserializeOwned>(
        &self,
        claim: Option<&Claim>,
        entry: &Entry,
        function: &'static str,
        args: &impl Serialize,
    ) -> Result<Once<Option<T>>, DbError> {
        let Some(claim) = claim else {
            return self.call(Effect::Writes, entry, function, args).await.map(Once::Done);
        };
        let row = self.once_row(claim, entry, function, Args::new(args)).await?;
        if row.mismatch {
            return Ok(Once::Mismatch);
        }
        let outcome = row.outcome.map(|json| decode(function, json.get())).transpose()?;
        Ok(if row.replayed { Once::Replayed(outcome) } else { Once::Done(outcome) })
    }

    async fn once_row(
        &self,
        claim: &Claim,
        entry: &Entry,
        function: &'static str,
        args: Args,
    ) -> Result<OnceRow, DbError> {
        let (enter, mut params) = entry.to_sql();
        let first = params.len() + 1;
        params.extend([
            ParameterValue::Str(claim.route.clone()),
            ParameterValue::Str(claim.key.clone()),
            ParameterValue::Binary(claim.fingerprint.to_vec()),
            ParameterValue::Str(claim.at.clone()),
            ParameterValue::Str(function.to_owned()),
            args.0,
        ]);
        let statement = format!(
            "select app.once({enter}, ${}, ${}, ${}, ${}::text::timestamptz, ${}::text::regproc, ${})::text{}",
            first,
            first + 1,
            first + 2,
            first + 3,
            first + 4,
            first + 5,
            entry.learns(),
        );
        let answer = self.text(Effect::Writes, function, statement, params).await?;
        answer.read()?.ok_or(DbError::Decode { function, problem: "NULL from app.once" })
    }

    /// Whether the database answers at all.
    pub async fn ping(&self) -> Result<(), DbError> {
        let answer = self.text(Effect::Reads, "ping", "select 1::text".to_owned(), Vec::new()).await?;
        answer.text.map(|_| ()).ok_or(DbError::Decode { function: "ping", problem: "NULL" })
    }

    /// Runs a statement that answers one row of one text, and beside it perhaps the tenant of a key.
    async fn text(
        &self,
        effect: Effect,
        function: &'static str,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Result<Answer, DbError> {
        let running = async {
            let mut result = self.connection.query(statement, params).await?;
            let row = result.rows().next().await;
            // Rows end on an error too: the result must always be asked.
            result.result().await?;
            Ok::<_, Error>(row)
        };
        let row = match within(STATEMENT_LIMIT, running).await {
            None => return Err(DbError::interrupted(effect)),
            Some(Err(error)) => return Err(DbError::from_statement(error, effect)),
            Some(Ok(row)) => row,
        };
        let Some(mut columns) = row else { return Err(DbError::Decode { function, problem: "no row" }) };
        if columns.len() == 2
            && let Some(DbValue::Str(tenant)) = columns.pop()
            && let Ok(tenant) = tenant.parse()
        {
            let _ = self.tenant_of_key.set(tenant);
        }
        match (columns.pop(), columns.is_empty()) {
            (Some(DbValue::DbNull), true) => Ok(Answer { function, text: None }),
            (Some(DbValue::Str(text)), true) => Ok(Answer { function, text: Some(text) }),
            (Some(_), true) => Err(DbError::Decode { function, problem: "a column that is not text" }),
            _ => Err(DbError::Decode { function, problem: "more or fewer columns than one" }),
        }
    }
}

/// Reads JSON of ours; what is wrong is told by its kind, since serde's own text quotes the value.
fn decode<T: DeserializeOwned>(function: &'static str, text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|error| DbError::Decode {
        function,
        problem: match error.classify() {
            serde_json::error::Category::Data => "a member is missing or of another type",
            serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "no JSON",
            serde_json::error::Category::Io => "unreadable",
        },
    })
}

/// The argument of a function, as JSON. Has no `Debug`.
pub struct Args(ParameterValue);

impl Args {
    /// Writes an argument.
    pub fn new(args: &impl Serialize) -> Self {
        // Serialising our own argument structs cannot fail: they hold no maps with keys that are not strings.
        Self(ParameterValue::Jsonb(serde_json::to_vec(args).unwrap_or_else(|_| b"null".to_vec())))
    }
}

/// The answer of a function, unread. Has no `Debug`.
pub struct Answer {
    function: &'static str,
    text: Option<String>,
}

impl Answer {
    /// Reads the answer; `None` is SQL's NULL.
    pub fn read<T: DeserializeOwned>(self) -> Result<Option<T>, DbError> {
        self.text.map(|text| decode(self.function, &text)).transpose()
    }
}

/// The future's value, or `None` after the limit. Dropping the future does not undo what it already sent.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    /// While a neighbour in the instance computed a hash, nobody was polled: the timer and the answer may both be
    /// waiting, and the timer be heard first. So long the answer gets to be heard as well.
    const HEARING: Duration = Duration::from_millis(2);
    SendWrapper::new(async move {
        let mut future = pin!(future);
        for limit in [limit, HEARING] {
            if let Either::Left((value, _)) = select(future.as_mut(), pin!(spin_sdk::time::sleep(limit))).await {
                return Some(value);
            }
        }
        None
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_fit_is_told_by_its_kind_alone() {
        let problem = |json: &str| match decode::<(String, u8)>("crm.find_lead", json) {
            Err(DbError::Decode { function: "crm.find_lead", problem }) => problem,
            other => panic!("{other:?}"),
        };
        assert_eq!(decode::<(String, u8)>("f", r#"["x", 7]"#), Ok(("x".to_owned(), 7)));
        assert_eq!(problem(r#"["x"]"#), "a member is missing or of another type");
        assert_eq!(problem(r#"["x", "ada@example.com"]"#), "a member is missing or of another type");
        assert_eq!(problem("no"), "no JSON");
        assert_eq!(problem(""), "no JSON");
    }
}
