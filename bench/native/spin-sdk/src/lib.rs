//! What our crates use of `spin-sdk` 7, done natively and under the same names, so that they build unchanged without a
//! WebAssembly host. Nothing else of the SDK is here.
//!
//! What must stay true: a caller cannot tell this from the real one by what it answers, errors included. Everything
//! belongs to one thread with a tokio runtime, as an instance on the real host has one thread.

pub mod native;
pub mod pg;
pub mod redis;
pub mod time;
pub mod variables;
