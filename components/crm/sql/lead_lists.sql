-- Lists of leads. Each row becomes JSON inside, so that one value crosses to the component however long the page is.

-- All leads, newest first, from behind `after_key` and `after_id` on if they are given: the list that everybody opens,
-- as a static statement. The newest imaginable place stands for the first page, because a condition that might not
-- be there could not use the index.
create or replace function crm.list_newest_leads(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_key timestamptz := coalesce((a ->> 'after_key')::timestamptz, 'infinity');
    v_id  uuid        := coalesce((a ->> 'after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
begin
    return (
        select coalesce(json_agg(q.lead), '[]')
          from (select crm.lead_view(l) as lead
                  from crm.leads l
                 where l.tenant_id = c.tenant_id and l.deleted_at is null
                   and (l.created_at, l.id) < (v_key, v_id)
                 order by l.created_at desc, l.id desc
                 limit (a ->> 'limit')::integer) q);
end
$$;

-- Leads by filter, in any order. The statement is put together from the fixed pieces below and planned for the values
-- at hand, since a plan for every combination would fit none; what a client sends travels as a parameter only.
create or replace function crm.list_leads(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_key   text;
    v_type  text;
    v_than  text;
    v_way   text;
    v_where text := '';
    v_leads json;
begin
    case a ->> 'sort'
        when 'created_at'  then v_key := 'l.created_at'; v_type := 'timestamptz'; v_than := '>'; v_way := 'asc';
        when '-created_at' then v_key := 'l.created_at'; v_type := 'timestamptz'; v_than := '<'; v_way := 'desc';
        when 'score'       then v_key := 'l.score';      v_type := 'integer';     v_than := '>'; v_way := 'asc';
        when '-score'      then v_key := 'l.score';      v_type := 'integer';     v_than := '<'; v_way := 'desc';
    end case;

    if a ? 'status'    then v_where := v_where || ' and l.status = $2 ->> ''status'''; end if;
    if a ? 'source'    then v_where := v_where || ' and l.source = $2 ->> ''source'''; end if;
    if a ? 'priority'  then v_where := v_where || ' and l.priority = $2 ->> ''priority'''; end if;
    if a ? 'min_score' then v_where := v_where || ' and l.score >= ($2 ->> ''min_score'')::integer'; end if;
    if a ? 'created_after' then
        v_where := v_where || ' and l.created_at >= ($2 ->> ''created_after'')::timestamptz';
    end if;
    if a ? 'created_before' then
        v_where := v_where || ' and l.created_at < ($2 ->> ''created_before'')::timestamptz';
    end if;
    if a ? 'text' then
        v_where := v_where || ' and (l.email ilike $2 ->> ''text'' or l.company ilike $2 ->> ''text'''
                           || ' or concat_ws('' '', l.first_name, l.last_name) ilike $2 ->> ''text'')';
    end if;
    if a ? 'after_id' then
        v_where := v_where || format(' and (%s, l.id) %s (($2 ->> ''after_key'')::%s, ($2 ->> ''after_id'')::uuid)',
                                     v_key, v_than, v_type);
    end if;

    execute format(
        'select coalesce(json_agg(q.lead), ''[]'')
           from (select crm.lead_view(l) as lead
                   from crm.leads l
                  where l.tenant_id = $1 and l.deleted_at is null%1$s
                  order by %2$s %3$s, l.id %3$s
                  limit ($2 ->> ''limit'')::integer) q',
        v_where, v_key, v_way)
       into v_leads using c.tenant_id, a;
    return v_leads;
end
$$;

grant execute on function crm.list_newest_leads(app.caller, jsonb), crm.list_leads(app.caller, jsonb) to bizo_crm;
