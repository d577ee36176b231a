-- Access tokens that gateways lend for some hours (PayPal's): kept, because a gateway lends few. Sealed like the credentials that
-- they were got with, and gone with them.
alter table payments.gateway_accounts
    add column access_token       bytea,
    add column access_token_until timestamptz;

-- A message about a refund may name nothing but the capture that it is of.
create index payments_capture_ref on payments.payments (tenant_id, account_id, capture_ref) where capture_ref is not null;
