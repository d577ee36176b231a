-- Removes what nobody can use any more and nobody asks for: of each kind at most so many at once, so that no sweep holds
-- up a request. What happened stays in the audit log.

-- `a`: at, batch. Answers how many went: { sessions, mfa_challenges, mail_tokens }. Refresh tokens go with their session:
-- until then an old one that comes again is known for stolen.
create or replace function auth.sweep(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at         timestamptz := (a ->> 'at')::timestamptz;
    v_batch      integer     := (a ->> 'batch')::integer;
    v_sessions   integer;
    v_challenges integer;
    v_tokens     integer;
begin
    -- Sessions that ended early have expired by now as well, so the index on expires_at finds both kinds.
    delete from auth.sessions s
     where s.id in (select old.id from auth.sessions old
                     where old.expires_at < v_at
                       and least(old.expires_at, old.revoked_at) < v_at - interval '30 days'
                     order by old.expires_at limit v_batch for update skip locked);
    get diagnostics v_sessions = row_count;

    delete from auth.mfa_challenges m
     where m.hash in (select old.hash from auth.mfa_challenges old
                       where old.expires_at < v_at
                       order by old.expires_at limit v_batch);
    get diagnostics v_challenges = row_count;

    delete from auth.mail_tokens m
     where m.hash in (select old.hash from auth.mail_tokens old
                       where old.expires_at < v_at - interval '7 days'
                       order by old.expires_at limit v_batch for update skip locked);
    get diagnostics v_tokens = row_count;

    return json_build_object('sessions', v_sessions, 'mfa_challenges', v_challenges, 'mail_tokens', v_tokens);
end
$$;
alter function auth.sweep(jsonb) owner to bizo_definer;
grant execute on function auth.sweep(jsonb) to bizo_auth;
