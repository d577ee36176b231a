-- Adds a row to the audit log, in the statement that makes the change. `a` is the argument of the function that calls:
-- `at`, and `origin` { address, user_agent, request_id } of the request. The definer's functions call it for people
-- who are known by a token only; everybody else's row must be of the tenant that they act in.
create or replace function app.audit(
    c app.caller, a jsonb, p_action text, p_target_type text, p_target_id uuid, p_details jsonb default '{}'
) returns void
language sql volatile
as $$
    insert into app.audit_log (id, tenant_id, at, actor_id, key_id, action, target_type, target_id,
                               address, user_agent, request_id, details)
    values (gen_random_uuid(), c.tenant_id, (a ->> 'at')::timestamptz, c.user_id, c.key_id,
            p_action, p_target_type, p_target_id,
            a #>> '{origin,address}', a #>> '{origin,user_agent}', a #>> '{origin,request_id}', p_details)
$$;
grant execute on function app.audit(app.caller, jsonb, text, text, uuid, jsonb)
   to bizo_auth, bizo_payments, bizo_crm, bizo_definer;
