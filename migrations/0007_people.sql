-- How people come into a tenant and programs get at it: tokens sent by mail, invitations, API keys.

-- Tokens that were sent by mail, as SHA-256. A token is derived from its event when the message is sent; see crates/outbox.
create table auth.mail_tokens (
    hash       bytea       primary key check (length(hash) = 32),
    -- The last three are notices without a token, here so that they are counted like the others.
    purpose    text        not null check (purpose in ('verification', 'password_reset', 'account_exists',
                                                       'email_changed', 'password_changed')),
    user_id    uuid        not null references auth.users (id),
    -- The address that it was sent to: one that was changed since cannot be verified with it.
    email_key  text        not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index mail_tokens_user on auth.mail_tokens (user_id, purpose, created_at);
create index mail_tokens_expiry on auth.mail_tokens (expires_at);

create table auth.invitations (
    tenant_id    uuid        not null references auth.tenants (id),
    id           uuid        not null,
    email        text        not null check (length(email) between 3 and 320),
    email_key    text        not null,
    role         text        not null check (role in ('owner', 'admin', 'member', 'viewer')),
    invited_by   uuid        not null references auth.users (id),
    -- None until the message is on its way.
    token_hash   bytea       constraint invitations_token_hash_key unique check (length(token_hash) = 32),
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    accepted_at  timestamptz,
    accepted_by  uuid        references auth.users (id),
    withdrawn_at timestamptz,
    primary key (tenant_id, id)
);
create index invitations_created on auth.invitations (tenant_id, created_at, id);
-- One living invitation an address.
create unique index invitations_pending on auth.invitations (tenant_id, email_key)
    where accepted_at is null and withdrawn_at is null;

create table auth.api_keys (
    tenant_id    uuid        not null references auth.tenants (id),
    id           uuid        not null,
    name         text        not null check (length(name) between 1 and 100),
    -- The first characters of the key, so that people can tell keys apart.
    prefix       text        not null check (length(prefix) between 8 and 24),
    hash         bytea       not null constraint api_keys_hash_key unique check (length(hash) = 32),
    scopes       text[]      not null check (cardinality(scopes) between 1 and 50),
    created_by   uuid        not null references auth.users (id),
    created_at   timestamptz not null,
    expires_at   timestamptz,
    -- Not newer than a minute: a write for every request would cost more than the knowledge is worth.
    last_used_at timestamptz,
    revoked_at   timestamptz,
    primary key (tenant_id, id)
);
create index api_keys_created on auth.api_keys (tenant_id, created_at, id);

alter table auth.mail_tokens enable row level security;
alter table auth.mail_tokens force row level security;
create policy person on auth.mail_tokens
    using (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid))
    with check (user_id = (select nullif(current_setting('app.user_id', true), '')::uuid));
create policy owner on auth.mail_tokens to bizo_owner using (true) with check (true);
create policy definer on auth.mail_tokens to bizo_definer using (true) with check (true);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['invitations', 'api_keys'] loop
        execute format('alter table auth.%I enable row level security', v_table);
        execute format('alter table auth.%I force row level security', v_table);
        execute format(
            'create policy tenant on auth.%I
                using (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
                with check (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', v_table);
        execute format('create policy owner on auth.%I to bizo_owner using (true) with check (true)', v_table);
        execute format('create policy definer on auth.%I to bizo_definer using (true) with check (true)', v_table);
    end loop;
end
$$;

grant select, insert, update on auth.invitations, auth.api_keys to bizo_auth;
-- A membership ends by going; what it was stands in the audit log.
grant delete on auth.memberships to bizo_auth;
grant select, update on auth.mail_tokens to bizo_auth;
grant select, insert, update, delete on auth.mail_tokens to bizo_definer;
grant select, update on auth.invitations, auth.api_keys to bizo_definer;
