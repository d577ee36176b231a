//! The rules of payments: pure, so that each is tested in milliseconds.

pub(crate) mod country;
pub(crate) mod customer;
pub(crate) mod payment;
pub(crate) mod reconciliation;
pub(crate) mod refund;
pub(crate) mod routing;
pub(crate) mod timetable;
pub(crate) mod web_address;
