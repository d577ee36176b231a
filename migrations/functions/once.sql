-- Runs a unit of work at most once for an Idempotency-Key, and gives every repeat the first outcome.
--
-- The claim, the work and its outcome are one statement: a crash leaves none of the three, and a second request with
-- the same key waits on the first one's uncommitted claim (until lock_timeout, which the client sees as 409). The
-- outcome is data, also where the answer will be a refusal, so definite 4xx answers repeat as well; an exception
-- leaves no claim. Answers { outcome } · { replayed: true, outcome } · { mismatch: true } for another body.
create or replace function app.once(
    p_caller app.caller, p_route text, p_key text, p_fingerprint bytea, p_at timestamptz, p_work regproc, p_args jsonb
) returns json
language plpgsql volatile
as $$
declare
    -- A person in no tenant keeps their keys beside those of nobody, under the nil tenant.
    v_tenant      uuid := coalesce(p_caller.tenant_id, '00000000-0000-0000-0000-000000000000');
    v_fingerprint bytea;
    v_outcome     json;
begin
    if p_caller.tenant_id is null then
        perform set_config('app.tenant_id', v_tenant::text, true);
    end if;

    -- An expired key is free again; a few others that expired go with it, so that the table needs no sweeper.
    delete from app.idempotency_keys k
     where k.component = current_user and k.tenant_id = v_tenant and k.user_id = p_caller.user_id
       and k.route = p_route and k.key = p_key and k.expires_at <= p_at;
    delete from app.idempotency_keys k
     where k.component = current_user and k.tenant_id = v_tenant
       and k.ctid in (select old.ctid from app.idempotency_keys old
                       where old.component = current_user and old.tenant_id = v_tenant and old.expires_at <= p_at
                       order by old.expires_at limit 10 for update skip locked);

    insert into app.idempotency_keys (tenant_id, user_id, route, key, fingerprint, created_at, expires_at)
    values (v_tenant, p_caller.user_id, p_route, p_key, p_fingerprint, p_at, p_at + interval '24 hours')
    on conflict do nothing;

    if not found then
        select k.fingerprint, k.outcome into v_fingerprint, v_outcome
          from app.idempotency_keys k
         where k.component = current_user and k.tenant_id = v_tenant and k.user_id = p_caller.user_id
           and k.route = p_route and k.key = p_key;
        if not found then
            -- It expired and was swept between the two statements: as if it were still in flight.
            raise exception using errcode = '55P03', message = 'idempotency key in flight';
        elsif v_fingerprint <> p_fingerprint then
            return json_build_object('mismatch', true);
        end if;
        return json_build_object('replayed', true, 'outcome', v_outcome);
    end if;

    execute format('select %s($1, $2)', p_work) into v_outcome using p_caller, p_args;

    -- The work may have opened another context (register opens its new tenant's).
    perform set_config('app.tenant_id', v_tenant::text, true);
    update app.idempotency_keys k
       set outcome = v_outcome
     where k.component = current_user and k.tenant_id = v_tenant and k.user_id = p_caller.user_id
       and k.route = p_route and k.key = p_key;
    return json_build_object('outcome', v_outcome);
end
$$;
grant execute on function app.once(app.caller, text, text, bytea, timestamptz, regproc, jsonb)
   to bizo_auth, bizo_payments, bizo_crm;
