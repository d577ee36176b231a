-- Which gateway takes a payment: the tenant's rules, and the change to another gateway.

-- The rules: { rules, version }; none are as if the list were empty.
create or replace function payments.find_routing(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return coalesce((select json_build_object('rules', r.rules, 'version', r.version)
                       from payments.routing r where r.tenant_id = c.tenant_id),
                    json_build_object('rules', json_build_array(), 'version', 0));
end
$$;

-- Writes the rules whole, if they are still at the version that was read (where one is named). Answers { put } or "stale".
create or replace function payments.put_routing(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    insert into payments.routing as r (tenant_id, rules, updated_at)
    values (c.tenant_id, (a -> 'rules')::json, (a ->> 'at')::timestamptz)
    on conflict (tenant_id) do update
       set rules = excluded.rules, updated_at = excluded.updated_at, version = r.version + 1
     where a ->> 'version' is null or r.version = (a ->> 'version')::bigint;
    if not found then
        return to_json('stale'::text);
    end if;
    perform app.audit(c, a, 'payment_routing.changed', 'tenant', c.tenant_id, jsonb_build_object('rules', jsonb_array_length(a -> 'rules')));
    return json_build_object('put', payments.find_routing(c, a));
end
$$;

-- Ends the attempt to create a payment, which certainly took nothing, and begins one at the next gateway that the tenant can use:
-- in one statement, so that there is never a payment that two gateways were asked for at once. `a`: id, attempt, failure,
-- next_attempt, without_account (the gateways that need none), leased_until, next_look_at, at.
-- Answers { attempt, payment }; NULL where nothing is left to be asked, or something became of the payment meanwhile.
create or replace function payments.fail_over(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_from    text;
    v_to      text;
    v_account uuid;
    v_place   bigint;
    v_payment payments.payments;
    v_attempt payments.attempts;
begin
    select p.* into v_payment from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid
       for no key update;
    if not found or v_payment.phase <> 'created' or v_payment.authorized > 0 then
        return null;
    end if;
    select f.gateway, g.id, f.place into v_to, v_account, v_place
      from unnest(v_payment.fallbacks) with ordinality f (gateway, place)
      left join payments.gateway_accounts g
        on g.tenant_id = c.tenant_id and g.gateway = f.gateway and g.mode = v_payment.mode and g.removed_at is null
     where g.id is not null or a -> 'without_account' ? f.gateway
     order by f.place
     limit 1;
    if not found then
        return null;
    end if;
    update payments.attempts t
       set state = 'refused', failure = (a -> 'failure')::json, answered_at = v_at, leased_until = null,
           superseded_by = (a ->> 'next_attempt')::uuid
     where t.tenant_id = c.tenant_id and t.id = (a ->> 'attempt')::uuid and t.payment_id = v_payment.id
       and t.verb = 'create' and t.state in ('started', 'unknown');
    if not found then
        return null;
    end if;
    insert into payments.attempts (tenant_id, id, payment_id, verb, amount, state, leased_until, asked_at)
    values (c.tenant_id, (a ->> 'next_attempt')::uuid, v_payment.id, 'create', v_payment.amount, 'started',
            (a ->> 'leased_until')::timestamptz, v_at)
    returning * into v_attempt;
    v_from := v_payment.gateway;
    update payments.payments p
       set gateway = v_to, account_id = v_account, fallbacks = p.fallbacks[v_place + 1:], order_ref = null, payment_ref = null,
           capture_ref = null, next_look_at = (a ->> 'next_look_at')::timestamptz, looks = 0, updated_at = v_at,
           version = p.version + 1
     where p.tenant_id = c.tenant_id and p.id = v_payment.id
    returning p.* into v_payment;
    perform payments.note_event(c, v_payment.id, v_at, 'gateway.failed_over', 'api', v_payment.state,
                                jsonb_build_object('from', v_from, 'to', v_to, 'failure', a -> 'failure'));
    return json_build_object('attempt', payments.attempt_view(v_attempt, true), 'payment', payments.payment_view(v_payment));
end
$$;

grant execute on function payments.find_routing(app.caller, jsonb), payments.put_routing(app.caller, jsonb),
                          payments.fail_over(app.caller, jsonb) to bizo_payments;
