-- How payments of late went, over all tenants, for an operator's metrics. Rows lie in the order in which they were made, so an index of
-- blocks is enough and costs a write nothing to speak of.
create index payments_created_at on payments.payments using brin (created_at);
