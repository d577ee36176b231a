//! Who is calling, decided in one place for every component.
//!
//! A handler that acts in a tenant takes [`Authorized<R>`]: the access token is verified offline, and the caller it
//! gives is the only source of a tenant and of a connection. Every call through it enters the database as
//! `app.enter(tenant, user, session, roles)`, which refuses a revoked session, a removed member and a missing right
//! in the statement that does the work, so revocation and demotion act at once. A handler that forgot to ask has
//! neither a connection nor a tenant. [`Person`] is the same for what people do as themselves.
//!
//! What must stay true: the tenant comes from the verified token alone; a right is granted by the one table in
//! [`right`]; a token is verified with one pinned algorithm and every claim checked; no connection is held while a
//! body is read, because it is opened by the first call.

mod authorized;
mod caller;
mod keys;
pub mod right;
mod token;
mod verified_tokens;

pub use authorized::{API_KEY_START, Authorized, Person};
pub use caller::Caller;
pub use keys::{KeyError, PrivateKey, PublicKeys};
pub use right::{Right, Role};
pub use token::{Claims, TokenError, Verifier, sign};

/// The variables that verifying takes; a component adds them to those it loads.
pub const SETTINGS: [&str; 3] = ["jwt_public_keys", "jwt_issuer", "jwt_audience"];

/// How long an access token lives.
pub const ACCESS_TOKEN_SECONDS: i64 = 600;
