//! Email addresses: parsed once, and compared in one form, for people (auth) and leads (crm) alike.
//!
//! What must stay true: an address is kept as it was written, but two spellings of one mailbox have one
//! [`EmailAddress::key`]; `Debug` shows no address, because addresses never reach a log.

use std::fmt;

use email_address::Options;
use unicode_normalization::UnicodeNormalization;

/// The longest address (RFC 5321, 4.5.3.1, with the erratum that its parts imply): 254 bytes.
pub const BYTES_MAX: usize = 254;

/// An address that mail can be sent to, as far as its form tells.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseEmailError;

impl fmt::Display for ParseEmailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an email address such as ada@example.com is wanted")
    }
}

impl std::error::Error for ParseEmailError {}

impl EmailAddress {
    /// Reads an address; white space around it is not part of it. A display name, a quoted or bracketed part, and a
    /// domain without a dot are refused: nobody registers with them on purpose.
    pub fn parse(text: &str) -> Result<Self, ParseEmailError> {
        if text.trim().len() > BYTES_MAX {
            return Err(ParseEmailError);
        }
        let text: String = text.trim().nfc().collect();
        // A character that only looks like another one (a full-width a) is another mailbox with the same key.
        if !text.nfkc().eq(text.chars()) {
            return Err(ParseEmailError);
        }
        let options = Options::default().with_required_tld().without_domain_literal().without_display_text();
        let is_plain = !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"');
        if !is_plain
            || text.len() > BYTES_MAX
            || email_address::EmailAddress::parse_with_options(&text, options).is_err()
        {
            return Err(ParseEmailError);
        }
        Ok(Self(text))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(self.0.as_str(), |(local, _)| local)
    }

    /// The form that decides whether two addresses are one.
    pub fn key(&self) -> String {
        key(&self.0)
    }
}

/// The form in which addresses are compared, also for a text that may be none (what somebody typed at log-in): no
/// white space around it, NFKC, lower case. A text that is longer than any address is nobody's. Providers' own rules (dots, plus signs) are theirs and are left alone.
pub fn key(text: &str) -> String {
    // Normalising can make a text many times longer: it is not begun with one that can be no address.
    let text = if text.len() <= BYTES_MAX { text } else { "" };
    text.trim().nfkc().collect::<String>().to_lowercase()
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_addresses_and_nothing_else() {
        for address in
            ["ada@example.com", "Ada.Lovelace+crm@mail.example.co.uk", "josé@exämple.com", "a@b.io", "o'neil@x.ie"]
        {
            assert_eq!(EmailAddress::parse(address).unwrap().as_str(), address);
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "b".repeat(260));
        for nothing in [
            "",
            " ",
            "ada",
            "@example.com",
            "ada@",
            "ada@localhost",
            "ada@@example.com",
            "a b@example.com",
            "Ada <ada@example.com>",
            "\"ada\"@example.com",
            "ada@[127.0.0.1]",
            "ada@example..com",
            "ada@-.com",
            "ａda@example.com",
            "ada@example。com",
            "ﬁne@example.com",
            "ada\u{0}@example.com",
            "ada@exa\nmple.com",
            ".ada@example.com",
            &long,
            &longer,
        ] {
            assert_eq!(EmailAddress::parse(nothing), Err(ParseEmailError), "{nothing:?}");
        }
    }

    #[test]
    fn spellings_of_one_mailbox_have_one_key() {
        let key = |text: &str| EmailAddress::parse(text).unwrap().key();
        assert_eq!(key("Ada@Example.COM"), key(" ada@example.com "));
        assert_eq!(key("jose\u{301}@example.com"), key("jos\u{e9}@example.com"));
        assert_ne!(key("ada+x@example.com"), key("ada@example.com"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert!(!format!("{:?}", EmailAddress::parse("ada@example.com").unwrap()).contains("ada"));
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "\\PC{0,40}") {
            // Lower-casing can undo composition once; from then on the form is stable.
            let once = key(&key(&text));
            prop_assert_eq!(key(&once), once);
        }
    }
}
