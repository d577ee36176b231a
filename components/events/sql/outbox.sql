-- The dispatcher's way into the outbox. The table is open to bizo_definer alone; these functions are all that the component
-- may do with it, and none of them shows an event's payload. They act for all tenants.

-- An event as an operator sees it.
create or replace function app.event_view(o app.outbox) returns json
language sql stable
as $$
    select json_build_object(
        'id', o.id, 'tenant_id', o.tenant_id, 'type', o.type, 'state', o.state, 'attempts', o.attempts,
        'next_attempt_at', case when o.state = 'pending' then o.next_attempt_at end,
        'settled_at', o.settled_at, 'last_error', o.last_error, 'created_at', o.created_at)
$$;
grant execute on function app.event_view(app.outbox) to bizo_definer;

-- Claims events that are due, for `lease_seconds`; nobody else gets them before that is over. Two dispatchers at once get
-- different ones. An event whose dispatchers died `attempts_max` times is given up here, because it may be what they died
-- of. A few that were settled more than `keep_days` ago go as well, so that the table needs no other sweeper.
-- Answers { events: [{ id, type, attempt, created_at }], dead }.
create or replace function app.claim_events(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at     timestamptz := (a ->> 'at')::timestamptz;
    v_dead   integer;
    v_events json;
begin
    delete from app.outbox o
     where o.id in (select old.id from app.outbox old
                     where old.state in ('delivered', 'skipped')
                       and old.settled_at < v_at - make_interval(days => (a ->> 'keep_days')::integer)
                     order by old.settled_at limit 50 for update skip locked);

    update app.outbox o
       set state = 'dead', leased_until = null, settled_at = v_at, last_error = 'never settled'
     where o.id in (select lost.id from app.outbox lost
                     where lost.state = 'pending' and lost.next_attempt_at <= v_at and lost.leased_until <= v_at
                       and lost.attempts >= (a ->> 'attempts_max')::integer
                     order by lost.next_attempt_at, lost.id limit 50 for update skip locked);
    get diagnostics v_dead = row_count;

    with due as (
        select o.id
          from app.outbox o
         where o.state = 'pending' and o.next_attempt_at <= v_at
           and (o.leased_until is null or o.leased_until <= v_at)
           and o.attempts < (a ->> 'attempts_max')::integer
         order by o.next_attempt_at, o.id
         limit (a ->> 'limit')::integer
           for update skip locked
    ), claimed as (
        update app.outbox o
           set attempts = o.attempts + 1,
               leased_until = v_at + make_interval(secs => (a ->> 'lease_seconds')::integer)
          from due
         where o.id = due.id
        returning o.id, o.type, o.attempts, o.created_at
    )
    select coalesce(json_agg(json_build_object('id', id, 'type', type, 'attempt', attempts, 'created_at', created_at)
                             order by id), '[]')
      into v_events
      from claimed;
    return json_build_object('events', v_events, 'dead', v_dead);
end
$$;
alter function app.claim_events(jsonb) owner to bizo_definer;

-- Writes down what became of an attempt: `state` is delivered, skipped, dead, or pending with the next `retry_at`.
-- A dispatcher that was so slow that its lease ended no longer decides, but for this: what was delivered is delivered.
-- Answers { settled }.
create or replace function app.settle_event(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.outbox o
       set state = a ->> 'state',
           next_attempt_at = coalesce((a ->> 'retry_at')::timestamptz, o.next_attempt_at),
           leased_until = null,
           settled_at = case when a ->> 'state' <> 'pending' then (a ->> 'at')::timestamptz end,
           last_error = a ->> 'error'
     where o.id = (a ->> 'id')::uuid
       and o.state = 'pending'
       and (o.attempts = (a ->> 'attempt')::integer or a ->> 'state' = 'delivered');
    return json_build_object('settled', found);
end
$$;
alter function app.settle_event(jsonb) owner to bizo_definer;

-- Lists events, the newest first. `state` (optional), `before` (optional): the id of the last one shown, `limit`.
create or replace function app.list_events(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(json_agg(app.event_view(page.event) order by (page.event).id desc), '[]')
      from (select o as event
              from app.outbox o
             where (a ->> 'state' is null or o.state = a ->> 'state')
               and (a ->> 'before' is null or o.id < (a ->> 'before')::uuid)
             order by o.id desc
             limit (a ->> 'limit')::integer) page
$$;
alter function app.list_events(jsonb) owner to bizo_definer;

-- Takes up a dead event again, as if it were new. Answers { replayed: the event }, "not_dead", or NULL.
create or replace function app.replay_event(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event app.outbox;
begin
    update app.outbox o
       set state = 'pending', attempts = 0, next_attempt_at = (a ->> 'at')::timestamptz, leased_until = null,
           settled_at = null, last_error = null
     where o.id = (a ->> 'id')::uuid and o.state = 'dead'
    returning o.* into v_event;
    if found then
        return json_build_object('replayed', app.event_view(v_event));
    end if;
    perform 1 from app.outbox o where o.id = (a ->> 'id')::uuid;
    return case when found then to_json('not_dead'::text) end;
end
$$;
alter function app.replay_event(jsonb) owner to bizo_definer;

grant execute on function app.claim_events(jsonb), app.settle_event(jsonb), app.list_events(jsonb),
                          app.replay_event(jsonb) to bizo_events;
