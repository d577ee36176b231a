//! Who and what is in the database of a run: planted by SQL, because registering thousands would cost minutes of hashing.
//!
//! What must stay true: readers' leads are never written, so that every round reads the same; what is created goes to
//! tenants of its own. Tokens are minted for each load, so none expires in one.

use std::time::SystemTime;

use anyhow::{Context, Result, anyhow};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, SaltString},
};
use chrono::{DateTime, TimeDelta, Utc};
use identity::{Claims, PrivateKey, PublicKeys, Verifier, sign};
use ids::{LeadId, SessionId, TenantId, TokenId, UserId};
use secrets::Variables;
use sqlx::Row;
use uuid::Uuid;

use crate::database::Database;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

const TENANTS: usize = 10;
const LEADS_EACH: u32 = 1000;
const PEOPLE: usize = 64;
/// Of so many leads the ids are known; more would only make the plan long.
const KNOWN_LEADS: i64 = 2000;

/// A person who owns a tenant and has a session in it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The person.
    pub(crate) user: UserId,
    /// Their tenant.
    pub(crate) tenant: TenantId,
    /// Their session.
    pub(crate) session: SessionId,
    /// The address they log in with.
    pub(crate) email: String,
}

/// Everybody who is measured.
#[derive(Debug)]
pub(crate) struct Population {
    /// Tenants with 1,000 leads each, which are read only.
    pub(crate) readers: Vec<Account>,
    /// Tenants that leads are created in.
    pub(crate) writers: Vec<Account>,
    /// People who log in.
    pub(crate) people: Vec<Account>,
    /// Leads of the readers: the reader's place, and the lead's id as the API has it.
    pub(crate) leads: Vec<(usize, String)>,
    mint: Mint,
}

impl Population {
    /// Plants everybody.
    pub(crate) fn plant(database: &Database, variables: &Variables) -> Result<Self> {
        let mint = Mint::new(variables)?;
        let readers = accounts(database, "reader", TENANTS)?;
        let writers = accounts(database, "writer", TENANTS)?;
        let people = accounts(database, "person", PEOPLE)?;
        leads(database, &readers, 1, LEADS_EACH)?;
        let leads = known_leads(database, &readers)?;
        database.execute("analyze")?;
        Ok(Self { readers, writers, people, leads, mint })
    }

    /// A new token for somebody, good for ten minutes as those of the API are.
    pub(crate) fn token(&self, account: &Account) -> String {
        self.mint.token(account)
    }
}

#[derive(Debug)]
struct Mint {
    key: PrivateKey,
    verifier: Verifier,
}

impl Mint {
    fn new(variables: &Variables) -> Result<Self> {
        let variable = |name: &str| {
            variables.get(&format!("SPIN_VARIABLE_{name}")).with_context(|| format!("the variable {name} is missing"))
        };
        let broken = |error: identity::KeyError| anyhow!("the key {}", error.0);
        let key = PrivateKey::from_jwk(variable("JWT_PRIVATE_KEY")?).map_err(broken)?;
        let keys = PublicKeys::from_jwks(variable("JWT_PUBLIC_KEYS")?).map_err(broken)?;
        // The defaults of spin.toml, which a run does not override.
        Ok(Self { key, verifier: Verifier::new(keys, "bizosaas", "bizosaas") })
    }

    fn token(&self, account: &Account) -> String {
        let now = DateTime::<Utc>::from(SystemTime::now());
        let Account { user, tenant, session, .. } = account;
        let lifetime = TimeDelta::minutes(10);
        sign(&self.key, &Claims::new(&self.verifier, *user, Some(*tenant), *session, TokenId::new(), now, lifetime))
    }
}

/// Plants so many people, each with a tenant and a session.
pub(crate) fn accounts(database: &Database, name: &str, count: usize) -> Result<Vec<Account>> {
    let accounts: Vec<Account> = (0..count)
        .map(|number| Account {
            user: UserId::new(),
            tenant: TenantId::new(),
            session: SessionId::new(),
            email: format!("{name}-{number}@example.com"),
        })
        .collect();
    let column = |text: fn(&Account) -> String| accounts.iter().map(text).collect::<Vec<String>>();
    let rows = [
        column(|account| account.user.uuid().to_string()),
        column(|account| account.tenant.uuid().to_string()),
        column(|account| account.session.uuid().to_string()),
        column(|account| account.email.clone()),
    ];
    let hash = password_hash()?;
    database.run(async |connection| {
        let statements = [
            "insert into auth.users (id, email, email_key, password_hash, last_tenant_id, created_at, updated_at)
             select u::uuid, e, e, $5, t::uuid, now(), now() from unnest($1, $2, $3, $4) as p (u, t, s, e)",
            "insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
             select t::uuid, 'Analytical Engines', split_part(e, '@', 1), 1, now(), now()
               from unnest($1, $2, $3, $4) as p (u, t, s, e) where $5 <> ''",
            "insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
             select t::uuid, u::uuid, 'owner', now(), now() from unnest($1, $2, $3, $4) as p (u, t, s, e) where $5 <> ''",
            "insert into auth.sessions (id, user_id, tenant_id, created_at, expires_at, ends_at)
             select s::uuid, u::uuid, t::uuid, now(), now() + interval '1 day', now() + interval '1 day'
               from unnest($1, $2, $3, $4) as p (u, t, s, e) where $5 <> ''",
        ];
        for statement in statements {
            let mut query = sqlx::query(statement);
            for column in &rows {
                query = query.bind(column);
            }
            query.bind(&hash).execute(&mut *connection).await?;
        }
        Ok(())
    })?;
    Ok(accounts)
}

/// Plants the leads numbered `first` to `last` in each of some tenants: of every source, status and priority, a minute
/// apart, scored as the rules would.
pub(crate) fn leads(database: &Database, accounts: &[Account], first: u32, last: u32) -> Result<()> {
    let tenants: Vec<String> = accounts.iter().map(|account| account.tenant.uuid().to_string()).collect();
    let users: Vec<String> = accounts.iter().map(|account| account.user.uuid().to_string()).collect();
    database.run(async |connection| {
        let query = sqlx::query(PLANT_LEADS).bind(&tenants).bind(&users).bind(i64::from(first)).bind(i64::from(last));
        query.execute(connection).await?;
        Ok(())
    })
}

/// The ids are UUIDv7 of the moment at which the lead was made, as the app's are: they follow each other in the key.
const PLANT_LEADS: &str = r#"
insert into crm.leads (
    tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
    status, priority, score, score_reasons, created_by, created_at, updated_at)
select tenant, id, 'lead-' || n || '@example.com', first_name, last_name, company, job_title,
       '+44 20 7946 ' || lpad((n % 10000)::text, 4, '0'), source, 'https://example.com/companies/' || n % 997, country,
       'Asked for a demonstration of the second machine, with punched cards.', status,
       case when score < 60 then 'LOW' when score < 75 then 'MEDIUM' when score < 90 then 'HIGH' else 'URGENT' end,
       score, json_build_array(json_build_object('rule', 'base', 'points', 50),
                               json_build_object('rule', 'company', 'points', score - 50)),
       usr, at, at
  from (select t.tenant::uuid, t.usr::uuid, n, at,
               (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3)
                || '8' || substr(hash, 4, 15))::uuid as id,
               (array['Ada', 'Grace', 'Alan', 'Katherine', 'Linus', 'Barbara', 'Edsger'])[1 + n % 7] as first_name,
               (array['Lovelace', 'Hopper', 'Turing', 'Johnson', 'Torvalds', 'Liskov'])[1 + n % 6] as last_name,
               (array['Analytical Engines Ltd', 'Harbour Systems', 'Bletchley & Co', 'Orbit GmbH'])[1 + n % 4] as company,
               (array['Head of Engineering', 'CEO', 'Buyer', 'Accountant', 'Founder'])[1 + n % 5] as job_title,
               (array['WEBSITE', 'REFERRAL', 'SOCIAL_MEDIA', 'EMAIL_CAMPAIGN', 'PAID_ADS', 'EVENT', 'COLD_OUTREACH',
                      'OTHER'])[1 + n % 8] as source,
               (array['GB', 'DE', 'US', 'FR', 'IN'])[1 + n % 5] as country,
               (array['NEW', 'NEW', 'NEW', 'CONTACTED', 'CONTACTED', 'QUALIFIED', 'PROPOSAL', 'WON', 'LOST'])[1 + n % 9]
                   as status,
               (50 + (n * 37) % 51)::integer as score
          from unnest($1::text[], $2::text[]) as t (tenant, usr)
         cross join generate_series($3::bigint, $4::bigint) as n
         cross join lateral (select now() - n * interval '1 minute' as at, md5(t.tenant || n) as hash) as made) as lead
"#;

/// The ids of some leads of some tenants, evenly.
pub(crate) fn known_leads(database: &Database, accounts: &[Account]) -> Result<Vec<(usize, String)>> {
    let tenants: Vec<String> = accounts.iter().map(|account| account.tenant.uuid().to_string()).collect();
    let rows = database.run(async |connection| {
        // Ordered by what is as good as chance, and the same in every run of the same rows.
        let query = sqlx::query(
            "select tenant_id::text, id::text from crm.leads where tenant_id = any ($1::uuid[]) order by md5(id::text) limit $2",
        );
        Ok(query.bind(&tenants).bind(KNOWN_LEADS).fetch_all(connection).await?)
    })?;
    let known = rows.iter().map(|row| -> Result<(usize, String)> {
        let (tenant, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let owner = tenants.iter().position(|one| *one == tenant).context("a lead of somebody else")?;
        Ok((owner, LeadId::from(id.parse::<Uuid>()?).to_string()))
    });
    known.collect()
}

/// With the parameters of the app (components/auth/src/domain/password.rs), so that checking it costs what it costs there.
fn password_hash() -> Result<String> {
    let broken = |error: &dyn std::fmt::Display| anyhow!("the password cannot be hashed: {error}");
    let parameters = Params::new(19_456, 2, 1, None).map_err(|error| broken(&error))?;
    let salt = SaltString::encode_b64(b"salt of the benchmark").map_err(|error| broken(&error))?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    Ok(hasher.hash_password(PASSWORD.as_bytes(), &salt).map_err(|error| broken(&error))?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_has_the_parameters_of_the_app() {
        assert!(password_hash().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn a_minted_token_is_one_that_the_app_takes() {
        let variables = secrets::generate(&secrets::Addresses::default()).unwrap();
        let mint = Mint::new(&variables).unwrap();
        let account = Account {
            user: UserId::new(),
            tenant: TenantId::new(),
            session: SessionId::new(),
            email: "ada@example.com".to_owned(),
        };
        let claims = mint.verifier.verify(&mint.token(&account), DateTime::<Utc>::from(SystemTime::now())).unwrap();
        assert_eq!((claims.sub, claims.tid, claims.sid), (account.user, Some(account.tenant), account.session));
    }
}
