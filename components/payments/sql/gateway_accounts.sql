-- What a tenant is to its gateways, and the tenant's rules. Credentials come and go sealed; only the component opens them.

-- An account as clients may see it.
create or replace function payments.gateway_account_view(g payments.gateway_accounts) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', g.id, 'gateway', g.gateway, 'mode', g.mode, 'hints', g.hints, 'verified_at', g.verified_at,
        'previous_valid_until', g.previous_valid_until, 'created_at', g.created_at, 'updated_at', g.updated_at,
        'version', g.version)
$$;

-- An account with its sealed credentials, in base64.
create or replace function payments.gateway_account_keys(g payments.gateway_accounts) returns json
language sql stable
as $$
    select pg_catalog.json_build_object(
        'id', g.id, 'tenant_id', g.tenant_id, 'gateway', g.gateway, 'mode', g.mode,
        'credentials', pg_catalog.translate(pg_catalog.encode(g.credentials, 'base64'), e'\n', ''),
        'previous_webhook_secret', pg_catalog.translate(pg_catalog.encode(g.previous_webhook_secret, 'base64'), e'\n', ''),
        'previous_valid_until', g.previous_valid_until,
        'access_token', pg_catalog.translate(pg_catalog.encode(g.access_token, 'base64'), e'\n', ''),
        'access_token_until', g.access_token_until)
$$;

-- Keeps a token that a gateway lent. Of two that were lent at once either will do.
create or replace function payments.keep_access_token(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
begin
    update payments.gateway_accounts g
       set access_token = decode(a ->> 'access_token', 'base64'), access_token_until = (a ->> 'until')::timestamptz
     where g.tenant_id = c.tenant_id and g.id = (a ->> 'id')::uuid and g.removed_at is null;
    return json_build_object('kept', found);
end
$$;

-- Writes an account; a removed one comes back under its id. The webhook secret that it had stays valid for a while, where the
-- component says so. Answers the account.
create or replace function payments.put_gateway_account(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_at      timestamptz := (a ->> 'at')::timestamptz;
    v_account payments.gateway_accounts;
begin
    insert into payments.gateway_accounts as g (tenant_id, id, gateway, mode, credentials, hints, verified_at, created_at, updated_at)
    values (c.tenant_id, (a ->> 'id')::uuid, a ->> 'gateway', a ->> 'mode', decode(a ->> 'credentials', 'base64'),
            (a -> 'hints')::json, (a ->> 'verified_at')::timestamptz, v_at, v_at)
    on conflict on constraint gateway_accounts_one do update
       set credentials = excluded.credentials, hints = excluded.hints, verified_at = excluded.verified_at,
           previous_webhook_secret = decode(a ->> 'previous_webhook_secret', 'base64'),
           previous_valid_until = (a ->> 'previous_valid_until')::timestamptz,
           access_token = null, access_token_until = null, updated_at = v_at, removed_at = null, version = g.version + 1
    returning g.* into v_account;
    perform app.audit(c, a, 'gateway_account.saved', 'gateway_account', v_account.id,
                      jsonb_build_object('gateway', v_account.gateway, 'mode', v_account.mode));
    return payments.gateway_account_view(v_account);
end
$$;

-- An account with its keys: { view, keys }; NULL where the tenant has none such.
create or replace function payments.find_gateway_account(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (select json_build_object('view', payments.gateway_account_view(g), 'keys', payments.gateway_account_keys(g))
              from payments.gateway_accounts g
             where g.tenant_id = c.tenant_id and g.gateway = a ->> 'gateway' and g.mode = a ->> 'mode' and g.removed_at is null);
end
$$;

-- All accounts of the tenant.
create or replace function payments.list_gateway_accounts(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return (select coalesce(json_agg(payments.gateway_account_view(g) order by g.gateway, g.mode), '[]'::json)
              from payments.gateway_accounts g
             where g.tenant_id = c.tenant_id and g.removed_at is null);
end
$$;

-- Forgets the credentials; the id stays for when they come back. Answers { removed }.
create or replace function payments.remove_gateway_account(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_id uuid;
begin
    update payments.gateway_accounts g
       set credentials = '', previous_webhook_secret = null, previous_valid_until = null, access_token = null,
           access_token_until = null, hints = '{}', verified_at = null,
           removed_at = (a ->> 'at')::timestamptz, updated_at = (a ->> 'at')::timestamptz, version = g.version + 1
     where g.tenant_id = c.tenant_id and g.gateway = a ->> 'gateway' and g.mode = a ->> 'mode' and g.removed_at is null
    returning g.id into v_id;
    if found then
        perform app.audit(c, a, 'gateway_account.removed', 'gateway_account', v_id,
                          jsonb_build_object('gateway', a -> 'gateway', 'mode', a -> 'mode'));
    end if;
    return json_build_object('removed', v_id is not null);
end
$$;

-- The tenant's rules.
create or replace function payments.find_settings(c app.caller, a jsonb) returns json
language plpgsql stable
as $$
begin
    return coalesce(
        (select json_build_object('tenant_id', c.tenant_id, 'return_origins', s.return_origins, 'members_may_refund', s.members_may_refund,
                                  'version', s.version)
           from payments.settings s where s.tenant_id = c.tenant_id),
        json_build_object('tenant_id', c.tenant_id, 'return_origins', json_build_array(), 'members_may_refund', false, 'version', 0));
end
$$;

-- Writes the tenant's rules whole, if they are still at the version that was read (where one is named). Answers as above, or
-- "stale".
create or replace function payments.put_settings(c app.caller, a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_settings payments.settings;
begin
    insert into payments.settings as s (tenant_id, return_origins, members_may_refund, updated_at)
    values (c.tenant_id, array(select jsonb_array_elements_text(a -> 'return_origins')),
            (a ->> 'members_may_refund')::boolean, (a ->> 'at')::timestamptz)
    on conflict (tenant_id) do update
       set return_origins = excluded.return_origins, members_may_refund = excluded.members_may_refund,
           updated_at = excluded.updated_at, version = s.version + 1
     where a ->> 'version' is null or s.version = (a ->> 'version')::bigint
    returning s.* into v_settings;
    if not found then
        return to_json('stale'::text);
    end if;
    perform app.audit(c, a, 'payment_settings.changed', 'tenant', c.tenant_id,
                      jsonb_build_object('return_origins', a -> 'return_origins', 'members_may_refund', a -> 'members_may_refund'));
    return json_build_object('put', payments.find_settings(c, a));
end
$$;

grant execute on function
    payments.gateway_account_view(payments.gateway_accounts), payments.gateway_account_keys(payments.gateway_accounts),
    payments.keep_access_token(app.caller, jsonb), payments.put_gateway_account(app.caller, jsonb), payments.find_gateway_account(app.caller, jsonb),
    payments.list_gateway_accounts(app.caller, jsonb), payments.remove_gateway_account(app.caller, jsonb),
    payments.find_settings(app.caller, jsonb), payments.put_settings(app.caller, jsonb)
to bizo_payments;
grant execute on function payments.gateway_account_keys(payments.gateway_accounts) to bizo_definer;
