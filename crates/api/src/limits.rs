//! How many requests a minute everybody has: all together, and of the classes of routes that cost more than others.
//!
//! What must stay true: a request of a class counts against the class and against all requests together, so a class only
//! ever takes away; every number can be set, and none can be set to nothing, so no setting turns a limit off.

use axum::Extension;
use http::request::Parts;

use crate::{SettingError, Settings};

/// What a route costs beyond the ordinary; the router of a resource says so with [`RouteClass::layer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteClass {
    /// Nothing beyond all requests together.
    #[default]
    Ordinary,
    /// Lets somebody in or on: passwords, codes, tokens of messages. Each costs a hash, and could be a guess.
    Credentials,
    /// Asks a gateway to move money, or keeps credentials of one. Reading at these routes is ordinary, as at those above.
    Money,
    /// Reads many rows for one answer, or asks a gateway for lists.
    Reports,
}

impl RouteClass {
    /// What a router is given to say that its routes are of this class.
    pub fn layer(self) -> Extension<Self> {
        Extension(self)
    }

    /// The class of the route that a request came to.
    pub(crate) fn of(parts: &Parts) -> Self {
        match parts.extensions.get().copied().unwrap_or_default() {
            Self::Credentials | Self::Money if parts.method.is_safe() => Self::Ordinary,
            class => class,
        }
    }
}

const CREDENTIALS: &str = "for passwords, codes and tokens";

/// Requests a minute; the same for all tenants, as long as there are no plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// A person in a tenant, all requests together.
    pub(crate) user: u32,
    /// An API key, likewise.
    pub(crate) key: u32,
    /// A tenant, likewise; also all API keys of one address whose tenant is not known yet.
    pub(crate) tenant: u32,
    /// An address without a valid token, likewise.
    pub(crate) address: u32,
    credentials_address: u32,
    credentials_caller: u32,
    money_caller: u32,
    money_tenant: u32,
    reports_caller: u32,
    reports_tenant: u32,
    /// Messages from one address that are refused.
    pub(crate) webhooks_address: u32,
    /// All messages for one gateway account.
    pub(crate) webhooks_account: u32,
}

/// What a class allows one caller, or one address, and all of a caller's tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClassLimits {
    /// Stands before the names of its limits, for programs.
    pub(crate) class: &'static str,
    /// What it is for, in words that go on after "this user".
    pub(crate) words: &'static str,
    /// For one person or API key, or one address.
    pub(crate) caller: u32,
    /// For their tenant, where it has one.
    pub(crate) tenant: Option<u32>,
}

impl Limits {
    /// Reads the settings; the default stands where one is empty.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            user: limit(settings, "rate_limit_user", 300)?,
            key: limit(settings, "rate_limit_key", 300)?,
            tenant: limit(settings, "rate_limit_tenant", 1200)?,
            address: limit(settings, "rate_limit_address", 60)?,
            credentials_address: limit(settings, "rate_limit_credentials_address", 30)?,
            credentials_caller: limit(settings, "rate_limit_credentials_caller", 20)?,
            money_caller: limit(settings, "rate_limit_money_caller", 120)?,
            money_tenant: limit(settings, "rate_limit_money_tenant", 600)?,
            reports_caller: limit(settings, "rate_limit_reports_caller", 60)?,
            reports_tenant: limit(settings, "rate_limit_reports_tenant", 240)?,
            webhooks_address: limit(settings, "rate_limit_webhooks_address", 1200)?,
            webhooks_account: limit(settings, "rate_limit_webhooks_account", 600)?,
        })
    }

    /// What a class allows who is known.
    pub(crate) fn of_callers(&self, class: RouteClass) -> Option<ClassLimits> {
        let (class, words, caller, tenant) = match class {
            RouteClass::Credentials => ("credentials", CREDENTIALS, self.credentials_caller, None),
            RouteClass::Money => ("money", "for moving money", self.money_caller, Some(self.money_tenant)),
            RouteClass::Reports => ("reports", "for reports", self.reports_caller, Some(self.reports_tenant)),
            RouteClass::Ordinary => return None,
        };
        Some(ClassLimits { class, words, caller, tenant })
    }

    /// What a class allows an address.
    pub(crate) fn of_addresses(&self, class: RouteClass) -> Option<ClassLimits> {
        match class {
            RouteClass::Credentials => Some(ClassLimits {
                class: "credentials",
                words: CREDENTIALS,
                caller: self.credentials_address,
                tenant: None,
            }),
            // Without a valid token nothing of these is done.
            RouteClass::Ordinary | RouteClass::Money | RouteClass::Reports => None,
        }
    }
}

fn limit(settings: &Settings, name: &'static str, default: u32) -> Result<u32, SettingError> {
    match settings.text(name) {
        "" => Ok(default),
        _ => match settings.number(name)? {
            0 => Err(SettingError { name, problem: "must be at least 1" }),
            limit => Ok(limit),
        },
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::App;

    #[test]
    fn an_empty_setting_is_the_default_and_none_turns_limits_off() {
        let defaults = Limits::new(&Settings::from_values([])).unwrap();
        assert_eq!((defaults.user, defaults.key, defaults.tenant, defaults.address), (300, 300, 1200, 60));
        let manifest = include_str!("../../../spin.toml");
        let in_manifest: Vec<_> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("rate_limit_")?.split_once(" = { default = \""))
            .map(|(name, rest)| (format!("rate_limit_{name}"), rest.split('"').next().unwrap()))
            .collect();
        let names: Vec<_> = App::SETTINGS.into_iter().filter(|name| name.starts_with("rate_limit_")).collect();
        assert_eq!(
            in_manifest.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            names,
            "loaded are those of spin.toml"
        );
        for (name, (_, default)) in names.into_iter().zip(&in_manifest) {
            let read = |value| Limits::new(&Settings::from_values([(name, value)]));
            assert_eq!(read(default), Ok(defaults), "{name}: spin.toml has another default");
            assert_eq!(read(""), Ok(defaults), "{name}");
            assert_ne!(read("7"), Ok(defaults), "{name}");
            assert!(read("0").is_err() && read("-1").is_err() && read("many").is_err(), "{name}");
        }
    }

    #[test]
    fn reading_at_a_route_that_moves_money_is_ordinary() {
        let class = |method: &str, class: Option<RouteClass>| {
            let (mut parts, ()) = Request::builder().method(method).body(()).unwrap().into_parts();
            if let Some(class) = class {
                parts.extensions.insert(class);
            }
            RouteClass::of(&parts)
        };
        assert_eq!(class("POST", None), RouteClass::Ordinary);
        assert_eq!(class("POST", Some(RouteClass::Money)), RouteClass::Money);
        assert_eq!(class("PUT", Some(RouteClass::Money)), RouteClass::Money);
        assert_eq!(class("GET", Some(RouteClass::Money)), RouteClass::Ordinary);
        assert_eq!(class("GET", Some(RouteClass::Credentials)), RouteClass::Ordinary);
        assert_eq!(class("GET", Some(RouteClass::Reports)), RouteClass::Reports);
    }
}
