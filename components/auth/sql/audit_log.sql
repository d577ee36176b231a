-- The tenant's audit log, read. Rows come in through app.audit, and nothing changes or removes one.

-- Entries, newest first, from behind `after_at` and `after_id` on. The statement is put together from the fixed pieces
-- below and planned for the values at hand; what a client sends travels as a parameter only.
create or replace function auth.list_audit_log(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
declare
    v_where   text := '';
    v_entries json;
begin
    if a ? 'action'    then v_where := v_where || ' and l.action = $2 ->> ''action'''; end if;
    if a ? 'actor_id'  then v_where := v_where || ' and l.actor_id = ($2 ->> ''actor_id'')::uuid'; end if;
    if a ? 'key_id'    then v_where := v_where || ' and l.key_id = ($2 ->> ''key_id'')::uuid'; end if;
    if a ? 'target_id' then
        v_where := v_where || ' and l.target_id = ($2 ->> ''target_id'')::uuid'
                           || ' and ($2 -> ''target_types'') ? l.target_type';
    end if;
    if a ? 'created_after' then v_where := v_where || ' and l.at >= ($2 ->> ''created_after'')::timestamptz'; end if;
    if a ? 'created_before' then v_where := v_where || ' and l.at < ($2 ->> ''created_before'')::timestamptz'; end if;
    if a ? 'after_id' then
        v_where := v_where || ' and (l.at, l.id) < (($2 ->> ''after_at'')::timestamptz, ($2 ->> ''after_id'')::uuid)';
    end if;

    execute format(
        'select coalesce(json_agg(q.entry), ''[]''::json)
           from (select json_build_object(
                            ''id'', l.id, ''at'', l.at, ''action'', l.action, ''actor_id'', l.actor_id,
                            ''key_id'', l.key_id, ''target_type'', l.target_type, ''target_id'', l.target_id,
                            ''address'', l.address, ''user_agent'', l.user_agent, ''request_id'', l.request_id,
                            ''details'', l.details) as entry
                   from app.audit_log l
                  where l.tenant_id = $1%s
                  order by l.at desc, l.id desc
                  limit ($2 ->> ''limit'')::integer) q',
        v_where)
       into v_entries using c.tenant_id, a;
    return v_entries;
end
$$;

grant execute on function auth.list_audit_log(app.caller, jsonb) to bizo_auth;
