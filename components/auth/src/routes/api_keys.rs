//! API keys: how programs of a tenant get in.
//!
//! What must stay true: a key is shown in the one answer that makes it and never again, also not to a repeat of the same
//! request; from the moment that it is revoked no component takes it (`app.enter_key`).

use api::{Clock, FieldError, Limit, Moment, Page, Path, Posted, Problem, Query, RequestOrigin, random_bytes};
use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use chrono::{DateTime, Utc};
use db::Once;
use garde::Validate;
use http::StatusCode;
use identity::{
    Authorized,
    right::{self, ManageApiKeys},
};
use ids::{ApiKeyId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{
    RefOr, Schema,
    schema::{ObjectBuilder, Type},
};

use crate::{
    AuthState,
    domain::api_key::{ApiKey, LIVING_MAX, Scope, are_scopes, is_name, may_expire},
    error::AuthError,
    routes::refusals::{CreatingApiKey, JsonBody, OneApiKey, Reading, TenantWide, Writing},
    store::{
        self,
        api_keys::{ApiKeyRow, Creation, NewApiKey, Place},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/api-keys", post(create_api_key).get(list_api_keys))
        .route("/api-keys/{id}", delete(revoke_api_key))
}

/// The rights of the table, so that whoever generates a client has their names.
impl utoipa::PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A right that an API key may be given."))
            .enum_values(Some(right::scopes()))
            .into()
    }
}

impl utoipa::ToSchema for Scope {}

/// A key to be made.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(crate) struct NewApiKeyBody {
    /// What people call it: 1 to 100 characters.
    #[garde(custom(has_name))]
    #[schema(example = "nightly import")]
    name: String,
    /// What it may do: rights of the table in `docs/api.md`.
    #[garde(custom(has_scopes))]
    #[schema(min_items = 1, example = json!(["leads:read", "leads:write"]))]
    scopes: Vec<Scope>,
    /// When it ends by itself: within two years; never, if it is left out.
    #[garde(skip)]
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Moment>,
}

fn has_name(name: &str, _: &()) -> garde::Result {
    if is_name(name) {
        Ok(())
    } else {
        Err(garde::Error::new("1 to 100 characters are wanted, without control characters"))
    }
}

fn has_scopes(scopes: &[Scope], _: &()) -> garde::Result {
    are_scopes(scopes).map_err(garde::Error::new)
}

/// A key, without what makes it one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "key_01h455vb4pex5vsknk084sn02q", "name": "nightly import", "prefix": "bizo_Yx3kQ0v",
    "scopes": ["leads:read", "leads:write"], "created_by": "usr_01h455vb4pex5vsknk084sn02q",
    "created_at": "2026-01-31T09:30:00.123456Z", "expires_at": null, "last_used_at": "2026-02-01T02:00:00Z", "revoked_at": null}))]
pub(crate) struct ApiKeyView {
    #[schema(value_type = String, example = "key_01h455vb4pex5vsknk084sn02q")]
    id: ApiKeyId,
    #[schema(example = "nightly import")]
    name: String,
    /// The first characters of the key.
    #[schema(example = "bizo_Yx3kQ0v")]
    prefix: String,
    #[schema(value_type = Vec<Scope>, example = json!(["leads:read", "leads:write"]))]
    scopes: Vec<String>,
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    created_by: UserId,
    created_at: DateTime<Utc>,
    #[schema(required)]
    expires_at: Option<DateTime<Utc>>,
    /// To the minute; null until it is used.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
    #[schema(required)]
    revoked_at: Option<DateTime<Utc>>,
}

/// A key that was just made.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "key": "bizo_Yx3kQ0vNf1m9pW2rT7sLc4dZ8hJbG6aEuVoKiXyMnPt", "id": "key_01h455vb4pex5vsknk084sn02q",
    "name": "nightly import", "prefix": "bizo_Yx3kQ0v", "scopes": ["leads:read", "leads:write"],
    "created_by": "usr_01h455vb4pex5vsknk084sn02q", "created_at": "2026-01-31T09:30:00.123456Z", "expires_at": null,
    "last_used_at": null, "revoked_at": null}))]
pub(crate) struct CreatedApiKey {
    /// The key itself, for `Authorization: Bearer`. It is never shown again.
    #[schema(example = "bizo_Yx3kQ0vNf1m9pW2rT7sLc4dZ8hJbG6aEuVoKiXyMnPt")]
    key: String,
    #[serde(flatten)]
    view: ApiKeyView,
}

impl From<ApiKeyRow> for ApiKeyView {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes,
            created_by: row.created_by.into(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        }
    }
}

/// Makes an API key and shows it, once. A repeat with the same `Idempotency-Key` makes no second one and shows nothing:
/// whoever lost the answer revokes the key that the refusal names, and makes another.
#[utoipa::path(post, path = "/api-keys", operation_id = "create_api_key", tag = "api keys",
    security(("bearer" = ["api_keys:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats make no second key")),
    request_body(content = NewApiKeyBody, example = json!({ "name": "nightly import", "scopes": ["leads:read", "leads:write"] })),
    responses((status = 201, description = "The key, this once", body = CreatedApiKey),
              Writing, JsonBody, TenantWide, CreatingApiKey))]
pub(crate) async fn create_api_key(
    caller: Authorized<ManageApiKeys>,
    clock: Clock,
    origin: RequestOrigin,
    Posted { body: new, claim }: Posted<NewApiKeyBody>,
) -> Result<Response, Problem> {
    if new.expires_at.is_some_and(|at| !may_expire(at.time(), clock.now())) {
        let wanted = "a time later than now and within two years is wanted";
        return Err(Problem::validation_failed(vec![FieldError::in_body("/expires_at", wanted)]));
    }
    let key = ApiKey::new(random_bytes()?);
    let creation = store::api_keys::insert(
        &caller,
        claim.as_ref(),
        &NewApiKey {
            id: ApiKeyId::new().uuid(),
            name: new.name.trim(),
            prefix: key.prefix(),
            hash: key.hash(),
            scopes: &new.scopes,
            expires_at: new.expires_at,
            living_max: LIVING_MAX,
            at: clock.now(),
            origin: &origin,
        },
    )
    .await?;
    match creation {
        Once::Done(Creation::Created(row)) => {
            let created = CreatedApiKey { key: key.into_text(), view: row.into() };
            Ok((StatusCode::CREATED, Json(created)).into_response())
        }
        // What is shown once is never replayed: the key of the first request is known to nobody any more.
        Once::Replayed(Creation::Created(row)) => Err(AuthError::ApiKeyAlreadyShown { id: row.id.into() }.into()),
        Once::Done(Creation::TooMany) | Once::Replayed(Creation::TooMany) => Err(AuthError::TooManyApiKeys.into()),
        Once::Mismatch => Err(Problem::idempotency_key_reused()),
    }
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApiKeyQuery {
    /// How many keys to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the tenant's API keys, newest first, those that were revoked or have expired too.
#[utoipa::path(get, path = "/api-keys", operation_id = "list_api_keys", tag = "api keys",
    security(("bearer" = ["api_keys:write"])),
    params(ApiKeyQuery),
    responses((status = 200, description = "A page of keys", body = Page<ApiKeyView>), Reading, TenantWide))]
pub(crate) async fn list_api_keys(
    caller: Authorized<ManageApiKeys>,
    Query(query): Query<ApiKeyQuery>,
) -> Result<Json<Page<ApiKeyView>>, Problem> {
    let after: Option<Place> = query.cursor.as_deref().map(api::decode_cursor).transpose()?;
    let mut keys = store::api_keys::list(&caller, after, query.limit.rows() + 1).await?;
    let has_more = keys.len() > query.limit.rows();
    keys.truncate(query.limit.rows());
    let last = keys.last().filter(|_| has_more);
    let next_cursor = last.map(|key| api::encode_cursor(&Place { at: key.created_at.into(), id: key.id.into() }));
    Ok(Json(Page { data: keys.into_iter().map(ApiKeyView::from).collect(), next_cursor }))
}

/// Revokes an API key: every component refuses it from now on. Revoking it again changes nothing.
#[utoipa::path(delete, path = "/api-keys/{id}", operation_id = "revoke_api_key", tag = "api keys",
    security(("bearer" = ["api_keys:write"])),
    params(("id" = String, Path, description = "The key", example = "key_01h455vb4pex5vsknk084sn02q")),
    responses((status = 204, description = "The key is refused from now on"), Writing, OneApiKey))]
pub(crate) async fn revoke_api_key(
    caller: Authorized<ManageApiKeys>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<ApiKeyId>,
) -> Result<StatusCode, Problem> {
    if !store::api_keys::revoke(&caller, id, clock.now(), &origin).await? {
        return Err(AuthError::ApiKeyNotFound.into());
    }
    Ok(StatusCode::NO_CONTENT)
}
