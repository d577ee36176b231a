//! The rules of leads: pure, so that ids and times come in as arguments.

pub(crate) mod change;
pub(crate) mod country;
pub(crate) mod lead;
pub(crate) mod lead_order;
pub(crate) mod period;
pub(crate) mod phone;
pub(crate) mod priority;
pub(crate) mod score;
pub(crate) mod source;
pub(crate) mod status;
pub(crate) mod text;
pub(crate) mod website;
pub(crate) mod word;
