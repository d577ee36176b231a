-- Accounts of a tenant's people, as its administrators see and change them. An account that belongs to other tenants too
-- is not theirs to change: they see it, and can end its membership.

-- Opens a member's own rows for the rest of the statement. Answers the member's role, or NULL for somebody who is none.
create or replace function auth.enter_member(c app.caller, p_user uuid) returns text
language plpgsql volatile
as $$
declare
    v_role text;
begin
    select m.role into v_role from auth.memberships m where m.tenant_id = c.tenant_id and m.user_id = p_user for update;
    if found then
        perform set_config('app.user_id', p_user::text, true);
    end if;
    return v_role;
end
$$;

-- Whether a person is a member of no other tenant. Across tenants, so it runs as bizo_definer.
create or replace function auth.belongs_only_to(p_user uuid, p_tenant uuid) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select not exists (select from auth.memberships m where m.user_id = p_user and m.tenant_id <> p_tenant)
$$;
alter function auth.belongs_only_to(uuid, uuid) owner to bizo_definer;

-- An account with its role in the caller's tenant.
create or replace function auth.member_account(c app.caller, p_user uuid, p_role text) returns json
language sql stable
as $$
    select json_build_object(
               'user', auth.user_view(u),
               'tenant', (select json_build_object('id', t.id, 'name', t.name, 'slug', t.slug, 'role', p_role)
                            from auth.tenants t where t.id = c.tenant_id))
      from auth.users u
     where u.id = p_user
$$;

-- A member's account. Answers { found: { user, tenant } }, or "not_found".
create or replace function auth.find_user(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_role text := auth.enter_member(c, (a ->> 'user_id')::uuid);
begin
    if v_role is null then
        return to_json('not_found'::text);
    end if;
    return json_build_object('found', auth.member_account(c, (a ->> 'user_id')::uuid, v_role));
end
$$;

-- What a member's new password is held against; see auth.password_context. NULL for somebody who is no member.
create or replace function auth.find_user_password_context(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    if auth.enter_member(c, (a ->> 'user_id')::uuid) is null then
        return null;
    end if;
    return auth.password_context((a ->> 'user_id')::uuid);
end
$$;

-- Changes a member's account. Administrators may not touch owners or each other: whoever sets a password can log in.
-- Answers { changed: { user, tenant } }, or "not_found", "outranked", "in_other_tenants" or "oneself" (who would lock
-- themself out).
create or replace function auth.change_member(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_user uuid := (a ->> 'user_id')::uuid;
    v_role text := auth.enter_member(c, v_user);
begin
    if v_role is null then
        return to_json('not_found'::text);
    elsif v_user <> c.user_id and c.role <> 'owner' and v_role not in ('member', 'viewer') then
        return to_json('outranked'::text);
    elsif v_user = c.user_id and not (a ->> 'is_active')::boolean then
        return to_json('oneself'::text);
    elsif v_user <> c.user_id and not auth.belongs_only_to(v_user, c.tenant_id) then
        return to_json('in_other_tenants'::text);
    end if;
    perform auth.change_user(c, a);
    return json_build_object('changed', auth.member_account(c, v_user, v_role));
end
$$;

-- Ends a membership, and with the last one the account: its address is free again, its sessions end, and nothing
-- personal stays. Answers "deleted", "not_found" or "outranked"; the last owner is refused by tenants_owner_count_check.
create or replace function auth.delete_user(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at   timestamptz := (a ->> 'at')::timestamptz;
    v_user uuid := (a ->> 'user_id')::uuid;
    v_role text := auth.enter_member(c, v_user);
begin
    if v_role is null then
        return to_json('not_found'::text);
    elsif v_user <> c.user_id and c.role <> 'owner' and v_role not in ('member', 'viewer') then
        return to_json('outranked'::text);
    end if;

    if v_role = 'owner' then
        update auth.tenants t set owner_count = t.owner_count - 1, updated_at = v_at where t.id = c.tenant_id;
    end if;
    delete from auth.memberships m where m.tenant_id = c.tenant_id and m.user_id = v_user;
    perform auth.withdraw_invitations_of(c, a, v_user, null);
    perform auth.revoke_api_keys_of(c, a, v_user);
    perform app.audit(c, a, 'membership.ended', 'user', v_user, jsonb_build_object('role', v_role));

    if auth.belongs_only_to(v_user, c.tenant_id) then
        update auth.sessions s
           set revoked_at = v_at, revoked_reason = 'account_closed', address = null, user_agent = null
         where s.user_id = v_user;
        delete from auth.totp_factors f where f.user_id = v_user;
        delete from auth.recovery_codes r where r.user_id = v_user;
        update auth.users u
           set email = 'closed+' || u.id || '@account.invalid', email_key = 'closed+' || u.id || '@account.invalid',
               password_hash = '$closed', deactivated_at = v_at, updated_at = v_at, version = u.version + 1
         where u.id = v_user;
        perform app.audit(c, a, 'user.closed', 'user', v_user);
    end if;
    return to_json('deleted'::text);
end
$$;

grant execute on function auth.enter_member(app.caller, uuid), auth.belongs_only_to(uuid, uuid),
                          auth.member_account(app.caller, uuid, text), auth.find_user(app.caller, jsonb),
                          auth.find_user_password_context(app.caller, jsonb), auth.change_member(app.caller, jsonb),
                          auth.delete_user(app.caller, jsonb) to bizo_auth;
