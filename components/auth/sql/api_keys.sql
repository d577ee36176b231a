-- API keys of the tenant. A key itself never comes here: only its SHA-256, its first characters and what it may do.

-- A key as the component reads it.
create or replace function auth.api_key_view(k auth.api_keys) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', k.id, 'name', k.name, 'prefix', k.prefix, 'scopes', k.scopes, 'created_by', k.created_by,
        'created_at', k.created_at, 'expires_at', k.expires_at, 'last_used_at', k.last_used_at,
        'revoked_at', k.revoked_at)
$$;

-- Makes a key, unless the tenant has as many living ones as it may have.
-- `a`: id, name, prefix, hash (hex), scopes, expires_at?, living_max, at, origin.
-- Answers { created: key } or "too_many".
create or replace function auth.create_api_key(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at  timestamptz := (a ->> 'at')::timestamptz;
    v_key json;
begin
    -- How many live changes with time, so no counter can hold it. The tenant's lock puts two requests in order, and the
    -- statement after it sees what the other one made.
    perform set_config('lock_timeout', '1s', true);
    perform 1 from auth.tenants t where t.id = c.tenant_id for no key update;
    if (select count(*) from auth.api_keys k
         where k.tenant_id = c.tenant_id and k.revoked_at is null and (k.expires_at is null or k.expires_at > v_at))
       >= (a ->> 'living_max')::integer then
        return to_json('too_many'::text);
    end if;

    insert into auth.api_keys as k (tenant_id, id, name, prefix, hash, scopes, created_by, created_at, expires_at)
    values (c.tenant_id, (a ->> 'id')::uuid, a ->> 'name', a ->> 'prefix', decode(a ->> 'hash', 'hex'),
            array(select jsonb_array_elements_text(a -> 'scopes')), c.user_id, v_at, (a ->> 'expires_at')::timestamptz)
    returning auth.api_key_view(k) into v_key;
    perform app.audit(c, a, 'api_key.created', 'api_key', (a ->> 'id')::uuid,
                      jsonb_build_object('name', a -> 'name', 'prefix', a -> 'prefix', 'scopes', a -> 'scopes',
                                         'expires_at', a -> 'expires_at'));
    return json_build_object('created', v_key);
end
$$;

-- The tenant's keys, newest first, revoked and expired ones too, from behind `after_at` and `after_id` on.
create or replace function auth.list_api_keys(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(q.key), '[]'::json)
          from (select auth.api_key_view(k) as key
                  from auth.api_keys k
                 where k.tenant_id = c.tenant_id
                   and (k.created_at, k.id) < (coalesce((a ->> 'after_at')::timestamptz, 'infinity'),
                                               coalesce((a ->> 'after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
                 order by k.created_at desc, k.id desc
                 limit (a ->> 'limit')::integer) q);
end
$$;

-- Ends a key; app.enter_key refuses it from now on, in every component. Answers { revoked: true }, also for one that was
-- revoked before, or NULL where there is no such key.
create or replace function auth.revoke_api_key(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_name text;
begin
    perform set_config('lock_timeout', '1s', true);
    update auth.api_keys k
       set revoked_at = (a ->> 'at')::timestamptz
     where k.tenant_id = c.tenant_id and k.id = (a ->> 'id')::uuid and k.revoked_at is null
    returning k.name into v_name;
    if found then
        perform app.audit(c, a, 'api_key.revoked', 'api_key', (a ->> 'id')::uuid, jsonb_build_object('name', v_name));
        return json_build_object('revoked', true);
    end if;

    perform 1 from auth.api_keys k where k.tenant_id = c.tenant_id and k.id = (a ->> 'id')::uuid;
    return case when found then json_build_object('revoked', true) end;
end
$$;

grant execute on function auth.api_key_view(auth.api_keys), auth.create_api_key(app.caller, jsonb),
                          auth.list_api_keys(app.caller, jsonb), auth.revoke_api_key(app.caller, jsonb)
   to bizo_auth;
