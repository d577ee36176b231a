-- How many people there are, over all tenants: numbers alone, for an operator.
create or replace function auth.measure(a jsonb) returns json
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
    select json_build_object(
        'users', (select count(*) from auth.users),
        'tenants', (select count(*) from auth.tenants),
        'sessions', (select count(*) from auth.sessions s
                      where s.expires_at > (a ->> 'at')::timestamptz and s.revoked_at is null),
        'failed_log_ins', (select count(*) from auth.failed_log_ins f
                            where f.failed_at > (a ->> 'at')::timestamptz - interval '15 minutes'))
$$;
alter function auth.measure(jsonb) owner to bizo_definer;
grant execute on function auth.measure(jsonb) to bizo_auth;
