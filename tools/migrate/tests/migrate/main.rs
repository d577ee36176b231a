//! The migrator against a Postgres of its own.

mod import_users;
mod migrations;
mod server;
