//! The settings that only payments has: where gateways are, what seals credentials, and where payers come back to.

use std::fmt;

use api::{Problem, SettingError, Settings, random_bytes};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use http::Uri;
use sealed::MasterKeys;
use uuid::Uuid;

use crate::{
    gateway::{Credentials, Gateway, Hosts, Mode},
    store::gateway_accounts::KeysRow,
};

/// Their variables.
pub(crate) const SETTINGS: [&str; 12] = [
    "payments_encryption_keys",
    "public_origin",
    "paypal_live_origin",
    "paypal_test_origin",
    "payu_live_checkout_origin",
    "payu_live_origin",
    "payu_test_checkout_origin",
    "payu_test_origin",
    "razorpay_live_origin",
    "razorpay_test_origin",
    "stripe_live_origin",
    "stripe_test_origin",
];

/// What credentials are sealed for.
const CREDENTIALS: &str = "gateway_credentials";
const WEBHOOK_SECRET: &str = "gateway_webhook_secret";
const ACCESS_TOKEN: &str = "gateway_access_token";

/// Where gateways are, and the keys. `Debug` shows none.
pub(crate) struct Gateways {
    keys: MasterKeys,
    /// Our own origin, as payers' browsers and gateways know it.
    pub(crate) public_origin: String,
    paypal_live_origin: String,
    paypal_test_origin: String,
    payu_live_checkout_origin: String,
    payu_live_origin: String,
    payu_test_checkout_origin: String,
    payu_test_origin: String,
    razorpay_live_origin: String,
    razorpay_test_origin: String,
    stripe_live_origin: String,
    stripe_test_origin: String,
}

impl fmt::Debug for Gateways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateways").finish_non_exhaustive()
    }
}

impl Gateways {
    /// Reads the settings.
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let keys = MasterKeys::parse(settings.required("payments_encryption_keys")?)
            .map_err(|problem| SettingError { name: "payments_encryption_keys", problem })?;
        Ok(Self {
            keys,
            public_origin: origin(settings, "public_origin")?,
            paypal_live_origin: origin(settings, "paypal_live_origin")?,
            paypal_test_origin: origin(settings, "paypal_test_origin")?,
            payu_live_checkout_origin: origin(settings, "payu_live_checkout_origin")?,
            payu_live_origin: origin(settings, "payu_live_origin")?,
            payu_test_checkout_origin: origin(settings, "payu_test_checkout_origin")?,
            payu_test_origin: origin(settings, "payu_test_origin")?,
            razorpay_live_origin: origin(settings, "razorpay_live_origin")?,
            razorpay_test_origin: origin(settings, "razorpay_test_origin")?,
            stripe_live_origin: origin(settings, "stripe_live_origin")?,
            stripe_test_origin: origin(settings, "stripe_test_origin")?,
        })
    }

    /// Where a gateway is; `test` is nowhere.
    pub(crate) fn hosts(&self, gateway: Gateway, mode: Mode) -> Hosts<'_> {
        let (api, checkout) = match (gateway, mode) {
            (Gateway::Paypal, Mode::Live) => (&self.paypal_live_origin[..], ""),
            (Gateway::Paypal, Mode::Test) => (&self.paypal_test_origin[..], ""),
            (Gateway::Payu, Mode::Live) => (&self.payu_live_origin[..], &self.payu_live_checkout_origin[..]),
            (Gateway::Payu, Mode::Test) => (&self.payu_test_origin[..], &self.payu_test_checkout_origin[..]),
            (Gateway::Razorpay, Mode::Live) => (&self.razorpay_live_origin[..], ""),
            (Gateway::Razorpay, Mode::Test) => (&self.razorpay_test_origin[..], ""),
            (Gateway::Stripe, Mode::Live) => (&self.stripe_live_origin[..], ""),
            (Gateway::Stripe, Mode::Test) => (&self.stripe_test_origin[..], ""),
            (Gateway::Test, _) => ("", ""),
        };
        Hosts { api, checkout }
    }

    /// The id of the key that seals now.
    pub(crate) fn sealing_key_id(&self) -> &str {
        self.keys.first_id()
    }

    /// Seals credentials for their tenant, in base64.
    pub(crate) fn seal_credentials(&self, tenant: Uuid, credentials: &Credentials) -> Result<String, Problem> {
        self.seal(CREDENTIALS, tenant, &credentials.to_json())
    }

    /// Seals a webhook secret for its tenant, in base64.
    pub(crate) fn seal_webhook_secret(&self, tenant: Uuid, secret: &str) -> Result<String, Problem> {
        self.seal(WEBHOOK_SECRET, tenant, secret.as_bytes())
    }

    /// Opens an account's credentials, and the token that is kept beside them while it is good.
    pub(crate) fn open_credentials(&self, keys: &KeysRow, now: DateTime<Utc>) -> Result<Credentials, Problem> {
        let opened = self.open(CREDENTIALS, keys.tenant_id, &keys.credentials)?;
        let json = serde_json::from_slice(&opened).map_err(|_| Problem::internal("sealed credentials are no JSON"))?;
        let mut credentials = keys
            .gateway
            .credentials(keys.mode, json)
            .map_err(|error| Problem::internal(format!("sealed credentials: {}", error.name)))?;
        if let (Some(sealed), true) = (&keys.access_token, keys.access_token_until.is_some_and(|until| now < until))
            && let Ok(token) = self.open(ACCESS_TOKEN, keys.tenant_id, sealed)
            && let Ok(token) = String::from_utf8(token)
        {
            credentials.use_token(token);
        }
        Ok(credentials)
    }

    /// Seals a token that a gateway lent, in base64.
    pub(crate) fn seal_access_token(&self, tenant: Uuid, token: &str) -> Result<String, Problem> {
        self.seal(ACCESS_TOKEN, tenant, token.as_bytes())
    }

    /// Opens a webhook secret.
    pub(crate) fn open_webhook_secret(&self, tenant: Uuid, sealed: &str) -> Result<String, Problem> {
        String::from_utf8(self.open(WEBHOOK_SECRET, tenant, sealed)?)
            .map_err(|_| Problem::internal("a sealed webhook secret is no text"))
    }

    fn seal(&self, purpose: &str, tenant: Uuid, plaintext: &[u8]) -> Result<String, Problem> {
        Ok(STANDARD.encode(self.keys.seal(purpose, tenant, plaintext, random_bytes()?)))
    }

    fn open(&self, purpose: &str, tenant: Uuid, sealed: &str) -> Result<Vec<u8>, Problem> {
        let sealed = STANDARD.decode(sealed).map_err(|_| Problem::internal("what is sealed is no base64"))?;
        self.keys.open(purpose, tenant, &sealed).map_err(Problem::internal)
    }
}

/// Scheme, host and perhaps a port, and nothing more: the manifest allows the host by the same text.
fn origin(settings: &Settings, name: &'static str) -> Result<String, SettingError> {
    let text = settings.required(name)?;
    let is_origin = text.parse::<Uri>().is_ok_and(|uri| {
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        matches!(uri.scheme_str(), Some("http" | "https"))
            && !authority.contains('@')
            && !uri.host().unwrap_or_default().is_empty()
            && text.ends_with(authority)
    });
    if is_origin {
        Ok(text.to_owned())
    } else {
        Err(SettingError { name, problem: "is not an origin such as https://api.example.com" })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(keys: &str, stripe: &str) -> Settings {
        Settings::from_values([
            ("payments_encryption_keys", keys),
            ("public_origin", "https://api.example.com"),
            ("paypal_live_origin", "https://api-m.paypal.com"),
            ("paypal_test_origin", "https://api-m.sandbox.paypal.com"),
            ("payu_live_checkout_origin", "https://info.payu.in"),
            ("payu_live_origin", "https://info.payu.in"),
            ("payu_test_checkout_origin", "https://info.payu.in"),
            ("payu_test_origin", "https://info.payu.in"),
            ("razorpay_live_origin", "https://api.razorpay.com"),
            ("razorpay_test_origin", "https://api.razorpay.com"),
            ("stripe_live_origin", stripe),
            ("stripe_test_origin", stripe),
        ])
    }

    const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn what_is_wrong_is_named() {
        let problem =
            |keys: &str, stripe: &str| Gateways::from_settings(&settings(keys, stripe)).unwrap_err().to_string();
        assert_eq!(problem("", "https://api.stripe.com"), "the variable `payments_encryption_keys` is empty");
        for wrong in ["api.stripe.com", "https://api.stripe.com/", "https://a@b", "ftp://api.stripe.com"] {
            let wanted = "the variable `stripe_live_origin` is not an origin such as https://api.example.com";
            assert_eq!(problem(KEYS, wrong), wanted, "{wrong}");
        }
    }

    #[test]
    fn credentials_open_for_their_tenant_alone() {
        let gateways = Gateways::from_settings(&settings(KEYS, "https://api.stripe.com")).unwrap();
        let json = json!({ "secret_key": "sk_test_planted", "webhook_secret": "whsec_planted" });
        let credentials = Gateway::Stripe.credentials(Mode::Test, json).unwrap();
        let (tenant, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = gateways.seal_credentials(tenant, &credentials).unwrap();
        let keys = |tenant| KeysRow {
            id: Uuid::nil(),
            tenant_id: tenant,
            gateway: Gateway::Stripe,
            mode: Mode::Test,
            credentials: sealed.clone(),
            previous_webhook_secret: None,
            previous_valid_until: None,
            access_token: None,
            access_token_until: None,
        };
        let open = |tenant| gateways.open_credentials(&keys(tenant), DateTime::UNIX_EPOCH);
        assert_eq!(open(tenant).unwrap(), credentials);
        assert!(open(other).is_err());
        assert!(gateways.open_webhook_secret(tenant, &sealed).is_err(), "sealed for another purpose");
        assert!(!format!("{gateways:?}{credentials:?}").contains("planted"));
    }
}
