//! What the CRM asks of the database; the only place that names an SQL function. The functions are in `sql/`; each
//! runs as the caller, whose tenant stands in every condition.

pub(crate) mod lead_analytics;
pub(crate) mod lead_lists;
pub(crate) mod lead_status_changes;
pub(crate) mod leads;
