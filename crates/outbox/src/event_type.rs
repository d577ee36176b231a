//! The types of events. A type is two words or more with dots between: whom it is for, and what happened.

/// A message with a token that proves an address.
pub const MAIL_VERIFICATION: &str = "mail.verification";
/// A message with a token that sets a new password.
pub const MAIL_PASSWORD_RESET: &str = "mail.password_reset";
/// A message with a token that makes its reader a member of a tenant.
pub const MAIL_INVITATION: &str = "mail.invitation";
/// Tells somebody that an account was to be made with the address of theirs.
pub const MAIL_ACCOUNT_EXISTS: &str = "mail.account_exists";
/// Tells somebody that their password is another.
pub const MAIL_PASSWORD_CHANGED: &str = "mail.password_changed";
/// Tells somebody, at the address that they had, that it is another.
pub const MAIL_EMAIL_CHANGED: &str = "mail.email_changed";

/// Whether an event is a message to a person, which goes to the mailer.
pub fn is_mail(event_type: &str) -> bool {
    event_type.starts_with("mail.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_by_their_first_word() {
        for mail in [
            MAIL_VERIFICATION,
            MAIL_PASSWORD_RESET,
            MAIL_INVITATION,
            MAIL_ACCOUNT_EXISTS,
            MAIL_PASSWORD_CHANGED,
            MAIL_EMAIL_CHANGED,
        ] {
            assert!(is_mail(mail), "{mail}");
        }
        for other in ["lead.created", "mail", "mailing.sent", "gmail.verification"] {
            assert!(!is_mail(other), "{other}");
        }
    }
}
