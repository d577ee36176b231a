//! `migrate import-users`: takes over the users of a fastapi-users database, so that nobody has to reset anything.
//!
//! What stays true: one transaction, so a run that breaks off leaves nothing; nobody who is there is changed, so it may
//! be repeated; a hash is in no message; nobody gets a right over others by it, so that a superuser comes as a person
//! like any other and nobody owns a tenant but their own.

mod password_hash;
mod rows;
// The one rule for what a tenant of one's own is called.
#[path = "../../../components/auth/src/domain/tenant_name.rs"]
mod tenant_name;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ids::{TenantId, UserId};
use indicatif::ProgressBar;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, query, query_as, query_scalar};
use uuid::Uuid;

use crate::{connect, owner_options};
use rows::Person;
use tenant_name::TenantName;

/// Any number, the same in every build.
const LOCK: i64 = 0x6269_7a6f_7573_6572;
/// So many people go to the database in one statement.
const BATCH: usize = 500;

/// What to take over, and into what.
#[derive(Clone, Debug)]
pub struct ImportUsers {
    /// JSON lines if it ends in `.jsonl` or `.ndjson`, else CSV with a header.
    pub file: PathBuf,
    /// The tenants that the people come into.
    pub into: Destination,
    /// Does everything, and keeps nothing of it.
    pub is_dry_run: bool,
}

/// The tenants that imported people come into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// None: somebody will invite them.
    NoTenant,
    /// Each gets a tenant and owns it, as if they had registered.
    OwnTenants,
    /// All come into one that is there.
    Tenant {
        /// Its slug.
        slug: String,
        /// What they are in it.
        role: MemberRole,
    },
}

/// The roles that an import gives. Owners are made by owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MemberRole {
    /// Manages people and settings.
    Admin,
    /// Works with the tenant's data.
    Member,
    /// Reads.
    Viewer,
}

impl MemberRole {
    fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }
}

/// What became of the file.
#[derive(Debug, Default)]
pub struct Imported {
    /// People who are new.
    pub imported: usize,
    /// People who were there, with the same id and the same address.
    pub already_there: usize,
    /// Who was not taken over, and why.
    pub refused: Vec<Note>,
    /// Who was taken over without being a superuser any longer.
    pub former_superusers: Vec<Note>,
}

/// Something to know about one line of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Note {
    /// Counted from one.
    pub line: u64,
    /// Neither an address nor a hash is in it.
    pub text: String,
}

/// One person of the file, who is about to be imported.
struct Newcomer {
    line: u64,
    person: Person,
    /// The tenant to log in to first.
    tenant: Option<Uuid>,
}

/// Reads the file and writes the people who are not there yet. Shows on `bar` how far it is.
pub async fn import_users(owner_url: &str, wanted: &ImportUsers, bar: &ProgressBar) -> Result<Imported> {
    let options = owner_options(owner_url)?;
    let mut lines = rows::read(&wanted.file)?;
    bar.set_length(std::fs::metadata(&wanted.file)?.len());

    let mut connection = connect(&options).await?;
    let mut transaction = connection.begin().await?;
    // Two at once would wait for each other's rows, perhaps crosswise.
    query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let shared_tenant = find_tenant(&mut transaction, &wanted.into).await?;

    let mut report = Imported::default();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let line = lines.next().transpose()?;
        let is_last = line.is_none();
        if let Some(line) = line {
            bar.set_position(line.ends_at_byte);
            match line.person {
                Ok(person) => {
                    let tenant = match wanted.into {
                        Destination::OwnTenants => Some(TenantId::new().uuid()),
                        Destination::NoTenant | Destination::Tenant { .. } => shared_tenant,
                    };
                    batch.push(Newcomer { line: line.number, person, tenant });
                }
                Err(reason) => report.refused.push(Note { line: line.number, text: reason.to_owned() }),
            }
        }
        if is_last || batch.len() == BATCH {
            write(&mut transaction, std::mem::take(&mut batch), &wanted.into, &mut report)
                .await
                .context("nobody was imported")?;
        }
        if is_last {
            break;
        }
    }
    match wanted.is_dry_run {
        true => transaction.rollback().await?,
        false => transaction.commit().await?,
    }
    connection.close().await?;
    report.refused.sort_by_key(|note| note.line);
    Ok(report)
}

async fn find_tenant(connection: &mut PgConnection, into: &Destination) -> Result<Option<Uuid>> {
    let tables: Option<String> =
        query_scalar("select to_regclass('auth.users')::text").fetch_one(&mut *connection).await?;
    if tables.is_none() {
        bail!("the database has no tables yet: run `migrate up` first");
    }
    let Destination::Tenant { slug, .. } = into else { return Ok(None) };
    let id: Option<String> = query_scalar("select id::text from auth.tenants where slug = $1 and deleted_at is null")
        .bind(slug)
        .fetch_optional(connection)
        .await?;
    let id = id.with_context(|| format!("there is no tenant with the slug {slug:?}"))?;
    Ok(Some(id.parse()?))
}

async fn write(
    connection: &mut PgConnection,
    batch: Vec<Newcomer>,
    into: &Destination,
    report: &mut Imported,
) -> Result<()> {
    let mut added = insert_people(connection, &batch).await?;
    // A person who stands in the file twice is new once.
    let (new, known): (Vec<Newcomer>, Vec<Newcomer>) =
        batch.into_iter().partition(|newcomer| added.remove(&newcomer.person.id));
    match into {
        Destination::NoTenant => {}
        Destination::Tenant { role, .. } => insert_memberships(connection, &new, role.as_str()).await?,
        Destination::OwnTenants => {
            insert_tenants(connection, &new).await?;
            insert_memberships(connection, &new, "owner").await?;
        }
    }
    record(connection, &new).await?;

    report.imported += new.len();
    for newcomer in new.iter().filter(|newcomer| newcomer.person.is_superuser) {
        let text = format!("{} was a superuser, and is not any longer", UserId::from(newcomer.person.id));
        report.former_superusers.push(Note { line: newcomer.line, text });
    }
    explain(connection, &known, report).await
}

/// Adds those whose id and address are both free; says who they are.
async fn insert_people(connection: &mut PgConnection, batch: &[Newcomer]) -> Result<HashSet<Uuid>> {
    let added: Vec<String> = query_scalar(
        "insert into auth.users (id, email, email_key, password_hash, verified_at, deactivated_at, last_tenant_id,
                                 created_at, updated_at)
         select id::uuid, email, email_key, password_hash, case when is_verified then now() end,
                case when not is_active then now() end, tenant_id::uuid, now(), now()
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::boolean[], $7::text[])
                with ordinality
             as row (id, email, email_key, password_hash, is_verified, is_active, tenant_id, place)
          order by place
         on conflict do nothing
         returning id::text",
    )
    .bind(each(batch, |person| person.id.to_string()))
    .bind(each(batch, |person| person.email.as_str().to_owned()))
    .bind(each(batch, |person| person.email.key()))
    .bind(each(batch, |person| person.password_hash.clone()))
    .bind(each(batch, |person| person.is_verified))
    .bind(each(batch, |person| person.is_active))
    .bind(batch.iter().map(tenant_of).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    added.iter().map(|id| Ok(id.parse()?)).collect()
}

/// A tenant for each, with the slug that is wished where it is free.
async fn insert_tenants(connection: &mut PgConnection, new: &[Newcomer]) -> Result<()> {
    let named = |newcomer: &Newcomer| {
        let id = TenantId::from(newcomer.tenant?);
        Some((id.uuid().to_string(), TenantName::new(None, &newcomer.person.email, id)))
    };
    let mut waiting: Vec<(String, TenantName)> = new.iter().filter_map(named).collect();
    for is_second_try in [false, true] {
        let slug = |name: &TenantName| if is_second_try { name.slug_if_taken.clone() } else { name.slug.clone() };
        let made: Vec<String> = query_scalar(
            "insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
             select id::uuid, name, slug, 1, now(), now()
               from unnest($1::text[], $2::text[], $3::text[]) with ordinality as row (id, name, slug, place)
              order by place
             on conflict (slug) do nothing
             returning id::text",
        )
        .bind(waiting.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>())
        .bind(waiting.iter().map(|(_, name)| name.name.clone()).collect::<Vec<_>>())
        .bind(waiting.iter().map(|(_, name)| slug(name)).collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
        waiting.retain(|(id, _)| !made.contains(id));
    }
    if !waiting.is_empty() {
        bail!("{} tenants found no free slug: run it again", waiting.len());
    }
    Ok(())
}

/// Each becomes a member of the tenant to log in to first.
async fn insert_memberships(connection: &mut PgConnection, new: &[Newcomer], role: &str) -> Result<()> {
    query(
        "insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
         select tenant_id::uuid, user_id::uuid, $3, now(), now()
           from unnest($1::text[], $2::text[]) as row (tenant_id, user_id)",
    )
    .bind(new.iter().map(tenant_of).collect::<Vec<_>>())
    .bind(each(new, |person| person.id.to_string()))
    .bind(role)
    .execute(connection)
    .await?;
    Ok(())
}

/// The audit log says of each that nobody in the app did it.
async fn record(connection: &mut PgConnection, new: &[Newcomer]) -> Result<()> {
    query(
        "insert into app.audit_log (id, tenant_id, at, action, target_type, target_id)
         select gen_random_uuid(), tenant_id::uuid, now(), 'user.imported', 'user', user_id::uuid
           from unnest($1::text[], $2::text[]) as row (tenant_id, user_id)",
    )
    .bind(new.iter().map(tenant_of).collect::<Vec<_>>())
    .bind(each(new, |person| person.id.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Why somebody was not added: they are there, or somebody else is.
async fn explain(connection: &mut PgConnection, known: &[Newcomer], report: &mut Imported) -> Result<()> {
    let found: Vec<(String, String)> = query_as(
        "select id::text, email_key from auth.users
          where id = any($1::text[]::uuid[]) or email_key = any($2::text[])",
    )
    .bind(each(known, |person| person.id.to_string()))
    .bind(each(known, |person| person.email.key()))
    .fetch_all(connection)
    .await?;
    let (mut keys, mut owners) = (HashMap::new(), HashMap::new());
    for (id, email_key) in found {
        let id: Uuid = id.parse()?;
        keys.insert(id, email_key.clone());
        owners.insert(email_key, id);
    }
    for Newcomer { line, person, .. } in known {
        let key = person.email.key();
        let text = match (keys.get(&person.id), owners.get(&key)) {
            (Some(theirs), _) if *theirs == key => {
                report.already_there += 1;
                continue;
            }
            (Some(_), _) => format!("{} is there with another email address", UserId::from(person.id)),
            (None, Some(other)) => format!("the email address belongs to {}", UserId::from(*other)),
            (None, None) => bail!("line {line} was neither added nor found: run it again"),
        };
        report.refused.push(Note { line: *line, text });
    }
    Ok(())
}

fn each<T>(people: &[Newcomer], field: impl Fn(&Person) -> T) -> Vec<T> {
    people.iter().map(|newcomer| field(&newcomer.person)).collect()
}

fn tenant_of(newcomer: &Newcomer) -> Option<String> {
    newcomer.tenant.map(|id| id.to_string())
}
