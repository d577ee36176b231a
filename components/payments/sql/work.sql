-- Work that no caller's token stands behind: messages of gateways, returning payers, the sweep. The tenant comes from a row of
-- ours, never from what was sent: the account that a verified message belongs to, or the payment itself.

-- Opens the tenant of a payment for one statement. NULL context, and so no row, for a payment that is none.
create or replace function payments.enter_payment(p_id uuid) returns app.caller
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tenant uuid;
begin
    select p.tenant_id into v_tenant from payments.payments p where p.id = p_id;
    perform set_config('app.tenant_id', coalesce(v_tenant::text, ''), true);
    return row(v_tenant, null, null, 'service', null)::app.caller;
end
$$;
alter function payments.enter_payment(uuid) owner to bizo_definer;

-- The same for a gateway account.
create or replace function payments.enter_account(p_id uuid) returns app.caller
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tenant uuid;
begin
    select g.tenant_id into v_tenant from payments.gateway_accounts g where g.id = p_id and g.removed_at is null;
    perform set_config('app.tenant_id', coalesce(v_tenant::text, ''), true);
    return row(v_tenant, null, null, 'service', null)::app.caller;
end
$$;
alter function payments.enter_account(uuid) owner to bizo_definer;

-- The account that a webhook's address names, with its sealed keys; NULL where there is none.
create or replace function payments.find_webhook_account(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select payments.gateway_account_keys(g) from payments.gateway_accounts g
     where g.id = (a ->> 'id')::uuid and g.removed_at is null
$$;
alter function payments.find_webhook_account(jsonb) owner to bizo_definer;

-- The account of the payment that a message without an account in its address names. What names it is not verified yet: this
-- only finds the secret that it is then verified with.
create or replace function payments.find_payment_account(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select payments.gateway_account_keys(g)
      from payments.payments p
      join payments.gateway_accounts g on g.tenant_id = p.tenant_id and g.id = p.account_id
     where p.id = (a ->> 'payment')::uuid and p.gateway = a ->> 'gateway' and g.removed_at is null
$$;
alter function payments.find_payment_account(jsonb) owner to bizo_definer;

-- The payment that a returning payer's token names: its id, or NULL.
create or replace function payments.find_return(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select to_json(p.id) from payments.payments p where p.return_token = a ->> 'token'
$$;
alter function payments.find_return(jsonb) owner to bizo_definer;

-- Claims payments that are due for a look, for `lease_seconds`; several sweeps at once get different ones.
-- Answers the ids.
create or replace function payments.claim_due(a jsonb) returns json
language sql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
    with due as (
        select p.tenant_id, p.id
          from payments.payments p
         where p.next_look_at <= (a ->> 'at')::timestamptz
           and (p.leased_until is null or p.leased_until <= (a ->> 'at')::timestamptz)
         order by p.next_look_at
         limit (a ->> 'limit')::integer
           for no key update skip locked
    ), claimed as (
        update payments.payments p
           set leased_until = (a ->> 'at')::timestamptz + make_interval(secs => (a ->> 'lease_seconds')::integer),
               -- Whoever cannot be asked (an account that is gone) goes behind the others, and holds nobody up.
               next_look_at = (a ->> 'at')::timestamptz + interval '10 minutes'
          from due
         where p.tenant_id = due.tenant_id and p.id = due.id
        returning p.id
    )
    select coalesce(json_agg(id), '[]'::json) from claimed
$$;
alter function payments.claim_due(jsonb) owner to bizo_definer;

-- Accounts that another key sealed than the one that seals now, from behind `after` on: docs/key-rotation.md. The database can
-- read none; it tells by the id in front of a sealed value (crates/sealed has the form). `a`: key_id, after?, limit.
create or replace function payments.list_stale_accounts(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(json_agg(payments.gateway_account_keys(q.g) order by (q.g).id), '[]'::json)
      from (select g
              from payments.gateway_accounts g
             where (a ->> 'after' is null or g.id > (a ->> 'after')::uuid)
               and g.removed_at is null
               and (substring(g.credentials from 3 for get_byte(g.credentials, 1)) <> convert_to(a ->> 'key_id', 'UTF8')
                    or substring(g.previous_webhook_secret from 3 for get_byte(g.previous_webhook_secret, 1))
                       <> convert_to(a ->> 'key_id', 'UTF8'))
             order by g.id
             limit (a ->> 'limit')::integer) q
$$;
alter function payments.list_stale_accounts(jsonb) owner to bizo_definer;

-- Puts what was sealed again in the place of what it was opened from; credentials that were replaced meanwhile stay as they are.
-- `a`: id, stale, fresh, fresh_previous? (all base64). Answers { resealed }.
create or replace function payments.reseal_account(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update payments.gateway_accounts g
       set credentials = decode(a ->> 'fresh', 'base64'),
           previous_webhook_secret = decode(a ->> 'fresh_previous', 'base64'),
           -- The next one is lent soon enough.
           access_token = null, access_token_until = null
     where g.tenant_id = c.tenant_id and g.id = (a ->> 'id')::uuid and g.credentials = decode(a ->> 'stale', 'base64');
    return json_build_object('resealed', found);
end
$$;

-- Keeps a message of a gateway, once: a second one with the same key is a repeat. Its payment, if it names one of this
-- account's, is due at once. Answers { payment_id } or "repeated".
create or replace function payments.record_webhook(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_payment uuid;
begin
    -- The oldest few that are settled go: a message is kept for 90 days.
    delete from payments.webhook_events w
     where w.tenant_id = c.tenant_id
       and w.id in (select old.id from payments.webhook_events old
                     where old.tenant_id = c.tenant_id and old.account_id = (a ->> 'account_id')::uuid
                       and old.received_at < v_at - interval '90 days'
                     order by old.received_at limit 5 for update skip locked);

    select p.id into v_payment
      from payments.payments p
     where p.tenant_id = c.tenant_id and p.account_id = (a ->> 'account_id')::uuid
       and (p.id = (a ->> 'payment_id')::uuid
            or p.order_ref in (select jsonb_array_elements_text(a -> 'refs'))
            or p.payment_ref in (select jsonb_array_elements_text(a -> 'refs'))
            or p.capture_ref in (select jsonb_array_elements_text(a -> 'refs')))
     order by p.created_at desc
     limit 1;
    insert into payments.webhook_events (tenant_id, id, account_id, dedupe_key, type, body, payment_id, state, received_at, settled_at)
    values (c.tenant_id, (a ->> 'id')::uuid, (a ->> 'account_id')::uuid, a ->> 'dedupe_key', a ->> 'type',
            decode(a ->> 'body', 'base64'), v_payment,
            case when v_payment is null then 'kept' else 'pending' end, v_at, case when v_payment is null then v_at end)
    on conflict on constraint webhook_events_once do nothing;
    if not found then
        return to_json('repeated'::text);
    end if;
    update payments.payments p
       set next_look_at = v_at, looks = 0
     where p.tenant_id = c.tenant_id and p.id = v_payment;
    return json_build_object('recorded', json_build_object('payment_id', v_payment));
end
$$;

-- Marks the messages of a payment that came before the gateway was asked: what it said then holds theirs too.
create or replace function payments.settle_webhooks(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update payments.webhook_events w
       set state = a ->> 'state', settled_at = (a ->> 'at')::timestamptz
     where w.tenant_id = c.tenant_id and w.payment_id = (a ->> 'id')::uuid and w.state = 'pending'
       and w.received_at <= (a ->> 'asked_at')::timestamptz;
    return json_build_object('settled', true);
end
$$;

grant delete on payments.webhook_events to bizo_payments;
grant execute on function
    payments.enter_payment(uuid), payments.enter_account(uuid), payments.find_webhook_account(jsonb),
    payments.find_payment_account(jsonb),
    payments.find_return(jsonb), payments.claim_due(jsonb), payments.record_webhook(app.caller, jsonb),
    payments.settle_webhooks(app.caller, jsonb), payments.list_stale_accounts(jsonb),
    payments.reseal_account(app.caller, jsonb)
to bizo_payments;
