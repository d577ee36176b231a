//! Tenants: a person makes them and lists their own; the one that a token names is read by everybody inside, and changed by
//! its owners.
//!
//! What must stay true: only the tenant that the token names is there, any other one is 404; nobody asks for second
//! factors without having given one, because they would lock themself out.

use api::{Clock, IfMatch, Json as JsonIn, Limit, Page, Path, Posted, Problem, Query, RequestOrigin, answer_once};
use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use garde::Validate;
use http::{HeaderValue, StatusCode, header};
use identity::{
    Authorized, Person,
    right::{BeMember, WriteTenant},
};
use ids::TenantId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    AuthState,
    domain::tenant_name::{self, TenantName},
    error::AuthError,
    routes::{
        refusals::{ChangingTenant, JsonBody, Reading, TenantWide, Writing},
        registration::is_tenant_name,
        users::TenantView,
    },
    store::{
        self,
        tenants::{Change, NewTenant, Place, TenantChange, TenantSettingsRow},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/tenants", post(create_tenant).get(list_tenants))
        .route("/tenants/{id}", get(find_tenant).patch(change_tenant))
}

/// A tenant to be made.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTenant)]
pub(crate) struct NewTenantBody {
    /// 1 to 100 characters.
    #[garde(custom(is_tenant_name))]
    #[schema(example = "Analytical Engines")]
    name: String,
}

/// A tenant with its policies, as those inside see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Tenant, example = json!({
    "id": "ten_01h455vb4pex5vsknk084sn02q", "name": "Analytical Engines", "slug": "analytical-engines",
    "mfa_required": false, "password_min_length": null, "created_at": "2026-01-31T09:30:00.123456Z"}))]
pub(crate) struct TenantSettingsView {
    #[schema(value_type = String, example = "ten_01h455vb4pex5vsknk084sn02q")]
    id: TenantId,
    #[schema(example = "Analytical Engines")]
    name: String,
    /// Names the tenant at log-in: `scope=tenant:<slug>`. It stays as it was made.
    #[schema(example = "analytical-engines")]
    slug: String,
    /// Whether nobody acts in the tenant without a second factor.
    mfa_required: bool,
    /// How short its members' new passwords may be; null where the deployment's own minimum stands.
    #[schema(required, example = 12)]
    password_min_length: Option<u8>,
    created_at: DateTime<Utc>,
}

impl From<TenantSettingsRow> for TenantSettingsView {
    fn from(row: TenantSettingsRow) -> Self {
        Self {
            id: row.id.into(),
            name: row.name,
            slug: row.slug,
            mfa_required: row.mfa_required,
            password_min_length: row.password_min_length,
            created_at: row.created_at,
        }
    }
}

fn tenant_response(row: TenantSettingsRow) -> Response {
    let etag = api::etag(row.version);
    ([(header::ETAG, etag)], Json(TenantSettingsView::from(row))).into_response()
}

/// Makes a tenant that the caller owns. Their session stays where it is: `POST /auth/switch-tenant` goes there.
#[utoipa::path(post, path = "/tenants", operation_id = "create_tenant", tag = "tenants", security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewTenantBody, example = json!({ "name": "Analytical Engines" })),
    responses((status = 201, description = "The tenant", body = TenantView,
               headers(("Location" = String, description = "The path of the tenant"))),
              Writing, JsonBody, TenantWide))]
pub(crate) async fn create_tenant(
    caller: Person,
    clock: Clock,
    origin: RequestOrigin,
    Posted { body: new, claim }: Posted<NewTenantBody>,
) -> Result<Response, Problem> {
    let id = TenantId::new();
    let TenantName { name, slug, slug_if_taken } = TenantName::of(&new.name, id);
    let tenant = NewTenant {
        tenant_id: id.uuid(),
        name: &name,
        slug: &slug,
        slug_if_taken: &slug_if_taken,
        at: clock.now(),
        origin: &origin,
    };
    let once = store::tenants::insert(&caller, claim.as_ref(), &tenant).await?;
    answer_once(once, |tenant| {
        let location = HeaderValue::from_str(&format!("/tenants/{}", tenant.id()));
        let mut response = (StatusCode::CREATED, Json(TenantView::from(tenant))).into_response();
        response.headers_mut().extend(location.ok().map(|path| (header::LOCATION, path)));
        response
    })
}

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TenantQuery {
    /// How many tenants to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the caller's tenants with what they are in each, the one that they joined first first.
#[utoipa::path(get, path = "/tenants", operation_id = "list_tenants", tag = "tenants", security(("bearer" = [])),
    params(TenantQuery),
    responses((status = 200, description = "A page of tenants", body = Page<TenantView>), Reading, TenantWide))]
pub(crate) async fn list_tenants(
    caller: Person,
    Query(query): Query<TenantQuery>,
) -> Result<Json<Page<TenantView>>, Problem> {
    let after: Option<Place> = query.cursor.as_deref().map(api::decode_cursor).transpose()?;
    let mut tenants = store::tenants::list(&caller, after, query.limit.rows() + 1).await?;
    let has_more = tenants.len() > query.limit.rows();
    tenants.truncate(query.limit.rows());
    let last = tenants.last().filter(|_| has_more);
    let next_cursor = last.map(|row| api::encode_cursor(&Place { at: row.joined_at.into(), id: row.tenant.id() }));
    Ok(Json(Page { data: tenants.into_iter().map(|row| row.tenant.into()).collect(), next_cursor }))
}

/// Gives the tenant that the token names.
#[utoipa::path(get, path = "/tenants/{id}", operation_id = "find_tenant", tag = "tenants",
    security(("bearer" = ["tenant:read"])),
    params(("id" = String, Path, description = "The tenant", example = "ten_01h455vb4pex5vsknk084sn02q")),
    responses((status = 200, description = "The tenant", body = TenantSettingsView,
               headers(("ETag" = String, description = "The version of the tenant"))),
              Reading, TenantWide))]
pub(crate) async fn find_tenant(caller: Authorized<BeMember>, Path(id): Path<TenantId>) -> Result<Response, Problem> {
    let tenant = store::tenants::find(&caller, id).await?.ok_or(AuthError::TenantNotFound)?;
    Ok(tenant_response(tenant))
}

/// What is to change: an absent field stays as it is.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TenantChanges)]
pub(crate) struct TenantChangesBody {
    /// The slug stays.
    #[garde(inner(custom(is_tenant_name)))]
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, example = "Difference Engines")]
    name: Option<String>,
    /// Only for somebody who gave a second factor in this session. Members without one are refused from now on, until they
    /// have enrolled one.
    #[garde(skip)]
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    mfa_required: Option<bool>,
    /// 8 to 128; null takes it away. It holds for new passwords; those that are there stay.
    #[garde(custom(is_password_min_length))]
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u8>, minimum = 8, maximum = 128, example = 12)]
    password_min_length: Option<Option<u8>>,
}

/// Reads a field that is there; whether it may be null is its type's word.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

fn is_password_min_length(chars: &Option<Option<u8>>, _: &()) -> garde::Result {
    if chars.flatten().is_none_or(|chars| (8..=128).contains(&chars)) {
        Ok(())
    } else {
        Err(garde::Error::new("a whole number from 8 to 128 is wanted, or null"))
    }
}

/// Changes the name and the policies of the tenant that the token names.
#[utoipa::path(patch, path = "/tenants/{id}", operation_id = "change_tenant", tag = "tenants",
    security(("bearer" = ["tenant:write"])),
    params(("id" = String, Path, description = "The tenant", example = "ten_01h455vb4pex5vsknk084sn02q"),
           ("If-Match" = Option<String>, Header, description = "The ETag that the tenant must still have")),
    request_body(content = TenantChangesBody, example = json!({ "name": "Difference Engines", "password_min_length": 12 })),
    responses((status = 200, description = "The tenant as it stands now", body = TenantSettingsView,
               headers(("ETag" = String, description = "The version of the tenant"))),
              Writing, JsonBody, ChangingTenant))]
pub(crate) async fn change_tenant(
    caller: Authorized<WriteTenant>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<TenantId>,
    if_match: IfMatch,
    JsonIn(changes): JsonIn<TenantChangesBody>,
) -> Result<Response, Problem> {
    let name = changes.name.as_deref().map(tenant_name::normalised);
    let change = TenantChange {
        name: name.as_deref(),
        mfa_required: changes.mfa_required,
        password_min_length: changes.password_min_length,
    };
    let outcome = store::tenants::update(&caller, id, &change, if_match.version(), clock.now(), &origin).await?;
    match outcome.ok_or(AuthError::TenantNotFound)? {
        Change::Changed(tenant) => Ok(tenant_response(tenant)),
        Change::Stale => Err(Problem::version_mismatch()),
        Change::MfaNotEnrolled => Err(AuthError::MfaNotEnrolled.into()),
        Change::MfaNotGiven => Err(db::DbError::SecondFactorMissing.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json, to_value};

    use super::*;

    /// What is sent of a change, or what is wrong with it.
    fn change(body: Value) -> Result<Value, String> {
        let body: TenantChangesBody = from_value(body).map_err(|error| error.to_string())?;
        body.validate().map_err(|report| report.to_string())?;
        let TenantChangesBody { name, mfa_required, password_min_length } = body;
        Ok(to_value(TenantChange { name: name.as_deref(), mfa_required, password_min_length }).unwrap())
    }

    #[test]
    fn an_absent_field_stays_and_null_clears_what_may_be_absent() {
        assert_eq!(change(json!({})), Ok(json!({})));
        for body in [
            json!({ "password_min_length": null }),
            json!({ "password_min_length": 8 }),
            json!({ "name": "Engines", "mfa_required": true, "password_min_length": 128 }),
        ] {
            assert_eq!(change(body.clone()), Ok(body));
        }
        for refused in [
            json!({ "name": null }),
            json!({ "name": " " }),
            json!({ "mfa_required": null }),
            json!({ "password_min_length": 7 }),
            json!({ "password_min_length": 129 }),
            json!({ "password_min_length": 1000 }),
            json!({ "slug": "mine" }),
        ] {
            assert!(change(refused.clone()).is_err(), "{refused}");
        }
    }
}
