//! From a `.wasm` file to something that can be instantiated.
//!
//! A core module (wasm32-wasip1) is made a component first, as Spin does; ours are components already. The result must
//! export `wasi:http/handler` of final WASI 0.3 and import nothing but WASI and the three interfaces of `bindings`.

use crate::{bindings, guest::Guest};
use anyhow::{Context as _, bail};
use std::path::Path;
use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wasmtime_wasi_http::p3::bindings::ServicePre;

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
    let bytes = if componentize::is_module(&bytes) { componentize::componentize(&bytes)? } else { bytes };
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

fn check_handler(engine: &Engine, component: &Component) -> anyhow::Result<()> {
    let exports: Vec<String> = component.component_type().exports(engine).map(|(name, _)| name.to_owned()).collect();
    if exports.iter().any(|name| name.starts_with("wasi:http/handler@0.3.") && !name.contains('-')) {
        return Ok(());
    }
    bail!(
        "the component exports {exports:?} and no wasi:http/handler of WASI 0.3; build it with spin-sdk 7, or run it with spin"
    )
}
