-- Invitations: an address is asked into the caller's tenant with a role. The token travels by mail alone; here is its hash.

-- One that was withdrawn because its time was over stays expired.
create or replace function auth.invitation_status(i auth.invitations, p_at timestamptz) returns text
language sql stable
as $$
    select case when i.accepted_at is not null then 'accepted'
                when i.withdrawn_at < i.expires_at then 'withdrawn'
                when i.expires_at <= p_at then 'expired'
                else 'pending' end
$$;

-- An invitation as the tenant's people read it.
create or replace function auth.invitation_view(i auth.invitations, p_at timestamptz) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', i.id, 'email', i.email, 'role', i.role, 'status', auth.invitation_status(i, p_at),
        'expires_at', i.expires_at, 'created_at', i.created_at, 'invited_by', i.invited_by)
$$;

-- Whether somebody with this address is a member of the caller's tenant. Other people's accounts are closed to the
-- component, so it runs as bizo_definer.
create or replace function auth.has_member(c app.caller, p_email_key text) returns boolean
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select exists (select from auth.users u
                     join auth.memberships m on m.user_id = u.id and m.tenant_id = c.tenant_id
                    where u.email_key = p_email_key)
$$;
alter function auth.has_member(app.caller, text) owner to bizo_definer;

-- Invites an address; the message goes out with it. Each address has one pending invitation; one whose time is over gives
-- way. How many messages a tenant sends in a day is limited, to one address and in all: they go to people who did not ask.
-- `a`: id, email, email_key, role, manages, expires_at, day_max, day_max_address, event_id, at, origin.
-- Answers { created: invitation }, { pending: id }, "out_of_reach", "already_member" or "too_many".
create or replace function auth.create_invitation(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at         timestamptz := (a ->> 'at')::timestamptz;
    v_pending    uuid;
    v_invitation json;
begin
    if ((a -> 'manages' -> c.role) ? (a ->> 'role')) is not true then
        return to_json('out_of_reach'::text);
    end if;

    -- The tenant's lock puts two requests in order, and each statement after it sees what the other one made.
    perform set_config('lock_timeout', '1s', true);
    perform 1 from auth.tenants t where t.id = c.tenant_id for no key update;
    if auth.has_member(c, a ->> 'email_key') then
        return to_json('already_member'::text);
    end if;
    if (select count(*) >= (a ->> 'day_max')::integer
               or count(*) filter (where i.email_key = a ->> 'email_key') >= (a ->> 'day_max_address')::integer
          from auth.invitations i
         where i.tenant_id = c.tenant_id and i.created_at > v_at - interval '1 day') then
        return to_json('too_many'::text);
    end if;

    update auth.invitations i
       set withdrawn_at = v_at
     where i.tenant_id = c.tenant_id and i.email_key = a ->> 'email_key'
       and i.accepted_at is null and i.withdrawn_at is null and i.expires_at <= v_at;
    insert into auth.invitations as i (tenant_id, id, email, email_key, role, invited_by, created_at, expires_at)
    values (c.tenant_id, (a ->> 'id')::uuid, a ->> 'email', a ->> 'email_key', a ->> 'role', c.user_id, v_at,
            (a ->> 'expires_at')::timestamptz)
    on conflict (tenant_id, email_key) where accepted_at is null and withdrawn_at is null do nothing
    returning auth.invitation_view(i, v_at) into v_invitation;
    if not found then
        select i.id into v_pending
          from auth.invitations i
         where i.tenant_id = c.tenant_id and i.email_key = a ->> 'email_key'
           and i.accepted_at is null and i.withdrawn_at is null;
        if not found then
            -- It was accepted or withdrawn between the two statements: as if that were still under way.
            raise exception using errcode = '55P03', message = 'invitation in flight';
        end if;
        return json_build_object('pending', v_pending);
    end if;

    perform app.emit((a ->> 'event_id')::uuid, c.tenant_id, 'mail.invitation',
                     jsonb_build_object('invitation_id', a -> 'id'), v_at);
    perform app.audit(c, a, 'invitation.created', 'invitation', (a ->> 'id')::uuid,
                      jsonb_build_object('role', a -> 'role'));
    return json_build_object('created', v_invitation);
end
$$;

-- The tenant's invitations, newest first, from behind `after_at` and `after_id` on.
create or replace function auth.list_invitations(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_at timestamptz := (a ->> 'at')::timestamptz;
begin
    return (
        select coalesce(json_agg(q.invitation), '[]'::json)
          from (select auth.invitation_view(i, v_at) as invitation
                  from auth.invitations i
                 where i.tenant_id = c.tenant_id
                   and (a ->> 'status' is null or auth.invitation_status(i, v_at) = a ->> 'status')
                   and (i.created_at, i.id) < (coalesce((a ->> 'after_at')::timestamptz, 'infinity'),
                                               coalesce((a ->> 'after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
                 order by i.created_at desc, i.id desc
                 limit (a ->> 'limit')::integer) q);
end
$$;

-- Withdraws an invitation: its token opens nothing from now on. Again changes nothing.
-- `a`: id, manages, at, origin. Answers "withdrawn", "accepted", "out_of_reach", or NULL where there is no such invitation.
create or replace function auth.withdraw_invitation(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_invitation auth.invitations;
begin
    perform set_config('lock_timeout', '1s', true);
    select i.* into v_invitation
      from auth.invitations i
     where i.tenant_id = c.tenant_id and i.id = (a ->> 'id')::uuid
       for update;
    if not found then
        return null;
    elsif ((a -> 'manages' -> c.role) ? v_invitation.role) is not true then
        return to_json('out_of_reach'::text);
    elsif v_invitation.accepted_at is not null then
        return to_json('accepted'::text);
    elsif v_invitation.withdrawn_at is null then
        update auth.invitations i
           set withdrawn_at = (a ->> 'at')::timestamptz
         where i.tenant_id = c.tenant_id and i.id = v_invitation.id;
        perform app.audit(c, a, 'invitation.withdrawn', 'invitation', v_invitation.id,
                          jsonb_build_object('reason', 'asked_for'));
    end if;
    return to_json('withdrawn'::text);
end
$$;

-- What somebody without a token of ours must know to accept: whether the address has an account, and what its new
-- password is held against. Nobody is known yet, so it runs as bizo_definer and answers for one token only.
-- `a`: token_hash, manages, at. Answers { has_account, password_context }, or NULL for a token that opens nothing.
create or replace function auth.find_invitation(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object(
               'has_account', exists (select from auth.users u where u.email_key = i.email_key),
               'password_context', json_build_object(
                   'email', i.email, 'tenant_names', json_build_array(t.name),
                   'chars_min', coalesce(t.password_min_length, 0)))
      from auth.invitations i
      join auth.tenants t on t.id = i.tenant_id and t.deleted_at is null
      join auth.memberships m on m.tenant_id = t.id and m.user_id = i.invited_by
      join auth.users inviter on inviter.id = m.user_id and inviter.deactivated_at is null
     where i.token_hash = decode(a ->> 'token_hash', 'hex')
       and i.accepted_at is null and i.withdrawn_at is null and i.expires_at > (a ->> 'at')::timestamptz
       and (a -> 'manages' -> m.role) ? i.role
$$;
alter function auth.find_invitation(jsonb) owner to bizo_definer;

-- Uses a token to become a member, once: of many at a time the row's lock lets one through, and the others find it used.
-- The caller is a person with the address that was invited, or nobody (no session), who gets an account with it; the token
-- came by mail, so the address is proven either way. Who is a member already keeps the higher of the two roles. It acts in
-- a tenant that the caller does not belong to yet, so it runs as bizo_definer.
-- `a`: token_hash, manages, at, origin; and for nobody user_id, password_hash?.
-- Answers { joined: tenant }, { registered: { user, tenant } }, "another_address", "has_account", or NULL for a token that
-- opens nothing: unknown, used, withdrawn, expired, or made by somebody who may not invite to this role any more.
create or replace function auth.accept_invitation(c app.caller, a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    c_trust      constant text[] := array['owner', 'admin', 'member', 'viewer'];
    v_at         timestamptz := (a ->> 'at')::timestamptz;
    v_invitation auth.invitations;
    v_tenant     auth.tenants;
    v_user       auth.users;
    v_caller     app.caller;
    v_role       text;
begin
    perform set_config('lock_timeout', '1s', true);
    select i.* into v_invitation
      from auth.invitations i
     where i.token_hash = decode(a ->> 'token_hash', 'hex')
       and i.accepted_at is null and i.withdrawn_at is null and i.expires_at > v_at
       for update;
    if not found then
        return null;
    end if;
    select t.* into v_tenant
      from auth.tenants t
      join auth.memberships m on m.tenant_id = t.id and m.user_id = v_invitation.invited_by
      join auth.users inviter on inviter.id = m.user_id and inviter.deactivated_at is null
     where t.id = v_invitation.tenant_id and t.deleted_at is null
       and (a -> 'manages' -> m.role) ? v_invitation.role;
    if not found then
        return null;
    end if;

    if c.session_id is not null then
        select u.* into v_user from auth.users u where u.id = c.user_id for no key update;
        if v_user.email_key <> v_invitation.email_key then
            return to_json('another_address'::text);
        end if;
    elsif exists (select from auth.users u where u.email_key = v_invitation.email_key) then
        return to_json('has_account'::text);
    elsif a ->> 'password_hash' is null then
        return null;
    else
        insert into auth.users as u (id, email, email_key, password_hash, last_tenant_id, created_at, updated_at)
        values ((a ->> 'user_id')::uuid, v_invitation.email, v_invitation.email_key, a ->> 'password_hash',
                v_tenant.id, v_at, v_at)
        on conflict (email_key) do nothing
        returning u.* into v_user;
        if not found then
            return to_json('has_account'::text);
        end if;
    end if;
    v_caller := row(v_tenant.id, v_user.id, c.session_id, null, null)::app.caller;
    if c.session_id is null then
        perform app.audit(v_caller, a, 'user.registered', 'user', v_user.id);
    end if;
    if v_user.verified_at is null then
        update auth.users u
           set verified_at = v_at, updated_at = v_at, version = u.version + 1
         where u.id = v_user.id
        returning u.* into v_user;
        perform app.audit(v_caller, a, 'user.email_verified', 'user', v_user.id);
    end if;

    select m.role into v_role
      from auth.memberships m
     where m.tenant_id = v_tenant.id and m.user_id = v_user.id
       for update;
    if not found then
        insert into auth.memberships (tenant_id, user_id, role, created_at, updated_at)
        values (v_tenant.id, v_user.id, v_invitation.role, v_at, v_at);
    elsif array_position(c_trust, v_invitation.role) < array_position(c_trust, v_role) then
        update auth.memberships m
           set role = v_invitation.role, updated_at = v_at, version = m.version + 1
         where m.tenant_id = v_tenant.id and m.user_id = v_user.id;
    else
        v_invitation.role := v_role;
    end if;
    if v_invitation.role = 'owner' and v_role is distinct from 'owner' then
        update auth.tenants t set owner_count = t.owner_count + 1 where t.id = v_tenant.id;
    end if;

    update auth.invitations i
       set accepted_at = v_at, accepted_by = v_user.id
     where i.tenant_id = v_tenant.id and i.id = v_invitation.id;
    perform app.audit(v_caller, a, 'invitation.accepted', 'invitation', v_invitation.id,
                      jsonb_build_object('role', v_invitation.role));

    if c.session_id is not null then
        return json_build_object('joined', auth.tenant_view(v_tenant, v_invitation.role));
    end if;
    return json_build_object('registered', json_build_object(
        'user', auth.user_view(v_user), 'tenant', auth.tenant_view(v_tenant, v_invitation.role)));
end
$$;
alter function auth.accept_invitation(app.caller, jsonb) owner to bizo_definer;

grant execute on function auth.invitation_status(auth.invitations, timestamptz),
                          auth.invitation_view(auth.invitations, timestamptz),
                          auth.has_member(app.caller, text), auth.create_invitation(app.caller, jsonb),
                          auth.list_invitations(app.caller, jsonb), auth.withdraw_invitation(app.caller, jsonb),
                          auth.find_invitation(jsonb), auth.accept_invitation(app.caller, jsonb)
   to bizo_auth;
-- What these call in turn.
grant execute on function auth.user_view(auth.users) to bizo_definer;
