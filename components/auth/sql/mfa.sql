-- Second factors: one TOTP seed a person (sealed; the database cannot read it) with ten recovery codes, and the
-- challenges between the two steps of a log-in.

-- Remembers a seed that is to be confirmed with a code; one that never was is replaced. Asks for the password again, so
-- `password_hash` must be the one that was verified. Answers { enrolled: true }, "already_enrolled" or "changed".
create or replace function auth.enrol_totp(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform from auth.users u where u.id = c.user_id and u.password_hash = a ->> 'password_hash' for update;
    if not found then
        return to_json('changed'::text);
    end if;
    insert into auth.totp_factors as f (user_id, sealed_seed, created_at)
    values (c.user_id, decode(a ->> 'sealed_seed', 'hex'), (a ->> 'at')::timestamptz)
    on conflict (user_id) do update
       set sealed_seed = excluded.sealed_seed, created_at = excluded.created_at, last_step = 0
     where f.confirmed_at is null;
    if not found then
        return to_json('already_enrolled'::text);
    end if;
    return json_build_object('enrolled', true);
end
$$;

-- The caller's factor, and the hash of their password. NULL for an account that is gone.
create or replace function auth.find_totp(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object(
                   'password_hash', u.password_hash, 'email', u.email,
                   'sealed_seed', encode(f.sealed_seed, 'hex'), 'confirmed_at', f.confirmed_at,
                   'recovery_codes_left', (select count(*) from auth.recovery_codes r
                                            where r.user_id = u.id and r.used_at is null))
          from auth.users u
          left join auth.totp_factors f on f.user_id = u.id
         where u.id = c.user_id);
end
$$;

-- Puts ten new recovery codes in the place of all older ones.
create or replace function auth.replace_recovery_codes(p_user uuid, a jsonb) returns void
language sql volatile
as $$
    delete from auth.recovery_codes r where r.user_id = p_user;
    insert into auth.recovery_codes (user_id, hash, created_at)
    select p_user, decode(code, 'hex'), (a ->> 'at')::timestamptz
      from jsonb_array_elements_text(a -> 'recovery_code_hashes') code;
$$;

-- Confirms a factor with the step of a first right code. From then on log-in asks for it; the session at hand has it.
-- Answers { confirmed: true } or "code_used" (also for a factor that was confirmed or replaced meanwhile).
create or replace function auth.confirm_totp(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update auth.totp_factors f
       set confirmed_at = (a ->> 'at')::timestamptz, last_step = (a ->> 'step')::bigint
     where f.user_id = c.user_id and f.confirmed_at is null and f.last_step < (a ->> 'step')::bigint
       and f.sealed_seed = decode(a ->> 'sealed_seed', 'hex');
    if not found then
        return to_json('code_used'::text);
    end if;
    perform auth.replace_recovery_codes(c.user_id, a);
    update auth.sessions s set mfa_at = (a ->> 'at')::timestamptz where s.user_id = c.user_id and s.id = c.session_id;
    perform app.audit(c, a, 'mfa.enrolled', 'user', c.user_id);
    return json_build_object('confirmed', true);
end
$$;

-- Removes the factor and its recovery codes. Answers { removed: true }, "not_enrolled" or "changed" (the password).
create or replace function auth.remove_totp(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform from auth.users u where u.id = c.user_id and u.password_hash = a ->> 'password_hash' for update;
    if not found then
        return to_json('changed'::text);
    end if;
    delete from auth.totp_factors f where f.user_id = c.user_id;
    if not found then
        return to_json('not_enrolled'::text);
    end if;
    delete from auth.recovery_codes r where r.user_id = c.user_id;
    -- A tenant that asks for a factor asks again.
    update auth.sessions s set mfa_at = null where s.user_id = c.user_id and s.mfa_at is not null;
    perform app.audit(c, a, 'mfa.removed', 'user', c.user_id);
    return json_build_object('removed', true);
end
$$;

-- Makes new recovery codes. Answers { renewed: true }, "not_enrolled" or "changed".
create or replace function auth.renew_recovery_codes(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform from auth.users u where u.id = c.user_id and u.password_hash = a ->> 'password_hash' for update;
    if not found then
        return to_json('changed'::text);
    end if;
    perform from auth.totp_factors f where f.user_id = c.user_id and f.confirmed_at is not null;
    if not found then
        return to_json('not_enrolled'::text);
    end if;
    perform auth.replace_recovery_codes(c.user_id, a);
    perform app.audit(c, a, 'mfa.recovery_codes_renewed', 'user', c.user_id);
    return json_build_object('renewed', true);
end
$$;

-- The first step of a log-in is done: the password was right. Like auth.open_session it lets nobody on whose password
-- changed meanwhile. Answers { challenged: true }, or NULL.
create or replace function auth.open_challenge(a jsonb) returns json
language plpgsql volatile
as $$
begin
    perform set_config('app.user_id', a ->> 'user_id', true);
    update auth.users u
       set password_hash = coalesce(a ->> 'upgraded_hash', u.password_hash)
     where u.id = (a ->> 'user_id')::uuid and u.password_hash = a ->> 'password_hash' and u.deactivated_at is null;
    if not found then
        return null;
    end if;
    insert into auth.mfa_challenges (hash, user_id, tenant_id, password_hash, created_at, expires_at)
    values (decode(a ->> 'challenge_hash', 'hex'), (a ->> 'user_id')::uuid, (a ->> 'tenant_id')::uuid,
            coalesce(a ->> 'upgraded_hash', a ->> 'password_hash'), (a ->> 'at')::timestamptz,
            (a ->> 'expires_at')::timestamptz);
    perform auth.forget_failed_log_ins(decode(a ->> 'account', 'hex'));
    return json_build_object('challenged', true);
end
$$;

-- Whose challenge it is, by the hash of its token; NULL for one that is unknown, used or over. Nobody is known yet, so
-- it runs as bizo_definer.
create or replace function auth.find_challenge(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object('user_id', m.user_id, 'tenant_id', m.tenant_id, 'sealed_seed', encode(f.sealed_seed, 'hex'))
      from auth.mfa_challenges m
      join auth.users u on u.id = m.user_id and u.deactivated_at is null and u.password_hash = m.password_hash
      join auth.totp_factors f on f.user_id = m.user_id and f.confirmed_at is not null
     where m.hash = decode(a ->> 'challenge_hash', 'hex') and m.used_at is null
       and m.expires_at > (a ->> 'at')::timestamptz
$$;
alter function auth.find_challenge(jsonb) owner to bizo_definer;

-- The second step: takes the code (`step` of a TOTP code, or `recovery_code_hash`) and the challenge, each once, and begins
-- the session; one of them being used already, neither is. Answers { opened: true }, or NULL.
create or replace function auth.complete_challenge(a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at   timestamptz := (a ->> 'at')::timestamptz;
    v_user uuid := (a ->> 'user_id')::uuid;
begin
    perform set_config('app.user_id', a ->> 'user_id', true);

    -- The person's row first: of many codes and challenges at once, one goes ahead.
    perform from auth.users u where u.id = v_user and u.deactivated_at is null for update;
    if not found then
        return null;
    end if;
    perform from auth.mfa_challenges m join auth.users u on u.id = m.user_id and u.password_hash = m.password_hash
      where m.hash = decode(a ->> 'challenge_hash', 'hex') and m.user_id = v_user
        and m.used_at is null and m.expires_at > v_at;
    if not found then
        return null;
    end if;

    if a ->> 'step' is not null then
        update auth.totp_factors f
           set last_step = (a ->> 'step')::bigint
         where f.user_id = v_user and f.confirmed_at is not null and f.last_step < (a ->> 'step')::bigint;
    else
        update auth.recovery_codes r
           set used_at = v_at
         where r.user_id = v_user and r.hash = decode(a ->> 'recovery_code_hash', 'hex') and r.used_at is null;
    end if;
    if not found then
        return null;
    end if;

    update auth.mfa_challenges m set used_at = v_at where m.hash = decode(a ->> 'challenge_hash', 'hex');
    update auth.users u
       set last_tenant_id = coalesce((a ->> 'tenant_id')::uuid, u.last_tenant_id)
     where u.id = v_user;
    perform auth.begin_session(a);
    if a ->> 'step' is null then
        perform app.audit(row((a ->> 'tenant_id')::uuid, v_user, null, null, null)::app.caller, a,
                          'mfa.recovery_code_used', 'user', v_user);
    end if;
    perform auth.forget_failed_log_ins(decode(a ->> 'account', 'hex'));
    return json_build_object('opened', true);
end
$$;

grant execute on function auth.enrol_totp(app.caller, jsonb), auth.find_totp(app.caller, jsonb),
                          auth.replace_recovery_codes(uuid, jsonb), auth.confirm_totp(app.caller, jsonb),
                          auth.remove_totp(app.caller, jsonb), auth.renew_recovery_codes(app.caller, jsonb),
                          auth.open_challenge(jsonb), auth.find_challenge(jsonb), auth.complete_challenge(jsonb)
   to bizo_auth;
