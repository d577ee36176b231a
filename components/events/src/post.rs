//! The one place that talks to other hosts: posts a signed message, and says what came of it.
//!
//! What must stay true: there is an end to waiting; a redirect is not followed (the host follows none); nothing of what the
//! receiver says but its status is read.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, header};
use outbox::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP};
use spin_sdk::{
    http::FullBody,
    wasip3::{
        http::types::{ErrorCode, RequestOptions},
        http_compat::RequestOptionsExtension,
    },
};

use crate::{
    domain::delivery::{Failure, Outcome, outcome_of},
    mailer::Mailer,
};

/// How long a receiver may take, all in all.
const LIMIT: Duration = Duration::from_secs(10);
/// How long until it is reached at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Posts a message to the mailer.
pub(crate) async fn post(mailer: &Mailer, event_id: &str, body: Vec<u8>, at: DateTime<Utc>) -> Outcome {
    let timestamp = at.timestamp();
    let request = Request::post(&mailer.address)
        .header(header::CONTENT_TYPE, "application/json")
        // Without it the body would be sent in chunks, which not every receiver reads.
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::USER_AGENT, "bizosaas-events")
        .header(HEADER_ID, event_id)
        .header(HEADER_TIMESTAMP, timestamp)
        .header(HEADER_SIGNATURE, mailer.signing.sign(event_id, timestamp, &body))
        .extension(RequestOptionsExtension(options()))
        .body(FullBody::new(Bytes::from(body)));
    // Address and headers are well-formed: they were read from settings and made here.
    let Ok(request) = request else { return Outcome::Failed(Failure::Broken) };
    // The host's limits are one for each phase; this one is for all of them.
    match db::within(LIMIT, spin_sdk::http::send(request)).await {
        Some(Ok(response)) => outcome_of(response.status().as_u16()),
        Some(Err(error)) => Outcome::Failed(failure_of(&error)),
        None => Outcome::Failed(Failure::TimedOut),
    }
}

fn options() -> RequestOptions {
    let nanoseconds = |limit: Duration| u64::try_from(limit.as_nanos()).ok();
    let options = RequestOptions::new();
    // A host that supports none of them leaves it to the limit above.
    let _ = options.set_connect_timeout(nanoseconds(CONNECT_LIMIT));
    let _ = options.set_first_byte_timeout(nanoseconds(LIMIT));
    let _ = options.set_between_bytes_timeout(nanoseconds(LIMIT));
    options
}

fn failure_of(error: &ErrorCode) -> Failure {
    match error {
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::DnsTimeout
        | ErrorCode::HttpResponseTimeout => Failure::TimedOut,
        ErrorCode::ConnectionRefused => Failure::Refused,
        ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound | ErrorCode::DestinationUnavailable => {
            Failure::Unreachable
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            Failure::Untrusted
        }
        ErrorCode::HttpRequestDenied | ErrorCode::DestinationIpProhibited | ErrorCode::DestinationIpUnroutable => {
            Failure::NotAllowed
        }
        _ => Failure::Broken,
    }
}
