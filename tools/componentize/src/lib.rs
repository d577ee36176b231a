//! Makes a component of a core module (wasm32-wasip1), as Spin would at every start.
//!
//! Done once, when it is built: Spin does it anew for each route of the manifest, which is most of a start with compiled code
//! at hand (docs/adr/0002-dev-host-beside-spin.md has figures). What must stay true: the same module gives the same bytes.

use anyhow::Context as _;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Whether these are the bytes of a core module, and not of a component already.
pub fn is_module(bytes: &[u8]) -> bool {
    bytes.starts_with(CORE_MODULE)
}

/// The component of a module that was built with `spin-sdk`; what it was built with says in the module what it imports and
/// exports.
///
/// # Errors
/// When the module does not keep to what it says, or is not valid. One that says nothing makes a component of nothing.
pub fn componentize(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
        .context("the module cannot be made a component; was it built with spin-sdk 7?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_valid_module_is_refused() {
        assert!(!is_module(b"\0asm\x0d\0\x01\0") && is_module(CORE_MODULE) && !is_module(b"") && !is_module(b"text"));
        // A module that exports nothing makes a component that exports nothing: valid, and of no use to a host.
        assert!(!is_module(&componentize(CORE_MODULE).unwrap()));
        let imports_something_unknown = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x07\x01\x01a\x01b\0\0";
        for wrong in [&b"text"[..], &CORE_MODULE[..6], imports_something_unknown] {
            assert!(componentize(wrong).is_err(), "{wrong:?}");
        }
    }
}
