-- What waits in payments, over all tenants: numbers alone, for an operator.
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
        'webhooks_pending', (select count(*) from payments.webhook_events w where w.state = 'pending'))
$$;
alter function payments.measure(jsonb) owner to bizo_definer;
grant execute on function payments.measure(jsonb) to bizo_payments;
