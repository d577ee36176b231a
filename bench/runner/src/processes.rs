//! What processes cost, as the kernel counts it: CPU time and proportional memory of a process and all below it.

use std::{collections::BTreeMap, fs};

/// What the kernel counts CPU time in, for programs: a hundredth of a second on every platform that this runs on.
const TICK_MICROSECONDS: u64 = 10_000;

/// All processes at one moment: parent and CPU time of each.
#[derive(Debug, Default)]
pub(crate) struct Processes(BTreeMap<u32, Entry>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    parent: u32,
    session: u32,
    ticks: u64,
}

impl Processes {
    /// Reads `/proc` now.
    pub(crate) fn now() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // A process may end between being listed and being read.
        Self(
            pids.filter_map(|pid| Some((pid, parsed(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?)))
                .collect(),
        )
    }

    /// CPU time of a process and everything below it, in microseconds; with it, what children that ended had used.
    pub(crate) fn cpu_microseconds(&self, root: u32) -> u64 {
        let below = self.below(root).into_iter().chain([root]);
        below.filter_map(|pid| self.0.get(&pid)).map(|entry| entry.ticks).sum::<u64>() * TICK_MICROSECONDS
    }

    /// The processes below one, without itself.
    pub(crate) fn below(&self, root: u32) -> Vec<u32> {
        let mut found = vec![root];
        let mut at = 0;
        while at < found.len() {
            let parent = found[at];
            found.extend(self.0.iter().filter(|(_, entry)| entry.parent == parent).map(|(pid, _)| *pid));
            at += 1;
        }
        found.remove(0);
        found
    }

    fn share_a_session(&self, one: u32, other: u32) -> bool {
        let session = |pid: u32| self.0.get(&pid).map(|entry| entry.session);
        session(one) == session(other)
    }
}

/// The line of `/proc/PID/stat`. The name in brackets may hold anything, so the fields are counted from its end.
fn parsed(line: &str) -> Option<Entry> {
    let (_, rest) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // utime, stime, cutime, cstime: proc(5) numbers them 14 to 17, and the first field here is number 3.
    let ticks = fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Entry { parent: fields.get(1)?.parse().ok()?, session: fields.get(3)?.parse().ok()?, ticks })
}

/// Memory of a system, in MiB; what its processes share with others is divided among all who share it. `root` is the
/// shell around it: what is below that in its own session is the shell's, and the system has another.
pub(crate) fn pss_mib_below(root: u32) -> f64 {
    let processes = Processes::now();
    let pids = processes.below(root).into_iter().filter(|pid| !processes.share_a_session(*pid, root));
    let kib: u64 = pids
        .filter_map(|pid| fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok())
        .filter_map(|text| pss_kib(&text))
        .sum();
    kib as f64 / 1024.0
}

fn pss_kib(rollup: &str) -> Option<u64> {
    rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_behind_the_name() {
        let line = "42 (a) b) (c)) S 7 42 43 0 -1 4194560 100 200 0 0 11 22 33 44 20 0 1 0 100 1000 10";
        assert_eq!(parsed(line), Some(Entry { parent: 7, session: 43, ticks: 110 }));
        assert_eq!(parsed("42 (short) S 7"), None);
    }

    #[test]
    fn a_tree_is_summed_and_others_are_not() {
        let entry = |parent, ticks| Entry { parent, session: parent, ticks };
        let all =
            Processes(BTreeMap::from([(1, entry(0, 5)), (2, entry(1, 7)), (3, entry(2, 11)), (4, entry(9, 1000))]));
        assert_eq!(all.below(1), [2, 3]);
        assert_eq!(all.cpu_microseconds(1), 23 * TICK_MICROSECONDS);
        assert_eq!(all.cpu_microseconds(2), 18 * TICK_MICROSECONDS);
        assert!(!all.share_a_session(2, 3));
    }

    #[test]
    fn pss_is_one_line_among_others() {
        assert_eq!(pss_kib("5500-7ff ---p 0 0\nRss:    9000 kB\nPss:    4321 kB\nPss_Anon: 1 kB\n"), Some(4321));
        assert_eq!(pss_kib("Rss: 1 kB"), None);
    }

    #[test]
    fn this_process_is_there() {
        assert!(Processes::now().0.contains_key(&std::process::id()));
    }
}
