//! What happens when something breaks, each on an app of its own.
#![allow(clippy::disallowed_methods, reason = "tests wait for what they broke")]

mod accounts;
mod addresses;
mod api_keys;
mod backup;
mod configuration;
mod day_of_trouble;
mod events;
mod key_rotation;
mod neighbours;
mod payments;
mod postgres;
mod rate_limits;
mod saturation;
mod store;
