//! The rules of payments: pure, so that each is tested in milliseconds.

pub(crate) mod customer;
pub(crate) mod payment;
pub(crate) mod refund;
pub(crate) mod timetable;
pub(crate) mod web_address;
