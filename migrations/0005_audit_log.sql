-- Who did what to whom, from where and when. A component adds to it in the statement that makes the change, and can
-- neither change nor remove a row; a tenant's people read their own through the API.

-- A caller with an API key has no session: `key_id` says which key it is.
alter type app.caller add attribute key_id uuid;

create table app.audit_log (
    id           uuid        primary key,
    -- None for what a person did outside of any tenant.
    tenant_id    uuid,
    at           timestamptz not null,
    -- Who did it: a person, and the API key if they did it through one; nobody for what happened without a caller.
    actor_id     uuid,
    key_id       uuid,
    action       text        not null check (action ~ '^[a-z_]+\.[a-z_]+$' and length(action) <= 60),
    target_type  text        check (target_type in ('user', 'session', 'tenant', 'membership', 'invitation', 'api_key')),
    target_id    uuid,
    address      text        check (length(address) <= 64),
    user_agent   text        check (length(user_agent) <= 400),
    request_id   text        check (length(request_id) <= 128),
    details      jsonb       not null default '{}' check (jsonb_typeof(details) = 'object' and length(details::text) <= 2000)
);
create index audit_log_at on app.audit_log (tenant_id, at, id);
create index audit_log_action on app.audit_log (tenant_id, action, at, id);
create index audit_log_actor on app.audit_log (tenant_id, actor_id, at, id);
create index audit_log_target on app.audit_log (tenant_id, target_id, at, id);

alter table app.audit_log enable row level security;
alter table app.audit_log force row level security;
create policy tenant on app.audit_log for select
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy adding on app.audit_log for insert
    with check (tenant_id is null or tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on app.audit_log to bizo_owner using (true) with check (true);
create policy definer on app.audit_log for insert to bizo_definer with check (true);

grant insert on app.audit_log to bizo_auth, bizo_payments, bizo_crm, bizo_definer;
-- The one component that lists them.
grant select on app.audit_log to bizo_auth;
