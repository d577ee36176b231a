//! The database under the app, past the API: what tests plant, age and try as roles that no client has.

use anyhow::{Context, Result};
use secrets::Variables;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    postgres::{PgConnectOptions, PgRow},
    query, raw_sql,
};

/// The app's database, by the addresses of its roles.
#[derive(Debug, Clone)]
pub struct Database {
    admin: PgConnectOptions,
    variables: Variables,
}

impl Database {
    /// Makes the database, its roles, tables and functions, as an operator would.
    pub(crate) fn make(admin_url: &str, name: &str, variables: &Variables) -> Result<Self> {
        let wanted = migrate::Bootstrap {
            admin_url: admin_url.to_owned(),
            database: name.to_owned(),
            passwords: migrate::password_variables(|name| variables.get(name).cloned()),
            connection_limit: migrate::Bootstrap::CONNECTION_LIMIT,
        };
        let owner = migrate::owner_url(admin_url, name, &variables["BIZO_OWNER_PASSWORD"])?;
        // Tests have runtimes of their own already: this work gets a thread and a runtime to itself.
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                        migrate::bootstrap(&wanted).await?;
                        migrate::up(&owner, &migrate::Sources::embedded()).await
                    })
                })
                .join()
                .expect("no panic")
        })?;
        let admin = admin_url.parse::<PgConnectOptions>().context("the address")?.database(name);
        Ok(Self { admin, variables: variables.clone() })
    }

    /// A connection as the server's administrator, whom no row policy holds.
    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect_with(&self.admin).await.expect("the administrator gets in")
    }

    /// A connection as one of the app's roles: `auth`, `crm`, `payments`, `owner`, `events`, `backup`.
    pub async fn role(&self, name: &str) -> PgConnection {
        let upper = name.to_uppercase();
        let password = [format!("SPIN_VARIABLE_DB_PASSWORD_{upper}"), format!("BIZO_{upper}_PASSWORD")]
            .iter()
            .find_map(|variable| self.variables.get(variable))
            .expect("a password of the role");
        let options = self.admin.clone().username(&format!("bizo_{name}")).password(password);
        PgConnection::connect_with(&options).await.expect("the role gets in")
    }

    /// Runs a statement as the administrator.
    pub async fn execute(&self, sql: &str) -> u64 {
        let mut admin = self.admin().await;
        raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.expect("the statement runs").rows_affected()
    }

    /// Reads as the administrator.
    pub async fn rows(&self, sql: &str) -> Vec<PgRow> {
        let mut admin = self.admin().await;
        query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut admin).await.expect("the query runs")
    }

    /// Gives a person a role in a tenant, as an accepted invitation will.
    pub async fn plant_membership(&self, tenant: uuid::Uuid, user: uuid::Uuid, role: &str) {
        self.execute(&format!(
            "insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
             values ('{tenant}', '{user}', '{role}', now(), now())
             on conflict (tenant_id, user_id) do update set role = excluded.role"
        ))
        .await;
    }
}
