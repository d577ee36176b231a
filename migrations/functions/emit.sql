-- Adds an event to the outbox, in the statement that makes the change. A component's event must be of the tenant that it
-- acts in; the definer's functions emit for people who are known by a token only.
create or replace function app.emit(p_id uuid, p_tenant uuid, p_type text, p_payload jsonb, p_at timestamptz)
    returns void
language sql volatile
as $$
    insert into app.outbox (id, tenant_id, type, payload, next_attempt_at, created_at)
    values (p_id, p_tenant, p_type, p_payload, p_at, p_at)
$$;
grant execute on function app.emit(uuid, uuid, text, jsonb, timestamptz)
   to bizo_auth, bizo_payments, bizo_crm, bizo_definer;
