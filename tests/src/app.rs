//! The app under test: servers, database, secrets and a host, put together as it is deployed: release WebAssembly, production's
//! runtime configuration and instance memory, a role for each component, TLS to Postgres.

use std::sync::OnceLock;

use anyhow::{Context, Result};
use reqwest::Method;
use secrets::{Addresses, Variables};
use serde_json::Value;
use servers::ThrowAway;

use crate::{
    Anonymous, Answer, HostOptions,
    database::Database,
    gateways::{Paypal, Payu, Razorpay, Stripe},
    host::Host,
    mailbox::{Mailbox, Message},
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
    /// Where its messages go.
    pub mailbox: Mailbox,
    /// Whom it pays with.
    pub paypal: Paypal,
    /// Whom it pays with.
    pub payu: Payu,
    /// Whom it pays with.
    pub razorpay: Razorpay,
    /// Whom it pays with.
    pub stripe: Stripe,
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
            let authority = std::env::var("TEST_DATABASE_CA").ok();
            match given {
                Some((database, redis)) => {
                    Self::on(&database, authority.as_deref(), &redis, None, HostOptions::default())
                }
                None => Self::own(HostOptions::default()),
            }
            .expect("the app starts")
        })
    }

    /// An app with servers of its own, to be broken.
    pub fn own(options: HostOptions) -> Result<Self> {
        let servers = ThrowAway::start()?;
        let (database, redis) = (servers.postgres.admin_url(), servers.redis.url());
        let authority = servers.postgres.authority().map(str::to_owned);
        Self::on(&database, authority.as_deref(), &redis, Some(servers), options)
    }

    fn on(
        admin_url: &str,
        authority: Option<&str>,
        redis_url: &str,
        servers: Option<ThrowAway>,
        options: HostOptions,
    ) -> Result<Self> {
        let port = servers::free_port()?;
        let origin = format!("http://127.0.0.1:{port}");
        let database = format!("test_{}_{port}", std::process::id());
        let mut variables = secrets::generate(&Addresses {
            database_url: Some(admin_url.to_owned()),
            database: Some(database.clone()),
            redis_url: Some(redis_url.to_owned()),
            public_origin: Some(origin.clone()),
        })?;
        // As production has it: nobody speaks to Postgres in the clear, and its certificate must verify.
        // The benchmark's peers, which keep the contract on the same tests, speak no TLS.
        let speaks_tls = std::env::var("TEST_DATABASE_TLS").as_deref() != Ok("no");
        if let Some(authority) = authority.filter(|authority| speaks_tls && !authority.is_empty()) {
            variables.insert("SPIN_VARIABLE_DB_SSLMODE".to_owned(), "require".to_owned());
            variables.insert("SPIN_VARIABLE_DB_CA".to_owned(), authority.to_owned());
        }
        // All tests come from one address; those of the limits set their own.
        secrets::lift_limits(&mut variables);
        let mailbox = Mailbox::start(&variables["SPIN_VARIABLE_NOTIFY_SECRET"]).context("the mailbox")?;
        variables.insert("SPIN_VARIABLE_NOTIFY_ORIGIN".to_owned(), mailbox.origin.clone());
        let paypal = Paypal::start().context("a gateway")?;
        variables.insert("SPIN_VARIABLE_PAYPAL_TEST_ORIGIN".to_owned(), paypal.origin.clone());
        let payu = Payu::start().context("a gateway")?;
        variables.insert("SPIN_VARIABLE_PAYU_TEST_ORIGIN".to_owned(), payu.origin.clone());
        let razorpay = Razorpay::start().context("a gateway")?;
        variables.insert("SPIN_VARIABLE_RAZORPAY_TEST_ORIGIN".to_owned(), razorpay.origin.clone());
        let stripe = Stripe::start().context("a gateway")?;
        variables.insert("SPIN_VARIABLE_STRIPE_TEST_ORIGIN".to_owned(), stripe.origin.clone());
        for (name, value) in &options.variables {
            variables.insert(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value.clone());
        }
        let database = Database::make(admin_url, &database, &variables).context("the database")?;
        let host = Host::start(port, &variables, &options).context("the host")?;
        Ok(Self { origin, database, variables, mailbox, paypal, payu, razorpay, stripe, host, servers })
    }

    /// A request with the service token, as the scheduler sends it.
    pub async fn as_scheduler(&self, method: Method, path: &str) -> Answer {
        let token = &self.variables["SPIN_VARIABLE_SERVICE_TOKEN"];
        Anonymous::send(Anonymous::of(self).request(method, path).bearer_auth(token)).await
    }

    /// A component's metrics, as a monitoring reads them.
    pub async fn scrape(&self, component: &str) -> String {
        let token = &self.variables["SPIN_VARIABLE_SERVICE_TOKEN"];
        let request =
            Anonymous::of(self).request(Method::GET, &format!("/internal/metrics/{component}")).bearer_auth(token);
        let answer = Anonymous::send(request).await;
        answer.expect(200);
        let format = answer.header("content-type");
        assert!(format.starts_with("application/openmetrics-text; version=1.0.0"), "{format}");
        String::from_utf8(answer.body).expect("text")
    }

    /// Has events delivered that are due, as the scheduler does every second; tells what became of them.
    pub async fn dispatch(&self) -> Value {
        self.as_scheduler(Method::POST, "/internal/events/dispatch").await.expect(200)
    }

    /// The newest message of a kind (`mail.verification`) to an address, delivered if it has not come yet.
    pub async fn mail(&self, kind: &str, to: &str) -> Message {
        let due = "select 1 from app.outbox where state = 'pending' and next_attempt_at <= now()";
        loop {
            let claimed = self.dispatch().await["claimed"].as_u64().expect("a number");
            // Others may be delivering it just now: only when nothing is due any more, what is not there will not come.
            let may_come = claimed > 0 || !self.database.rows(due).await.is_empty();
            if let Some(message) = self.mailbox.messages_to(kind, to).pop() {
                return message;
            }
            assert!(may_come, "there is no {kind} for {to}");
        }
    }

    /// The servers of an app that was started with [`App::own`].
    pub fn servers(&self) -> &ThrowAway {
        self.servers.as_ref().expect("this app has servers of its own")
    }
}
