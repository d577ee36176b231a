//! The machine that a run is made on, and the versions of what runs there.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde::{Deserialize, Serialize};

use crate::{
    processes::Processes,
    system::{COMPONENTS, Running},
};

/// What figures of this run depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Host {
    /// The processor's model.
    pub(crate) cpu: String,
    /// Its cores.
    pub(crate) cores: u32,
    /// The kernel.
    pub(crate) kernel: String,
    /// Memory, in GiB.
    pub(crate) memory_gib: f64,
    /// The load average of a minute before the run.
    pub(crate) load_at_start: f64,
}

impl Host {
    /// Looks at the machine.
    pub(crate) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory_kib: f64 = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split(' ').next().and_then(|kib| kib.parse().ok()))
            .unwrap_or_default();
        Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: cores(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_gib: (memory_kib / 1024.0 / 1024.0 * 10.0).round() / 10.0,
            load_at_start: load(),
        }
    }
}

/// The cores that we may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1))
}

/// The load average of the last minute.
pub(crate) fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default()
}

/// The first field with this name in a file of `name : value` lines.
fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program says of its version; nothing where it cannot be asked.
pub(crate) fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}

/// The Python that a running system runs on.
pub(crate) fn python_of(running: &Running) -> Option<String> {
    let pids = Processes::now().below(running.root());
    let programs = pids.iter().filter_map(|pid| fs::read_link(format!("/proc/{pid}/exe")).ok());
    let pythons =
        programs.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python")));
    pythons.into_iter().find_map(|path| version_of(&path))
}

/// The sizes of the components in bytes.
pub(crate) fn wasm_bytes(root: &Path) -> BTreeMap<String, u64> {
    let sizes = COMPONENTS.map(|name| {
        let file = root.join(format!("dist/{name}.wasm"));
        Some((name.to_owned(), fs::metadata(file).ok()?.len()))
    });
    sizes.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_of_a_name_is_read() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC: a name\nmodel name\t: other\n";
        assert_eq!(field(text, "model name").as_deref(), Some("AMD EPYC: a name"));
        assert_eq!(field(text, "cache"), None);
    }
}
