-- What is counted over all tenants for an operator's metrics, and what makes that quick.

create policy definer on payments.attempts for select to bizo_definer using (true);
create policy definer on payments.refunds for select to bizo_definer using (true);
create policy definer on payments.webhook_events for select to bizo_definer using (true);
grant select on payments.attempts, payments.refunds, payments.webhook_events to bizo_definer;

create index attempts_open on payments.attempts (state, asked_at) where state in ('started', 'unknown');
create index refunds_pending on payments.refunds (created_at) where state = 'pending';
create index webhook_events_pending on payments.webhook_events (received_at) where state = 'pending';
