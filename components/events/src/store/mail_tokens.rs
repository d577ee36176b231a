//! The tokens in messages: auth is told the hash of the one that is about to be sent, and says to whom, if to anybody.

use chrono::{DateTime, Utc};
use db::{Db, DbError, Effect};
use outbox::MailToken;
use serde_json::json;
use uuid::Uuid;

use crate::domain::message::Letter;

/// Has a token taken for an event's; `None` when there is nothing to send (any more). To ask again is to get the same.
pub(crate) async fn issue(
    db: &Db,
    event: Uuid,
    token: &MailToken,
    at: DateTime<Utc>,
) -> Result<Option<Letter>, DbError> {
    let args = json!({ "event_id": event, "token_hash": token.hash(), "at": at });
    db.call_unentered(Effect::Writes, "auth.issue_mail_token", &args).await
}
