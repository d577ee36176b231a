//! Where clients reach the app, as the setting `public_origin` says it.

use std::fmt;

use api::{SettingError, Settings};

/// A scheme, a host and perhaps a port; nothing that means something to HTML or to a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicOrigin(String);

impl PublicOrigin {
    /// Reads the setting; a slash at its end is let pass.
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let text = settings.required("public_origin")?;
        Self::parse(text)
            .ok_or(SettingError { name: "public_origin", problem: "is not an origin such as https://api.example.com" })
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('/');
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
        // The page shows it inside commands that people paste into a shell, so only what a host and a port can hold.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        (!authority.is_empty() && authority.bytes().all(is_plain)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for PublicOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Option<&str>) {
        assert_eq!(PublicOrigin::parse(text).map(|origin| origin.to_string()).as_deref(), wanted, "{text}");
    }

    #[test]
    fn takes_origins() {
        check("http://127.0.0.1:3000", Some("http://127.0.0.1:3000"));
        check("https://api.example.com/", Some("https://api.example.com"));
        check("http://[::1]:3000", Some("http://[::1]:3000"));
    }

    #[test]
    fn refuses_what_a_shell_or_a_browser_would_run() {
        for text in [
            "",
            "https://",
            "api.example.com",
            "ftp://api.example.com",
            "javascript:alert(1)",
            "https://api.example.com/path",
            "https://a$(reboot)",
            "https://a;reboot",
            "https://a'b",
            "https://a\"b",
            "https://a<script>",
            "https://a b",
            "https://a\nb",
            "https://user@a&b",
        ] {
            check(text, None);
        }
    }
}
