//! What a host knows and a component does not: every component's variables, which of them a task runs for, and how
//! many database connections there may be. The real SDK has no such module; only the server here uses it.

use std::{collections::HashMap, sync::OnceLock};

/// The variables of each component, by name.
pub type Variables = HashMap<String, HashMap<String, String>>;

struct Host {
    variables: Variables,
    connections: usize,
}

static HOST: OnceLock<Host> = OnceLock::new();

tokio::task_local! {
    static COMPONENT: &'static str;
}

/// Sets up the process, before any component runs: the variables, and the database connections of one thread.
pub fn configure(variables: Variables, connections: usize) {
    // The first word stands; there is one call.
    let _ = HOST.set(Host { variables, connections: connections.max(1) });
}

/// Runs a future as this component.
pub async fn run_as<T>(component: &'static str, future: impl Future<Output = T>) -> T {
    COMPONENT.scope(component, future).await
}

/// A variable of the component that this task runs for.
pub(crate) fn variable(name: &str) -> Option<String> {
    let component = COMPONENT.try_with(|component| *component).ok()?;
    HOST.get()?.variables.get(component)?.get(name).cloned()
}

/// How many database connections a thread may have.
pub(crate) fn connections() -> usize {
    HOST.get().map_or(1, |host| host.connections)
}
