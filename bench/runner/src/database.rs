//! The servers under all systems: a throw-away Postgres with the app's database, and a throw-away Redis.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use secrets::{Addresses, Variables};
use servers::ThrowAway;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

const NAME: &str = "bench";

/// The servers, and a connection as the administrator of the app's database.
#[derive(Debug)]
pub(crate) struct Database {
    servers: ThrowAway,
    runtime: tokio::runtime::Runtime,
    admin: Mutex<PgConnection>,
    /// Its first process.
    pub(crate) postgres_pid: u32,
    /// Its one process.
    pub(crate) redis_pid: u32,
}

impl Database {
    /// Starts the servers, makes the app's database as an operator would, and answers the app's variables.
    pub(crate) fn start() -> Result<(Self, Variables)> {
        let servers = ThrowAway::start()?;
        let admin_url = servers.postgres.admin_url();
        let mut variables = secrets::generate(&Addresses {
            database_url: Some(admin_url.clone()),
            database: Some(NAME.to_owned()),
            redis_url: Some(servers.redis.url()),
            public_origin: None,
        })?;
        secrets::lift_limits(&mut variables);
        let wanted = migrate::Bootstrap {
            admin_url: admin_url.clone(),
            database: NAME.to_owned(),
            passwords: migrate::password_variables(|name| variables.get(name).cloned()),
            connection_limit: migrate::Bootstrap::CONNECTION_LIMIT,
        };
        let owner = migrate::owner_url(&admin_url, NAME, &variables["BIZO_OWNER_PASSWORD"])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (admin, postgres_pid) = runtime.block_on(async {
            migrate::bootstrap(&wanted).await?;
            migrate::up(&owner, &migrate::Sources::embedded()).await?;
            let options = admin_url.parse::<PgConnectOptions>().context("the address")?.database(NAME);
            let mut admin = PgConnection::connect_with(&options).await?;
            // The server's first process writes its number into its data directory.
            let pid = sqlx::query_scalar::<_, String>("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
                .fetch_one(&mut admin)
                .await?;
            anyhow::Ok((admin, pid.parse::<u32>()?))
        })?;
        let redis_pid = redis_field(&tell_redis(&servers.redis.url(), "INFO server")?, "process_id")
            .and_then(|pid| pid.parse().ok())
            .context("Redis does not say which process it is")?;
        Ok((Self { servers, runtime, admin: Mutex::new(admin), postgres_pid, redis_pid }, variables))
    }

    /// Does something as the administrator.
    pub(crate) fn run<T>(&self, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let mut admin = self.admin.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.runtime.block_on(work(&mut admin))
    }

    /// Runs a statement as the administrator.
    pub(crate) fn execute(&self, statement: &str) -> Result<()> {
        self.run(async |connection| {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(connection).await?;
            Ok(())
        })
    }

    /// Reads one number as the administrator.
    pub(crate) fn number(&self, query: &str) -> Result<i64> {
        self.run(async |connection| {
            Ok(sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(connection).await?)
        })
    }

    /// Waits until nobody but us is connected: what a system that ended had begun must not slow the next one.
    pub(crate) fn wait_until_quiet(&self) -> Result<()> {
        let begun = Instant::now();
        let others = "select count(*) from pg_stat_activity where usename like 'bizo\\_%'";
        while self.number(others)? > 0 {
            ensure!(begun.elapsed() < Duration::from_secs(60), "connections of a system that ended do not close");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Empties the store. A load breaks off with log-ins under way, which would count as failed ones and slow the next.
    pub(crate) fn empty_redis(&self) -> Result<()> {
        tell_redis(&self.servers.redis.url(), "FLUSHALL").map(|_| ())
    }

    /// The versions of both servers.
    pub(crate) fn versions(&self) -> Result<(String, String)> {
        let postgres = self.run(async |connection| {
            Ok(sqlx::query_scalar::<_, String>("show server_version").fetch_one(connection).await?)
        })?;
        let redis = tell_redis(&self.servers.redis.url(), "INFO server")?;
        Ok((postgres, redis_field(&redis, "redis_version").unwrap_or("unknown").to_owned()))
    }
}

/// Sends one command on a connection of its own, and answers all that came back.
fn tell_redis(url: &str, command: &str) -> Result<String> {
    // The form that tools/servers makes: redis://default:password@host:port.
    let (password, address) =
        url.strip_prefix("redis://default:").and_then(|rest| rest.split_once('@')).context("the address of Redis")?;
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("AUTH {password}\r\n{command}\r\nQUIT\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("+OK") && !answer.contains("\r\n-"), "Redis refuses {command}: {answer}");
    Ok(answer)
}

fn redis_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_redis_is_found() {
        let info = "+OK\r\n$99\r\n# Server\r\nredis_version:7.0.15\r\nprocess_id:1234\r\n";
        assert_eq!(redis_field(info, "process_id"), Some("1234"));
        assert_eq!(redis_field(info, "redis_version"), Some("7.0.15"));
        assert_eq!(redis_field(info, "nothing"), None);
    }
}
