-- What the measurement of ADR 0001 needs beside the product's own tables and functions: the functions of forms B and C,
-- and a tenant with a live session and 1,000 leads. Run as the administrator of a throw-away database, after
-- `migrate up`; may be repeated.

create schema if not exists bench;
grant usage on schema bench to bizo_crm, bizo_definer;
grant create on schema bench to bizo_definer;

-- Form B: enters, then executes whatever text the store sends. In the text, $1 is the caller and $2 the arguments.
create or replace function bench.run(
    p_tenant uuid, p_user uuid, p_session uuid, p_roles text[], p_statement text, p_params jsonb) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_caller app.caller := app.enter(p_tenant, p_user, p_session, p_roles);
    v_answer text;
begin
    execute p_statement into v_answer using v_caller, p_params;
    return v_answer;
end
$$;

-- Form C: the checks of app.enter, but the context holds for the session: a setting that is local to a statement would
-- be gone before the next one. Answers the role.
create or replace function bench.enter_session(p_tenant uuid, p_user uuid, p_session uuid, p_roles text[]) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_caller app.caller := app.enter(p_tenant, p_user, p_session, p_roles);
begin
    perform set_config('app.tenant_id', p_tenant::text, false),
            set_config('app.user_id', p_user::text, false);
    return v_caller.role;
end
$$;
alter function bench.enter_session(uuid, uuid, uuid, text[]) owner to bizo_definer;

grant execute on function bench.run(uuid, uuid, uuid, text[], text, jsonb),
                          bench.enter_session(uuid, uuid, uuid, text[]) to bizo_crm;

-- The ids are those of src/lead.rs.
insert into auth.users (id, email, email_key, password_hash, created_at, updated_at)
values ('00000002-7000-8000-0000-000000000001', 'ada@example.com', 'ada@example.com', '$none', now(), now())
on conflict do nothing;
insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
values ('00000001-7000-8000-0000-000000000001', 'Analytical Engines', 'analytical-engines', 1, now(), now())
on conflict do nothing;
insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
values ('00000001-7000-8000-0000-000000000001', '00000002-7000-8000-0000-000000000001', 'owner', now(), now())
on conflict do nothing;
insert into auth.sessions (id, user_id, tenant_id, created_at, expires_at, ends_at)
values ('00000003-7000-8000-0000-000000000001', '00000002-7000-8000-0000-000000000001',
        '00000001-7000-8000-0000-000000000001', now(), now() + interval '1 day', now() + interval '1 day')
on conflict do nothing;

insert into crm.leads (
    tenant_id, id, email, first_name, last_name, company, job_title, phone, source, website, country, notes,
    status, priority, score, score_reasons, created_by, created_at, updated_at)
select '00000001-7000-8000-0000-000000000001', ('00000004-7000-8000-0000-' || lpad(to_hex(n), 12, '0'))::uuid,
       'lead-' || n || '@example.com', 'Ada', 'Lovelace', 'Analytical Engines Ltd', 'Head of Engineering',
       '+44 20 7946 0000', 'WEBSITE', 'https://engines.example.com/about', 'GB',
       'Asked for a demonstration of the second machine, with punched cards.', 'NEW', 'MEDIUM', 65,
       '[{"rule":"has_company","points":15},{"rule":"has_phone","points":15},{"rule":"senior_title","points":15},{"rule":"business_email","points":15}]',
       '00000002-7000-8000-0000-000000000001', now() - (n + 1) * interval '1 minute', now() - (n + 1) * interval '1 minute'
  from generate_series(0, 999) as n
on conflict do nothing;
analyze;
