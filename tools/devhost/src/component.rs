//! From a `.wasm` file to something that can be instantiated.
//!
//! A core module (wasm32-wasip1) is made a component with the adapter that belongs to this version of wasmtime. The result must
//! export `wasi:http/handler` of final WASI 0.3 and import nothing but WASI and the three interfaces of `bindings`.

use crate::{bindings, guest::Guest};
use anyhow::{Context as _, bail};
use std::path::Path;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wasmtime_wasi_http::p3::bindings::ServicePre;
use wit_component::ComponentEncoder;

const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Everything that a component may import.
pub(crate) fn linker(engine: &Engine) -> anyhow::Result<Linker<Guest>> {
    let mut linker: Linker<Guest> = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::postgres::add_to_linker::<_, crate::outbound::postgres::Postgres>(&mut linker, |guest| {
        &mut guest.postgres
    })?;
    bindings::redis::add_to_linker::<_, crate::outbound::redis::Redis>(&mut linker, |guest| &mut guest.redis)?;
    bindings::variables::add_to_linker::<_, crate::outbound::variables::ComponentVariables>(&mut linker, |guest| {
        &mut guest.variables
    })?;
    Ok(linker)
}

/// Reads, compiles (or takes from the cache) and links the file at `path`.
pub(crate) fn load(linker: &Linker<Guest>, path: &Path) -> anyhow::Result<ServicePre<Guest>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("cannot read {}; build the component first", path.display()))?;
    let bytes = if bytes.starts_with(CORE_MODULE) { componentize(&bytes)? } else { bytes };
    let component = Component::from_binary(linker.engine(), &bytes)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("{} is not a WebAssembly component", path.display()))?;
    check_handler(linker.engine(), &component)?;
    let linked = linker
        .instantiate_pre(&component)
        .map_err(anyhow::Error::from)
        .context("the component imports what devhost does not offer; run it with spin")?;
    Ok(ServicePre::new(linked)?)
}

fn componentize(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
        .context("the module cannot be made a component; was it built with spin-sdk 7?")
}

fn check_handler(engine: &Engine, component: &Component) -> anyhow::Result<()> {
    let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    if exports.iter().any(|name| name.starts_with("wasi:http/handler@0.3.") && !name.contains('-')) {
        return Ok(());
    }
    bail!(
        "the component exports {exports:?} and no wasi:http/handler of WASI 0.3; build it with spin-sdk 7, or run it with spin"
    )
}
