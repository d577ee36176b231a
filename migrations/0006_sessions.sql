-- Refresh tokens, second factors, and what a session list shows.

alter table auth.sessions
    -- `expires_at` moves with every refresh (idle lifetime), up to this moment and never beyond (absolute lifetime).
    add column ends_at        timestamptz,
    -- How many times the refresh token was exchanged; the living one is the token of this generation.
    add column generation     integer     not null default 0,
    add column refreshed_at   timestamptz,
    -- When the second factor was given, if it was.
    add column mfa_at         timestamptz,
    add column revoked_reason text
        check (revoked_reason in ('logged_out', 'revoked', 'password_changed', 'token_reused', 'account_closed'));
-- Sessions of before had one access token and no refresh token.
update auth.sessions set ends_at = expires_at;
alter table auth.sessions alter column ends_at set not null;

-- Every refresh token that a session ever had, as SHA-256: an old one that comes again is a stolen one.
create table auth.refresh_tokens (
    hash       bytea       primary key check (length(hash) = 32),
    session_id uuid        not null references auth.sessions (id) on delete cascade,
    user_id    uuid        not null references auth.users (id),
    generation integer     not null,
    created_at timestamptz not null,
    constraint refresh_tokens_generation_key unique (session_id, generation)
);

-- One time-based one-time password (RFC 6238) a person. The seed is sealed; see crates/sealed.
create table auth.totp_factors (
    user_id      uuid        primary key references auth.users (id),
    sealed_seed  bytea       not null,
    -- The step of the last code that was taken: no code works twice.
    last_step    bigint      not null default 0,
    created_at   timestamptz not null,
    confirmed_at timestamptz
);

create table auth.recovery_codes (
    user_id    uuid        not null references auth.users (id),
    hash       bytea       not null check (length(hash) = 32),
    created_at timestamptz not null,
    used_at    timestamptz,
    primary key (user_id, hash)
);

-- The first step of a log-in was done; the second factor is still owed.
create table auth.mfa_challenges (
    hash          bytea       primary key check (length(hash) = 32),
    user_id       uuid        not null references auth.users (id),
    tenant_id     uuid        references auth.tenants (id),
    -- A password that changes meanwhile ends the challenge.
    password_hash text        not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    used_at       timestamptz
);
create index mfa_challenges_expiry on auth.mfa_challenges (expires_at);

alter table auth.tenants
    -- The owner's policy: nobody acts in the tenant without a second factor.
    add column mfa_required        boolean not null default false,
    -- Stricter than the deployment's, if set.
    add column password_min_length integer check (password_min_length between 8 and 128);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['refresh_tokens', 'totp_factors', 'recovery_codes', 'mfa_challenges'] loop
        execute format('alter table auth.%I enable row level security', v_table);
        execute format('alter table auth.%I force row level security', v_table);
        execute format(
            'create policy person on auth.%I
                using (user_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid))
                with check (user_id = (select nullif(current_setting(''app.user_id'', true), '''')::uuid))', v_table);
        execute format('create policy owner on auth.%I to bizo_owner using (true) with check (true)', v_table);
        execute format('create policy definer on auth.%I to bizo_definer using (true) with check (true)', v_table);
    end loop;
end
$$;

grant insert on auth.refresh_tokens to bizo_auth;
grant select, insert, update, delete on auth.totp_factors, auth.recovery_codes to bizo_auth;
grant select, insert, update on auth.mfa_challenges to bizo_auth;
-- Finding by a token's hash, before anybody is known; sweeping.
grant select, insert, delete on auth.refresh_tokens to bizo_definer;
grant select, delete on auth.mfa_challenges to bizo_definer;
grant select, delete on auth.totp_factors, auth.recovery_codes to bizo_definer;
-- Refreshing, resetting a password and accepting an invitation act for a person who is known by a token only.
grant update, delete on auth.sessions to bizo_definer;
grant insert, update on auth.users, auth.tenants, auth.memberships to bizo_definer;
