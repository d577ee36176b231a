-- Refunds: each reserves its amount on the payment from the moment it is asked for.

-- A refund as the component reads it.
create or replace function payments.refund_view(r payments.refunds) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', r.id, 'payment_id', r.payment_id, 'amount', r.amount, 'state', r.state, 'reason', r.reason,
        'failure', r.failure, 'gateway_ref', r.gateway_ref, 'created_by', r.created_by, 'created_at', r.created_at,
        'updated_at', r.updated_at)
$$;

-- Reserves a refund: what `amount` says, or all that is left. Refund and attempt stand before the gateway is asked.
-- Answers { begun: { attempt, payment, refund } } · { refused: payment } · "not_allowed" · NULL.
create or replace function payments.begin_refund(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_payment payments.payments;
    v_refund  payments.refunds;
    v_amount  bigint;
begin
    if c.role = 'member' and not exists (select 1 from payments.settings s
                                          where s.tenant_id = c.tenant_id and s.members_may_refund) then
        return to_json('not_allowed'::text);
    end if;
    select p.* into v_payment from payments.payments p
     where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid
       for no key update;
    if not found then
        return null;
    end if;
    v_amount := coalesce((a ->> 'amount')::bigint, v_payment.captured - v_payment.refunded - v_payment.refunding);
    if v_amount <= 0 or v_payment.refunded + v_payment.refunding + v_amount > v_payment.captured then
        return json_build_object('refused', payments.payment_view(v_payment));
    end if;
    update payments.payments p
       set refunding = p.refunding + v_amount, version = p.version + 1, updated_at = v_at,
           next_look_at = least(p.next_look_at, (a ->> 'next_look_at')::timestamptz), looks = 0
     where p.tenant_id = c.tenant_id and p.id = v_payment.id
    returning p.* into v_payment;
    insert into payments.refunds as r (tenant_id, id, payment_id, amount, state, reason, created_by, created_at, updated_at)
    values (c.tenant_id, (a ->> 'refund')::uuid, v_payment.id, v_amount, 'pending', a ->> 'reason', c.user_id, v_at, v_at)
    returning r.* into v_refund;
    perform payments.open_attempt(c, a, v_payment.id, v_refund.id, 'refund', v_amount);
    perform payments.note_event(c, v_payment.id, v_at, 'refund.begun', 'api', v_payment.state,
                                jsonb_build_object('refund', v_refund.id, 'amount', v_amount, 'by', c.user_id, 'key', c.key_id));
    perform app.audit(c, a, 'refund.created', 'refund', v_refund.id,
                      jsonb_build_object('payment', v_payment.id, 'amount', v_amount, 'currency', v_payment.currency));
    return json_build_object('begun', json_build_object('attempt', a -> 'attempt', 'amount', v_amount,
                                                        'payment', payments.payment_view(v_payment),
                                                        'refund', payments.refund_view(v_refund)));
end
$$;

-- One refund, or NULL.
create or replace function payments.find_refund(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (select payments.refund_view(r) from payments.refunds r
             where r.tenant_id = c.tenant_id and r.id = (a ->> 'id')::uuid);
end
$$;

-- The refunds of a payment, oldest first, from behind `after_at` and `after_id` on. NULL where the tenant has none such.
create or replace function payments.list_refunds(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    perform 1 from payments.payments p where p.tenant_id = c.tenant_id and p.id = (a ->> 'id')::uuid;
    if not found then
        return null;
    end if;
    return (
        select coalesce(json_agg(payments.refund_view(q.r) order by (q.r).created_at, (q.r).id), '[]'::json)
          from (select r
                  from payments.refunds r
                 where r.tenant_id = c.tenant_id and r.payment_id = (a ->> 'id')::uuid
                   and (r.created_at, r.id) > (coalesce((a ->> 'after_at')::timestamptz, '-infinity'),
                                               coalesce((a ->> 'after_id')::uuid, '00000000-0000-0000-0000-000000000000'))
                 order by r.created_at, r.id
                 limit (a ->> 'limit')::integer) q);
end
$$;

grant execute on function payments.refund_view(payments.refunds), payments.begin_refund(app.caller, jsonb),
                          payments.find_refund(app.caller, jsonb), payments.list_refunds(app.caller, jsonb)
   to bizo_payments;
