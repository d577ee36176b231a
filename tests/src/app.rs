//! The app under test: servers, database, secrets and a host, put together as `./dev up` does it.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use secrets::{Addresses, Variables};
use servers::ThrowAway;

use crate::{
    HostOptions,
    database::Database,
    host::{Host, free_port},
};

/// A running app.
#[derive(Debug)]
pub struct App {
    /// Where it listens: `http://127.0.0.1:port`.
    pub origin: String,
    /// The database behind it, as nobody but a test may see it.
    pub database: Database,
    /// What it was configured with.
    pub variables: Variables,
    /// The host's process.
    pub host: Host,
    /// Its own servers; none for the shared app under `./dev test`, which brings them.
    pub servers: Option<ThrowAway>,
}

impl App {
    /// The app that the tests of one binary share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<App> = OnceLock::new();
        SHARED.get_or_init(|| {
            let given = std::env::var("TEST_DATABASE_URL").ok().zip(std::env::var("TEST_REDIS_URL").ok());
            match given {
                Some((database, redis)) => Self::on(&database, &redis, None, HostOptions::default()),
                None => Self::own(HostOptions::default()),
            }
            .expect("the app starts")
        })
    }

    /// An app with servers of its own, to be broken.
    pub fn own(options: HostOptions) -> Result<Self> {
        let servers = ThrowAway::start()?;
        let (database, redis) = (servers.postgres.admin_url(), servers.redis.url());
        Self::on(&database, &redis, Some(servers), options)
    }

    fn on(admin_url: &str, redis_url: &str, servers: Option<ThrowAway>, options: HostOptions) -> Result<Self> {
        let port = free_port()?;
        let origin = format!("http://127.0.0.1:{port}");
        let database = format!("test_{}_{port}", std::process::id());
        let mut variables = secrets::generate(&Addresses {
            database_url: Some(admin_url.to_owned()),
            database: Some(database.clone()),
            redis_url: Some(redis_url.to_owned()),
            public_origin: Some(origin.clone()),
        })?;
        // All tests come from one address; those of the limits set their own.
        for name in ["USER", "TENANT", "ADDRESS"] {
            variables.insert(format!("SPIN_VARIABLE_RATE_LIMIT_{name}"), "1000000".to_owned());
        }
        for (name, value) in &options.variables {
            variables.insert(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value.clone());
        }
        let database = Database::make(admin_url, &database, &variables).context("the database")?;
        let host = Host::start(port, &variables, &options).context("the host")?;
        Ok(Self { origin, database, variables, host, servers })
    }

    /// The servers of an app that was started with [`App::own`].
    pub fn servers(&self) -> &ThrowAway {
        self.servers.as_ref().expect("this app has servers of its own")
    }
}
