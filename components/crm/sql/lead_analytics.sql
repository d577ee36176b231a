-- The figures of the tenant's leads, all of one moment.

-- The leads that were created in the period, counted by what they have. Days are those of UTC; every day from
-- `first_day` to `last_day` is there, also one that brought none.
-- Answers { total, by_status, by_source, by_priority, average_score, by_score_tenth, per_day: [{ date, count }] }.
create or replace function crm.summarize_leads(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_after  timestamptz := coalesce((a ->> 'created_after')::timestamptz, '-infinity');
    v_before timestamptz := coalesce((a ->> 'created_before')::timestamptz, 'infinity');
    v_first  date        := (a ->> 'first_day')::date;
    v_last   date        := (a ->> 'last_day')::date;
begin
    return (
        -- The leads are read once; all figures come from how many share the same five things.
        with cells as materialized (
            select l.status, l.source, l.priority, least(l.score / 10, 9) as tenth,
                   case when l.created_at >= v_first::timestamp at time zone 'UTC'
                         and l.created_at < (v_last + 1)::timestamp at time zone 'UTC'
                        then (l.created_at at time zone 'UTC')::date end as day,
                   count(*) as leads, sum(l.score) as points
              from crm.leads l
             where l.tenant_id = c.tenant_id and l.deleted_at is null
               and l.created_at >= v_after and l.created_at < v_before
             group by 1, 2, 3, 4, 5
        )
        select json_build_object(
            'total', (select coalesce(sum(leads), 0) from cells),
            'average_score', (select round(sum(points) / sum(leads), 2) from cells),
            'by_status', (select coalesce(json_object_agg(g.status, g.leads), '{}')
                            from (select status, sum(leads) as leads from cells group by status) g),
            'by_source', (select coalesce(json_object_agg(g.source, g.leads), '{}')
                            from (select source, sum(leads) as leads from cells group by source) g),
            'by_priority', (select coalesce(json_object_agg(g.priority, g.leads), '{}')
                              from (select priority, sum(leads) as leads from cells group by priority) g),
            'by_score_tenth', (select coalesce(json_object_agg(g.tenth, g.leads), '{}')
                                 from (select tenth, sum(leads) as leads from cells group by tenth) g),
            'per_day', (select coalesce(json_agg(json_build_object(
                                   'date', v_first + d.nth, 'count', coalesce(g.leads, 0)) order by d.nth), '[]')
                          from generate_series(0, v_last - v_first) as d (nth)
                          left join (select day, sum(leads) as leads from cells group by day) g
                                 on g.day = v_first + d.nth)));
end
$$;

grant execute on function crm.summarize_leads(app.caller, jsonb) to bizo_crm;
