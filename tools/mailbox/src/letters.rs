//! The messages that came: the newest 200, each with what to do with it. A message that is sent again is still one.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use outbox::{Refusal, Signed, SigningSecrets, event_type};
use serde::Serialize;
use serde_json::Value;

/// So many are kept.
const KEPT: usize = 200;

/// The mailbox.
pub(crate) struct Letters {
    secrets: SigningSecrets,
    /// Where the app is, for the commands.
    app: String,
    kept: Mutex<VecDeque<Letter>>,
}

/// A message, as the page shows it.
#[derive(Clone, Serialize)]
pub(crate) struct Letter {
    id: String,
    /// Seconds since 1970.
    received_at: i64,
    /// How often it came.
    times: u32,
    /// What it is about, in words.
    title: &'static str,
    /// A command that uses the token; none where there is nothing to do.
    command: Option<String>,
    /// The body as it came.
    message: Value,
}

impl Letters {
    /// An empty mailbox.
    pub(crate) fn new(secrets: SigningSecrets, app: String) -> Self {
        Self { secrets, app, kept: Mutex::new(VecDeque::new()) }
    }

    /// Takes a message, if it is signed.
    pub(crate) fn take(&self, signed: Signed<'_>, now: i64) -> Result<(), Refusal> {
        self.secrets.verify(signed, now)?;
        let message: Value = serde_json::from_slice(signed.body).unwrap_or_default();
        let (title, command) = (title(kind(&message)), command(&self.app, &message));
        let mut kept = self.kept();
        let before = kept.iter().position(|letter| letter.id == signed.id).and_then(|place| kept.remove(place));
        let times = before.map_or(0, |letter| letter.times) + 1;
        kept.push_front(Letter { id: signed.id.to_owned(), received_at: now, times, title, command, message });
        kept.truncate(KEPT);
        Ok(())
    }

    /// All of them, the newest first.
    pub(crate) fn all(&self) -> Vec<Letter> {
        self.kept().iter().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Letter>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(message: &Value) -> &str {
    message["type"].as_str().unwrap_or_default()
}

fn title(kind: &str) -> &'static str {
    match kind {
        event_type::MAIL_VERIFICATION => "Confirm your address",
        event_type::MAIL_PASSWORD_RESET => "Set a new password",
        event_type::MAIL_INVITATION => "You are invited",
        event_type::MAIL_ACCOUNT_EXISTS => "You have an account already",
        event_type::MAIL_PASSWORD_CHANGED => "Your password was changed",
        event_type::MAIL_EMAIL_CHANGED => "Your address was changed",
        _ => "A message",
    }
}

/// What a person would do with the link in the message, as a command.
fn command(app: &str, message: &Value) -> Option<String> {
    let token = message["data"]["token"].as_str()?;
    let (path, more) = match kind(message) {
        event_type::MAIL_VERIFICATION => ("/auth/verify", ""),
        event_type::MAIL_PASSWORD_RESET => ("/auth/reset-password", r#","password":"a new battery for the horse""#),
        // For somebody without an account; who has one leaves the password out and shows their access token.
        event_type::MAIL_INVITATION => ("/invitations/accept", r#","password":"correct horse battery staple""#),
        _ => return None,
    };
    // A token is base64url, so it needs no quoting; anything else would not be ours.
    let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    is_plain.then(|| {
        format!("curl -s {app}{path} -H 'content-type: application/json' -d '{{\"token\":\"{token}\"{more}}}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn letters() -> Letters {
        Letters::new(SigningSecrets::parse(SECRET).ok().unwrap(), "http://app".to_owned())
    }

    fn post(letters: &Letters, id: &str, body: &Value, now: i64) {
        let body = serde_json::to_vec(body).unwrap();
        let signature = SigningSecrets::parse(SECRET).ok().unwrap().sign(id, now, &body);
        let signed = Signed { id, timestamp: &now.to_string(), signature: &signature, body: &body };
        letters.take(signed, now).unwrap();
    }

    #[test]
    fn the_newest_come_first_and_one_that_is_sent_again_is_one() {
        let letters = letters();
        for number in 0..KEPT + 5 {
            post(&letters, &format!("evt_{number}"), &json!({}), 1000);
        }
        post(&letters, "evt_100", &json!({}), 1001);
        let all = letters.all();
        assert_eq!(all.len(), KEPT);
        assert_eq!((all[0].id.as_str(), all[0].times), ("evt_100", 2));
        assert_eq!((all[1].id.as_str(), all[1].times), ("evt_204", 1));
        assert_eq!(all[KEPT - 1].id, "evt_5");
    }

    #[test]
    fn what_is_not_signed_is_not_taken() {
        let signed = Signed { id: "evt_1", timestamp: "1000", signature: "v1,AAAA", body: b"{}" };
        assert_eq!(letters().take(signed, 1000), Err(Refusal::Forged));
        assert!(letters().all().is_empty());
    }

    #[test]
    fn a_token_comes_with_the_command_that_uses_it() {
        let of = |kind: &str, token: &str| {
            command("http://app", &json!({ "type": kind, "data": { "to": "a@example.com", "token": token } }))
        };
        assert_eq!(
            of("mail.verification", "T-_1").unwrap(),
            r#"curl -s http://app/auth/verify -H 'content-type: application/json' -d '{"token":"T-_1"}'"#
        );
        assert!(of("mail.password_reset", "T").unwrap().contains(r#"{"token":"T","password":""#));
        assert!(of("mail.invitation", "T").unwrap().contains("http://app/invitations/accept"));
        assert_eq!(of("mail.password_changed", "T"), None);
        assert_eq!(of("mail.verification", "'; rm -rf /; '"), None);
        assert_eq!(command("http://app", &json!({ "type": "mail.verification", "data": { "to": "a" } })), None);
    }
}
