//! The rules of delivering: what a message holds, what a reply means, and when to try again. Pure.

pub(crate) mod delivery;
pub(crate) mod message;
