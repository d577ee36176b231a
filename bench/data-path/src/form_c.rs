//! Form C: one statement enters for the session (`bench.enter_session`; the host's reset clears it when the connection
//! is lent again), then plain statements run under the row policies and their columns are decoded here, one by one.

use chrono::{DateTime, NaiveDate, Utc};
use spin_sdk::pg::{DbValue, ParameterValue};
use uuid::Uuid;

use crate::{
    connection::{Db, Failure},
    form_a::caller,
    lead::{Lead, TENANT, USER},
};

/// The columns in the order in which [`decode`] takes them; JSON and times with a zone cannot cross as they are.
macro_rules! columns {
    () => {
        "l.id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.phone, l.source, l.website, l.country,
         l.notes, l.status, l.priority, l.priority_set_at at time zone 'UTC' as priority_set_at, l.score,
         l.score_reasons::text as score_reasons, l.created_at at time zone 'UTC' as created_at,
         l.updated_at at time zone 'UTC' as updated_at, l.version"
    };
}

const LIST: &str = concat!(
    "select ",
    columns!(),
    " from crm.leads l
     where l.tenant_id = $1 and l.deleted_at is null
       and (l.created_at, l.id) < ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
     order by l.created_at desc, l.id desc
     limit $2"
);

const FIND: &str =
    concat!("select ", columns!(), " from crm.leads l where l.tenant_id = $1 and l.id = $2 and l.deleted_at is null");

const UPDATE: &str = concat!(
    "update crm.leads l
        set email = $3, first_name = $4, last_name = $5, company = $6, job_title = $7, phone = $8, source = $9,
            website = $10, country = $11, notes = $12, priority = $13, priority_set_at = $14::text::timestamptz,
            score = $15, score_reasons = $16, updated_at = $17::text::timestamptz, version = l.version + 1
      where l.tenant_id = $1 and l.id = $2 and l.deleted_at is null and l.version = $18
     returning ",
    columns!()
);

const CREATE: &str = concat!(
    "insert into crm.leads as l (
         tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
         status, priority, priority_set_at, score, score_reasons, updated_at, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'NEW', $13, $14::text::timestamptz, $15, $16,
             $17::text::timestamptz, $18, $17::text::timestamptz)
     returning ",
    columns!()
);

/// A connection that has entered.
pub(crate) struct Entered<'a>(&'a Db);

/// Checks the session and sets the tenant for the statements that follow on this connection.
pub(crate) async fn enter(db: &Db) -> Result<Entered<'_>, Failure> {
    db.text("select bench.enter_session($1, $2, $3, $4)", caller()).await?;
    Ok(Entered(db))
}

/// The newest leads.
pub(crate) async fn list(Entered(db): &Entered<'_>, limit: u8) -> Result<Vec<Lead>, Failure> {
    let params = vec![uuid(TENANT), ParameterValue::Int64(limit.into())];
    db.rows(LIST, params).await?.into_iter().map(decode).collect()
}

/// One lead.
pub(crate) async fn find(Entered(db): &Entered<'_>, id: Uuid) -> Result<Option<Lead>, Failure> {
    db.rows(FIND, vec![uuid(TENANT), uuid(id)]).await?.into_iter().next().map(decode).transpose()
}

/// Writes a lead over the version that was read.
pub(crate) async fn update(Entered(db): &Entered<'_>, lead: &Lead) -> Result<Option<Lead>, Failure> {
    let mut params = written(lead)?;
    params.push(ParameterValue::Int64(lead.version));
    db.rows(UPDATE, params).await?.into_iter().next().map(decode).transpose()
}

/// Adds a lead.
pub(crate) async fn create(Entered(db): &Entered<'_>, lead: &Lead) -> Result<Lead, Failure> {
    let mut params = written(lead)?;
    params.push(uuid(USER));
    let row = db.rows(CREATE, params).await?.into_iter().next();
    decode(row.ok_or_else(|| Failure("the insert answered no row".to_owned()))?)
}

/// `$1` to `$17` of the statements that write.
fn written(lead: &Lead) -> Result<Vec<ParameterValue>, Failure> {
    let text = |text: &str| ParameterValue::Str(text.to_owned());
    let optional = |value: &Option<String>| value.as_deref().map_or(ParameterValue::DbNull, text);
    Ok(vec![
        uuid(TENANT),
        uuid(lead.id),
        text(&lead.email),
        optional(&lead.first_name),
        optional(&lead.last_name),
        optional(&lead.company),
        optional(&lead.job_title),
        optional(&lead.phone),
        text(&lead.source),
        optional(&lead.website),
        optional(&lead.country),
        optional(&lead.notes),
        text(&lead.priority),
        lead.priority_set_at.map_or(ParameterValue::DbNull, |at| ParameterValue::Str(at.to_rfc3339())),
        ParameterValue::Int32(lead.score),
        ParameterValue::Jsonb(serde_json::to_vec(&lead.score_reasons)?),
        ParameterValue::Str(lead.updated_at.to_rfc3339()),
    ])
}

fn uuid(uuid: Uuid) -> ParameterValue {
    ParameterValue::Uuid(uuid.to_string())
}

/// Reads the columns of a lead.
fn decode(row: Vec<DbValue>) -> Result<Lead, Failure> {
    let mut values = row.into_iter();
    let mut next = || values.next().unwrap_or(DbValue::DbNull);
    Ok(Lead {
        id: id(next())?,
        email: text(next())?,
        first_name: optional(next(), text)?,
        last_name: optional(next(), text)?,
        company: optional(next(), text)?,
        job_title: optional(next(), text)?,
        phone: optional(next(), text)?,
        source: text(next())?,
        website: optional(next(), text)?,
        country: optional(next(), text)?,
        notes: optional(next(), text)?,
        status: text(next())?,
        priority: text(next())?,
        priority_set_at: optional(next(), moment)?,
        score: int32(next())?,
        score_reasons: serde_json::from_str(&text(next())?)?,
        created_at: moment(next())?,
        updated_at: moment(next())?,
        version: int64(next())?,
    })
}

fn wrong(wanted: &str) -> Failure {
    Failure(format!("a column is no {wanted}"))
}

fn optional<T>(value: DbValue, read: fn(DbValue) -> Result<T, Failure>) -> Result<Option<T>, Failure> {
    if matches!(value, DbValue::DbNull) { Ok(None) } else { read(value).map(Some) }
}

fn text(value: DbValue) -> Result<String, Failure> {
    if let DbValue::Str(text) = value { Ok(text) } else { Err(wrong("text")) }
}

fn id(value: DbValue) -> Result<Uuid, Failure> {
    let DbValue::Uuid(text) = value else { return Err(wrong("uuid")) };
    text.parse().map_err(|_| wrong("uuid"))
}

fn int32(value: DbValue) -> Result<i32, Failure> {
    if let DbValue::Int32(number) = value { Ok(number) } else { Err(wrong("integer")) }
}

fn int64(value: DbValue) -> Result<i64, Failure> {
    if let DbValue::Int64(number) = value { Ok(number) } else { Err(wrong("bigint")) }
}

fn moment(value: DbValue) -> Result<DateTime<Utc>, Failure> {
    let DbValue::Datetime((year, month, day, hour, minute, second, nanosecond)) = value else {
        return Err(wrong("timestamp"));
    };
    NaiveDate::from_ymd_opt(year, month.into(), day.into())
        .and_then(|date| date.and_hms_nano_opt(hour.into(), minute.into(), second.into(), nanosecond))
        .map(|moment| moment.and_utc())
        .ok_or_else(|| wrong("timestamp"))
}
