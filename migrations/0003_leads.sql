-- Leads: who might become a customer, how good they look and why, and every move of their status.

create table crm.leads (
    tenant_id          uuid        not null,
    id                 uuid        not null,
    email              text        not null check (length(email) between 3 and 320),
    first_name         text        check (length(first_name) between 1 and 100),
    last_name          text        check (length(last_name) between 1 and 100),
    company            text        check (length(company) between 1 and 200),
    job_title          text        check (length(job_title) between 1 and 200),
    phone              text        check (length(phone) between 1 and 32),
    source             text        not null check (source in ('WEBSITE', 'REFERRAL', 'SOCIAL_MEDIA', 'EMAIL_CAMPAIGN',
                                                              'PAID_ADS', 'EVENT', 'COLD_OUTREACH', 'OTHER')),
    website            text        check (length(website) between 1 and 500),
    country            text        check (country ~ '^[A-Z]{2}$'),
    notes              text        check (length(notes) between 1 and 10000),
    status             text        not null check (status in ('NEW', 'CONTACTED', 'QUALIFIED', 'PROPOSAL', 'WON', 'LOST')),
    priority           text        not null check (priority in ('LOW', 'MEDIUM', 'HIGH', 'URGENT')),
    -- When a person chose the priority; from then on it no longer follows the score.
    priority_set_at    timestamptz,
    score              integer     not null check (score between 0 and 100),
    score_reasons      json        not null,
    created_by         uuid        not null,
    created_at         timestamptz not null,
    updated_at         timestamptz not null,
    version            bigint      not null default 1,
    deleted_at         timestamptz,
    primary key (tenant_id, id)
);
-- The orders that lists are read in, and the filter by status; `id` breaks ties, so that a cursor never skips a row.
create index leads_created on crm.leads (tenant_id, created_at, id) where deleted_at is null;
create index leads_score on crm.leads (tenant_id, score, id) where deleted_at is null;
create index leads_status on crm.leads (tenant_id, status, created_at, id) where deleted_at is null;

create table crm.lead_status_changes (
    tenant_id   uuid        not null,
    id          bigint      generated always as identity,
    lead_id     uuid        not null,
    from_status text        not null,
    to_status   text        not null,
    changed_by  uuid        not null,
    changed_at  timestamptz not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, lead_id) references crm.leads (tenant_id, id)
);
create index lead_status_changes_lead on crm.lead_status_changes (tenant_id, lead_id, id);

alter table crm.leads enable row level security;
alter table crm.leads force row level security;
create policy tenant on crm.leads
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on crm.leads to bizo_owner using (true) with check (true);

alter table crm.lead_status_changes enable row level security;
alter table crm.lead_status_changes force row level security;
create policy tenant on crm.lead_status_changes
    using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid))
    with check (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));
create policy owner on crm.lead_status_changes to bizo_owner using (true) with check (true);

-- Deleting a lead is a moment in deleted_at; the history can be read and added to, never changed.
grant select, insert, update on crm.leads to bizo_crm;
grant select, insert on crm.lead_status_changes to bizo_crm;
