-- What waits in the outbox, over all tenants: numbers alone, for an operator.
create or replace function app.measure_outbox(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object(
        'pending', (select count(*) from app.outbox o where o.state = 'pending'),
        'retried', (select count(*) from app.outbox o where o.state = 'pending' and o.attempts > 0),
        'longest_due_seconds', (select coalesce(extract(epoch from (a ->> 'at')::timestamptz - min(o.next_attempt_at)), 0)::bigint
                                  from app.outbox o where o.state = 'pending' and o.next_attempt_at <= (a ->> 'at')::timestamptz),
        'dead', (select count(*) from app.outbox o where o.state = 'dead'),
        'delivered_last_hour', (select count(*) from app.outbox o
                                 where o.state = 'delivered' and o.settled_at > (a ->> 'at')::timestamptz - interval '1 hour'),
        'skipped_last_hour', (select count(*) from app.outbox o
                               where o.state = 'skipped' and o.settled_at > (a ->> 'at')::timestamptz - interval '1 hour'))
$$;
alter function app.measure_outbox(jsonb) owner to bizo_definer;
grant execute on function app.measure_outbox(jsonb) to bizo_events;
