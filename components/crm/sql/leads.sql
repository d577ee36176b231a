-- Single leads: one function for each thing that the store can do. The caller's tenant stands in every condition,
-- beside the row policies: each of the two alone keeps tenants apart.

-- A lead as the component reads it: its columns, in the order of `LeadRow` (components/crm/src/store/leads.rs). A list
-- without names costs Postgres half of what an object does. The one place that lists the columns. Nothing may be set
-- here (a search_path, say): the planner could not put it in line, and a list of 20 would cost a third to a half more.
create or replace function crm.lead_view(l crm.leads) returns json
language sql stable
as $$
    select pg_catalog.json_build_array(
        l.id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.phone, l.source, l.website, l.country,
        l.notes, l.status, l.priority, l.priority_set_at, l.score, l.score_reasons, l.created_at, l.updated_at,
        l.version)
$$;

-- Answers the lead.
create or replace function crm.create_lead(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_lead json;
begin
    insert into crm.leads as l (
        tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
        status, priority, score, score_reasons, created_by, created_at, updated_at)
    values (
        c.tenant_id, (a ->> 'id')::uuid, a ->> 'email', a ->> 'first_name', a ->> 'last_name', a ->> 'company',
        a ->> 'job_title', a ->> 'phone', a ->> 'source', a ->> 'website', a ->> 'country', a ->> 'notes',
        'NEW', a ->> 'priority', (a ->> 'score')::integer, (a -> 'score_reasons')::json, c.user_id,
        (a ->> 'at')::timestamptz, (a ->> 'at')::timestamptz)
    returning crm.lead_view(l) into v_lead;
    return v_lead;
end
$$;

-- Answers the lead, or NULL where there is no such lead.
create or replace function crm.find_lead(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select crm.lead_view(l)
          from crm.leads l
         where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null);
end
$$;

-- Writes the fields of a lead as the component decided them, if it is still at the version that was read.
-- Answers { updated: lead } · { stale: true } · NULL where there is no such lead.
create or replace function crm.update_lead(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_lead json;
begin
    -- Many at once for one lead must not hold the connections of everybody: 55P03 after this long.
    perform set_config('lock_timeout', '250ms', true);
    update crm.leads l
       set email = a ->> 'email', first_name = a ->> 'first_name', last_name = a ->> 'last_name',
           company = a ->> 'company', job_title = a ->> 'job_title', phone = a ->> 'phone', source = a ->> 'source',
           website = a ->> 'website', country = a ->> 'country', notes = a ->> 'notes',
           priority = a ->> 'priority', priority_set_at = (a ->> 'priority_set_at')::timestamptz,
           score = (a ->> 'score')::integer, score_reasons = (a -> 'score_reasons')::json,
           updated_at = (a ->> 'at')::timestamptz, version = l.version + 1
     where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null
       and l.version = (a ->> 'version')::bigint
    returning crm.lead_view(l) into v_lead;
    if found then
        return json_build_object('updated', v_lead);
    end if;

    perform 1 from crm.leads l
      where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null;
    return case when found then json_build_object('stale', true) end;
end
$$;

-- Moves a lead to another status, if its present one is among those that the component allows, and keeps the history.
-- A version is checked first, if one is named: who has read another lead than this gets to know that, not a refusal
-- that speaks of a status they have not seen.
-- Answers { moved: lead } · { refused: { status } } · { stale: true } · NULL where there is no such lead.
create or replace function crm.move_lead(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_lead    json;
    v_from    text;
    v_version bigint;
begin
    perform set_config('lock_timeout', '250ms', true);
    -- The row lock puts two moves in order: the second one sees what the first one made of the status.
    select l.status, l.version into v_from, v_version
      from crm.leads l
     where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null
       for no key update;
    if not found then
        return null;
    elsif v_version <> (a ->> 'version')::bigint then
        return json_build_object('stale', true);
    elsif not (a -> 'allowed_from') ? v_from then
        return json_build_object('refused', json_build_object('status', v_from));
    end if;

    update crm.leads l
       set status = a ->> 'status', updated_at = (a ->> 'at')::timestamptz, version = l.version + 1
     where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid
    returning crm.lead_view(l) into v_lead;

    insert into crm.lead_status_changes (tenant_id, lead_id, from_status, to_status, changed_by, changed_at)
    values (c.tenant_id, (a ->> 'id')::uuid, v_from, a ->> 'status', c.user_id, (a ->> 'at')::timestamptz);
    return json_build_object('moved', v_lead);
end
$$;

-- Deletes a lead for everybody who asks; the row stays until it is swept.
-- Answers { deleted: true } · { stale: true } · NULL where there is no such lead (any more).
create or replace function crm.delete_lead(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform set_config('lock_timeout', '250ms', true);
    update crm.leads l
       set deleted_at = (a ->> 'at')::timestamptz, updated_at = (a ->> 'at')::timestamptz, version = l.version + 1
     where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null
       and (a ->> 'version' is null or l.version = (a ->> 'version')::bigint);
    if found then
        return json_build_object('deleted', true);
    end if;

    perform 1 from crm.leads l
      where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null;
    return case when found then json_build_object('stale', true) end;
end
$$;

-- The moves of a lead's status, oldest first, from behind `after` on. NULL where there is no such lead.
create or replace function crm.list_lead_status_changes(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    perform 1 from crm.leads l
      where l.tenant_id = c.tenant_id and l.id = (a ->> 'id')::uuid and l.deleted_at is null;
    if not found then
        return null;
    end if;
    return (
        select coalesce(json_agg(json_build_object(
                   'id', h.id, 'from', h.from_status, 'to', h.to_status, 'changed_by', h.changed_by,
                   'changed_at', h.changed_at)), '[]')
          from (select h.id, h.from_status, h.to_status, h.changed_by, h.changed_at
                  from crm.lead_status_changes h
                 where h.tenant_id = c.tenant_id and h.lead_id = (a ->> 'id')::uuid
                   and h.id > coalesce((a ->> 'after')::bigint, 0)
                 order by h.id
                 limit (a ->> 'limit')::integer) h);
end
$$;

grant execute on function crm.lead_view(crm.leads), crm.create_lead(app.caller, jsonb),
                          crm.find_lead(app.caller, jsonb), crm.update_lead(app.caller, jsonb),
                          crm.move_lead(app.caller, jsonb), crm.delete_lead(app.caller, jsonb),
                          crm.list_lead_status_changes(app.caller, jsonb)
   to bizo_crm;
