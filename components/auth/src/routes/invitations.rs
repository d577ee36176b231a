//! Invitations: how people come into a tenant.
//!
//! What must stay true: the token leaves by mail to the invited address and nowhere else, so no answer shows it; it makes
//! one person a member, once, within seven days; nobody invites to a role that theirs does not manage, also not by an
//! invitation from before they lost theirs.

use std::sync::Arc;

use api::{
    App, Clock, Limit, Page, Path, Posted, Problem, Query, RequestOrigin, RouteClass, SettingError, Visitor,
    answer_once,
};
use axum::{
    Json, Router,
    extract::{FromRequestParts, State},
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use chrono::{DateTime, Utc};
use db::{Claim, Once};
use email::EmailAddress;
use garde::Validate;
use http::{StatusCode, header, request::Parts};
use identity::{Authorized, Person, Role, right::WriteMembers};
use ids::{EventId, InvitationId, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    AuthState,
    domain::{
        invitation::{Status, expires_at},
        opaque_token::hash_of,
    },
    error::{AuthError, PasswordCode},
    routes::{
        passwords::{hashed, is_email},
        refusals::{AcceptingInvitation, Inviting, JsonBody, Reading, TenantWide, WithdrawingInvitation, Writing},
        users::{AccountView, TenantView},
    },
    secrets::{Purpose, Secrets, configured},
    store::{
        self,
        invitations::{Acceptance, Creation, InvitationRow, InvitedAccount, NewInvitation, Place, Withdrawal},
    },
};

pub(crate) fn router() -> Router<AuthState> {
    Router::new()
        .route("/invitations", post(create_invitation).get(list_invitations))
        .route("/invitations/accept", post(accept_invitation).layer(RouteClass::Credentials.layer()))
        .route("/invitations/{id}", delete(withdraw_invitation))
}

/// Who is to come, and as what.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewInvitation)]
pub(crate) struct NewInvitationBody {
    #[garde(custom(is_email))]
    #[schema(example = "charles@example.com")]
    email: String,
    #[garde(skip)]
    role: Role,
}

/// An invitation, without the token that accepts it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Invitation, example = json!({
    "id": "inv_01h455vb4pex5vsknk084sn02q", "email": "charles@example.com", "role": "member", "status": "pending",
    "expires_at": "2026-02-07T09:30:00.123456Z", "created_at": "2026-01-31T09:30:00.123456Z",
    "invited_by": "usr_01h455vb4pex5vsknk084sn02q"}))]
pub(crate) struct InvitationView {
    #[schema(value_type = String, example = "inv_01h455vb4pex5vsknk084sn02q")]
    id: InvitationId,
    #[schema(example = "charles@example.com")]
    email: String,
    role: Role,
    status: Status,
    /// Seven days after it was made.
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    #[schema(value_type = String, example = "usr_01h455vb4pex5vsknk084sn02q")]
    invited_by: UserId,
}

impl From<InvitationRow> for InvitationView {
    fn from(row: InvitationRow) -> Self {
        let InvitationRow { id, email, role, status, expires_at, created_at, invited_by } = row;
        Self { id: id.into(), email, role, status, expires_at, created_at, invited_by: invited_by.into() }
    }
}

/// Invites an address into the tenant; a message with a token goes there. An address has one pending invitation at most:
/// withdraw it to send another.
#[utoipa::path(post, path = "/invitations", operation_id = "create_invitation", tag = "members",
    security(("bearer" = ["members:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = NewInvitationBody, example = json!({ "email": "charles@example.com", "role": "member" })),
    responses((status = 201, description = "The invitation", body = InvitationView),
              Writing, JsonBody, TenantWide, Inviting))]
pub(crate) async fn create_invitation(
    caller: Authorized<WriteMembers>,
    clock: Clock,
    origin: RequestOrigin,
    Posted { body: new, claim }: Posted<NewInvitationBody>,
) -> Result<Response, Problem> {
    let address = EmailAddress::parse(&new.email).map_err(Problem::internal)?;
    let invitation = NewInvitation {
        id: InvitationId::new(),
        email: address.as_str(),
        email_key: address.key(),
        role: new.role,
        expires_at: expires_at(clock.now()),
        event_id: EventId::new().uuid(),
        at: clock.now(),
        origin: &origin,
    };
    let once = store::invitations::insert(&caller, claim.as_ref(), &invitation).await?;
    answer_once(once, |creation| {
        let refusal = match creation {
            Creation::Created(row) => {
                return (StatusCode::CREATED, Json(InvitationView::from(row))).into_response();
            }
            Creation::Pending(id) => AuthError::InvitationPending { id: id.into() },
            Creation::OutOfReach => AuthError::RoleOutOfReach,
            Creation::AlreadyMember => AuthError::AlreadyMember,
            Creation::TooMany => AuthError::TooManyInvitations,
        };
        Problem::from(refusal).into_response()
    })
}

/// Which invitations.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InvitationQuery {
    status: Option<Status>,
    /// How many invitations to give at most.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the tenant's invitations, newest first.
#[utoipa::path(get, path = "/invitations", operation_id = "list_invitations", tag = "members",
    security(("bearer" = ["members:write"])),
    params(InvitationQuery),
    responses((status = 200, description = "A page of invitations", body = Page<InvitationView>), Reading, TenantWide))]
pub(crate) async fn list_invitations(
    caller: Authorized<WriteMembers>,
    clock: Clock,
    Query(query): Query<InvitationQuery>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let after: Option<Place> = query.cursor.as_deref().map(api::decode_cursor).transpose()?;
    let limit = query.limit.rows();
    let mut invitations = store::invitations::list(&caller, query.status, after, limit + 1, clock.now()).await?;
    let has_more = invitations.len() > limit;
    invitations.truncate(limit);
    let last = invitations.last().filter(|_| has_more);
    let next_cursor = last.map(|row| api::encode_cursor(&Place { at: row.created_at.into(), id: row.id.into() }));
    Ok(Json(Page { data: invitations.into_iter().map(InvitationView::from).collect(), next_cursor }))
}

/// Withdraws an invitation: its token opens nothing from now on. Withdrawing it again changes nothing.
#[utoipa::path(delete, path = "/invitations/{id}", operation_id = "withdraw_invitation", tag = "members",
    security(("bearer" = ["members:write"])),
    params(("id" = String, Path, description = "The invitation", example = "inv_01h455vb4pex5vsknk084sn02q")),
    responses((status = 204, description = "Its token opens nothing"), Writing, WithdrawingInvitation))]
pub(crate) async fn withdraw_invitation(
    caller: Authorized<WriteMembers>,
    clock: Clock,
    origin: RequestOrigin,
    Path(id): Path<InvitationId>,
) -> Result<StatusCode, Problem> {
    let withdrawal = store::invitations::withdraw(&caller, id, clock.now(), &origin).await?;
    match withdrawal.ok_or(AuthError::InvitationNotFound)? {
        Withdrawal::Withdrawn => Ok(StatusCode::NO_CONTENT),
        Withdrawal::Accepted => Err(AuthError::InvitationAccepted.into()),
        Withdrawal::OutOfReach => Err(AuthError::RoleOutOfReach.into()),
    }
}

/// Who accepts: somebody who is logged in, or somebody who has nothing but the token, and counts as a visitor.
pub(crate) enum Acceptor {
    Person(Box<Person>),
    Visitor,
}

impl FromRequestParts<AuthState> for Acceptor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AuthState) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return Person::from_request_parts(parts, state).await.map(Box::new).map(Self::Person);
        }
        Visitor::from_request_parts(parts, state).await.map(|_| Self::Visitor)
    }
}

/// The token of an invitation, and for somebody without an account a password.
// It has no `Debug`: what it holds is for one pair of eyes.
#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = InvitationToken)]
pub(crate) struct InvitationTokenBody {
    #[garde(skip)]
    token: String,
    /// For a new account, by the rules of registering; wanted where the address has none and nobody is logged in, and not
    /// allowed with an access token.
    #[garde(skip)]
    #[schema(example = "correct horse battery staple")]
    password: Option<String>,
}

/// Where somebody is a member now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "tenant": {
    "id": "ten_01h455vb4pex5vsknk084sn02q", "name": "Analytical Engines", "slug": "analytical-engines", "role": "member" }}))]
pub(crate) struct JoinedTenant {
    tenant: TenantView,
}

/// Accepts an invitation with the token of its message. With an access token the person becomes a member, if the invitation
/// went to their address; their session stays where it is. Without one an account is made for the invited address, verified,
/// with the password that is given. Who is a member already keeps the higher of the two roles.
#[utoipa::path(post, path = "/invitations/accept", operation_id = "accept_invitation", tag = "members",
    security((), ("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats get the first answer for 24 hours")),
    request_body(content = InvitationTokenBody,
        example = json!({ "token": "the token that came by mail", "password": "correct horse battery staple" })),
    responses((status = 200, description = "The tenant, for who is logged in", body = JoinedTenant),
              (status = 201, description = "The new account, in the tenant", body = AccountView),
              AcceptingInvitation, JsonBody))]
pub(crate) async fn accept_invitation(
    State(app): State<Arc<App>>,
    State(secrets): State<Arc<Result<Secrets, SettingError>>>,
    acceptor: Acceptor,
    clock: Clock,
    origin: RequestOrigin,
    Posted { body, claim }: Posted<InvitationTokenBody>,
) -> Result<Response, Problem> {
    let secrets = configured(&secrets)?;
    // The body holds a token and a password: its fingerprint is kept for a day and must not be one to try them against.
    let claim = match claim {
        Some(claim) => Some(Claim { fingerprint: secrets.digest(Purpose::RequestBody, &claim.fingerprint)?, ..claim }),
        None => None,
    };
    let (claim, token_hash, now) = (claim.as_ref(), hash_of(&body.token), clock.now());
    let once = match acceptor {
        Acceptor::Person(_) if body.password.is_some() => return Err(AuthError::PasswordUnwanted.into()),
        Acceptor::Person(caller) => store::invitations::accept(&caller, claim, &token_hash, now, &origin).await?,
        Acceptor::Visitor => {
            // Given back before the hash is computed.
            let found = store::invitations::find_by_token(&app.open_database().await?, &token_hash, now).await?;
            let account = match found {
                // Nothing is open any more; a repeat gets the first answer all the same.
                None => None,
                Some(invitation) if invitation.has_account => return Err(AuthError::LogInToAccept.into()),
                Some(invitation) => {
                    let password = body.password.as_deref().ok_or(AuthError::PasswordWanted)?;
                    let context = &invitation.password_context;
                    let password_hash = hashed(password, PasswordCode::Register, secrets, context)?;
                    Some(InvitedAccount { user_id: UserId::new().uuid(), password_hash })
                }
            };
            let db = app.open_database().await?;
            store::invitations::accept_as_nobody(&db, claim, &token_hash, account.as_ref(), now, &origin).await?
        }
    };
    accepted(once)
}

fn accepted(once: Once<Option<Acceptance>>) -> Result<Response, Problem> {
    answer_once(once, |acceptance| {
        let refusal = match acceptance {
            Some(Acceptance::Joined(tenant)) => return Json(JoinedTenant { tenant: tenant.into() }).into_response(),
            Some(Acceptance::Registered(account)) => {
                return (StatusCode::CREATED, Json(AccountView::from(account))).into_response();
            }
            Some(Acceptance::AnotherAddress) => AuthError::InvitationForAnotherAddress,
            Some(Acceptance::HasAccount) => AuthError::LogInToAccept,
            None => AuthError::InvitationBadToken,
        };
        Problem::from(refusal).into_response()
    })
}
