//! The dispatcher of the outbox.
