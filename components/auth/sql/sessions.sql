-- Sessions: what log-in needs to know before anybody is known, and the life of a session.

-- Log in by email: the one look-up across people, so it runs as bizo_definer and answers for one address only.
-- The tenant is the one that the slug names, else the last used, else the oldest membership.
-- Answers { user_id, password_hash, is_active, tenant_id }, or NULL for an unknown address.
create or replace function auth.find_log_in(a jsonb) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select json_build_object(
                   'user_id', u.id, 'password_hash', u.password_hash, 'is_active', u.deactivated_at is null,
                   'tenant_id', (
                       select m.tenant_id
                         from auth.memberships m
                         join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
                        where m.user_id = u.id
                          and (a ->> 'slug' is null or t.slug = a ->> 'slug')
                        order by m.tenant_id is not distinct from u.last_tenant_id desc, m.created_at, m.tenant_id
                        limit 1))
          from auth.users u
         where u.email_key = a ->> 'email_key');
end
$$;
alter function auth.find_log_in(jsonb) owner to bizo_definer;

-- Begins a session for a person whose password was just verified, and forgets their failed log-ins.
-- The hash must still be the one that was verified: a password changed meanwhile lets nobody in.
-- Answers { opened: true }, or NULL.
create or replace function auth.open_session(a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at timestamptz := (a ->> 'at')::timestamptz;
begin
    perform set_config('app.user_id', a ->> 'user_id', true);

    update auth.users u
       set last_tenant_id = coalesce((a ->> 'tenant_id')::uuid, u.last_tenant_id)
     where u.id = (a ->> 'user_id')::uuid
       and u.password_hash = a ->> 'password_hash'
       and u.deactivated_at is null;
    if not found then
        return null;
    end if;

    insert into auth.sessions (id, user_id, tenant_id, user_agent, address, created_at, expires_at)
    values ((a ->> 'session_id')::uuid, (a ->> 'user_id')::uuid, (a ->> 'tenant_id')::uuid,
            a ->> 'user_agent', a ->> 'address', v_at, (a ->> 'expires_at')::timestamptz);

    perform auth.forget_failed_log_ins(decode(a ->> 'account', 'hex'));
    return json_build_object('opened', true);
end
$$;

-- Ends the caller's session; from the next request on, every component refuses its tokens.
create or replace function auth.revoke_session(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update auth.sessions s
       set revoked_at = (a ->> 'at')::timestamptz
     where s.user_id = c.user_id and s.id = c.session_id and s.revoked_at is null;
    return json_build_object('revoked', true);
end
$$;

grant execute on function auth.find_log_in(jsonb), auth.open_session(jsonb), auth.revoke_session(app.caller, jsonb)
   to bizo_auth;
