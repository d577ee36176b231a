//! The app against other people's libraries, so that it is not only its own idea of a standard that it keeps. The libraries
//! and their scripts are in `tests/interop`.
//!
//! `./dev test interop` runs this; `./dev test e2e` skips every test whose name begins with `interop_`, because it runs
//! without Python.

mod interop_codes;
mod interop_gateways;
mod interop_openapi;
mod interop_tokens;
mod interop_typescript;
mod python;
