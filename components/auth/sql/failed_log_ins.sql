-- Failed log-ins. The table is open to bizo_definer alone; these three functions are all that auth may do with it.

-- Remembers a failure (and in the audit log whose it was, where an account was meant), and drops a few that no rule reads any more, so that the table needs no sweeper.
create or replace function auth.record_failed_log_in(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at timestamptz := (a ->> 'at')::timestamptz;
begin
    if not coalesce((a ->> 'is_counted')::boolean, false) then
        insert into auth.failed_log_ins (account, address, failed_at)
        values (decode(a ->> 'account', 'hex'), a ->> 'address', v_at);
    end if;

    delete from auth.failed_log_ins f
     where f.id in (select old.id from auth.failed_log_ins old
                     where old.failed_at < v_at - interval '24 hours'
                     order by old.failed_at limit 10 for update skip locked);
    -- Also where nobody has the address, so that known and unknown ones cost the same.
    perform app.audit(row((a ->> 'tenant_id')::uuid, null, null, null, null)::app.caller, a,
                      'session.refused', 'user', (a ->> 'user_id')::uuid);
    return json_build_object('recorded', true);
end
$$;
alter function auth.record_failed_log_in(jsonb) owner to bizo_definer;

-- Decides whether a log-in may be tried, when the store that usually decides is away, and counts it as failed until
-- it has succeeded; two tries at once are put in order by the lock. `delays_ms` holds the wait after the n-th
-- failure (the last entry for all beyond), `address_limit` how many failures an address has in an hour.
-- Answers { wait_ms }: 0 lets the try through.
create or replace function auth.throttle_log_in(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at       timestamptz := (a ->> 'at')::timestamptz;
    v_account  bytea := decode(a ->> 'account', 'hex');
    v_delays   jsonb := a -> 'delays_ms';
    v_failures integer;
    v_last     timestamptz;
    v_oldest   timestamptz;
    v_delay    numeric;
    v_wait     numeric := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('log-in account ' || (a ->> 'account'), 0));
    perform pg_advisory_xact_lock(hashtextextended('log-in address ' || (a ->> 'address'), 0));

    select count(*), max(f.failed_at) into v_failures, v_last
      from auth.failed_log_ins f
     where f.account = v_account and f.failed_at > v_at - interval '24 hours';
    v_delay := coalesce((v_delays ->> least(v_failures, jsonb_array_length(v_delays)) - 1)::numeric, 0);
    -- A free try is free also for a request that came before the last one that was counted.
    if v_failures > 0 and v_delay > 0 then
        v_wait := v_delay - extract(epoch from v_at - v_last) * 1000;
    end if;

    select count(*), min(f.failed_at) into v_failures, v_oldest
      from auth.failed_log_ins f
     where f.address = a ->> 'address' and f.failed_at > v_at - interval '1 hour';
    if v_failures >= (a ->> 'address_limit')::integer then
        v_wait := greatest(v_wait, extract(epoch from v_oldest + interval '1 hour' - v_at) * 1000);
    end if;

    if v_wait <= 0 then
        insert into auth.failed_log_ins (account, address, failed_at) values (v_account, a ->> 'address', v_at);
    end if;
    return json_build_object('wait_ms', greatest(ceil(v_wait), 0)::bigint);
end
$$;
alter function auth.throttle_log_in(jsonb) owner to bizo_definer;

-- A success wipes the slate of its account.
create or replace function auth.forget_failed_log_ins(p_account bytea) returns void
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    delete from auth.failed_log_ins f where f.account = p_account
$$;
alter function auth.forget_failed_log_ins(bytea) owner to bizo_definer;

grant execute on function auth.record_failed_log_in(jsonb), auth.throttle_log_in(jsonb),
                          auth.forget_failed_log_ins(bytea) to bizo_auth;
