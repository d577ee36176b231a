-- Payments: begun, read, settled. The caller's tenant stands in every condition, beside the row policies.

-- A payment as the component reads it.
create or replace function payments.payment_view(p payments.payments) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', p.id, 'gateway', p.gateway, 'mode', p.mode, 'account_id', p.account_id, 'amount', p.amount,
        'currency', p.currency, 'capture_method', p.capture_method, 'flow', p.flow, 'description', p.description,
        'customer', p.customer, 'metadata', p.metadata, 'return_url', p.return_url, 'cancel_url', p.cancel_url,
        'return_token', p.return_token, 'phase', p.phase, 'authorized', p.authorized, 'captured', p.captured,
        'capturing', p.capturing, 'refunded', p.refunded, 'refunding', p.refunding, 'fee', p.fee,
        'disputed', p.disputed, 'dispute_state', p.dispute_state, 'state', p.state,
        'late_success_at', p.late_success_at, 'reported_at', p.reported_at, 'failure', p.failure,
        'next_action', p.next_action, 'order_ref', p.order_ref, 'payment_ref', p.payment_ref,
        'capture_ref', p.capture_ref, 'created_at', p.created_at, 'updated_at', p.updated_at,
        'expires_at', p.expires_at, 'looks', p.looks, 'fallbacks', p.fallbacks, 'version', p.version)
$$;

-- Adds a line to a payment's timeline.
create or replace function payments.note_event(c app.caller, p_payment uuid, p_at timestamptz, p_type text, p_source text,
                                               p_state text, p_details jsonb) returns void
language sql volatile
as $$
    insert into payments.payment_events (tenant_id, payment_id, at, type, source, state, details)
    values (c.tenant_id, p_payment, p_at, p_type, p_source, p_state, jsonb_strip_nulls(p_details))
$$;

-- Writes a payment and the attempt to create it at the gateway. Both stand before the gateway is asked.
-- Answers { attempt, payment }, or "no_account" where the gateway account is gone.
create or replace function payments.begin_payment(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_payment payments.payments;
begin
    if a ->> 'account_id' is not null then
        perform 1 from payments.gateway_accounts g
          where g.tenant_id = c.tenant_id and g.id = (a ->> 'account_id')::uuid and g.removed_at is null;
        if not found then
            return to_json('no_account'::text);
        end if;
    end if;

    insert into payments.payments as p (
        tenant_id, id, gateway, mode, account_id, amount, currency, capture_method, flow, description, customer, metadata,
        return_url, cancel_url, return_token, phase, created_by, created_at, updated_at, expires_at, next_look_at,
        leased_until, fallbacks)
    values (
        c.tenant_id, (a ->> 'id')::uuid, a ->> 'gateway', a ->> 'mode', (a ->> 'account_id')::uuid,
        (a ->> 'amount')::bigint, a ->> 'currency', a ->> 'capture_method', a ->> 'flow', a ->> 'description',
        (a -> 'customer')::json, (a -> 'metadata')::json, a ->> 'return_url', a ->> 'cancel_url', a ->> 'return_token',
        'created', c.user_id, v_at, v_at, (a ->> 'expires_at')::timestamptz, (a ->> 'next_look_at')::timestamptz,
        (a ->> 'leased_until')::timestamptz, array(select jsonb_array_elements_text(a -> 'fallbacks')))
    returning p.* into v_payment;

    insert into payments.attempts (tenant_id, id, payment_id, verb, amount, state, leased_until, asked_at)
    values (c.tenant_id, (a ->> 'attempt')::uuid, v_payment.id, 'create', v_payment.amount, 'started',
            (a ->> 'leased_until')::timestamptz, v_at);
    perform payments.note_event(c, v_payment.id, v_at, 'payment.created', 'api', v_payment.state,
                                jsonb_build_object('by', c.user_id, 'key', c.key_id));
    return json_build_object('begun', json_build_object('attempt', a -> 'attempt', 'payment', payments.payment_view(v_payment)));
end
$$;

-- One payment with what is needed to ask its gateway: { payment, account? }; NULL where the tenant has none such.
create or replace function payments.find_payment(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select json_build_object(
                   'payment', payments.payment_view(p),
                   'account', case when g.id is not null and g.removed_at is null then payments.gateway_account_keys(g) end)
          from payments.payments p
          left join payments.gateway_accounts g on g.tenant_id = c.tenant_id and g.id = p.account_id
         where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid);
end
$$;

-- Payments, the newest first: those of the filters, from behind `after_at` and `after_id` on.
create or replace function payments.list_payments(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(payments.payment_view(q.p) order by (q.p).created_at desc, (q.p).id desc), '[]'::json)
          from (select p
                  from payments.payments p
                 where p.tenant_id = c.tenant_id
                   and (a ->> 'state' is null or p.state = a ->> 'state')
                   and (a ->> 'gateway' is null or p.gateway = a ->> 'gateway')
                   and (a ->> 'mode' is null or p.mode = a ->> 'mode')
                   and (a ->> 'created_after' is null or p.created_at >= (a ->> 'created_after')::timestamptz)
                   and (a ->> 'created_before' is null or p.created_at < (a ->> 'created_before')::timestamptz)
                   and (p.created_at, p.id) < (coalesce((a ->> 'after_at')::timestamptz, 'infinity'),
                                               coalesce((a ->> 'after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
                 order by p.created_at desc, p.id desc
                 limit (a ->> 'limit')::integer) q);
end
$$;

-- The timeline of a payment, oldest first, from behind `after` on. NULL where the tenant has none such.
create or replace function payments.list_payment_events(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    perform 1 from payments.payments p where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid;
    if not found then
        return null;
    end if;
    return (
        select coalesce(json_agg(json_build_object('id', e.id, 'at', e.at, 'type', e.type, 'source', e.source,
                                                   'state', e.state, 'details', e.details) order by e.id), '[]'::json)
          from (select e.id, e.at, e.type, e.source, e.state, e.details
                  from payments.payment_events e
                 where e.tenant_id = c.tenant_id and e.payment_id = (a ->> 'id')::uuid
                   and e.id > coalesce((a ->> 'after')::bigint, 0)
                 order by e.id
                 limit (a ->> 'limit')::integer) e);
end
$$;

-- Adds entries to the ledger for what a payment's amounts have become. Nothing for a difference of zero.
create or replace function payments.post_entry(c app.caller, p payments.payments, p_refund uuid, p_at timestamptz, p_type text,
                                               p_amount bigint, p_debit text, p_credit text) returns void
language sql volatile
as $$
    insert into payments.ledger_entries (tenant_id, payment_id, refund_id, at, type, gateway, mode, currency, amount, debit, credit)
    select c.tenant_id, p.id, p_refund, p_at, p_type, p.gateway, p.mode, p.currency, p_amount, p_debit, p_credit
     where p_amount <> 0
$$;

-- Writes down what a gateway's answer makes of a payment: its amounts and phase as the component decided them over the
-- version that it read, the moves of refunds, the end of an attempt; and in the same statement the ledger, the timeline and
-- the event that others hear of. `a`: id, at, source, standing { version, authorized, captured, phase, late_success,
-- reported_at }?, refs?, next_action?, failure?, fee?, dispute?, refunds [{ id, from, to, amount, gateway_ref, failure,
-- is_new, event_id }], attempt { id, state, failure }?, next_look_at?, looks, event_id, note?.
-- Answers { settled: { payment, refund? } } · "stale" · NULL where the tenant has no such payment.
create or replace function payments.settle(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_new     jsonb := a -> 'standing';
    v_before  payments.payments;
    v_after   payments.payments;
    v_attempt payments.attempts;
    v_refund  jsonb;
    v_row     payments.refunds;
    v_answer  json;
    v_amount  bigint;
begin
    select p.* into v_before
      from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid
       for no key update;
    if not found then
        return null;
    elsif v_new is not null and v_before.version <> (v_new ->> 'version')::bigint then
        return to_json('stale'::text);
    end if;

    if a -> 'attempt' is not null then
        -- An attempt that was settled stays so: a slow answer behind a quick look decides nothing.
        update payments.attempts t
           set state = a #>> '{attempt,state}', failure = (a #> '{attempt,failure}')::json,
               answered_at = case when a #>> '{attempt,state}' <> 'unknown' then v_at end, leased_until = null
         where t.tenant_id = c.tenant_id and t.id = (a #>> '{attempt,id}')::uuid and t.state in ('started', 'unknown')
        returning t.* into v_attempt;
    end if;

    update payments.payments p
       set authorized = coalesce((v_new ->> 'authorized')::bigint, p.authorized),
           captured = coalesce((v_new ->> 'captured')::bigint, p.captured),
           -- What is captured is no longer being captured; an attempt that is over captures nothing more.
           capturing = case when v_attempt.verb = 'capture' and v_attempt.state <> 'unknown' then 0
                            else least(p.capturing, coalesce((v_new ->> 'authorized')::bigint, p.authorized)
                                                    - coalesce((v_new ->> 'captured')::bigint, p.captured)) end,
           phase = coalesce(v_new ->> 'phase', p.phase),
           late_success_at = case when (v_new ->> 'late_success')::boolean then coalesce(p.late_success_at, v_at)
                                  else p.late_success_at end,
           reported_at = coalesce((v_new ->> 'reported_at')::timestamptz, p.reported_at),
           order_ref = coalesce(a #>> '{refs,order}', p.order_ref),
           payment_ref = coalesce(a #>> '{refs,payment}', p.payment_ref),
           capture_ref = coalesce(a #>> '{refs,capture}', p.capture_ref),
           next_action = coalesce((nullif(a -> 'next_action', 'null'))::json, p.next_action),
           failure = coalesce((nullif(a -> 'failure', 'null'))::json, p.failure),
           fee = greatest(p.fee, coalesce((a ->> 'fee')::bigint, 0)),
           disputed = coalesce((a #>> '{dispute,amount}')::bigint, p.disputed),
           dispute_state = coalesce(a #>> '{dispute,state}', p.dispute_state),
           next_look_at = (a ->> 'next_look_at')::timestamptz,
           looks = coalesce((a ->> 'looks')::integer, p.looks),
           leased_until = null, updated_at = v_at, version = p.version + 1
     where p.tenant_id = c.tenant_id and p.id = v_before.id
    returning p.* into v_after;

    perform payments.post_entry(c, v_after, null, v_at, 'capture', v_after.captured - v_before.captured, 'gateway', 'sales');
    perform payments.post_entry(c, v_after, null, v_at, 'fee', v_after.fee - v_before.fee, 'fees', 'gateway');
    if v_after.dispute_state in ('open', 'lost') and v_before.dispute_state is distinct from 'open'
       and v_before.dispute_state is distinct from 'lost' then
        perform payments.post_entry(c, v_after, null, v_at, 'dispute', v_after.disputed, 'disputes', 'gateway');
    elsif v_after.dispute_state = 'won' and v_before.dispute_state in ('open', 'lost') then
        perform payments.post_entry(c, v_after, null, v_at, 'dispute_reversal', v_before.disputed, 'gateway', 'disputes');
    end if;

    for v_refund in select r from jsonb_array_elements(coalesce(a -> 'refunds', '[]')) r loop
        v_amount := (v_refund ->> 'amount')::bigint;
        if (v_refund ->> 'is_new')::boolean then
            -- One that was made at the gateway itself. It is taken in only if there is something left that it can be of.
            continue when v_refund ->> 'to' = 'succeeded'
                      and v_after.refunded + v_after.refunding + v_amount > v_after.captured;
            insert into payments.refunds as r (tenant_id, id, payment_id, amount, state, gateway_ref, created_at, updated_at)
            values (c.tenant_id, (v_refund ->> 'id')::uuid, v_after.id, v_amount, v_refund ->> 'to',
                    v_refund ->> 'gateway_ref', v_at, v_at)
            on conflict on constraint refunds_gateway_ref_key do nothing
            returning r.* into v_row;
            continue when not found;
        else
            -- Only from the state that was read: of two answers at once, one moves it.
            update payments.refunds r
               set state = v_refund ->> 'to', gateway_ref = coalesce(r.gateway_ref, v_refund ->> 'gateway_ref'),
                   failure = (nullif(v_refund -> 'failure', 'null'))::json, updated_at = v_at
             where r.tenant_id = c.tenant_id and r.id = (v_refund ->> 'id')::uuid and r.payment_id = v_after.id
               and r.state = v_refund ->> 'from'
               and (v_refund ->> 'from' in ('pending', 'succeeded') or v_refund ->> 'to' <> 'succeeded'
                    or v_after.refunded + v_after.refunding + v_amount <= v_after.captured)
            returning r.* into v_row;
            continue when not found;
        end if;
        continue when v_refund ->> 'from' = v_refund ->> 'to';
        update payments.payments p
           set refunding = p.refunding - case when v_refund ->> 'from' = 'pending' then v_amount else 0 end
                                       + case when v_refund ->> 'to' = 'pending' then v_amount else 0 end,
               refunded = p.refunded - case when v_refund ->> 'from' = 'succeeded' then v_amount else 0 end
                                     + case when v_refund ->> 'to' = 'succeeded' then v_amount else 0 end
         where p.tenant_id = c.tenant_id and p.id = v_after.id
        returning p.* into v_after;
        if v_refund ->> 'to' = 'succeeded' then
            perform payments.post_entry(c, v_after, v_row.id, v_at, 'refund', v_amount, 'refunds', 'gateway');
        elsif v_refund ->> 'from' = 'succeeded' then
            perform payments.post_entry(c, v_after, v_row.id, v_at, 'refund_reversal', v_amount, 'gateway', 'refunds');
        end if;
        perform payments.note_event(c, v_after.id, v_at, 'refund.' || v_row.state, a ->> 'source', v_after.state,
                                    jsonb_build_object('refund', v_row.id, 'amount', v_amount, 'failure', v_refund -> 'failure'));
        if v_row.state <> 'pending' then
            perform app.emit((v_refund ->> 'event_id')::uuid, c.tenant_id, 'refund.' || v_row.state,
                             jsonb_build_object('refund', v_row.id, 'payment', v_after.id, 'amount', v_amount,
                                                'currency', v_after.currency), v_at);
        end if;
    end loop;

    if a ->> 'note' is not null then
        perform payments.note_event(c, v_after.id, v_at, a ->> 'note', a ->> 'source', v_after.state,
                                    coalesce(a -> 'note_details', '{}'));
    end if;
    if v_after.state <> v_before.state and v_after.refunded = v_before.refunded then
        perform payments.note_event(c, v_after.id, v_at, 'payment.' || v_after.state, a ->> 'source', v_after.state,
                                    jsonb_build_object('authorized', v_after.authorized, 'captured', v_after.captured,
                                                       'failure', a -> 'failure',
                                                       'late_success', nullif(v_new ->> 'late_success', 'false')));
    end if;
    if v_after.state <> v_before.state and a ->> 'event_id' is not null then
        perform app.emit((a ->> 'event_id')::uuid, c.tenant_id, 'payment.' || v_after.state,
                         jsonb_build_object('payment', v_after.id, 'amount', v_after.amount, 'captured', v_after.captured,
                                            'refunded', v_after.refunded, 'currency', v_after.currency), v_at);
    end if;

    -- What the payment now shows to be done is done, whoever asked for it and never heard: its attempt is over.
    update payments.attempts t
       set state = 'succeeded', answered_at = v_at, leased_until = null,
           answer = case when t.refund_id is null then payments.payment_view(v_after)
                         else (select payments.refund_view(r) from payments.refunds r
                                where r.tenant_id = c.tenant_id and r.id = t.refund_id) end
     where t.tenant_id = c.tenant_id and t.payment_id = v_after.id and t.state in ('started', 'unknown')
       and case t.verb
               when 'create' then v_after.phase <> 'created' or v_after.authorized > 0
               when 'capture' then v_after.captured >= t.captured_before + t.amount
               when 'cancel' then v_after.phase in ('canceled', 'expired', 'failed') and v_after.captured = 0
               else exists (select 1 from payments.refunds r
                             where r.tenant_id = c.tenant_id and r.id = t.refund_id
                               and (r.gateway_ref is not null or r.state <> 'pending'))
           end;
    -- Nobody forgets a payment while something of it is open; and what is over reserves nothing.
    if exists (select 1 from payments.attempts t
                where t.tenant_id = c.tenant_id and t.payment_id = v_after.id and t.state in ('started', 'unknown')) then
        update payments.payments p
           set next_look_at = coalesce(p.next_look_at, v_at + interval '5 minutes')
         where p.tenant_id = c.tenant_id and p.id = v_after.id and p.next_look_at is null;
    elsif v_after.capturing > 0 then
        update payments.payments p
           set capturing = 0
         where p.tenant_id = c.tenant_id and p.id = v_after.id
        returning p.* into v_after;
    end if;

    if v_attempt.id is not null and v_attempt.state <> 'unknown' then
        v_answer := case when v_attempt.refund_id is null then payments.payment_view(v_after)
                         else (select payments.refund_view(r) from payments.refunds r
                                where r.tenant_id = c.tenant_id and r.id = v_attempt.refund_id) end;
        update payments.attempts t set answer = v_answer where t.tenant_id = c.tenant_id and t.id = v_attempt.id;
    end if;
    return json_build_object('settled', json_build_object('payment', payments.payment_view(v_after)));
end
$$;

-- An attempt as a repeat of its request finds it, taken up anew where whoever was at it is gone: then `taken` is true.
-- Answers { state, failure, answer, taken, verb, amount, refund_id, payment_id, asked_at } or NULL.
create or replace function payments.take_attempt(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_attempt payments.attempts;
    v_id      uuid;
begin
    -- The attempt that took its place, where the payment went on to another gateway.
    with recursive chain as (
        select t.id, t.superseded_by from payments.attempts t
         where t.tenant_id = c.tenant_id and t.id = (a ->> 'attempt')::uuid
        union all
        select t.id, t.superseded_by from payments.attempts t join chain on t.id = chain.superseded_by
         where t.tenant_id = c.tenant_id
    )
    select chain.id into v_id from chain where chain.superseded_by is null;
    update payments.attempts t
       set leased_until = (a ->> 'leased_until')::timestamptz
     where t.tenant_id = c.tenant_id and t.id = v_id and t.state in ('started', 'unknown')
       and (t.leased_until is null or t.leased_until <= v_at)
    returning t.* into v_attempt;
    if found then
        return payments.attempt_view(v_attempt, true);
    end if;
    select t.* into v_attempt
      from payments.attempts t
     where t.tenant_id = c.tenant_id and t.id = v_id;
    return case when found then payments.attempt_view(v_attempt, false) end;
end
$$;

-- An attempt as the component reads it.
create or replace function payments.attempt_view(t payments.attempts, p_taken boolean) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', t.id, 'payment_id', t.payment_id, 'refund_id', t.refund_id, 'verb', t.verb, 'amount', t.amount,
        'captured_before', t.captured_before, 'state', t.state, 'failure', t.failure, 'answer', t.answer, 'asked_at', t.asked_at, 'taken', p_taken)
$$;

-- What is open of a payment, for whoever asks its gateway again: its unanswered attempts (those that somebody is at left out)
-- and its refunds. Answers { attempts, refunds }.
create or replace function payments.list_open(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return json_build_object(
        'attempts', (select coalesce(json_agg(payments.attempt_view(t, false) order by t.asked_at), '[]'::json)
                       from payments.attempts t
                      where t.tenant_id = c.tenant_id and t.payment_id = (a ->> 'id')::uuid
                        and t.state in ('started', 'unknown')
                        and (t.leased_until is null or t.leased_until <= (a ->> 'at')::timestamptz)),
        'refunds', (select coalesce(json_agg(payments.refund_view(r) order by r.created_at), '[]'::json)
                      from payments.refunds r
                     where r.tenant_id = c.tenant_id and r.payment_id = (a ->> 'id')::uuid));
end
$$;

-- Reserves a capture: what `amount` says, or all that is left. The attempt stands before the gateway is asked.
-- Answers { begun: { attempt, payment } } · { refused: payment } · NULL. Raises 55P03 while something else is under way.
create or replace function payments.begin_capture(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_payment payments.payments;
    v_amount  bigint;
begin
    select p.* into v_payment from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid
       for no key update;
    if not found then
        return null;
    end if;
    v_amount := coalesce((a ->> 'amount')::bigint, v_payment.authorized - v_payment.captured - v_payment.capturing);
    if v_payment.phase in ('canceled', 'expired', 'failed') or v_amount <= 0
       or v_payment.captured + v_payment.capturing + v_amount > v_payment.authorized then
        perform payments.refuse_while_open(c, v_payment.id);
        return json_build_object('refused', payments.payment_view(v_payment));
    end if;
    perform payments.open_attempt(c, a, v_payment.id, null, 'capture', v_amount);
    update payments.payments p
       set capturing = p.capturing + v_amount, version = p.version + 1, updated_at = v_at,
           next_look_at = (a ->> 'next_look_at')::timestamptz, looks = 0
     where p.tenant_id = c.tenant_id and p.id = v_payment.id
    returning p.* into v_payment;
    perform payments.note_event(c, v_payment.id, v_at, 'capture.begun', 'api', v_payment.state,
                                jsonb_build_object('amount', v_amount, 'by', c.user_id, 'key', c.key_id));
    return json_build_object('begun', json_build_object('attempt', a -> 'attempt', 'amount', v_amount,
                                                        'payment', payments.payment_view(v_payment)));
end
$$;

-- The same for a cancellation.
create or replace function payments.begin_cancel(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_payment payments.payments;
begin
    select p.* into v_payment from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid
       for no key update;
    if not found then
        return null;
    elsif v_payment.phase in ('canceled', 'expired', 'failed') or v_payment.captured + v_payment.capturing > 0 then
        perform payments.refuse_while_open(c, v_payment.id);
        return json_build_object('refused', payments.payment_view(v_payment));
    end if;
    perform payments.open_attempt(c, a, v_payment.id, null, 'cancel', 0);
    update payments.payments p
       set version = p.version + 1, updated_at = v_at, next_look_at = (a ->> 'next_look_at')::timestamptz, looks = 0
     where p.tenant_id = c.tenant_id and p.id = v_payment.id
    returning p.* into v_payment;
    perform payments.note_event(c, v_payment.id, v_at, 'cancel.begun', 'api', v_payment.state,
                                jsonb_build_object('by', c.user_id, 'key', c.key_id));
    return json_build_object('begun', json_build_object('attempt', a -> 'attempt', 'amount', 0,
                                                        'payment', payments.payment_view(v_payment)));
end
$$;

-- Writes the attempt; 55P03, as for a locked row, where another is under way.
create or replace function payments.open_attempt(c app.caller, a jsonb, p_payment uuid, p_refund uuid, p_verb text, p_amount bigint)
    returns void
language plpgsql volatile
as $$
begin
    insert into payments.attempts (tenant_id, id, payment_id, refund_id, verb, amount, captured_before, state, leased_until, asked_at)
    select c.tenant_id, (a ->> 'attempt')::uuid, p.id, p_refund, p_verb, p_amount, p.captured, 'started',
           (a ->> 'leased_until')::timestamptz, (a ->> 'at')::timestamptz
      from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = p_payment;
exception when unique_violation then
    raise exception using errcode = '55P03', message = 'another operation is under way';
end
$$;

-- What is refused while something is under way may be possible when it is over: that is no definite answer.
create or replace function payments.refuse_while_open(c app.caller, p_payment uuid) returns void
language plpgsql volatile
as $$
begin
    perform 1 from payments.attempts t
      where t.tenant_id = c.tenant_id and t.payment_id = p_payment and t.state in ('started', 'unknown') and t.verb <> 'refund';
    if found then
        raise exception using errcode = '55P03', message = 'another operation is under way';
    end if;
end
$$;

grant execute on function
    payments.payment_view(payments.payments),
    payments.note_event(app.caller, uuid, timestamptz, text, text, text, jsonb),
    payments.begin_payment(app.caller, jsonb), payments.find_payment(app.caller, jsonb),
    payments.list_payments(app.caller, jsonb), payments.list_payment_events(app.caller, jsonb),
    payments.post_entry(app.caller, payments.payments, uuid, timestamptz, text, bigint, text, text),
    payments.settle(app.caller, jsonb), payments.take_attempt(app.caller, jsonb),
    payments.attempt_view(payments.attempts, boolean), payments.list_open(app.caller, jsonb),
    payments.begin_capture(app.caller, jsonb), payments.begin_cancel(app.caller, jsonb),
    payments.open_attempt(app.caller, jsonb, uuid, uuid, text, bigint), payments.refuse_while_open(app.caller, uuid)
to bizo_payments;
