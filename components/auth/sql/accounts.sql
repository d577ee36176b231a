-- Accounts: making one with its tenant, and reading one's own.

-- The fields of a person that clients of fastapi-users know.
create or replace function auth.user_view(u auth.users) returns json
language sql stable
as $$
    select json_build_object(
        'id', u.id, 'email', u.email, 'is_active', u.deactivated_at is null,
        'is_superuser', u.is_superuser, 'is_verified', u.verified_at is not null)
$$;

-- Makes a person, their first tenant, and the membership that owns it, or nothing of the three; the message that proves
-- the address goes out with it. Where the deployment hides who has an account, the owner of a taken address is told so
-- by mail. Answers { registered: { user, tenant } } or "email_taken".
create or replace function auth.register(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_user   json;
    v_slug   text;
    v_at     timestamptz := (a ->> 'at')::timestamptz;
    v_caller app.caller;
begin
    -- Both rows are new, so the context can be theirs before they exist; the row policies hold from here on.
    perform set_config('app.user_id', a ->> 'user_id', true),
            set_config('app.tenant_id', a ->> 'tenant_id', true);

    insert into auth.users as u (id, email, email_key, password_hash, last_tenant_id, created_at, updated_at)
    values ((a ->> 'user_id')::uuid, a ->> 'email', a ->> 'email_key', a ->> 'password_hash',
            (a ->> 'tenant_id')::uuid, v_at, v_at)
    on conflict (email_key) do nothing
    returning auth.user_view(u) into v_user;
    if not found then
        if (a ->> 'hides_accounts')::boolean then
            perform app.emit((a ->> 'event_id')::uuid, null, 'mail.account_exists',
                             jsonb_build_object('email_key', a ->> 'email_key'), v_at);
        end if;
        return to_json('email_taken'::text);
    end if;

    -- A slug is taken as wished where it is free, else with a suffix that is the tenant's own.
    insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
    values ((a ->> 'tenant_id')::uuid, a ->> 'tenant_name', a ->> 'slug', 1, v_at, v_at)
    on conflict (slug) do nothing
    returning slug into v_slug;
    if not found then
        insert into auth.tenants (id, name, slug, owner_count, created_at, updated_at)
        values ((a ->> 'tenant_id')::uuid, a ->> 'tenant_name', a ->> 'slug_if_taken', 1, v_at, v_at)
        returning slug into v_slug;
    end if;

    insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
    values ((a ->> 'tenant_id')::uuid, (a ->> 'user_id')::uuid, 'owner', v_at, v_at);

    v_caller := row((a ->> 'tenant_id')::uuid, (a ->> 'user_id')::uuid, null, 'owner', null)::app.caller;
    perform app.audit(v_caller, a, 'user.registered', 'user', v_caller.user_id);
    perform app.emit((a ->> 'event_id')::uuid, v_caller.tenant_id, 'mail.verification',
                     jsonb_build_object('email_key', a ->> 'email_key'), v_at);

    return json_build_object('registered', json_build_object(
        'user', v_user,
        'tenant', json_build_object('id', a ->> 'tenant_id', 'name', a ->> 'tenant_name', 'slug', v_slug,
                                    'role', 'owner')));
end
$$;

-- The caller's own account, and the tenant that they act in, if any.
create or replace function auth.find_me(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object(
                   'user', auth.user_view(u),
                   'tenant', (select json_build_object('id', t.id, 'name', t.name, 'slug', t.slug, 'role', c.role)
                                from auth.tenants t
                               where t.id = c.tenant_id))
          from auth.users u
         where u.id = c.user_id);
end
$$;

-- What a person's new password is held against: their address, the names of their tenants, and the longest minimum
-- that one of these asks for. Across tenants, so it runs as bizo_definer.
-- Answers { email, tenant_names, chars_min, password_hash }, or NULL.
create or replace function auth.password_context(p_user uuid) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object(
               'email', u.email, 'password_hash', u.password_hash,
               'tenant_names', (select coalesce(json_agg(t.name), '[]'::json)
                                  from auth.memberships m join auth.tenants t on t.id = m.tenant_id
                                 where m.user_id = u.id and t.deleted_at is null),
               'chars_min', (select coalesce(max(t.password_min_length), 0)
                               from auth.memberships m join auth.tenants t on t.id = m.tenant_id
                              where m.user_id = u.id and t.deleted_at is null))
      from auth.users u
     where u.id = p_user
$$;
alter function auth.password_context(uuid) owner to bizo_definer;

-- The same for the caller.
create or replace function auth.find_my_password_context(c app.caller, a jsonb) returns json
language sql stable
as $$
    select auth.password_context(c.user_id)
$$;

-- Changes a person's address or password, or both, in one's own name or as their administrator. A new address has to be
-- verified again and the old one is told; a new password ends all other sessions, and forgets failed log-ins.
-- `a`: user_id, email?, email_key?, password_hash?, is_active?, account (hex), event_id, notice_event_id, at, origin.
create or replace function auth.change_user(c app.caller, a jsonb) returns void
language plpgsql volatile
as $$
declare
    v_at   timestamptz := (a ->> 'at')::timestamptz;
    v_old  auth.users;
begin
    select u.* into v_old from auth.users u where u.id = (a ->> 'user_id')::uuid for update;

    if a ->> 'email' is not null and a ->> 'email' <> v_old.email then
        update auth.users u
           set email = a ->> 'email', email_key = a ->> 'email_key', updated_at = v_at, version = u.version + 1,
               verified_at = case when u.email_key = a ->> 'email_key' then u.verified_at end
         where u.id = v_old.id;
        if a ->> 'email_key' <> v_old.email_key then
            perform app.emit((a ->> 'event_id')::uuid, c.tenant_id, 'mail.verification',
                             jsonb_build_object('email_key', a ->> 'email_key'), v_at);
            perform app.emit((a ->> 'notice_event_id')::uuid, c.tenant_id, 'mail.email_changed',
                             jsonb_build_object('user_id', v_old.id, 'to', v_old.email), v_at);
            -- What was sent to the old address opens nothing any more.
            update auth.mail_tokens t set used_at = v_at where t.user_id = v_old.id and t.used_at is null;
        end if;
        perform app.audit(c, a, 'user.email_changed', 'user', v_old.id);
    end if;

    if a ->> 'password_hash' is not null then
        update auth.users u
           set password_hash = a ->> 'password_hash', updated_at = v_at, version = u.version + 1
         where u.id = v_old.id;
        update auth.sessions s
           set revoked_at = v_at, revoked_reason = 'password_changed'
         where s.user_id = v_old.id and s.id is distinct from c.session_id and s.revoked_at is null;
        update auth.mail_tokens t
           set used_at = v_at
         where t.user_id = v_old.id and t.purpose = 'password_reset' and t.used_at is null;
        perform auth.forget_failed_log_ins(decode(a ->> 'account', 'hex'));
        perform app.emit((a ->> 'password_event_id')::uuid, c.tenant_id, 'mail.password_changed',
                         jsonb_build_object('user_id', v_old.id), v_at);
        perform app.audit(c, a, 'user.password_changed', 'user', v_old.id);
    end if;

    if a ->> 'is_active' is not null and (a ->> 'is_active')::boolean <> (v_old.deactivated_at is null) then
        update auth.users u
           set deactivated_at = case when not (a ->> 'is_active')::boolean then v_at end,
               updated_at = v_at, version = u.version + 1
         where u.id = v_old.id;
        perform app.audit(c, a, case when (a ->> 'is_active')::boolean then 'user.activated' else 'user.deactivated' end,
                          'user', v_old.id);
    end if;
end
$$;

-- Changes the caller's own account. Answers it as find_me does.
create or replace function auth.change_me(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform auth.change_user(c, a || jsonb_build_object('user_id', c.user_id));
    return auth.find_me(c, a);
end
$$;

grant execute on function auth.user_view(auth.users), auth.register(app.caller, jsonb),
                          auth.find_me(app.caller, jsonb), auth.find_my_password_context(app.caller, jsonb),
                          auth.password_context(uuid), auth.change_user(app.caller, jsonb),
                          auth.change_me(app.caller, jsonb) to bizo_auth;
