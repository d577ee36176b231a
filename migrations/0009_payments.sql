-- Payments: what tenants are to their gateways, what was to be paid and what became of it, every question that was put to a
-- gateway, every message that came from one, and the ledger. Amounts are whole minor units of an ISO 4217 currency.

grant create on schema payments to bizo_definer;
grant usage on schema payments to bizo_definer;

-- A tenant's rules for payments. No row is as if everything stood at its default.
create table payments.settings (
    tenant_id          uuid        primary key,
    -- Origins that payers may be sent back to.
    return_origins     text[]      not null default '{}' check (cardinality(return_origins) <= 20),
    members_may_refund boolean     not null default false,
    updated_at         timestamptz not null,
    version            bigint      not null default 1
);

create table payments.gateway_accounts (
    tenant_id                uuid        not null,
    id                       uuid        not null unique,
    gateway                  text        not null check (gateway ~ '^[a-z]{2,20}$'),
    mode                     text        not null check (mode in ('test', 'live')),
    -- Sealed (crates/sealed), and so is the webhook secret that was valid before, for the time that it still is.
    credentials              bytea       not null,
    previous_webhook_secret  bytea,
    previous_valid_until     timestamptz,
    -- The last characters of each credential, by its name.
    hints                    json        not null,
    -- When the gateway last took the credentials.
    verified_at              timestamptz,
    created_at               timestamptz not null,
    updated_at               timestamptz not null,
    removed_at               timestamptz,
    version                  bigint      not null default 1,
    primary key (tenant_id, id),
    -- The id stays with tenant, gateway and mode: the webhook's address is entered at the gateway once.
    constraint gateway_accounts_one unique (tenant_id, gateway, mode)
);

-- The word for amounts and phase: components/payments/src/domain/payment.rs has the same rule, and a test compares the two.
-- Nothing is set here, so that the column below can be generated from it.
create function payments.state_of(amount bigint, authorized bigint, captured bigint, refunded bigint, phase text)
    returns text
language sql immutable
as $$
    select case
        when captured > 0 and refunded = captured then 'refunded'
        when captured > 0 and refunded > 0 then 'partially_refunded'
        when captured > 0 and captured >= amount then 'captured'
        when captured > 0 then 'partially_captured'
        when authorized > 0 and phase not in ('canceled', 'expired', 'failed') then 'authorized'
        else phase
    end
$$;
grant execute on function payments.state_of(bigint, bigint, bigint, bigint, text) to bizo_payments, bizo_definer;

create table payments.payments (
    tenant_id        uuid        not null,
    id               uuid        not null unique,
    gateway          text        not null check (gateway ~ '^[a-z]{2,20}$'),
    mode             text        not null check (mode in ('test', 'live')),
    -- None for the gateway `test`, which needs no account.
    account_id       uuid,
    amount           bigint      not null check (amount between 1 and 999999999999),
    currency         text        not null check (currency ~ '^[A-Z]{3}$'),
    capture_method   text        not null check (capture_method in ('automatic', 'manual')),
    flow             text        not null check (flow in ('redirect', 'sdk')),
    description      text        check (length(description) between 1 and 100),
    customer         json        not null,
    metadata         json        not null,
    return_url       text        check (length(return_url) <= 2000),
    cancel_url       text        check (length(cancel_url) <= 2000),
    -- Comes back with the payer's browser; it opens nothing but a look at how the payment went.
    return_token     text        not null constraint payments_return_token_key unique check (length(return_token) = 43),

    phase            text        not null check (phase in ('created', 'requires_action', 'processing', 'canceled', 'expired', 'failed')),
    authorized       bigint      not null default 0,
    captured         bigint      not null default 0,
    -- Asked for, and not answered yet.
    capturing        bigint      not null default 0,
    refunded         bigint      not null default 0,
    refunding        bigint      not null default 0,
    fee              bigint      not null default 0 check (fee >= 0),
    disputed         bigint      not null default 0 check (disputed >= 0),
    dispute_state    text        check (dispute_state in ('open', 'won', 'lost')),
    state            text        not null generated always as (payments.state_of(amount, authorized, captured, refunded, phase)) stored,
    late_success_at  timestamptz,
    -- When the question was asked whose answer stands here.
    reported_at      timestamptz,
    failure          json,
    next_action      json,
    -- The gateway's names for it.
    order_ref        text        check (length(order_ref) <= 255),
    payment_ref      text        check (length(payment_ref) <= 255),
    capture_ref      text        check (length(capture_ref) <= 255),

    created_by       uuid        not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    expires_at       timestamptz not null,
    -- When the sweep looks again, how often it has, and until when somebody is at it.
    next_look_at     timestamptz,
    looks            integer     not null default 0,
    leased_until     timestamptz,
    version          bigint      not null default 1,

    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references payments.gateway_accounts (tenant_id, id),
    -- No money taken twice, none returned twice: counters and a check, not a count.
    constraint payments_captured_check check (captured >= 0 and capturing >= 0 and captured + capturing <= authorized),
    constraint payments_authorized_check check (authorized <= amount),
    constraint payments_refunded_check check (refunded >= 0 and refunding >= 0 and refunded + refunding <= captured)
);
create index payments_created on payments.payments (tenant_id, created_at, id);
create index payments_state on payments.payments (tenant_id, state, created_at, id);
create index payments_order_ref on payments.payments (tenant_id, account_id, order_ref) where order_ref is not null;
create index payments_payment_ref on payments.payments (tenant_id, account_id, payment_ref) where payment_ref is not null;
-- The sweep works for all tenants.
create index payments_due on payments.payments (next_look_at) where next_look_at is not null;

create table payments.refunds (
    tenant_id   uuid        not null,
    id          uuid        not null,
    payment_id  uuid        not null,
    amount      bigint      not null check (amount > 0),
    state       text        not null check (state in ('pending', 'succeeded', 'failed', 'canceled')),
    reason      text        check (length(reason) between 1 and 100),
    failure     json,
    gateway_ref text        check (length(gateway_ref) <= 255),
    -- None for one that was made at the gateway itself.
    created_by  uuid,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, payment_id) references payments.payments (tenant_id, id),
    constraint refunds_gateway_ref_key unique (tenant_id, payment_id, gateway_ref)
);
create index refunds_payment on payments.refunds (tenant_id, payment_id, created_at, id);

-- Every question to a gateway that may move money, written down before it is asked.
create table payments.attempts (
    tenant_id    uuid        not null,
    id           uuid        not null,
    payment_id   uuid        not null,
    refund_id    uuid,
    verb         text        not null check (verb in ('create', 'capture', 'cancel', 'refund')),
    amount       bigint      not null check (amount >= 0),
    -- started, unknown: nobody knows yet · succeeded · declined: the payer's means were refused · refused: the gateway would
    -- not do it · undone: it is certain that nothing came of it.
    state        text        not null check (state in ('started', 'unknown', 'succeeded', 'declined', 'refused', 'undone')),
    failure      json,
    -- What was captured when it began: a capture is done when so much more is.
    captured_before bigint   not null default 0,
    -- What the client was told, for a repeat with the same key.
    answer       json,
    leased_until timestamptz,
    asked_at     timestamptz not null,
    answered_at  timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, payment_id) references payments.payments (tenant_id, id),
    foreign key (tenant_id, refund_id) references payments.refunds (tenant_id, id)
);
create index attempts_payment on payments.attempts (tenant_id, payment_id, asked_at);
-- One thing at a time; refunds reserve their amounts instead.
create unique index attempts_one_open on payments.attempts (tenant_id, payment_id)
    where verb <> 'refund' and state in ('started', 'unknown');
create unique index attempts_one_open_refund on payments.attempts (tenant_id, refund_id)
    where state in ('started', 'unknown');

-- What happened to a payment, in order.
create table payments.payment_events (
    tenant_id  uuid        not null,
    id         bigint      generated always as identity,
    payment_id uuid        not null,
    at         timestamptz not null,
    type       text        not null check (type ~ '^[a-z_]+(\.[a-z_]+)?$' and length(type) <= 60),
    -- Who told: the API's caller, the gateway's answer, a webhook, the payer's return, a sync, the sweep.
    source     text        not null check (source in ('api', 'webhook', 'return', 'sync', 'sweep')),
    state      text        not null,
    details    jsonb       not null default '{}' check (length(details::text) <= 4000),
    primary key (tenant_id, id),
    foreign key (tenant_id, payment_id) references payments.payments (tenant_id, id)
);
create index payment_events_payment on payments.payment_events (tenant_id, payment_id, id);

-- Every message of a gateway, as it came, before anything is done with it.
create table payments.webhook_events (
    tenant_id   uuid        not null,
    id          uuid        not null,
    account_id  uuid        not null,
    dedupe_key  text        not null check (length(dedupe_key) between 1 and 300),
    type        text        not null check (length(type) <= 200),
    body        bytea       not null,
    payment_id  uuid,
    -- pending: to be applied · applied · kept: nothing follows from it · refused: it does not fit its payment
    state       text        not null check (state in ('pending', 'applied', 'kept', 'refused')),
    received_at timestamptz not null,
    settled_at  timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, account_id) references payments.gateway_accounts (tenant_id, id),
    foreign key (tenant_id, payment_id) references payments.payments (tenant_id, id),
    constraint webhook_events_once unique (tenant_id, account_id, dedupe_key)
);
create index webhook_events_payment on payments.webhook_events (tenant_id, payment_id, received_at);

-- The ledger: each entry moves an amount from one account to another, so that no entry can be out of balance. It is only ever
-- added to; what was wrong is put right by an entry the other way.
create table payments.ledger_entries (
    tenant_id  uuid        not null,
    id         bigint      generated always as identity,
    payment_id uuid        not null,
    refund_id  uuid,
    at         timestamptz not null,
    type       text        not null check (type in ('capture', 'refund', 'refund_reversal', 'fee', 'dispute', 'dispute_reversal')),
    gateway    text        not null,
    mode       text        not null check (mode in ('test', 'live')),
    currency   text        not null check (currency ~ '^[A-Z]{3}$'),
    amount     bigint      not null check (amount > 0),
    debit      text        not null check (debit in ('gateway', 'sales', 'refunds', 'fees', 'disputes')),
    credit     text        not null check (credit in ('gateway', 'sales', 'refunds', 'fees', 'disputes')),
    primary key (tenant_id, id),
    foreign key (tenant_id, payment_id) references payments.payments (tenant_id, id),
    constraint ledger_entries_two_sides check (debit <> credit)
);
create index ledger_entries_payment on payments.ledger_entries (tenant_id, payment_id, id);
create index ledger_entries_balance on payments.ledger_entries (tenant_id, mode, currency, gateway, debit, credit) include (amount);

do $$
declare
    v_table text;
begin
    foreach v_table in array array['settings', 'gateway_accounts', 'payments', 'refunds', 'attempts', 'payment_events',
                                   'webhook_events', 'ledger_entries'] loop
        execute format('alter table payments.%I enable row level security', v_table);
        execute format('alter table payments.%I force row level security', v_table);
        execute format(
            'create policy tenant on payments.%I
                 using (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))
                 with check (tenant_id = (select nullif(current_setting(''app.tenant_id'', true), '''')::uuid))', v_table);
        execute format('create policy owner on payments.%I to bizo_owner using (true) with check (true)', v_table);
    end loop;
    -- What is found before a tenant is known: the account that a webhook names, the payment of a returning payer, due work.
    foreach v_table in array array['gateway_accounts', 'payments'] loop
        execute format('create policy definer on payments.%I to bizo_definer using (true) with check (true)', v_table);
    end loop;
end
$$;

grant select, insert, update on payments.settings, payments.gateway_accounts, payments.payments, payments.refunds,
                                payments.attempts, payments.webhook_events to bizo_payments;
-- What happened can be read and added to, never changed.
grant select, insert on payments.payment_events, payments.ledger_entries to bizo_payments;
grant select on payments.gateway_accounts to bizo_definer;
grant select, update on payments.payments to bizo_definer;

comment on schema payments is 'Payments, refunds, gateways, the ledger';

alter table app.audit_log drop constraint audit_log_target_type_check;
alter table app.audit_log add constraint audit_log_target_type_check check (target_type in (
    'user', 'session', 'tenant', 'membership', 'invitation', 'api_key', 'gateway_account', 'payment', 'refund'));
