//! Form A: an SQL function for each unit of work, the product's own (`components/crm/sql`). Its first argument enters.

use serde::Deserialize;
use serde_json::{Value, json};
use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

use crate::{
    connection::{Db, Failure},
    lead::{Lead, ROLES, SESSION, TENANT, USER},
};

async fn call(db: &Db, function: &str, args: &Value) -> Result<Option<String>, Failure> {
    let mut params = caller();
    params.push(ParameterValue::Jsonb(serde_json::to_vec(args)?));
    db.text(&format!("select {function}(app.enter($1, $2, $3, $4), $5)::text"), params).await
}

/// Who calls, as the parameters of `app.enter`.
pub(crate) fn caller() -> Vec<ParameterValue> {
    let [tenant, user, session] = [TENANT, USER, SESSION].map(|id| ParameterValue::Uuid(id.to_string()));
    vec![tenant, user, session, ParameterValue::ArrayStr(ROLES.map(|role| Some(role.to_owned())).into())]
}

/// What a lead's functions take.
pub(crate) fn args(lead: &Lead) -> Result<Value, Failure> {
    let mut args = serde_json::to_value(lead)?;
    args["at"] = serde_json::to_value(lead.updated_at)?;
    Ok(args)
}

/// The newest leads.
pub(crate) async fn list(db: &Db, limit: u8) -> Result<Vec<Lead>, Failure> {
    let text = call(db, "crm.list_newest_leads", &json!({ "limit": limit })).await?;
    Ok(serde_json::from_str(&text.unwrap_or_default())?)
}

/// One lead.
pub(crate) async fn find(db: &Db, id: Uuid) -> Result<Option<Lead>, Failure> {
    let text = call(db, "crm.find_lead", &json!({ "id": id })).await?;
    Ok(text.as_deref().map(serde_json::from_str).transpose()?)
}

/// What `crm.update_lead` answers; without the lead where it is stale.
#[derive(Deserialize)]
struct Update {
    updated: Option<Lead>,
}

/// Writes a lead over the version that was read.
pub(crate) async fn update(db: &Db, lead: &Lead) -> Result<Option<Lead>, Failure> {
    let text = call(db, "crm.update_lead", &args(lead)?).await?;
    let update: Update = serde_json::from_str(&text.unwrap_or_default())?;
    Ok(update.updated)
}

/// Adds a lead.
pub(crate) async fn create(db: &Db, lead: &Lead) -> Result<Lead, Failure> {
    let text = call(db, "crm.create_lead", &args(lead)?).await?;
    Ok(serde_json::from_str(&text.unwrap_or_default())?)
}
