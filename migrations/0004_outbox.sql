-- What the rest of the world is to hear of. A component writes an event in the statement that makes the change, so there is
-- never one without the other; the dispatcher delivers it afterwards, at least once.

create table app.outbox (
    -- The event's id (`evt_…`), by which a receiver knows what it has seen before.
    id              uuid        primary key,
    -- None for what concerns no tenant, such as a message to somebody who may have no account.
    tenant_id       uuid,
    type            text        not null check (type ~ '^[a-z_]+(\.[a-z_]+)+$' and length(type) <= 60),
    payload         jsonb       not null check (jsonb_typeof(payload) = 'object' and length(payload::text) <= 20000),
    -- pending: to be delivered, at next_attempt_at · delivered · skipped: there was nothing to send, or nobody to send it
    -- to · dead: given up, until somebody asks for it again
    state           text        not null default 'pending' check (state in ('pending', 'delivered', 'skipped', 'dead')),
    attempts        integer     not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz not null,
    -- Until then a dispatcher is at it. One that dies leaves this behind, and when it is over another begins anew.
    leased_until    timestamptz,
    settled_at      timestamptz,
    -- Why the last attempt failed: a few words of ours, such as `status 500`, never what a receiver said.
    last_error      text        check (length(last_error) <= 60),
    created_at      timestamptz not null,
    constraint outbox_settled_check check ((state = 'pending') = (settled_at is null))
);
create index outbox_due on app.outbox (next_attempt_at, id) where state = 'pending';
create index outbox_dead on app.outbox (id) where state = 'dead';
create index outbox_settled on app.outbox (settled_at) where state in ('delivered', 'skipped');

alter table app.outbox enable row level security;
alter table app.outbox force row level security;
-- Components add, and never see what is there. Only auth has events that concern no tenant.
create policy adding on app.outbox for insert to bizo_crm, bizo_payments
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy adding_of_auth on app.outbox for insert to bizo_auth
    with check (tenant_id is null or tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on app.outbox to bizo_owner using (true) with check (true);
create policy definer on app.outbox to bizo_definer using (true) with check (true);

grant insert on app.outbox to bizo_auth, bizo_payments, bizo_crm;
grant select, insert, update, delete on app.outbox to bizo_definer;
-- The dispatcher asks for the tokens of messages; the tables of auth stay closed to it.
grant usage on schema auth to bizo_events;
