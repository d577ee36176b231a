//! A Postgres that goes away with the tests, and databases on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use migrate::{Bootstrap, bootstrap, owner_url};
use servers::ThrowAway;
use sqlx::{Connection, PgConnection, query_scalar};

static SHARED: Mutex<Weak<ThrowAway>> = Mutex::new(Weak::new());

/// A database of its own, on a server that lives as long as any test uses it.
pub(crate) struct Server {
    pub(crate) wanted: Bootstrap,
    _servers: Arc<ThrowAway>,
}

impl Server {
    /// Nobody else knows this one, and no role is there yet.
    pub(crate) fn fresh() -> Server {
        Server::on(Arc::new(ThrowAway::start().unwrap()))
    }

    /// Roles belong to the whole server: only for tests that leave them as they are.
    pub(crate) async fn bootstrapped() -> Server {
        let servers = {
            let mut shared = SHARED.lock().unwrap();
            let servers = shared.upgrade().unwrap_or_else(|| Arc::new(ThrowAway::start().unwrap()));
            *shared = Arc::downgrade(&servers);
            servers
        };
        let server = Server::on(servers);
        bootstrap(&server.wanted).await.unwrap();
        server
    }

    fn on(servers: Arc<ThrowAway>) -> Server {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let wanted = Bootstrap {
            admin_url: servers.postgres.admin_url(),
            database: format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            passwords: migrate::password_variables(|name| Some(format!("{name}-p4ss"))),
            connection_limit: Bootstrap::CONNECTION_LIMIT,
        };
        Server { wanted, _servers: servers }
    }

    pub(crate) fn owner(&self) -> String {
        owner_url(&self.wanted.admin_url, &self.wanted.database, &self.wanted.passwords["BIZO_OWNER_PASSWORD"]).unwrap()
    }

    pub(crate) async fn ask(&self, question: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.owner()).await.unwrap();
        query_scalar(question).fetch_one(&mut connection).await.unwrap()
    }
}
