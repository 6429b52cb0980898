//! The process table, as proc(5) shows it. Never signals anybody.

use std::collections::HashMap;

/// One line of the table.
struct Entry {
    id: i32,
    parent: i32,
    running: bool,
    /// When it started, in clock ticks since the boot: with the id the name of a process that is never used twice.
    start: u64,
}

/// Returns the children of a process, their children, and so on, that have not ended; in no order.
pub(crate) fn descendants(of: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<Entry>> = HashMap::new();
    for entry in entries() {
        children.entry(entry.parent).or_default().push(entry);
    }
    let mut found = Vec::new();
    let mut next = vec![of];
    while let Some(parent) = next.pop() {
        for entry in children.remove(&parent).unwrap_or_default() {
            next.push(entry.id);
            if entry.running {
                found.push(entry.id);
            }
        }
    }
    found
}

/// Returns when a process started, in clock ticks since the boot; none when it is not there.
pub(crate) fn start_ticks(id: i32) -> Option<u64> {
    entry(id).map(|entry| entry.start)
}

/// Whether the process of this id that started then is there and has not ended.
pub(crate) fn is_running(id: i32, start: u64) -> bool {
    entry(id).is_some_and(|entry| entry.running && entry.start == start)
}

/// Returns what names this boot of the kernel; empty when that cannot be read.
pub(crate) fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

fn entries() -> impl Iterator<Item = Entry> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|file| file.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(entry)
}

fn entry(id: i32) -> Option<Entry> {
    parse(id, &std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// Reads proc_pid_stat(5): `id (name) state parent …`, the start time being field 22. The name may hold anything.
fn parse(id: i32, stat: &str) -> Option<Entry> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    Some(Entry { id, parent, running: !matches!(state, "Z" | "X" | "x"), start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses_and_spaces() {
        let line = "7 (a) b) (c) S 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        let entry = parse(7, line).expect("a good line");
        assert_eq!((entry.parent, entry.running, entry.start), (3, true, 4242));
    }

    #[test]
    fn a_zombie_does_not_run() {
        let line = "7 (a) Z 3 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1";
        assert!(!parse(7, line).expect("a good line").running);
    }

    #[test]
    fn this_process_runs() {
        let own = nix::unistd::getpid().as_raw();
        let start = start_ticks(own).expect("the own process is there");
        assert!(is_running(own, start) && !is_running(own, start + 1));
    }
}
