//! Tokens that travel by mail, taken past the dispatcher: for tests that are about what a token does. That messages
//! reach a mailbox is tested with one.

use sha2::{Digest, Sha256};
use sqlx::Row;
use uuid::Uuid;

use crate::App;

impl App {
    /// The token of the newest message of a kind (`mail.password_reset`) to an address; none if nothing is to be sent.
    pub async fn mail_token(&self, kind: &str, email: &str) -> Option<String> {
        let email_key = email::key(email);
        let newest = format!(
            "select id::text as id from app.outbox where type = '{kind}' and payload ->> 'email_key' = '{email_key}'
             order by created_at desc, id desc limit 1"
        );
        let event: String = self.database.rows(&newest).await.first()?.get("id");
        self.mail_token_of(event.parse().expect("a UUID")).await
    }

    /// The token of one message; none if nothing is to be sent.
    pub async fn mail_token_of(&self, event: Uuid) -> Option<String> {
        let token = format!("token-of-{}", Uuid::now_v7().simple());
        let hash: String = Sha256::digest(&token).iter().map(|byte| format!("{byte:02x}")).collect();
        let issue = format!(
            "select auth.issue_mail_token(jsonb_build_object(
                 'event_id', '{event}', 'token_hash', '{hash}', 'at', now()))::text as issued"
        );
        let issued: Option<String> = self.database.rows(&issue).await[0].get("issued");
        issued.map(|_| token)
    }
}
