//! Problem documents (RFC 9457): the one form of every refusal.
//!
//! Two audiences: `detail` is for the client, who can act on it; `cause` is for the log alone and holds no value of
//! a request. The body is rendered by [`crate::Instance`], which knows the request id; until then a response carries
//! its problem as an extension.

use axum::response::{IntoResponse, Response};
use db::DbError;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, OneOfBuilder, Type},
    },
};

/// What `detail` holds: a sentence, or on the routes of fastapi-users that library's own code.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Detail {
    /// A sentence that the client can act on, or a code of fastapi-users.
    Text(String),
    /// `{ code, reason }`, as fastapi-users answers for passwords.
    Json(Value),
}

impl PartialSchema for Detail {
    fn schema() -> RefOr<Schema> {
        let text = || ObjectBuilder::new().schema_type(Type::String);
        let object = ObjectBuilder::new()
            .property("code", text())
            .required("code")
            .property("reason", text())
            .required("reason");
        OneOfBuilder::new().item(text()).item(object).into()
    }
}

impl ToSchema for Detail {}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// One thing that is wrong with one place of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Which parameter of the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong with it.
    pub detail: String,
}

/// Names and sentences may quote what a client sent; so much of it is enough to find it again.
const ECHO_CHARS_MAX: usize = 300;

impl FieldError {
    /// Something wrong in the body.
    pub fn in_body(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: Some(echo(pointer.into())), parameter: None, detail: echo(detail.into()) }
    }

    /// Something wrong in the query.
    pub fn in_query(parameter: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: None, parameter: Some(echo(parameter.into())), detail: echo(detail.into()) }
    }
}

fn echo(text: String) -> String {
    match text.char_indices().nth(ECHO_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A refusal. One pointer wide, because every fallible function on the way to a response returns one.
#[derive(Debug, Clone)]
pub struct Problem(Box<Refusal>);

#[derive(Debug, Clone)]
struct Refusal {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Detail,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

/// A refusal, as RFC 9457 has it. Decide by `code`; the rest is for people.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "type": "urn:bizosaas:problem:validation_failed", "title": "The input is not valid", "status": 422,
    "detail": "Some fields are not valid; `errors` names each.", "code": "validation_failed",
    "request_id": "req_01h455vb4pex5vsknk084sn02q",
    "errors": [{ "pointer": "/email", "detail": "missing field `email`" }]}))]
pub struct ProblemBody<'a> {
    /// A stable URI for the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:bizosaas:problem:lead_not_found")]
    kind: String,
    /// The kind of problem, in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, and what to do. On the routes of fastapi-users its code, or `{ code, reason }`.
    #[schema(inline, value_type = Detail, example = "No lead has this id.")]
    detail: &'a Detail,
    /// The kind of problem. It never changes its meaning; new ones come, so take one that you do not know by its `status`.
    #[schema(example = "lead_not_found")]
    code: &'a str,
    /// Names this request in the log.
    #[schema(example = "req_01h455vb4pex5vsknk084sn02q")]
    request_id: &'a str,
    /// For input that is not valid: each place and what is wrong there.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// A problem of a kind: `code` and `title` never change for a kind, `detail` speaks of this request.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<Detail>) -> Self {
        Self(Box::new(Refusal {
            status,
            code,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// Names the places that are wrong.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a header to the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Tells the client when to try again, in whole seconds, at least one.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Says what went wrong, for the log alone; must hold no value of the request.
    pub fn caused_by(mut self, cause: impl ToString) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// What the log may know of the reason.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// What is wrong at which place.
    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The document's bytes.
    pub(crate) fn render(&self, request_id: &str) -> Vec<u8> {
        let body = ProblemBody {
            kind: format!("urn:bizosaas:problem:{}", self.0.code),
            title: self.0.title,
            status: self.0.status.as_u16(),
            detail: &self.0.detail,
            code: self.0.code,
            request_id,
            errors: &self.0.errors,
        };
        // Cannot fail: the document has no map with keys that are not strings.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    // --- kinds that every component has ---

    /// No token, or one that is not valid (any more).
    pub fn unauthenticated(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Authentication is required", detail)
            .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// The caller's role does not hold the right.
    pub fn forbidden(detail: impl Into<Detail>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The right is missing", detail)
    }

    /// The path names nothing.
    pub fn route_not_found() -> Self {
        let detail = "No route has this path. /openapi.json lists all of them.";
        Self::new(StatusCode::NOT_FOUND, "route_not_found", "There is no such route", detail)
    }

    /// The path exists, the method does not.
    pub fn method_not_allowed() -> Self {
        let detail = "The route does not take this method; the Allow header lists those that it takes.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed", detail)
    }

    /// The body is well-formed, but what it says is not valid.
    pub fn validation_failed(errors: Vec<FieldError>) -> Self {
        let detail = "Some fields are not valid; `errors` names each.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", "The input is not valid", detail)
            .with_errors(errors)
    }

    /// A parameter of the query is not valid.
    pub fn invalid_parameter(parameter: &str, detail: impl Into<String>) -> Self {
        let what = "A parameter of the query is not valid; `errors` names it.";
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", "A parameter is not valid", what)
            .with_errors(vec![FieldError::in_query(parameter, detail)])
    }

    /// The resource changed since the version that `If-Match` names.
    pub fn version_mismatch() -> Self {
        let detail = "The resource changed since you read it: read it again and repeat the change.";
        Self::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", "The version does not match", detail)
    }

    /// Somebody else is changing the same thing right now.
    pub fn conflict_in_flight() -> Self {
        let detail = "Another request holds this resource or this Idempotency-Key; nothing was done. Try again.";
        Self::new(StatusCode::CONFLICT, "conflict_in_flight", "Another request is in flight", detail).retry_after(1)
    }

    /// The key belongs to another body.
    pub fn idempotency_key_reused() -> Self {
        let detail = "This Idempotency-Key was used for another body on this route; use a new key for a new request.";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The Idempotency-Key was used before",
            detail,
        )
    }

    /// All connections are taken.
    pub fn saturated() -> Self {
        let detail = "Too many requests are under way; nothing was done. Try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "saturated", "The service is busy", detail).retry_after(1)
    }

    /// The database is away; nothing was done.
    pub fn database_unavailable() -> Self {
        let detail = "The database cannot be reached; nothing was done. Try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", "The database is unavailable", detail)
            .retry_after(2)
    }

    /// A write was sent and its answer never came.
    pub fn outcome_unknown() -> Self {
        let detail = "The change was sent but not confirmed: it may have been done. Repeat the request with the same \
                      Idempotency-Key, or read the resource first.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", "The outcome is unknown", detail).retry_after(2)
    }

    /// A variable of the deployment is missing or malformed.
    pub fn misconfigured(name: &str, what: &str) -> Self {
        let detail = format!("The service is not configured: the variable `{name}` {what}.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "misconfigured", "The service is not configured", detail)
    }

    /// A mistake of ours; the log has the cause under the request id.
    pub fn internal(cause: impl ToString) -> Self {
        let detail = "Something went wrong on our side; the log names the cause under this request id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).caused_by(cause)
    }
}

/// What a failed statement means to a client, decided once for all components.
impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match &error {
            DbError::Misconfigured { name, problem } => Self::misconfigured(name, problem),
            DbError::Busy => Self::saturated(),
            DbError::Unavailable => Self::database_unavailable(),
            DbError::Interrupted => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "database_interrupted",
                "The database did not answer in time",
                "The database did not answer in time; nothing was changed. Try again.",
            )
            .retry_after(1),
            DbError::OutcomeUnknown => Self::outcome_unknown(),
            DbError::Locked => Self::conflict_in_flight(),
            DbError::SessionRevoked => {
                Self::unauthenticated("The session or the API key was ended, or is not valid in this tenant: log in again, or use another key.")
            }
            DbError::SecondFactorMissing => Self::new(
                StatusCode::FORBIDDEN,
                "mfa_required",
                "A second factor is required",
                "This tenant asks for a second factor: enrol one (POST /auth/mfa/totp and …/confirm), or log in again with it.",
            ),
            DbError::RightMissing => Self::forbidden(
                "The right for this is missing: the role in this tenant, or the API key's scopes, do not hold it.",
            ),
            DbError::TenantGone => Self::new(
                StatusCode::NOT_FOUND,
                "tenant_not_found",
                "There is no such tenant",
                "The tenant was deleted.",
            ),
            DbError::Refused { .. } | DbError::Decode { .. } => return Self::internal(error),
        }
        .caused_by(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let mut response = self.0.status.into_response();
        for (name, value) in self.0.headers.drain(..) {
            response.headers_mut().append(name, value);
        }
        response.extensions_mut().insert(self);
        response
    }
}
