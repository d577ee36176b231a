//! The body of a message to the mailer: `{ id, type, timestamp, data }`. The same event makes the same body at each attempt,
//! unless what it speaks of changed.

use chrono::{DateTime, Utc};
use ids::EventId;
use outbox::MailToken;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What auth says of a message: to whom it goes and what it tells. Holds an address, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct Letter {
    /// The address.
    to: String,
    /// What the message tells; `token: false` says that it carries none.
    #[serde(default)]
    data: Map<String, Value>,
    /// How long the token is good.
    expires_at: Option<DateTime<Utc>>,
}

/// The event that a message is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Its id.
    pub(crate) id: EventId,
    /// Its type.
    pub(crate) event_type: &'a str,
    /// When it happened.
    pub(crate) happened_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: EventId,
    #[serde(rename = "type")]
    event_type: &'a str,
    timestamp: DateTime<Utc>,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// The bytes to post.
pub(crate) fn body(subject: Subject<'_>, letter: Letter, token: MailToken) -> Vec<u8> {
    let Letter { to, mut data, expires_at } = letter;
    let carries_token = data.remove("token") != Some(Value::Bool(false));
    let body = Body {
        id: subject.id,
        event_type: subject.event_type,
        timestamp: subject.happened_at,
        data: Data { to, token: carries_token.then(|| token.into_text()), expires_at, more: data },
    };
    // Cannot fail: the body has no map with keys that are not strings.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use outbox::MailTokenKey;
    use serde_json::{from_slice, from_value, json};
    use uuid::Uuid;

    /// The body that this letter becomes, its token shown as T.
    fn written(letter: Value) -> Value {
        let key = MailTokenKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").ok().unwrap();
        let token = || key.derive("mail.invitation", Uuid::nil());
        let subject = Subject {
            id: EventId::from(Uuid::nil()),
            event_type: "mail.invitation",
            happened_at: DateTime::UNIX_EPOCH,
        };
        let body = body(subject, from_value(letter).unwrap(), token());
        let text = String::from_utf8(body).unwrap().replace(&token().into_text(), "T");
        from_slice(text.as_bytes()).unwrap()
    }

    #[test]
    fn says_what_auth_says_with_the_token_and_its_end() {
        let letter = json!({
            "to": "ada@example.com",
            "expires_at": "2026-01-31T00:00:00+00:00",
            "data": { "tenant_name": "Engines", "role": "member" },
        });
        assert_eq!(
            written(letter),
            json!({
                "id": "evt_00000000000000000000000000",
                "type": "mail.invitation",
                "timestamp": "1970-01-01T00:00:00Z",
                "data": {
                    "to": "ada@example.com",
                    "token": "T",
                    "expires_at": "2026-01-31T00:00:00Z",
                    "tenant_name": "Engines",
                    "role": "member",
                },
            })
        );
    }

    #[test]
    fn carries_no_token_where_auth_says_so() {
        assert_eq!(
            written(json!({ "to": "a@example.com", "data": { "token": false } }))["data"],
            json!({ "to": "a@example.com" })
        );
        let data = written(json!({ "to": "a@example.com", "data": { "token": true } }))["data"].clone();
        assert_eq!(data, json!({ "to": "a@example.com", "token": "T" }));
    }
}
