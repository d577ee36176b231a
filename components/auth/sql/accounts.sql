-- Accounts: making one with its tenant, and reading one's own.

-- The fields of a person that clients of fastapi-users know.
create or replace function auth.user_view(u auth.users) returns json
language sql stable
as $$
    select json_build_object(
        'id', u.id, 'email', u.email, 'is_active', u.deactivated_at is null,
        'is_superuser', u.is_superuser, 'is_verified', u.verified_at is not null)
$$;

-- Makes a person, their first tenant, and the membership that owns it, or nothing of the three.
-- Answers { registered: { user, tenant } } or "email_taken".
create or replace function auth.register(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_user   json;
    v_slug   text;
    v_at     timestamptz := (a ->> 'at')::timestamptz;
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

grant execute on function auth.user_view(auth.users), auth.register(app.caller, jsonb),
                          auth.find_me(app.caller, jsonb) to bizo_auth;
