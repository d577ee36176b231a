//! What every route shares, and nothing that knows a table or a rule of the product.
//!
//! - [`Instance`] carries a request through a component's router: request id, time limit, problem documents, security
//!   headers, CORS, one log line.
//! - The extractors [`Json`], [`Posted`], [`Query`] and [`Path`] refuse what is malformed, unknown, too large or
//!   repeated, by name, before a handler runs.
//! - [`ServiceCaller`] and [`InternalCaller`] show the service token, for routes that are not for people.
//! - [`Visitor`], [`WebhookSender`], [`count_member`] and [`count_key`] hold everybody to their rate limit before anything is
//!   done for them; [`RouteClass`] says which routes have limits of their own.
//! - [`Problem`] is the only form in which anything is refused (RFC 9457).
//! - [`App`] is what an instance knows from its variables; [`Store`] is the Redis-compatible store.
//!
//! What must stay true: no input causes a 500 or a trap; nothing of one request outlives it in the instance (but the claims
//! of a verified token, which are `identity`'s, and whose an API key was, both kept by digest); no token, password, address
//! of a person or body reaches the log.

mod app;
mod bearer;
mod body;
mod client_address;
mod clock;
mod cors;
mod etag;
mod form;
mod health;
mod idempotency;
mod json;
mod key_tenants;
mod limits;
mod log;
mod metrics;
mod moment;
mod notes;
mod null;
mod page;
mod path;
mod problem;
mod query;
mod random;
mod rate_limit;
pub mod refusals;
mod request_id;
mod request_origin;
mod serve;
mod service_token;
mod settings;
mod store;

pub use app::App;
pub use bearer::bearer;
pub use body::{BODY_BYTES_MAX, read_body};
pub use client_address::ClientAddress;
pub use clock::Clock;
pub use etag::{IfMatch, etag};
pub use form::Form;
pub use health::{Health, Readiness, routes as health_routes};
pub use idempotency::{Posted, answer_once};
pub use json::{Json, parse_json, validated};
pub use key_tenants::KeyTenant;
pub use limits::RouteClass;
pub use metrics::{Measure, metrics};
pub use moment::Moment;
pub use notes::Notes;
pub use null::Null;
pub use page::{Limit, Page, decode_cursor, encode_cursor};
pub use path::Path;
pub use problem::{Detail, FieldError, Problem, ProblemBody};
pub use query::{Query, parse_form};
pub use random::random_bytes;
pub use rate_limit::{Visitor, WebhookSender, count_key, count_member, count_visitor};
pub use request_origin::RequestOrigin;
pub use serve::Instance;
pub use service_token::{InternalCaller, ServiceCaller, ServiceToken};
pub use settings::{SettingError, Settings};
pub use store::{Store, StoreAway};
