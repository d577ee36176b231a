-- People and tenants. A tenant's rows are guarded by app.tenant_id; a person's rows (users, sessions) by app.user_id,
-- because a person belongs to no tenant. What must work before either is known (log in by email) goes through
-- functions of bizo_definer, which has policies on exactly these tables.

create table auth.users (
    id             uuid        primary key,
    email          text        not null check (length(email) between 3 and 320),
    -- The form that decides whether two addresses are one: see crates/email.
    email_key      text        not null constraint users_email_key unique,
    password_hash  text        not null check (password_hash like '$%'),
    is_superuser   boolean     not null default false,
    verified_at    timestamptz,
    deactivated_at timestamptz,
    last_tenant_id uuid,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    version        bigint      not null default 1
);
comment on column auth.users.is_superuser is 'Kept for clients of fastapi-users; never set by the API';

create table auth.tenants (
    id          uuid        primary key,
    name        text        not null check (length(name) between 1 and 100),
    slug        text        not null constraint tenants_slug_key unique check (slug ~ '^[a-z0-9](-?[a-z0-9])*$' and length(slug) <= 63),
    -- How many members are owners. Kept with every change of a membership in the same statement; the check, not a
    -- count, is what refuses to lose the last owner when two requests try at once.
    owner_count integer     not null constraint tenants_owner_count_check check (owner_count >= 1),
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    version     bigint      not null default 1,
    deleted_at  timestamptz
);

create table auth.memberships (
    tenant_id  uuid        not null references auth.tenants (id),
    user_id    uuid        not null references auth.users (id),
    role       text        not null check (role in ('owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    version    bigint      not null default 1,
    primary key (tenant_id, user_id)
);
create index memberships_user on auth.memberships (user_id, created_at);

create table auth.sessions (
    id         uuid        primary key,
    user_id    uuid        not null references auth.users (id),
    -- The tenant that the session's tokens act in; none for a person without a membership.
    tenant_id  uuid        references auth.tenants (id),
    user_agent text        check (length(user_agent) <= 400),
    address    text        check (length(address) <= 64),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index sessions_user on auth.sessions (user_id, created_at);
create index sessions_expiry on auth.sessions (expires_at);

-- Failed log-ins, the truth that throttling falls back to while the store is away. The account is an HMAC of the
-- address that was tried, so that the table tells nobody who was tried.
create table auth.failed_log_ins (
    id        bigint      generated always as identity primary key,
    account   bytea       not null check (length(account) = 32),
    address   text        not null check (length(address) <= 64),
    failed_at timestamptz not null
);
create index failed_log_ins_account on auth.failed_log_ins (account, failed_at);
create index failed_log_ins_address on auth.failed_log_ins (address, failed_at);
create index failed_log_ins_age on auth.failed_log_ins (failed_at);

alter table auth.users enable row level security;
alter table auth.users force row level security;
create policy person on auth.users
    using (id = (select nullif(current_setting('app.user_id', true), '')::uuid))
    with check (id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy owner on auth.users to bizo_owner using (true) with check (true);
create policy definer on auth.users to bizo_definer using (true) with check (true);

alter table auth.tenants enable row level security;
alter table auth.tenants force row level security;
create policy tenant on auth.tenants
    using (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on auth.tenants to bizo_owner using (true) with check (true);
create policy definer on auth.tenants to bizo_definer using (true) with check (true);

alter table auth.memberships enable row level security;
alter table auth.memberships force row level security;
create policy tenant on auth.memberships
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on auth.memberships to bizo_owner using (true) with check (true);
create policy definer on auth.memberships to bizo_definer using (true) with check (true);

alter table auth.sessions enable row level security;
alter table auth.sessions force row level security;
create policy person on auth.sessions
    using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid))
    with check (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy owner on auth.sessions to bizo_owner using (true) with check (true);
create policy definer on auth.sessions to bizo_definer using (true) with check (true);

alter table auth.failed_log_ins enable row level security;
alter table auth.failed_log_ins force row level security;
create policy owner on auth.failed_log_ins to bizo_owner using (true) with check (true);
create policy definer on auth.failed_log_ins to bizo_definer using (true) with check (true);

-- No DELETE anywhere but on failed log-ins: people and tenants end by a moment in a column.
grant select, insert, update on auth.users, auth.tenants, auth.memberships, auth.sessions to bizo_auth;
grant select on auth.users, auth.tenants, auth.memberships, auth.sessions to bizo_definer;
-- UPDATE is what `for update` asks for.
grant select, insert, update, delete on auth.failed_log_ins to bizo_definer;
