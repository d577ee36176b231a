-- Sealing again what an older key sealed, when the sealing keys are rotated; docs/key-rotation.md is the runbook. The database
-- can read no seed: it tells by the id in front of a sealed value which key sealed it (crates/sealed has the form).

-- Seeds that another key sealed than the one that seals now, by person, from behind `after` on. Across people, so it runs as
-- bizo_definer. `a`: key_id, after?, limit. Answers [{ user_id, sealed_seed (hex) }].
create or replace function auth.list_stale_seeds(a jsonb) returns json
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select coalesce(json_agg(json_build_object(
                   'user_id', q.user_id, 'sealed_seed', encode(q.sealed_seed, 'hex')) order by q.user_id), '[]'::json)
          from (select f.user_id, f.sealed_seed
                  from auth.totp_factors f
                 where (a ->> 'after' is null or f.user_id > (a ->> 'after')::uuid)
                   and case when length(f.sealed_seed) < 2 then true
                            else substring(f.sealed_seed from 3 for get_byte(f.sealed_seed, 1))
                                 <> convert_to(a ->> 'key_id', 'UTF8') end
                 order by f.user_id
                 limit (a ->> 'limit')::integer) q);
end
$$;
alter function auth.list_stale_seeds(jsonb) owner to bizo_definer;

-- Puts seeds that were sealed again in the place of those that they were opened from; one that was enrolled anew meanwhile
-- stays as it is. `a`: seeds [{ user_id, stale, fresh (both hex) }]. Answers { resealed: how many }.
create or replace function auth.reseal_seeds(a jsonb) returns json
language plpgsql volatile
as $$
declare
    v_seed     jsonb;
    v_resealed integer := 0;
begin
    for v_seed in select jsonb_array_elements(a -> 'seeds') loop
        -- The policies let one person's factor be seen at a time.
        perform set_config('app.user_id', v_seed ->> 'user_id', true);
        update auth.totp_factors f
           set sealed_seed = decode(v_seed ->> 'fresh', 'hex')
         where f.user_id = (v_seed ->> 'user_id')::uuid and f.sealed_seed = decode(v_seed ->> 'stale', 'hex');
        if found then
            v_resealed := v_resealed + 1;
        end if;
    end loop;
    return json_build_object('resealed', v_resealed);
end
$$;

grant execute on function auth.list_stale_seeds(jsonb), auth.reseal_seeds(jsonb) to bizo_auth;
