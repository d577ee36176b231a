//! Form B: one generic SQL function (`bench.run`) enters and executes the text that stands here. In the text, `$1` is
//! the caller and `$2` the arguments.

use serde_json::{Value, json};
use spin_sdk::pg::ParameterValue;
use uuid::Uuid;

use crate::{
    connection::{Db, Failure},
    form_a::{args, caller},
    lead::Lead,
};

const LIST: &str = "\
select coalesce(json_agg(q.lead), '[]')::text
  from (select crm.lead_view(l) as lead
          from crm.leads l
         where l.tenant_id = ($1).tenant_id and l.deleted_at is null
           and (l.created_at, l.id) < ('infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
         order by l.created_at desc, l.id desc
         limit ($2 ->> 'limit')::integer) q";

const FIND: &str = "\
select crm.lead_view(l)::text
  from crm.leads l
 where l.tenant_id = ($1).tenant_id and l.id = ($2 ->> 'id')::uuid and l.deleted_at is null";

const UPDATE: &str = "\
update crm.leads l
   set email = $2 ->> 'email', first_name = $2 ->> 'first_name', last_name = $2 ->> 'last_name',
       company = $2 ->> 'company', job_title = $2 ->> 'job_title', phone = $2 ->> 'phone', source = $2 ->> 'source',
       website = $2 ->> 'website', country = $2 ->> 'country', notes = $2 ->> 'notes',
       priority = $2 ->> 'priority', priority_set_at = ($2 ->> 'priority_set_at')::timestamptz,
       score = ($2 ->> 'score')::integer, score_reasons = ($2 -> 'score_reasons')::json,
       updated_at = ($2 ->> 'at')::timestamptz, version = l.version + 1
 where l.tenant_id = ($1).tenant_id and l.id = ($2 ->> 'id')::uuid and l.deleted_at is null
   and l.version = ($2 ->> 'version')::bigint
returning crm.lead_view(l)::text";

const CREATE: &str = "\
insert into crm.leads as l (
    tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
    status, priority, score, score_reasons, created_by, created_at, updated_at)
values (
    ($1).tenant_id, ($2 ->> 'id')::uuid, $2 ->> 'email', $2 ->> 'first_name', $2 ->> 'last_name', $2 ->> 'company',
    $2 ->> 'job_title', $2 ->> 'phone', $2 ->> 'source', $2 ->> 'website', $2 ->> 'country', $2 ->> 'notes',
    'NEW', $2 ->> 'priority', ($2 ->> 'score')::integer, ($2 -> 'score_reasons')::json, ($1).user_id,
    ($2 ->> 'at')::timestamptz, ($2 ->> 'at')::timestamptz)
returning crm.lead_view(l)::text";

async fn run(db: &Db, statement: &str, args: &Value) -> Result<Option<String>, Failure> {
    let mut params = caller();
    params.push(ParameterValue::Str(statement.to_owned()));
    params.push(ParameterValue::Jsonb(serde_json::to_vec(args)?));
    db.text("select bench.run($1, $2, $3, $4, $5, $6)", params).await
}

/// The newest leads.
pub(crate) async fn list(db: &Db, limit: u8) -> Result<Vec<Lead>, Failure> {
    let text = run(db, LIST, &json!({ "limit": limit })).await?;
    Ok(serde_json::from_str(&text.unwrap_or_default())?)
}

/// One lead.
pub(crate) async fn find(db: &Db, id: Uuid) -> Result<Option<Lead>, Failure> {
    let text = run(db, FIND, &json!({ "id": id })).await?;
    Ok(text.as_deref().map(serde_json::from_str).transpose()?)
}

/// Writes a lead over the version that was read.
pub(crate) async fn update(db: &Db, lead: &Lead) -> Result<Option<Lead>, Failure> {
    let text = run(db, UPDATE, &args(lead)?).await?;
    Ok(text.as_deref().map(serde_json::from_str).transpose()?)
}

/// Adds a lead.
pub(crate) async fn create(db: &Db, lead: &Lead) -> Result<Lead, Failure> {
    let text = run(db, CREATE, &args(lead)?).await?;
    Ok(serde_json::from_str(&text.unwrap_or_default())?)
}
