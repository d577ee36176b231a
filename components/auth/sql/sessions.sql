-- Sessions: what log-in needs to know before anybody is known, and the life of a session from log-in to its end.

-- Log in by email: the one look-up across people, so it runs as bizo_definer and answers for one address only.
-- The tenant is the one that the slug names, else the last used, else the oldest membership.
-- Answers { user_id, password_hash, is_active, is_verified, has_mfa, tenant_id, tenant_wants_mfa }, or NULL for an
-- unknown address.
create or replace function auth.find_log_in(a jsonb) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select json_build_object(
                   'user_id', u.id, 'password_hash', u.password_hash, 'is_active', u.deactivated_at is null,
                   'is_verified', u.verified_at is not null,
                   'has_mfa', exists (select from auth.totp_factors f
                                       where f.user_id = u.id and f.confirmed_at is not null),
                   'tenant_id', tenant.id, 'tenant_wants_mfa', coalesce(tenant.mfa_required, false))
          from auth.users u
          left join lateral (
                   select t.id, t.mfa_required
                     from auth.memberships m
                     join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
                    where m.user_id = u.id
                      and (a ->> 'slug' is null or t.slug = a ->> 'slug')
                    order by m.tenant_id is not distinct from u.last_tenant_id desc, m.created_at, m.tenant_id
                    limit 1) tenant on true
         where u.email_key = a ->> 'email_key');
end
$$;
alter function auth.find_log_in(jsonb) owner to bizo_definer;

-- Begins a session for a person who has just proved who they are, with its first refresh token.
-- `a`: session_id, user_id, tenant_id?, refresh_token_hash (hex), expires_at, ends_at, mfa_at?, at, origin.
create or replace function auth.begin_session(a jsonb) returns void
language plpgsql volatile
as $$
declare
    v_at     timestamptz := (a ->> 'at')::timestamptz;
    v_caller app.caller := row((a ->> 'tenant_id')::uuid, (a ->> 'user_id')::uuid, (a ->> 'session_id')::uuid,
                               null, null)::app.caller;
begin
    perform set_config('app.tenant_id', coalesce(a ->> 'tenant_id', ''), true);
    insert into auth.sessions (id, user_id, tenant_id, user_agent, address, created_at, expires_at, ends_at, mfa_at)
    values (v_caller.session_id, v_caller.user_id, v_caller.tenant_id, a #>> '{origin,user_agent}',
            a #>> '{origin,address}', v_at, (a ->> 'expires_at')::timestamptz,
            coalesce(a ->> 'ends_at', a ->> 'expires_at')::timestamptz, (a ->> 'mfa_at')::timestamptz);
    -- The version before this one gives neither.
    if a ->> 'refresh_token_hash' is not null then
        insert into auth.refresh_tokens (hash, session_id, user_id, generation, created_at)
        values (decode(a ->> 'refresh_token_hash', 'hex'), v_caller.session_id, v_caller.user_id, 0, v_at);
    end if;
    perform app.audit(v_caller, a, 'session.opened', 'session', v_caller.session_id,
                      jsonb_build_object('mfa', a ->> 'mfa_at' is not null));
end
$$;

-- Begins a session for a person whose password was just verified, and forgets their failed log-ins. The hash must
-- still be the one that was verified: a password changed meanwhile lets nobody in. `upgraded_hash` takes its place
-- where it was made with other parameters than ours. Answers { opened: true }, or NULL.
create or replace function auth.open_session(a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform set_config('app.user_id', a ->> 'user_id', true);

    update auth.users u
       set last_tenant_id = coalesce((a ->> 'tenant_id')::uuid, u.last_tenant_id),
           password_hash = coalesce(a ->> 'upgraded_hash', u.password_hash)
     where u.id = (a ->> 'user_id')::uuid
       and u.password_hash = a ->> 'password_hash'
       and u.deactivated_at is null;
    if not found then
        return null;
    end if;

    perform auth.begin_session(a);
    perform auth.forget_failed_log_ins(decode(a ->> 'account', 'hex'));
    return json_build_object('opened', true);
end
$$;

-- Exchanges a refresh token for its successor, whose hash is given: derived from the token, so that a repeat of the
-- direct predecessor can be given the same one again. Nobody is known yet, so it runs as bizo_definer.
-- Whatever else is old has been stolen or is a thief's own: its session ends. Two at once are put in order by the row's
-- lock. A session whose tenant its person has left goes on in the next one.
-- `a`: hash, successor_hash (hex), idle_seconds, retry_seconds, at, origin.
-- Answers { refreshed: { user_id, tenant_id, session_id } }, "reused", or NULL for what is unknown or over.
create or replace function auth.refresh_session(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_token   auth.refresh_tokens;
    v_session auth.sessions;
    v_tenant  uuid;
begin
    select t.* into v_token from auth.refresh_tokens t where t.hash = decode(a ->> 'hash', 'hex');
    if not found then
        return null;
    end if;
    select s.* into v_session
      from auth.sessions s
     where s.id = v_token.session_id and s.revoked_at is null and s.expires_at > v_at
       and exists (select from auth.users u where u.id = s.user_id and u.deactivated_at is null)
       for update;
    if not found then
        return null;
    end if;

    v_tenant := v_session.tenant_id;
    if v_tenant is not null and not exists (
           select from auth.memberships m join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
            where m.tenant_id = v_tenant and m.user_id = v_session.user_id) then
        select m.tenant_id into v_tenant
          from auth.memberships m
          join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
         where m.user_id = v_session.user_id and (v_session.mfa_at is not null or not t.mfa_required)
         order by m.created_at, m.tenant_id
         limit 1;
    end if;

    if v_token.generation = v_session.generation then
        insert into auth.refresh_tokens (hash, session_id, user_id, generation, created_at)
        values (decode(a ->> 'successor_hash', 'hex'), v_session.id, v_session.user_id, v_session.generation + 1, v_at);
        update auth.sessions s
           set generation = s.generation + 1, refreshed_at = v_at, tenant_id = v_tenant,
               expires_at = least(v_at + make_interval(secs => (a ->> 'idle_seconds')::double precision), s.ends_at),
               address = a #>> '{origin,address}', user_agent = a #>> '{origin,user_agent}'
         where s.id = v_session.id;
    elsif v_token.generation = v_session.generation - 1
          and v_at < v_session.refreshed_at + make_interval(secs => (a ->> 'retry_seconds')::double precision) then
        -- The answer was lost, or two tabs asked at once; the successor is still unused.
        null;
    else
        update auth.sessions s set revoked_at = v_at, revoked_reason = 'token_reused' where s.id = v_session.id;
        perform app.audit(row(v_session.tenant_id, v_session.user_id, v_session.id, null, null)::app.caller, a,
                          'session.token_reused', 'session', v_session.id);
        return to_json('reused'::text);
    end if;
    return json_build_object('refreshed', json_build_object(
        'user_id', v_session.user_id, 'tenant_id', v_tenant, 'session_id', v_session.id));
end
$$;
alter function auth.refresh_session(jsonb) owner to bizo_definer;

-- Ends the caller's session; from the next request on, every component refuses its tokens.
create or replace function auth.log_out(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update auth.sessions s
       set revoked_at = (a ->> 'at')::timestamptz, revoked_reason = 'logged_out'
     where s.user_id = c.user_id and s.id = c.session_id and s.revoked_at is null;
    perform app.audit(c, a, 'session.ended', 'session', c.session_id);
    return json_build_object('revoked', true);
end
$$;

-- The caller's living sessions, the one last used first: few enough for one page.
create or replace function auth.list_sessions(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(json_build_object(
                   'id', s.id, 'tenant_id', s.tenant_id, 'user_agent', s.user_agent, 'address', s.address,
                   'created_at', s.created_at, 'last_used_at', coalesce(s.refreshed_at, s.created_at),
                   'expires_at', s.expires_at, 'has_mfa', s.mfa_at is not null, 'is_current', s.id = c.session_id)
                   order by coalesce(s.refreshed_at, s.created_at) desc, s.id), '[]'::json)
          from (select * from auth.sessions s
                 where s.user_id = c.user_id and s.revoked_at is null and s.expires_at > (a ->> 'at')::timestamptz
                 order by coalesce(s.refreshed_at, s.created_at) desc
                 limit 100) s);
end
$$;

-- Ends one session of the caller's, or all but the current one. Answers { revoked: how many }.
create or replace function auth.revoke_sessions(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_revoked uuid;
    v_count   integer := 0;
begin
    for v_revoked in
        update auth.sessions s
           set revoked_at = (a ->> 'at')::timestamptz, revoked_reason = 'revoked'
         where s.user_id = c.user_id and s.revoked_at is null and s.expires_at > (a ->> 'at')::timestamptz
           and case when a ->> 'session_id' is null then s.id <> c.session_id else s.id = (a ->> 'session_id')::uuid end
        returning s.id
    loop
        v_count := v_count + 1;
        perform app.audit(c, a, 'session.revoked', 'session', v_revoked);
    end loop;
    return json_build_object('revoked', v_count);
end
$$;

-- Moves the caller's session to another of their tenants; tokens for the one before are refused from now on.
-- Answers { switched: tenant }, "not_member" or "mfa_required".
create or replace function auth.switch_tenant(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_tenant json;
    v_wants  boolean;
begin
    -- The policies let a tenant's rows be seen in its context only, and only the caller's own membership is looked for.
    perform set_config('app.tenant_id', a ->> 'tenant_id', true);
    select json_build_object('id', t.id, 'name', t.name, 'slug', t.slug, 'role', m.role), t.mfa_required
      into v_tenant, v_wants
      from auth.memberships m
      join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
     where m.tenant_id = (a ->> 'tenant_id')::uuid and m.user_id = c.user_id;
    if not found then
        return to_json('not_member'::text);
    end if;

    update auth.sessions s
       set tenant_id = (a ->> 'tenant_id')::uuid
     where s.user_id = c.user_id and s.id = c.session_id and s.revoked_at is null
       and (s.mfa_at is not null or not v_wants);
    if not found then
        return to_json('mfa_required'::text);
    end if;
    update auth.users u set last_tenant_id = (a ->> 'tenant_id')::uuid where u.id = c.user_id;
    perform app.audit(row((a ->> 'tenant_id')::uuid, c.user_id, c.session_id, null, null)::app.caller, a,
                      'session.switched', 'session', c.session_id);
    return json_build_object('switched', v_tenant);
end
$$;

grant execute on function auth.find_log_in(jsonb), auth.begin_session(jsonb), auth.open_session(jsonb),
                          auth.refresh_session(jsonb), auth.log_out(app.caller, jsonb),
                          auth.list_sessions(app.caller, jsonb), auth.revoke_sessions(app.caller, jsonb),
                          auth.switch_tenant(app.caller, jsonb)
   to bizo_auth;
