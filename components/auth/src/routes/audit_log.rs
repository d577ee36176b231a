//! The audit log: who did what to whom, from where and when.
//!
//! What must stay true: an entry is written in the statement that does what it tells, and nobody changes or removes one;
//! a tenant's people read their own tenant's alone.

use api::{Limit, Moment, Page, Problem, Query};
use axum::{Json, Router, routing::get};
use chrono::{DateTime, Utc};
use identity::{Authorized, right::ReadAuditLog};
use ids::{ApiKeyId, AuditEntryId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    AuthState,
    domain::audit_target::{TargetId, TargetType},
    routes::refusals::{Reading, TenantWide},
    store::{
        self,
        audit_log::{AuditEntryRow, AuditList, Place, Target},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/audit-log", get(list_audit_log))
}

/// Which entries; filters narrow each other down.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogQuery {
    /// What was done.
    #[param(max_length = 60, example = "api_key.created")]
    action: Option<String>,
    /// The person who did it, also through an API key of theirs.
    #[param(value_type = Option<String>, example = "usr_01h455vb4pex5vsknk084sn02q")]
    actor: Option<UserId>,
    /// The API key that it was done with.
    #[param(value_type = Option<String>, example = "key_01h455vb4pex5vsknk084sn02q")]
    api_key: Option<ApiKeyId>,
    /// Whom or what it was done to: the id of a person, a session, an invitation, an API key or the tenant.
    #[param(value_type = Option<String>, example = "usr_01h455vb4pex5vsknk084sn02q")]
    target: Option<TargetId>,
    /// Done at this moment or later.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_after: Option<Moment>,
    /// Done before this moment.
    #[param(value_type = Option<DateTime<Utc>>)]
    created_before: Option<Moment>,
    /// How many entries to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AuditLogQuery {
    /// The list that this asks for, with one entry more than the page has: it tells whether there is a next page.
    fn list(self) -> Result<AuditList, Problem> {
        if self.action.as_deref().is_some_and(|action| !is_action(action)) {
            let wanted = "two words with a dot between, such as session.opened, are wanted";
            return Err(Problem::invalid_parameter("action", wanted));
        }
        let after: Option<Place> = self.cursor.as_deref().map(api::decode_cursor).transpose()?;
        Ok(AuditList {
            action: self.action,
            actor_id: self.actor.map(UserId::uuid),
            key_id: self.api_key.map(ApiKeyId::uuid),
            target: self.target.map(|TargetId { id, types }| Target { target_id: id, target_types: types }),
            created_after: self.created_after,
            created_before: self.created_before,
            after: after.map(Into::into),
            limit: self.limit.rows() + 1,
        })
    }
}

/// Whether an entry could have this action: the table has the same rule.
fn is_action(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.len() <= 60 && text.split_once('.').is_some_and(|(noun, verb)| is_word(noun) && is_word(verb))
}

/// An entry of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry, example = json!({
    "id": "aud_01h455vb4pex5vsknk084sn02q", "at": "2026-01-31T09:30:00.123456Z", "action": "api_key.created",
    "actor": "usr_01h455vb4pex5vsknk084sn02q", "api_key": null,
    "target": { "type": "api_key", "id": "key_01h455vb4pex5vsknk084sn02q" }, "address": "203.0.113.9",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "request_id": "req_01h455vb4pex5vsknk084sn02q",
    "details": { "name": "nightly import", "prefix": "bizo_Yx3kQ0v", "scopes": ["leads:read", "leads:write"], "expires_at": null }}))]
pub(crate) struct AuditEntryView {
    #[schema(value_type = String, example = "aud_01h455vb4pex5vsknk084sn02q")]
    id: AuditEntryId,
    at: DateTime<Utc>,
    /// What was done: the thing, a dot, and what happened to it.
    #[schema(example = "api_key.created")]
    action: String,
    /// The person who did it; null for what happened without somebody who was known.
    #[schema(required, value_type = Option<String>, example = "usr_01h455vb4pex5vsknk084sn02q")]
    actor: Option<UserId>,
    /// The API key that it was done with; null for people.
    #[schema(required, value_type = Option<String>, example = json!(null))]
    api_key: Option<ApiKeyId>,
    /// Whom or what it was done to.
    #[schema(required)]
    target: Option<AuditTargetView>,
    /// The address that the request came from.
    #[schema(required, example = "203.0.113.9")]
    address: Option<String>,
    /// What the client called itself.
    #[schema(required)]
    user_agent: Option<String>,
    /// Names the request in the log.
    #[schema(required, example = "req_01h455vb4pex5vsknk084sn02q")]
    request_id: Option<String>,
    /// More about it; which members there are depends on `action`.
    #[schema(value_type = Object)]
    details: Value,
}

/// Whom or what something was done to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditTarget)]
pub(crate) struct AuditTargetView {
    #[serde(rename = "type")]
    kind: TargetType,
    #[schema(example = "key_01h455vb4pex5vsknk084sn02q")]
    id: String,
}

impl From<AuditEntryRow> for AuditEntryView {
    fn from(row: AuditEntryRow) -> Self {
        let target = row.target_type.zip(row.target_id);
        Self {
            id: row.id.into(),
            at: row.at,
            action: row.action,
            actor: row.actor_id.map(Into::into),
            api_key: row.key_id.map(Into::into),
            target: target.map(|(kind, id)| AuditTargetView { kind, id: kind.id_text(id) }),
            address: row.address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            details: row.details,
        }
    }
}

/// Lists the audit log of the tenant, newest first.
#[utoipa::path(get, path = "/audit-log", operation_id = "list_audit_log", tag = "audit log",
    security(("bearer" = ["audit_log:read"])),
    params(AuditLogQuery),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntryView>), Reading, TenantWide))]
pub(crate) async fn list_audit_log(
    caller: Authorized<ReadAuditLog>,
    Query(query): Query<AuditLogQuery>,
) -> Result<Json<Page<AuditEntryView>>, Problem> {
    let rows = query.limit.rows();
    let mut entries = store::audit_log::list(&caller, &query.list()?).await?;
    let has_more = entries.len() > rows;
    entries.truncate(rows);
    let last = entries.last().filter(|_| has_more);
    let next_cursor = last.map(|entry| api::encode_cursor(&Place { at: entry.at.into(), id: entry.id.into() }));
    Ok(Json(Page { data: entries.into_iter().map(AuditEntryView::from).collect(), next_cursor }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_a_thing_and_what_happened_to_it() {
        for (text, fits) in [
            ("api_key.created", true),
            ("mfa.recovery_codes_renewed", true),
            ("created", false),
            (".created", false),
            ("api_key.", false),
            ("api_key.created.twice", false),
            ("API_KEY.created", false),
            (&format!("a.{}", "b".repeat(59)), false),
        ] {
            assert_eq!(is_action(text), fits, "{text}");
        }
    }

    #[test]
    fn only_what_matters_is_sent() {
        let query: AuditLogQuery = api::parse_form(b"limit=2").unwrap();
        assert_eq!(serde_json::to_value(query.list().unwrap()).unwrap(), serde_json::json!({ "limit": 3 }));
        let query: AuditLogQuery = api::parse_form(b"target=usr_00000000000000000000000000").unwrap();
        assert_eq!(
            serde_json::to_value(query.list().unwrap()).unwrap(),
            serde_json::json!({
                "limit": 21, "target_id": uuid::Uuid::nil(), "target_types": ["user", "membership"],
            })
        );
    }
}
