-- Tenants: made by a person, listed for a person, changed by their owners.

-- A tenant, with what somebody is in it.
create or replace function auth.tenant_view(t auth.tenants, p_role text) returns json
language sql stable
as $$
    select pg_catalog.json_build_object('id', t.id, 'name', t.name, 'slug', t.slug, 'role', p_role)
$$;

-- A tenant with its policies, for those inside.
create or replace function auth.tenant_settings_view(t auth.tenants) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', t.id, 'name', t.name, 'slug', t.slug, 'mfa_required', t.mfa_required,
        'password_min_length', t.password_min_length, 'created_at', t.created_at, 'version', t.version)
$$;

-- Makes a tenant and the membership that owns it. The caller goes on in the tenant where they are.
-- `a`: tenant_id, name, slug, slug_if_taken, at, origin. Answers the tenant.
create or replace function auth.create_tenant(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at     timestamptz := (a ->> 'at')::timestamptz;
    v_caller app.caller := row((a ->> 'tenant_id')::uuid, c.user_id, c.session_id, 'owner', null)::app.caller;
    v_slug   text;
    v_tenant json;
begin
    -- The rows are new, so the context can be theirs before they exist; the row policies hold from here on.
    perform set_config('app.tenant_id', v_caller.tenant_id::text, true);

    -- A slug is taken as wished where it is free, else with a suffix that is the tenant's own.
    foreach v_slug in array array[a ->> 'slug', a ->> 'slug_if_taken'] loop
        insert into auth.tenants as t (id, name, slug, owner_count, created_at, updated_at)
        values (v_caller.tenant_id, a ->> 'name', v_slug, 1, v_at, v_at)
        on conflict (slug) do nothing
        returning auth.tenant_view(t, 'owner') into v_tenant;
        exit when found;
    end loop;

    insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
    values (v_caller.tenant_id, c.user_id, 'owner', v_at, v_at);
    perform app.audit(v_caller, a, 'tenant.created', 'tenant', v_caller.tenant_id);
    return v_tenant;
end
$$;

-- The tenants that the caller is a member of, the oldest membership first, from behind `after_at` and `after_id` on.
-- The rows of other tenants are closed to the component, so it runs as bizo_definer.
-- Answers [{ tenant, joined_at }].
create or replace function auth.list_tenants(c app.caller, a jsonb) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(json_agg(json_build_object('tenant', q.tenant, 'joined_at', q.created_at)), '[]'::json)
          from (select auth.tenant_view(t, m.role) as tenant, m.created_at
                  from auth.memberships m
                  join auth.tenants t on t.id = m.tenant_id and t.deleted_at is null
                 where m.user_id = c.user_id
                   and (m.created_at, m.tenant_id)
                       > (coalesce((a ->> 'after_at')::timestamptz, '-infinity'),
                          coalesce((a ->> 'after_id')::uuid, '00000000-0000-0000-0000-000000000000'))
                 order by m.created_at, m.tenant_id
                 limit (a ->> 'limit')::integer) q);
end
$$;
alter function auth.list_tenants(app.caller, jsonb) owner to bizo_definer;

-- The tenant that the caller acts in, if it is the one that they name.
create or replace function auth.find_tenant(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select auth.tenant_settings_view(t)
          from auth.tenants t
         where t.id = c.tenant_id and t.id = (a ->> 'id')::uuid);
end
$$;

-- Changes name and policies of the tenant that the caller acts in. The second factor is asked of everybody only by
-- somebody whose own session has it: they would lock themself out.
-- `a`: id, changes { name?, mfa_required?, password_min_length? }, version?, at, origin.
-- Answers { changed: tenant }, "stale", "mfa_not_enrolled", "mfa_not_given", or NULL for another tenant.
create or replace function auth.change_tenant(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_tenant   auth.tenants;
    v_old      jsonb;
    v_new      jsonb;
    v_changes  jsonb;
    v_enrolled boolean;
    v_given    boolean;
begin
    perform set_config('lock_timeout', '1s', true);
    select t.* into v_tenant
      from auth.tenants t
     where t.id = c.tenant_id and t.id = (a ->> 'id')::uuid
       for no key update;
    if not found then
        return null;
    elsif v_tenant.version <> (a ->> 'version')::bigint then
        return to_json('stale'::text);
    end if;

    v_old := jsonb_build_object('name', v_tenant.name, 'mfa_required', v_tenant.mfa_required,
                                'password_min_length', v_tenant.password_min_length);
    v_new := v_old || (a -> 'changes');
    select jsonb_object_agg(n.key, jsonb_build_object('from', o.value, 'to', n.value)) into v_changes
      from jsonb_each(v_old) o
      join jsonb_each(v_new) n on n.key = o.key and n.value <> o.value;
    if v_changes is null then
        return json_build_object('changed', auth.tenant_settings_view(v_tenant));
    end if;

    if v_changes #>> '{mfa_required,to}' = 'true' then
        select s.mfa_at is not null,
               exists (select from auth.totp_factors f where f.user_id = c.user_id and f.confirmed_at is not null)
          into v_given, v_enrolled
          from auth.sessions s
         where s.user_id = c.user_id and s.id = c.session_id;
        if not v_enrolled then
            return to_json('mfa_not_enrolled'::text);
        elsif not v_given then
            return to_json('mfa_not_given'::text);
        end if;
    end if;

    update auth.tenants t
       set name = v_new ->> 'name', mfa_required = (v_new ->> 'mfa_required')::boolean,
           password_min_length = (v_new ->> 'password_min_length')::integer,
           updated_at = (a ->> 'at')::timestamptz, version = t.version + 1
     where t.id = c.tenant_id
    returning t.* into v_tenant;
    perform app.audit(c, a, 'tenant.changed', 'tenant', c.tenant_id, v_changes);
    return json_build_object('changed', auth.tenant_settings_view(v_tenant));
end
$$;

grant execute on function auth.tenant_view(auth.tenants, text), auth.tenant_settings_view(auth.tenants),
                          auth.create_tenant(app.caller, jsonb), auth.list_tenants(app.caller, jsonb),
                          auth.find_tenant(app.caller, jsonb), auth.change_tenant(app.caller, jsonb)
   to bizo_auth;
-- What these call in turn.
grant execute on function auth.tenant_view(auth.tenants, text) to bizo_definer;
