-- Which gateway takes a payment whose client names none, and which is asked next if that one certainly took nothing.

create table payments.routing (
    tenant_id  uuid        primary key,
    -- In the order in which they are tried; components/payments/src/domain/routing.rs reads them.
    rules      json        not null,
    updated_at timestamptz not null,
    version    bigint      not null default 1
);
alter table payments.routing enable row level security;
alter table payments.routing force row level security;
create policy tenant on payments.routing
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on payments.routing to bizo_owner using (true) with check (true);
grant select, insert, update on payments.routing to bizo_payments;

alter table payments.payments
    -- The gateways that are left to be asked, the next one first.
    add column fallbacks text[] not null default '{}' check (cardinality(fallbacks) <= 5);
alter table payments.attempts
    -- The attempt at another gateway that took this one's place.
    add column superseded_by uuid,
    add foreign key (tenant_id, superseded_by) references payments.attempts (tenant_id, id) deferrable initially deferred;

-- Reconciliation looks for what a gateway names.
create index payments_account on payments.payments (tenant_id, account_id, created_at) where account_id is not null;
