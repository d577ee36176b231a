//! What an instance knows: where the database and the store are, and how to read a client's address.
//!
//! Made once for an instance and shared by its requests, so it holds nothing of any request but whose an API key was.

use db::{Db, DbError};

use crate::{SettingError, Settings, Store, cors::Cors, health::LastLook, key_tenants::KeyTenants, limits::Limits};

/// The shared part of every component's state.
#[derive(Debug)]
pub struct App {
    /// Where the database is, or which setting is wrong.
    pub database: Result<db::Config, SettingError>,
    /// The Redis-compatible store.
    pub store: Store,
    /// Which origins a browser may call from.
    pub(crate) cors: Cors,
    /// How many proxies of ours append to `X-Forwarded-For`.
    pub(crate) trusted_proxy_hops: Result<usize, SettingError>,
    /// How the database and the store were when `/readyz` last looked.
    pub(crate) readiness: LastLook,
    /// How many requests a minute everybody has.
    pub(crate) limits: Result<Limits, SettingError>,
    /// Whose API keys are that opened something lately.
    pub(crate) key_tenants: KeyTenants,
}

impl App {
    /// The variables that [`App::new`] reads; a component adds its own.
    pub const SETTINGS: [&'static str; 24] = [
        "db_host",
        "db_port",
        "db_name",
        "db_sslmode",
        "db_ca",
        "db_user",
        "db_password",
        "redis_host",
        "redis_port",
        "redis_password",
        "cors_origins",
        "trusted_proxy_hops",
        "rate_limit_user",
        "rate_limit_key",
        "rate_limit_tenant",
        "rate_limit_address",
        "rate_limit_credentials_address",
        "rate_limit_credentials_caller",
        "rate_limit_money_caller",
        "rate_limit_money_tenant",
        "rate_limit_reports_caller",
        "rate_limit_reports_tenant",
        "rate_limit_webhooks_address",
        "rate_limit_webhooks_account",
    ];

    /// Reads the settings; what is wrong with one is found where it is used.
    pub fn new(settings: &Settings) -> Self {
        Self {
            database: database(settings),
            store: Store::new(settings),
            cors: Cors::new(settings.text("cors_origins")),
            trusted_proxy_hops: match settings.text("trusted_proxy_hops") {
                "" => Ok(0),
                _ => settings.number("trusted_proxy_hops"),
            },
            readiness: LastLook::default(),
            limits: Limits::new(settings),
            key_tenants: KeyTenants::default(),
        }
    }

    /// Opens a connection to the database.
    pub async fn open_database(&self) -> Result<Db, DbError> {
        match &self.database {
            Ok(config) => Db::open(config).await,
            Err(SettingError { name, problem }) => Err(DbError::Misconfigured { name, problem }),
        }
    }
}

fn database(settings: &Settings) -> Result<db::Config, SettingError> {
    Ok(db::Config::new(
        settings.required("db_host")?,
        settings.number("db_port")?,
        settings.required("db_name")?,
        settings.required("db_user")?,
        settings.required("db_password")?,
        settings.required("db_sslmode")?,
        settings.text("db_ca"),
    ))
}
