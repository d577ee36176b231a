-- Memberships: what people are in the caller's tenant. Who may do what to whom is one table (domain/membership.rs), which
-- comes in as `manages`: { role: [the roles that it gives and takes] }. It is applied here, to roles that are locked: who
-- was demoted a moment ago demotes nobody any more.

-- A membership with the person's address.
create or replace function auth.membership_view(m auth.memberships, u auth.users) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'user_id', m.user_id, 'email', u.email, 'role', m.role, 'is_verified', u.verified_at is not null,
        'created_at', m.created_at)
$$;

-- Members of the caller's tenant, the oldest membership first, from behind `after_at` and `after_id` on. Other people's
-- accounts are closed to the component, so it runs as bizo_definer.
create or replace function auth.list_memberships(c app.caller, a jsonb) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(json_agg(q.membership), '[]'::json)
          from (select auth.membership_view(m, u) as membership
                  from auth.memberships m
                  join auth.users u on u.id = m.user_id
                 where m.tenant_id = c.tenant_id
                   and (a ->> 'role' is null or m.role = a ->> 'role')
                   and (m.created_at, m.user_id)
                       > (coalesce((a ->> 'after_at')::timestamptz, '-infinity'),
                          coalesce((a ->> 'after_id')::uuid, '00000000-0000-0000-0000-000000000000'))
                 order by m.created_at, m.user_id
                 limit (a ->> 'limit')::integer) q);
end
$$;
alter function auth.list_memberships(app.caller, jsonb) owner to bizo_definer;

-- One membership of the caller's tenant.
create or replace function auth.find_membership(c app.caller, p_user uuid) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select auth.membership_view(m, u)
      from auth.memberships m
      join auth.users u on u.id = m.user_id
     where m.tenant_id = c.tenant_id and m.user_id = p_user
$$;
alter function auth.find_membership(app.caller, uuid) owner to bizo_definer;

-- Locks the caller's and another person's membership, always in the same order, and reads both roles as they are then.
-- NULL for who is no member; raises BZ401 where it is the caller.
create or replace function auth.lock_memberships(c app.caller, p_user uuid, out caller_role text, out user_role text)
language plpgsql volatile
as $$
declare
    v_user uuid;
    v_role text;
begin
    perform set_config('lock_timeout', '1s', true);
    for v_user, v_role in
        select m.user_id, m.role
          from auth.memberships m
         where m.tenant_id = c.tenant_id and m.user_id in (c.user_id, p_user)
         order by m.user_id
           for update
    loop
        if v_user = c.user_id then
            caller_role := v_role;
        end if;
        if v_user = p_user then
            user_role := v_role;
        end if;
    end loop;
    if caller_role is null then
        raise exception using errcode = 'BZ401', message = 'no member any more';
    end if;
end
$$;

-- Withdraws what somebody's present role (none, if they were shown out) would not let them invite to: nobody comes back
-- by an invitation that they made for themself.
create or replace function auth.withdraw_invitations_of(c app.caller, a jsonb, p_user uuid, p_role text) returns void
language plpgsql volatile
as $$
declare
    v_id uuid;
begin
    for v_id in
        update auth.invitations i
           set withdrawn_at = (a ->> 'at')::timestamptz
         where i.tenant_id = c.tenant_id and i.invited_by = p_user and i.accepted_at is null and i.withdrawn_at is null
           and i.expires_at > (a ->> 'at')::timestamptz
           and ((a -> 'manages' -> p_role) ? i.role) is not true
        returning i.id
    loop
        perform app.audit(c, a, 'invitation.withdrawn', 'invitation', v_id,
                          jsonb_build_object('reason', 'inviter_lost_right'));
    end loop;
end
$$;

-- Revokes the API keys that somebody made: they end with the membership for good, also if the person comes back.
create or replace function auth.revoke_api_keys_of(c app.caller, a jsonb, p_user uuid) returns void
language plpgsql volatile
as $$
declare
    v_id uuid;
begin
    for v_id in
        update auth.api_keys k
           set revoked_at = (a ->> 'at')::timestamptz
         where k.tenant_id = c.tenant_id and k.created_by = p_user and k.revoked_at is null
        returning k.id
    loop
        perform app.audit(c, a, 'api_key.revoked', 'api_key', v_id,
                          jsonb_build_object('reason', 'maker_left'));
    end loop;
end
$$;

-- Gives a member another role. The last owner is refused by tenants_owner_count_check.
-- `a`: user_id, role, manages, at, origin. Answers { changed: membership }, "not_found" or "out_of_reach".
create or replace function auth.change_membership(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at     timestamptz := (a ->> 'at')::timestamptz;
    v_user   uuid := (a ->> 'user_id')::uuid;
    v_new    text := a ->> 'role';
    v_locked record;
begin
    v_locked := auth.lock_memberships(c, v_user);
    if v_locked.user_role is null then
        return to_json('not_found'::text);
    elsif ((a -> 'manages' -> v_locked.caller_role) ?& array[v_locked.user_role, v_new]) is not true then
        return to_json('out_of_reach'::text);
    elsif v_locked.user_role = v_new then
        return json_build_object('changed', auth.find_membership(c, v_user));
    end if;

    update auth.memberships m
       set role = v_new, updated_at = v_at, version = m.version + 1
     where m.tenant_id = c.tenant_id and m.user_id = v_user;
    perform auth.withdraw_invitations_of(c, a, v_user, v_new);
    update auth.tenants t
       set owner_count = t.owner_count + case when v_new = 'owner' then 1 else -1 end
     where t.id = c.tenant_id and 'owner' in (v_locked.user_role, v_new);
    perform app.audit(c, a, 'membership.changed', 'membership', v_user,
                      jsonb_build_object('from', v_locked.user_role, 'to', v_new));
    return json_build_object('changed', auth.find_membership(c, v_user));
end
$$;

-- Ends a membership: one's own, whatever one's role is, or that of somebody whose role one manages. From the next request
-- on every component refuses the person's tokens for this tenant (app.enter); their sessions stay theirs. The last owner
-- is refused by tenants_owner_count_check.
-- `a`: user_id, manages, at, origin. Answers "ended", "not_found" or "out_of_reach".
create or replace function auth.end_membership(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_user   uuid := (a ->> 'user_id')::uuid;
    v_locked record;
begin
    v_locked := auth.lock_memberships(c, v_user);
    if v_locked.user_role is null then
        return to_json('not_found'::text);
    elsif v_user <> c.user_id and ((a -> 'manages' -> v_locked.caller_role) ? v_locked.user_role) is not true then
        return to_json('out_of_reach'::text);
    end if;

    delete from auth.memberships m where m.tenant_id = c.tenant_id and m.user_id = v_user;
    perform auth.withdraw_invitations_of(c, a, v_user, null);
    perform auth.revoke_api_keys_of(c, a, v_user);
    update auth.tenants t
       set owner_count = t.owner_count - 1
     where t.id = c.tenant_id and v_locked.user_role = 'owner';
    perform app.audit(c, a, 'membership.ended', 'membership', v_user, jsonb_build_object('role', v_locked.user_role));
    return to_json('ended'::text);
end
$$;

grant execute on function auth.membership_view(auth.memberships, auth.users),
                          auth.list_memberships(app.caller, jsonb), auth.find_membership(app.caller, uuid),
                          auth.lock_memberships(app.caller, uuid),
                          auth.withdraw_invitations_of(app.caller, jsonb, uuid, text),
                          auth.revoke_api_keys_of(app.caller, jsonb, uuid),
                          auth.change_membership(app.caller, jsonb), auth.end_membership(app.caller, jsonb)
   to bizo_auth;
-- What these call in turn.
grant execute on function auth.membership_view(auth.memberships, auth.users) to bizo_definer;
