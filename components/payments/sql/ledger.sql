-- The ledger, read: entries, balances, and the figures of payments. It is written by payments.settle alone.

-- Entries, the newest first, from before `before` on.
create or replace function payments.list_ledger_entries(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(json_build_object(
                   'id', q.id, 'payment_id', q.payment_id, 'refund_id', q.refund_id, 'at', q.at, 'type', q.type,
                   'gateway', q.gateway, 'mode', q.mode, 'currency', q.currency, 'amount', q.amount, 'debit', q.debit,
                   'credit', q.credit) order by q.id desc), '[]'::json)
          from (select e.*
                  from payments.ledger_entries e
                 where e.tenant_id = c.tenant_id and e.mode = a ->> 'mode'
                   and (a ->> 'payment_id' is null or e.payment_id = (a ->> 'payment_id')::uuid)
                   and (a ->> 'before' is null or e.id < (a ->> 'before')::bigint)
                 order by e.id desc
                 limit (a ->> 'limit')::integer) q);
end
$$;

-- What each account holds: debits minus credits, by currency and gateway. Their sum in a currency is always zero.
create or replace function payments.list_balances(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        select coalesce(json_agg(json_build_object('currency', q.currency, 'gateway', q.gateway, 'account', q.account,
                                                   'balance', q.balance)
                                 order by q.currency, q.gateway, q.account), '[]'::json)
          from (select s.currency, s.gateway, s.account, sum(s.amount)::bigint as balance
                  from (select e.currency, e.gateway, e.debit as account, e.amount
                          from payments.ledger_entries e
                         where e.tenant_id = c.tenant_id and e.mode = a ->> 'mode'
                        union all
                        select e.currency, e.gateway, e.credit, -e.amount
                          from payments.ledger_entries e
                         where e.tenant_id = c.tenant_id and e.mode = a ->> 'mode') s
                 group by s.currency, s.gateway, s.account) q);
end
$$;

-- Payments by gateway and currency, and over time: how many, how many of those that are decided came to money, how much.
create or replace function payments.summarize_payments(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (
        with chosen as (
            select p.gateway, p.currency, p.state, p.amount, p.captured, p.refunded, p.created_at
              from payments.payments p
             where p.tenant_id = c.tenant_id and p.mode = a ->> 'mode'
               and p.created_at >= (a ->> 'from')::timestamptz and p.created_at < (a ->> 'to')::timestamptz
        ), figures as (
            select grouping(gateway) as all_gateways, gateway, currency,
                   grouping(day) as all_days, day,
                   count(*) as payments,
                   count(*) filter (where captured > 0 or state = 'authorized') as succeeded,
                   count(*) filter (where state in ('failed', 'expired', 'canceled')) as unsuccessful,
                   sum(captured)::bigint as captured, sum(refunded)::bigint as refunded,
                   count(*) filter (where refunded > 0) as refunded_payments
              from (select c2.*, (date_trunc('day', c2.created_at at time zone 'UTC'))::date as day from chosen c2) d
             group by grouping sets ((gateway, currency), (currency, day))
        )
        select json_build_object(
            'total', (select count(*) from chosen),
            'by_gateway', (select coalesce(json_agg(json_build_object(
                               'gateway', f.gateway, 'currency', f.currency, 'payments', f.payments, 'succeeded', f.succeeded,
                               'unsuccessful', f.unsuccessful, 'captured', f.captured, 'refunded', f.refunded,
                               'refunded_payments', f.refunded_payments) order by f.gateway, f.currency), '[]'::json)
                             from figures f where f.all_gateways = 0),
            'by_day', (select coalesce(json_agg(json_build_object(
                               'day', f.day, 'currency', f.currency, 'payments', f.payments, 'succeeded', f.succeeded,
                               'unsuccessful', f.unsuccessful, 'captured', f.captured, 'refunded', f.refunded)
                               order by f.day, f.currency), '[]'::json)
                         from figures f where f.all_days = 0)));
end
$$;

-- For reconciliation: an account's payments that were created from `after` to before `before` and took money, and those that the
-- gateway's list names, by our id or its own name.
create or replace function payments.list_held(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_account uuid := (a ->> 'account_id')::uuid;
begin
    return (
        with named as (
            select p.id
              from payments.payments p
             where p.tenant_id = c.tenant_id and p.captured > 0 and p.account_id = v_account
               and p.created_at >= (a ->> 'after')::timestamptz and p.created_at < (a ->> 'before')::timestamptz
            union
            select p.id
              from jsonb_array_elements_text(a -> 'ids') n
              join payments.payments p on p.tenant_id = c.tenant_id and p.account_id = v_account and p.id = n::uuid
            union
            select p.id
              from jsonb_array_elements_text(a -> 'refs') n
              join payments.payments p on p.tenant_id = c.tenant_id and p.account_id = v_account and p.payment_ref = n
        )
        select coalesce(json_agg(json_build_object(
                   'id', q.id, 'payment_ref', q.payment_ref, 'currency', q.currency, 'captured', q.captured,
                   'refunded', q.refunded, 'refunding', q.refunding) order by q.created_at, q.id), '[]'::json)
          from (select p.*
                  from named
                  join payments.payments p on p.tenant_id = c.tenant_id and p.id = named.id
                 limit (a ->> 'limit')::integer) q);
end
$$;

grant execute on function payments.list_ledger_entries(app.caller, jsonb), payments.list_balances(app.caller, jsonb),
                          payments.list_held(app.caller, jsonb),
                          payments.summarize_payments(app.caller, jsonb) to bizo_payments;
