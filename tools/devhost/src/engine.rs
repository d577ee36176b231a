//! The WebAssembly engine, configured as Spin configures it, so that what is measured here carries over.
//!
//! Epoch interruption is on because Spin compiles with it and pays for it; nothing ever interrupts. Instances come from a pool
//! where the machine can reserve the address space, else from plain allocation.

use anyhow::Context as _;
use std::path::Path;
use wasmtime::{Cache, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

const MIB: usize = 1 << 20;

/// How the engine is to be set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    /// Whether compiled code is kept on disk.
    pub(crate) cache: bool,
    /// Configuration of that cache; its own defaults unless given.
    pub(crate) cache_config: Option<&'a Path>,
    /// Whether instances come from a pool.
    pub(crate) pooling: bool,
}

/// Makes the engine.
pub(crate) fn engine(setup: Setup<'_>) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config.epoch_interruption(true).wasm_component_model(true).wasm_component_model_async(true);
    if setup.cache {
        let cache = Cache::from_file(setup.cache_config)
            .map_err(anyhow::Error::from)
            .context("the cache of compiled code cannot be used; pass --disable-cache to do without")?;
        config.cache(Some(cache));
    }
    let pooling = setup.pooling && std::env::var("SPIN_WASMTIME_POOLING").as_deref() != Ok("0");
    if pooling {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()?));
        if let Ok(engine) = Engine::new(&config) {
            return Ok(engine);
        }
        tracing::warn!("the address space for a pool of instances cannot be reserved; going on without one");
        config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    }
    Ok(Engine::new(&config)?)
}

/// 1,000 instances, and of everything else what that many may need.
fn pool() -> anyhow::Result<PoolingAllocationConfig> {
    let instances: u32 = match std::env::var("SPIN_MAX_INSTANCE_COUNT") {
        Ok(count) => count.parse().context("SPIN_MAX_INSTANCE_COUNT is not a number")?,
        Err(_) => 1_000,
    };
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(instances)
        .total_core_instances(4 * instances)
        .total_memories(instances)
        .total_tables(2 * instances)
        .total_stacks(instances)
        .table_elements(100_000)
        .max_component_instance_size(10 * MIB)
        .max_core_instance_size(10 * MIB)
        .max_core_instances_per_component(200)
        .max_tables_per_component(64)
        .max_memories_per_component(32)
        .max_tables_per_module(2)
        .max_memories_per_module(2)
        .max_memory_size(4 << 30)
        .linear_memory_keep_resident(2 * MIB)
        .table_keep_resident(MIB / 2);
    Ok(pool)
}
