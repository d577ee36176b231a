//! What both ends of the outbox must agree on.
