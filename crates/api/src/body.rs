//! Request bodies: read whole, up to a limit.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt;

use crate::Problem;

/// The largest body of a route that says nothing else: 1 MiB.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// How much of a body over the limit is read and thrown away, so that a client that is still sending can read the
/// answer instead of a broken connection.
const DRAIN_BYTES_MAX: usize = 1 << 20;

/// How long a client may take to send its body.
const SEND_LIMIT: Duration = Duration::from_secs(15);

/// Reads a body of at most `limit` bytes; nothing has been done by then, which is what a slow client is told.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    db::within(SEND_LIMIT, collect(body, limit)).await.unwrap_or_else(|| Err(timed_out()))
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut read = BytesMut::new();
    let mut drained = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| unreadable())?;
        let Ok(data) = frame.into_data() else { continue };
        if drained == 0 && read.len() + data.len() <= limit {
            read.extend_from_slice(&data);
            continue;
        }
        drained += data.len().max(1);
        if drained > DRAIN_BYTES_MAX {
            break;
        }
    }
    if drained > 0 { Err(too_large(limit)) } else { Ok(read.freeze()) }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        "The body is too large",
        format!("The body of this route may have {limit} bytes at most."),
    )
}

fn timed_out() -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        "body_timed_out",
        "The body took too long",
        "The body did not arrive within 15 seconds; nothing was done.",
    )
}

fn unreadable() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "unreadable_body",
        "The body could not be read",
        "The connection broke, or the body was not sent as announced.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    #[test]
    fn the_limit_is_exact() {
        assert_eq!(block_on(collect(Body::from(vec![7; 10]), 10)).unwrap().len(), 10);
        let problem = block_on(collect(Body::from(vec![7; 11]), 10)).unwrap_err();
        assert_eq!((problem.code(), problem.status().as_u16()), ("body_too_large", 413));
        assert!(block_on(collect(Body::empty(), 10)).unwrap().is_empty());
    }
}
