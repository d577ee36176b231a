//! A tenant's routing: `sql/routing.sql`.

use chrono::{DateTime, Utc};
use db::DbError;
use identity::Caller;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{attempts::AttemptRow, payments::PaymentRow};
use crate::{
    domain::routing::Rule,
    gateway::{Failure, Gateway},
};

/// The rules.
#[derive(Debug, Deserialize)]
pub(crate) struct RoutingRow {
    pub(crate) rules: Vec<Rule>,
    pub(crate) version: i64,
}

/// What came of writing them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Put {
    Put(RoutingRow),
    Stale,
}

/// The tenant's rules; none are an empty list.
pub(crate) async fn find(caller: &Caller) -> Result<RoutingRow, DbError> {
    let function = "payments.find_routing";
    DbError::answered(function, caller.read(function, &json!({})).await?)
}

/// Writes the rules whole.
pub(crate) async fn put(
    caller: &Caller,
    rules: &[Rule],
    version: Option<i64>,
    at: DateTime<Utc>,
    origin: &api::RequestOrigin,
) -> Result<Put, DbError> {
    let function = "payments.put_routing";
    let args = json!({ "rules": rules, "version": version, "at": at, "origin": origin });
    DbError::answered(function, caller.write(function, &args).await?)
}

/// Away from a gateway that certainly took nothing.
#[derive(Debug, Serialize)]
pub(crate) struct FailOver<'a> {
    pub(crate) id: Uuid,
    pub(crate) attempt: Uuid,
    pub(crate) failure: &'a Failure,
    pub(crate) next_attempt: Uuid,
    pub(crate) without_account: Vec<Gateway>,
    pub(crate) leased_until: DateTime<Utc>,
    pub(crate) next_look_at: DateTime<Utc>,
    pub(crate) at: DateTime<Utc>,
}

/// The payment at its next gateway, and the attempt to create it there.
#[derive(Debug, Deserialize)]
pub(crate) struct FailedOver {
    pub(crate) attempt: AttemptRow,
    pub(crate) payment: Box<PaymentRow>,
}

/// Goes on to the payment's next gateway; `None` where there is none.
pub(crate) async fn fail_over(caller: &Caller, change: &FailOver<'_>) -> Result<Option<FailedOver>, DbError> {
    caller.write("payments.fail_over", change).await
}
