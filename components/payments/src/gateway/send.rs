//! The one place that talks to gateways: plays a question out, request by request.
//!
//! What must stay true: there is an end to waiting; a redirect is not followed (the host follows none); an answer that was not
//! read to its end is lost, whatever it began with; what was certainly not heard is told apart from what may have been.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Limited};
use spin_sdk::{
    http::FullBody,
    wasip3::{
        http::types::{ErrorCode, RequestOptions},
        http_compat::RequestOptionsExtension,
    },
};

use super::{Ask, Credentials, Failure, Hosts, Minted, Order, Outcome, Postback, Reply, Step, VerifyStep, Window};
use crate::domain::reconciliation::Listed;

/// How long a gateway may take for one request, and until it is reached at all.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(20);
/// The same where it is only asked whether it takes credentials.
pub(crate) const CHECK_LIMIT: Duration = Duration::from_secs(5);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// No question takes more requests.
const STEPS_MAX: usize = 6;
/// Of a hundred payments each, as gateways give them.
const PAGES_MAX: usize = 10;
const BODY_BYTES_MAX: usize = 1 << 20;

/// What came of asking.
pub(crate) struct Asked {
    pub(crate) outcome: Outcome,
    /// A token that was lent on the way, to be kept.
    pub(crate) minted: Option<Minted>,
}

/// Asks, within a limit for all of it.
pub(crate) async fn ask(
    credentials: &Credentials,
    hosts: Hosts<'_>,
    order: &Order,
    ask: &Ask,
    limit: Duration,
) -> Asked {
    let mut replies = Vec::new();
    let asking = async {
        while replies.len() <= STEPS_MAX {
            match credentials.step(hosts, order, ask, &replies) {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => replies.push(send(*request, limit).await),
            }
        }
        Outcome::Unknown
    };
    let outcome = db::within(limit, asking).await.unwrap_or(Outcome::Unknown);
    Asked { outcome, minted: credentials.minted(&replies) }
}

/// Whether a message is its gateway's own; none where nobody said.
pub(crate) async fn verify(
    credentials: &Credentials,
    hosts: Hosts<'_>,
    postback: &Postback<'_>,
    limit: Duration,
) -> (Option<bool>, Option<Minted>) {
    let mut replies = Vec::new();
    let asking = async {
        while replies.len() <= STEPS_MAX {
            match credentials.verify_step(hosts, postback, &replies) {
                VerifyStep::Genuine => return Some(true),
                VerifyStep::Forged => return Some(false),
                VerifyStep::Unknown => return None,
                VerifyStep::Send(request) => replies.push(send(*request, limit).await),
            }
        }
        None
    };
    let verdict = db::within(limit, asking).await.flatten();
    (verdict, credentials.minted(&replies))
}

/// Why there is no list.
pub(crate) enum ListFailure {
    /// The gateway would not.
    Refused(Failure),
    /// It did not say, or nothing that we can read.
    Unanswered,
    /// There is more than one report is made of.
    TooMany,
}

/// What a gateway took in a window: all pages of it.
pub(crate) async fn list(
    credentials: &Credentials,
    hosts: Hosts<'_>,
    window: Window,
) -> Result<Vec<Listed>, ListFailure> {
    let asking = async {
        let (mut listed, mut page) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let request = credentials.list_request(hosts, window, page.as_deref()).ok_or(ListFailure::Unanswered)?;
            let reply = send(request, CALL_LIMIT).await;
            let read = credentials.read_list(page.as_deref(), &reply).map_err(|outcome| match outcome {
                Outcome::Refused(failure) => ListFailure::Refused(failure),
                _ => ListFailure::Unanswered,
            })?;
            listed.extend(read.data);
            match read.next {
                None => return Ok(listed),
                next => page = next,
            }
        }
        Err(ListFailure::TooMany)
    };
    db::within(CALL_LIMIT, asking).await.unwrap_or(Err(ListFailure::Unanswered))
}

async fn send(request: Request<Bytes>, limit: Duration) -> Reply {
    let (mut parts, body) = request.into_parts();
    // Without it the body would be sent in chunks, which not every receiver reads.
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    parts.headers.insert(header::USER_AGENT, header::HeaderValue::from_static("bizosaas-payments"));
    parts.extensions.insert(RequestOptionsExtension(options(limit)));
    let response = match spin_sdk::http::send(Request::from_parts(parts, FullBody::new(body))).await {
        Ok(response) => response,
        Err(error) if was_not_heard(&error) => return Reply::NotSent,
        Err(_) => return Reply::Lost,
    };
    let status = response.status().as_u16();
    match Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await {
        Ok(body) => Reply::Body { status, body: body.to_bytes() },
        Err(_) => Reply::Lost,
    }
}

fn options(limit: Duration) -> RequestOptions {
    let nanoseconds = |limit: Duration| u64::try_from(limit.as_nanos()).ok();
    let options = RequestOptions::new();
    // A host that supports none of them leaves it to the limit around the whole.
    let _ = options.set_connect_timeout(nanoseconds(CONNECT_LIMIT.min(limit)));
    let _ = options.set_first_byte_timeout(nanoseconds(limit));
    let _ = options.set_between_bytes_timeout(nanoseconds(limit));
    options
}

/// No connection came about, so nothing was said.
fn was_not_heard(error: &ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::ConnectionRefused
            | ErrorCode::DnsError(_)
            | ErrorCode::DnsTimeout
            | ErrorCode::DestinationNotFound
            | ErrorCode::DestinationIpProhibited
            | ErrorCode::DestinationIpUnroutable
            | ErrorCode::HttpRequestDenied
            | ErrorCode::TlsCertificateError
    )
}
