-- Opens the tenant for one statement: the only way in for every request that acts in a tenant.
--
-- It is called as an argument of the function that does the work (`select crm.create_lead(app.enter(…), …)`), and
-- arguments are evaluated before the call, so no row is read before the context stands. SECURITY DEFINER, because
-- no component but auth may read sessions and memberships. Raises
--   BZ401 the session is revoked, expired, or not this person's in this tenant; or the person is no member any more
--   BZ403 the caller's role, read now, is not among those that hold the right
--   BZ404 the tenant is gone
--   BZMFA the tenant asks for a second factor, and the session was begun without one
-- What people do as themselves (log out, enrol a factor) asks for neither role nor factor: NULL for the roles.
create or replace function app.enter(p_tenant uuid, p_user uuid, p_session uuid, p_roles text[]) returns app.caller
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_role      text;
    v_deleted   timestamptz;
    v_lacks_mfa boolean;
begin
    select m.role, t.deleted_at, t.mfa_required and s.mfa_at is null
      into v_role, v_deleted, v_lacks_mfa
      from auth.sessions s
      join auth.users u on u.id = s.user_id and u.deactivated_at is null
      join auth.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id
      join auth.tenants t on t.id = s.tenant_id
     where s.id = p_session
       and s.user_id = p_user
       and s.tenant_id = p_tenant
       and s.revoked_at is null
       and s.expires_at > now();

    if not found then
        raise exception using errcode = 'BZ401', message = 'session revoked';
    elsif v_deleted is not null then
        raise exception using errcode = 'BZ404', message = 'tenant gone';
    elsif v_lacks_mfa and p_roles is not null then
        raise exception using errcode = 'BZMFA', message = 'second factor missing';
    elsif v_role <> all (p_roles) then
        raise exception using errcode = 'BZ403', message = 'right missing';
    end if;

    perform set_config('app.tenant_id', p_tenant::text, true),
            set_config('app.user_id', p_user::text, true);
    return row(p_tenant, p_user, p_session, v_role, null)::app.caller;
end
$$;
alter function app.enter(uuid, uuid, uuid, text[]) owner to bizo_definer;
grant execute on function app.enter(uuid, uuid, uuid, text[]) to bizo_auth, bizo_payments, bizo_crm, bizo_events;

-- The same for a program with an API key: it must have the scope, and the person who made it must still have a role that
-- holds the right; what it does is done in their name, with the key beside it. Raises BZ401 (unknown, revoked or expired),
-- BZ403 (the scope is missing, or the role is), BZ404.
create or replace function app.enter_key(p_hash bytea, p_scope text, p_roles text[]) returns app.caller
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key     auth.api_keys;
    v_role    text;
    v_deleted timestamptz;
begin
    select k.* into v_key from auth.api_keys k where k.hash = p_hash;
    if not found or v_key.revoked_at is not null or v_key.expires_at <= now() then
        raise exception using errcode = 'BZ401', message = 'key revoked';
    end if;
    -- A key ends with the membership of the person who made it: who is shown out must not keep a way in.
    select m.role, t.deleted_at
      into v_role, v_deleted
      from auth.tenants t
      join auth.memberships m on m.tenant_id = t.id and m.user_id = v_key.created_by
      join auth.users u on u.id = m.user_id and u.deactivated_at is null
     where t.id = v_key.tenant_id;
    if not found then
        raise exception using errcode = 'BZ401', message = 'key revoked';
    elsif v_deleted is not null then
        raise exception using errcode = 'BZ404', message = 'tenant gone';
    elsif p_scope <> all (v_key.scopes) or v_role <> all (p_roles) then
        raise exception using errcode = 'BZ403', message = 'scope missing';
    end if;

    -- Once a minute, and never waiting for another request that does the same.
    update auth.api_keys k
       set last_used_at = now()
     where k.tenant_id = v_key.tenant_id
       and k.id in (select due.id from auth.api_keys due
                     where due.tenant_id = v_key.tenant_id and due.id = v_key.id
                       and (due.last_used_at is null or due.last_used_at < now() - interval '1 minute')
                       for update skip locked);

    -- The person's own rows stay closed: a key is the tenant's.
    perform set_config('app.tenant_id', v_key.tenant_id::text, true);
    return row(v_key.tenant_id, v_key.created_by, null, 'api_key', v_key.id)::app.caller;
end
$$;
alter function app.enter_key(bytea, text, text[]) owner to bizo_definer;
grant execute on function app.enter_key(bytea, text, text[]) to bizo_auth, bizo_payments, bizo_crm, bizo_events;

-- The same for what a person does as themself, in no tenant: only their own rows open. Raises BZ401.
create or replace function app.enter_person(p_user uuid, p_session uuid) returns app.caller
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform 1
       from auth.sessions s
       join auth.users u on u.id = s.user_id and u.deactivated_at is null
      where s.id = p_session
        and s.user_id = p_user
        and s.revoked_at is null
        and s.expires_at > now();
    if not found then
        raise exception using errcode = 'BZ401', message = 'session revoked';
    end if;

    perform set_config('app.user_id', p_user::text, true);
    return row(null, p_user, p_session, null, null)::app.caller;
end
$$;
alter function app.enter_person(uuid, uuid) owner to bizo_definer;
grant execute on function app.enter_person(uuid, uuid) to bizo_auth;

-- The context of a request from nobody (register): the nil tenant, which owns nothing but idempotency keys.
create or replace function app.enter_nobody() returns app.caller
language plpgsql volatile
as $$
declare
    v_nil constant uuid := '00000000-0000-0000-0000-000000000000';
begin
    perform set_config('app.tenant_id', v_nil::text, true),
            set_config('app.user_id', v_nil::text, true);
    return row(v_nil, v_nil, null, null, null)::app.caller;
end
$$;
grant execute on function app.enter_nobody() to bizo_auth;
