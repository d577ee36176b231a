-- Tokens that travel by mail: asked for, made when the message is on its way, and used once.
--
-- Asking is one row in the outbox whether or not anybody has the address, so that known and unknown ones cost the same;
-- who is meant is found out when the message is sent.

-- Asks for a message to an address: `type` is mail.verification or mail.password_reset.
create or replace function auth.request_mail(a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform app.emit((a ->> 'event_id')::uuid, null, a ->> 'type',
                     jsonb_build_object('email_key', a ->> 'email_key', 'origin', a -> 'origin'),
                     (a ->> 'at')::timestamptz);
    return json_build_object('requested', true);
end
$$;

-- Makes the token of a message that the dispatcher is about to send; it gives the hash, and asks again with the same one
-- when it has to send again. At most five an hour for each person and purpose.
-- `a`: event_id, token_hash (hex), at. Answers { to, data, expires_at }, or NULL when there is nothing to send.
create or replace function auth.issue_mail_token(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at         timestamptz := (a ->> 'at')::timestamptz;
    v_hash       bytea := decode(a ->> 'token_hash', 'hex');
    v_event      app.outbox;
    v_user       auth.users;
    v_invitation auth.invitations;
    v_purpose    text;
    v_is_token   boolean;
    v_expires    timestamptz;
begin
    select o.* into v_event from app.outbox o where o.id = (a ->> 'event_id')::uuid;
    if not found then
        return null;
    end if;

    if v_event.type = 'mail.invitation' then
        update auth.invitations i
           set token_hash = v_hash
         where i.tenant_id = v_event.tenant_id and i.id = (v_event.payload ->> 'invitation_id')::uuid
           and i.accepted_at is null and i.withdrawn_at is null and i.expires_at > v_at
        returning i.* into v_invitation;
        if not found then
            return null;
        end if;
        return json_build_object(
            'to', v_invitation.email, 'expires_at', v_invitation.expires_at,
            'data', json_build_object(
                'tenant_name', (select t.name from auth.tenants t where t.id = v_invitation.tenant_id),
                'invited_by', (select u.email from auth.users u where u.id = v_invitation.invited_by),
                'role', v_invitation.role));
    end if;

    select u.* into v_user
      from auth.users u
     where u.deactivated_at is null
       and case when v_event.payload ? 'user_id' then u.id = (v_event.payload ->> 'user_id')::uuid
                else u.email_key = v_event.payload ->> 'email_key' end;
    if not found then
        return null;
    end if;

    v_purpose := substr(v_event.type, length('mail.') + 1);
    v_is_token := v_purpose in ('verification', 'password_reset');
    v_expires := v_event.created_at + case v_purpose when 'password_reset' then interval '1 hour' else interval '24 hours' end;
    if v_expires <= v_at or (v_purpose = 'verification' and v_user.verified_at is not null) then
        return null;
    end if;
    -- One message at a time for a person, so that the limit holds for two dispatchers too.
    perform pg_advisory_xact_lock(hashtextextended('mail token ' || v_user.id, 0));
    if (select count(*) from auth.mail_tokens t
         where t.user_id = v_user.id and t.purpose = v_purpose and t.hash <> v_hash
           and t.created_at > v_at - interval '1 hour') >= 5 then
        return null;
    end if;
    insert into auth.mail_tokens (hash, purpose, user_id, email_key, created_at, expires_at, used_at)
    values (v_hash, v_purpose, v_user.id, v_user.email_key, v_at, v_expires, case when not v_is_token then v_at end)
    on conflict (hash) do nothing;
    if found and v_purpose = 'password_reset' then
        perform app.audit(row(v_user.last_tenant_id, null, null, null, null)::app.caller,
                          jsonb_build_object('at', v_at, 'origin', v_event.payload -> 'origin'),
                          'user.password_reset_sent', 'user', v_user.id);
    end if;
    if not v_is_token then
        return json_build_object(
            'to', coalesce(v_event.payload ->> 'to', v_user.email), 'data', json_build_object('token', false));
    end if;
    return json_build_object('to', v_user.email, 'expires_at', v_expires, 'data', json_build_object('token', true));
end
$$;
alter function auth.issue_mail_token(jsonb) owner to bizo_definer;
grant execute on function auth.issue_mail_token(jsonb) to bizo_events;

-- Whose password a token may reset, and what the new one is held against; NULL for a token that opens nothing.
create or replace function auth.find_password_reset(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select auth.password_context(t.user_id)
      from auth.mail_tokens t
      join auth.users u on u.id = t.user_id and u.deactivated_at is null
     where t.hash = decode(a ->> 'token_hash', 'hex') and t.purpose = 'password_reset'
       and t.used_at is null and t.expires_at > (a ->> 'at')::timestamptz
$$;
alter function auth.find_password_reset(jsonb) owner to bizo_definer;

-- Uses a token to set a new password: once. All sessions end, and failed log-ins are forgotten.
-- `a`: token_hash, password_hash, account (hex), event ids, at, origin. Answers { reset: true }, or NULL.
create or replace function auth.reset_password(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user   uuid;
    v_caller app.caller;
begin
    update auth.mail_tokens t
       set used_at = (a ->> 'at')::timestamptz
     where t.hash = decode(a ->> 'token_hash', 'hex') and t.purpose = 'password_reset'
       and t.used_at is null and t.expires_at > (a ->> 'at')::timestamptz
       and exists (select from auth.users u where u.id = t.user_id and u.deactivated_at is null)
    returning t.user_id into v_user;
    if not found then
        return null;
    end if;
    v_caller := row((select u.last_tenant_id from auth.users u where u.id = v_user), v_user, null, null, null)::app.caller;
    perform auth.change_user(v_caller, a || jsonb_build_object('user_id', v_user));
    -- Nobody had proven this address: whoever registered it may be somebody else, who leaves nothing behind to get in by.
    update auth.users u
       set verified_at = (a ->> 'at')::timestamptz
     where u.id = v_user and u.verified_at is null;
    if found then
        delete from auth.totp_factors f where f.user_id = v_user;
        delete from auth.recovery_codes r where r.user_id = v_user;
        update auth.api_keys k
           set revoked_at = (a ->> 'at')::timestamptz
         where k.created_by = v_user and k.revoked_at is null;
        perform app.audit(v_caller, a, 'user.email_verified', 'user', v_user);
    end if;
    return json_build_object('reset', true);
end
$$;
alter function auth.reset_password(jsonb) owner to bizo_definer;

-- Uses a token to prove an address: once, and only while the person still has the address that it was sent to.
-- Answers { verified: { user, tenant: null } }, "already_verified", or NULL.
create or replace function auth.verify_email(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at    timestamptz := (a ->> 'at')::timestamptz;
    v_token auth.mail_tokens;
    v_user  auth.users;
begin
    select t.* into v_token
      from auth.mail_tokens t
     where t.hash = decode(a ->> 'token_hash', 'hex') and t.purpose = 'verification' and t.expires_at > v_at;
    if not found then
        return null;
    end if;
    select u.* into v_user
      from auth.users u
     where u.id = v_token.user_id and u.email_key = v_token.email_key and u.deactivated_at is null
       for update;
    if not found then
        return null;
    elsif v_user.verified_at is not null then
        return to_json('already_verified'::text);
    end if;
    update auth.mail_tokens t set used_at = v_at where t.hash = v_token.hash and t.used_at is null;
    if not found then
        return null;
    end if;
    update auth.users u
       set verified_at = v_at, updated_at = v_at, version = u.version + 1
     where u.id = v_user.id
    returning u.* into v_user;
    perform app.audit(row(v_user.last_tenant_id, v_user.id, null, null, null)::app.caller, a,
                      'user.email_verified', 'user', v_user.id);
    return json_build_object('verified', json_build_object('user', auth.user_view(v_user), 'tenant', null));
end
$$;
alter function auth.verify_email(jsonb) owner to bizo_definer;

grant execute on function auth.request_mail(jsonb), auth.find_password_reset(jsonb), auth.reset_password(jsonb),
                          auth.verify_email(jsonb) to bizo_auth;
-- What these call in turn.
grant execute on function auth.password_context(uuid), auth.change_user(app.caller, jsonb),
                          auth.user_view(auth.users) to bizo_definer;
