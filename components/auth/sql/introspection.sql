-- Introspection: whether a token or a key that a neighbour was shown opens anything now.

-- Decides by entering, as a request of the holder's would: one rule for both. A key that a neighbour asks for is in use, so
-- its last use is noted as for any request. Runs as bizo_definer because nobody is known before.
-- `a`: key_hash (hex), or user_id, session_id and tenant_id? of a token that was verified; and the roles there are.
-- Answers { role } for a token, { role (of who made it), tenant_id, key_id, scopes, expires_at } for a key, or NULL for
-- what is over.
create or replace function auth.introspect(a jsonb) returns json
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key    auth.api_keys;
    v_caller app.caller;
begin
    if a ? 'key_hash' then
        select k.* into v_key from auth.api_keys k where k.hash = decode(a ->> 'key_hash', 'hex');
        if not found then
            return null;
        end if;
        v_caller := app.enter_key(v_key.hash, v_key.scopes[1],
                                  array(select jsonb_array_elements_text(a -> 'roles')));
        return json_build_object('role', (select m.role from auth.memberships m
                                           where m.tenant_id = v_key.tenant_id and m.user_id = v_key.created_by),
                                 'tenant_id', v_key.tenant_id, 'key_id', v_key.id, 'scopes', v_key.scopes,
                                 'expires_at', v_key.expires_at);
    elsif a ->> 'tenant_id' is null then
        v_caller := app.enter_person((a ->> 'user_id')::uuid, (a ->> 'session_id')::uuid);
    else
        v_caller := app.enter((a ->> 'tenant_id')::uuid, (a ->> 'user_id')::uuid, (a ->> 'session_id')::uuid,
                              array(select jsonb_array_elements_text(a -> 'roles')));
    end if;
    return json_build_object('role', v_caller.role);
exception
    when sqlstate 'BZ401' or sqlstate 'BZ404' or sqlstate 'BZMFA' then
        return null;
end
$$;
alter function auth.introspect(jsonb) owner to bizo_definer;
grant execute on function auth.introspect(jsonb) to bizo_auth;
