//! Introspection (RFC 7662): neighbours ask what a token or an API key opens right now.
//!
//! What must stay true: only who shows the service token may ask; sessions, memberships and keys are read now, by the
//! rule that every component enters by; of what is not valid nothing is told but that it is not.

use std::sync::Arc;

use api::{App, Clock, Form, Problem, ServiceCaller, SettingError};
use axum::{Json, Router, extract::State, routing::post};
use identity::{API_KEY_START, Claims, Role, Verifier, right};
use ids::{ApiKeyId, SessionId, TenantId, TokenId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::opaque_token::hash_of,
    routes::refusals::{FormBody, Introspecting},
    secrets::configured,
    store::{
        self,
        introspection::{LivingKey, LivingSession},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new().route("/auth/introspect", post(introspect))
}

/// What is asked for.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionForm {
    /// An access token or an API key.
    token: String,
    /// Taken and not needed: a token shows what it is.
    #[serde(default, rename = "token_type_hint")]
    _token_type_hint: Option<String>,
}

/// What the token or key opens now; nothing but `active` where it opens nothing.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "active": true, "token_type": "Bearer", "sub": "usr_01h455vb4pex5vsknk084sn02r", "tid": "ten_01h455vb4pex5vsknk084sn02q",
    "sid": "ses_01h455vb4pex5vsknk084sn02q", "role": "viewer", "scope": "tenant:read members:read leads:read payments:read",
    "iss": "bizosaas", "aud": "bizosaas", "iat": 1_769_851_800, "nbf": 1_769_851_800, "exp": 1_769_852_400,
    "jti": "tok_01h455vb4pex5vsknk084sn02q"}))]
pub(crate) struct Introspection {
    active: bool,
    /// `Bearer`, for an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "usr_01h455vb4pex5vsknk084sn02q")]
    sub: Option<UserId>,
    /// The tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ten_01h455vb4pex5vsknk084sn02q")]
    tid: Option<TenantId>,
    /// The session of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "ses_01h455vb4pex5vsknk084sn02q")]
    sid: Option<SessionId>,
    /// The API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "key_01h455vb4pex5vsknk084sn02q")]
    key_id: Option<ApiKeyId>,
    /// What the person is in the tenant now.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    /// The rights that it opens now, with spaces between.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "tenant:read leads:read")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    /// When it ends, in seconds of Unix time; absent for a key that does not end by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "tok_01h455vb4pex5vsknk084sn02q")]
    jti: Option<TokenId>,
}

impl Introspection {
    fn of_token(claims: Claims, session: &LivingSession) -> Self {
        Self {
            active: true,
            token_type: Some("Bearer"),
            sub: Some(claims.sub),
            tid: claims.tid,
            sid: Some(claims.sid),
            role: session.role,
            scope: session.role.map(|role| right::of_role(role).join(" ")),
            iss: Some(claims.iss),
            aud: Some(claims.aud),
            iat: Some(claims.iat),
            nbf: Some(claims.nbf),
            exp: Some(claims.exp),
            jti: Some(claims.jti),
            key_id: None,
        }
    }

    fn of_key(key: &LivingKey) -> Self {
        let held = right::of_role(key.role);
        Self {
            active: true,
            tid: Some(key.tenant_id.into()),
            key_id: Some(key.key_id.into()),
            scope: Some(
                key.scopes.iter().filter(|scope| held.contains(&scope.as_str())).cloned().collect::<Vec<_>>().join(" "),
            ),
            exp: key.expires_at.map(|at| at.timestamp()),
            ..Self::default()
        }
    }
}

/// Tells a neighbour what an access token or an API key opens now.
#[utoipa::path(post, path = "/auth/introspect", operation_id = "introspect", tag = "services",
    security(("service" = [])),
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded",
        example = json!({ "token": "an access token or an API key" })),
    responses((status = 200, description = "What it opens; `active` alone if nothing", body = Introspection),
              FormBody, Introspecting))]
pub(crate) async fn introspect(
    _service: ServiceCaller,
    State(app): State<Arc<App>>,
    State(verifier): State<Arc<Result<Verifier, SettingError>>>,
    clock: Clock,
    Form(form): Form<IntrospectionForm>,
) -> Result<Json<Introspection>, Problem> {
    if form.token.starts_with(API_KEY_START) {
        let key = store::introspection::find_key(&app.open_database().await?, &hash_of(&form.token)).await?;
        return Ok(Json(key.as_ref().map(Introspection::of_key).unwrap_or_default()));
    }
    let Ok(claims) = configured(&verifier)?.verify(&form.token, clock.now()) else {
        return Ok(Json(Introspection::default()));
    };
    let session = store::introspection::find_session(&app.open_database().await?, &claims).await?;
    Ok(Json(session.map(|session| Introspection::of_token(claims, &session)).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn of_what_is_over_nothing_is_told() {
        assert_eq!(to_value(Introspection::default()).unwrap(), json!({ "active": false }));
    }

    #[test]
    fn a_key_tells_its_tenant_and_scopes() {
        let nil = uuid::Uuid::nil();
        let scopes = ["leads:read", "leads:write"].map(str::to_owned).to_vec();
        // Who made it may only read by now.
        let key = LivingKey { role: Role::Viewer, tenant_id: nil, key_id: nil, scopes, expires_at: None };
        assert_eq!(
            to_value(Introspection::of_key(&key)).unwrap(),
            json!({
                "active": true, "tid": "ten_00000000000000000000000000", "key_id": "key_00000000000000000000000000",
                "scope": "leads:read",
            })
        );
    }
}
