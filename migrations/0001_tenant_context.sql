-- The ground that isolation stands on: schemas, what each role may touch, and the idempotency claims that every
-- component shares. Roles and their limits are made by `migrate bootstrap`, because they outlive a database.
--
-- Nothing is granted to everybody: a new function or table is closed until a line here or below opens it.

alter default privileges for role bizo_owner revoke execute on functions from public;

create schema app;
create schema auth;
create schema crm;
create schema payments;

comment on schema app is 'Tenant context and what all components share';
comment on schema auth is 'People, tenants, memberships, sessions';
comment on schema crm is 'Leads and what follows from them';
comment on schema payments is 'Reserved for payments';

grant usage on schema app to bizo_auth, bizo_payments, bizo_crm, bizo_events, bizo_definer;
grant usage on schema auth to bizo_auth, bizo_definer;
grant usage on schema crm to bizo_crm;
grant usage on schema payments to bizo_payments;

-- A function that runs as bizo_definer has to be created in its schema by bizo_definer.
grant create on schema app, auth to bizo_definer;

-- Who is calling, as `app.enter` found it; every tenant-scoped function takes one, so none can be called without.
create type app.caller as (tenant_id uuid, user_id uuid, session_id uuid, role text);

-- One row for each Idempotency-Key in use. The row is claimed by inserting it in the statement that does the work,
-- so a claim without its outcome is never visible to anybody; see app.once.
create table app.idempotency_keys (
    -- The database role that claimed the key: an outcome is its component's own.
    component   name        not null default current_user,
    tenant_id   uuid        not null,
    user_id     uuid        not null,
    route       text        not null check (length(route) between 1 and 200),
    key         text        not null check (length(key) between 1 and 255),
    fingerprint bytea       not null check (length(fingerprint) = 32),
    outcome     json,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    primary key (component, tenant_id, user_id, route, key)
);
create index idempotency_keys_expiry on app.idempotency_keys (component, tenant_id, expires_at);

alter table app.idempotency_keys enable row level security;
alter table app.idempotency_keys force row level security;
create policy tenant on app.idempotency_keys
    using (component = current_user
           and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (component = current_user
                and tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on app.idempotency_keys to bizo_owner using (true) with check (true);
grant select, insert, update, delete on app.idempotency_keys to bizo_auth, bizo_payments, bizo_crm;
