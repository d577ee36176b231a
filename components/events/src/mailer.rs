//! Where messages go, and what they are signed and their tokens derived with: the settings that only this component has.

use std::fmt;

use api::{SettingError, Settings};
use http::Uri;
use outbox::{MailTokenKey, SigningSecrets};

/// Their variables.
pub(crate) const SETTINGS: [&str; 4] = ["notify_origin", "notify_path", "notify_secret", "mail_token_secret"];

/// The receiver of messages, and our secrets. `Debug` shows none.
pub(crate) struct Mailer {
    /// Where to post.
    pub(crate) address: Uri,
    /// Sign what is posted.
    pub(crate) signing: SigningSecrets,
    /// Derives the tokens in messages.
    pub(crate) tokens: MailTokenKey,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

impl Mailer {
    /// Reads the settings.
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let wrong = |name| move |problem| SettingError { name, problem };
        let origin = settings.required("notify_origin")?;
        if !is_origin(origin) {
            return Err(wrong("notify_origin")("is not an origin such as https://mailer.example.com"));
        }
        let path = settings.required("notify_path")?;
        let address =
            Some(format!("{origin}{path}")).filter(|_| path.starts_with('/')).and_then(|text| text.parse().ok());
        Ok(Self {
            address: address.ok_or_else(|| wrong("notify_path")("is not a path that begins with /"))?,
            signing: SigningSecrets::parse(settings.required("notify_secret")?).map_err(wrong("notify_secret"))?,
            tokens: MailTokenKey::parse(settings.required("mail_token_secret")?).map_err(wrong("mail_token_secret"))?,
        })
    }
}

/// Scheme, host and perhaps a port, and nothing more: the manifest allows the host by the same text.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    !authority.as_str().contains('@')
        && !uri.host().unwrap_or_default().is_empty()
        && text.ends_with(authority.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn read(origin: &str, path: &str, secret: &str, key: &str) -> Result<String, String> {
        let settings = Settings::from_values([
            ("notify_origin", origin),
            ("notify_path", path),
            ("notify_secret", secret),
            ("mail_token_secret", key),
        ]);
        Mailer::from_settings(&settings).map(|mailer| mailer.address.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn origin_and_path_make_the_address() {
        let address = |origin, path| read(origin, path, SECRET, KEY);
        assert_eq!(address("http://127.0.0.1:8025", "/notify").unwrap(), "http://127.0.0.1:8025/notify");
        assert_eq!(
            address("https://n8n.example.com", "/webhook/mail?token=x").unwrap(),
            "https://n8n.example.com/webhook/mail?token=x"
        );
        for origin in ["mailer", "ftp://mailer", "http://mailer/", "http://mailer/path", "http://u:p@mailer", "http://"]
        {
            let error = address(origin, "/notify").unwrap_err();
            assert!(error.starts_with("the variable `notify_origin` is not an origin"), "{origin}: {error}");
        }
        for path in ["notify", "@elsewhere.example/", "/a b"] {
            let error = address("http://mailer", path).unwrap_err();
            assert_eq!(error, "the variable `notify_path` is not a path that begins with /", "{path}");
        }
    }

    #[test]
    fn says_which_secret_is_wrong_and_shows_none() {
        let with = |secret, key| read("http://mailer", "/", secret, key).unwrap_err();
        assert_eq!(with("", KEY), "the variable `notify_secret` is empty");
        assert!(with("whsec_c2hvcnQ=", KEY).starts_with("the variable `notify_secret` is not `whsec_`"));
        assert_eq!(with(SECRET, "c2hvcnQ="), "the variable `mail_token_secret` is not at least 32 bytes in base64");
        assert!(!with("whsec_c2hvcnQ=", KEY).contains("c2hvcnQ"));
    }
}
