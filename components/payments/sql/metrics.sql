-- What waits in payments and how those of the last hour went, over all tenants: numbers alone, for an operator.
create or replace function payments.measure(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object(
        'due', (select count(*) from payments.payments p where p.next_look_at <= (a ->> 'at')::timestamptz),
        'longest_due_seconds', (select coalesce(extract(epoch from (a ->> 'at')::timestamptz - min(p.next_look_at)), 0)::bigint
                                  from payments.payments p where p.next_look_at <= (a ->> 'at')::timestamptz),
        'attempts_started', (select count(*) from payments.attempts t where t.state = 'started'),
        'attempts_unknown', (select count(*) from payments.attempts t where t.state = 'unknown'),
        'longest_unknown_seconds', (select coalesce(extract(epoch from (a ->> 'at')::timestamptz - min(t.asked_at)), 0)::bigint
                                      from payments.attempts t where t.state = 'unknown'),
        'refunds_pending', (select count(*) from payments.refunds r where r.state = 'pending'),
        'webhooks_pending', (select count(*) from payments.webhook_events w where w.state = 'pending'),
        'last_hour', (select coalesce(json_agg(json_build_object('gateway', h.gateway, 'mode', h.mode, 'state', h.state,
                                                                 'payments', h.payments)), '[]'::json)
                        from (select p.gateway, p.mode, p.state, count(*) as payments
                                from payments.payments p
                               where p.created_at > (a ->> 'at')::timestamptz - interval '1 hour'
                                 -- A tenant's credentials that no gateway takes are the tenant's to mend, and wake no operator.
                                 and p.failure ->> 'code' is distinct from 'credentials_refused'
                               group by p.gateway, p.mode, p.state) h))
$$;
alter function payments.measure(jsonb) owner to bizo_definer;
grant execute on function payments.measure(jsonb) to bizo_payments;
