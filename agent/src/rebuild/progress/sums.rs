//! The sums over nix's activities, as its own progress bar makes them: for each type what is done and expected of all its
//! activities; one that stops leaves what it had done; expected is at least what was announced for the type.

use std::collections::{BTreeMap, HashMap};

use pull_agent_protocol::{BuildProgress, Progress};
use serde::Deserialize;

const COPY_PATH: u64 = 100;
const FILE_TRANSFER: u64 = 101;
const BUILDS: u64 = 104;
const BUILD: u64 = 105;
const SUBSTITUTE: u64 = 108;

const PROGRESS: u64 = 105;
const SET_EXPECTED: u64 = 106;

/// So many activities are followed at once; nix runs some hundreds.
const ACTIVITIES: usize = 20_000;

/// So many names are shown, the oldest first.
const NAMES: usize = 16;

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Sums {
    activities: HashMap<u64, Activity>,
    types: BTreeMap<u64, Type>,
    /// Names of running builds and substitutions, by the order in which they began.
    names: BTreeMap<u64, String>,
}

#[derive(Debug, Default)]
struct Activity {
    kind: u64,
    done: u64,
    expected: u64,
    /// Announced for other types by this activity.
    announced: BTreeMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Type {
    /// Of activities that stopped.
    done: u64,
    announced: u64,
}

/// A record; fields that are not used are not read.
#[derive(Deserialize)]
struct Record {
    action: String,
    #[serde(default)]
    id: u64,
    #[serde(default, rename = "type")]
    kind: u64,
    #[serde(default)]
    fields: Vec<serde_json::Value>,
}

impl Sums {
    /// Takes one record; what is none is skipped.
    pub(super) fn record(&mut self, text: &[u8]) {
        let Ok(record) = serde_json::from_slice::<Record>(text) else { return };
        match record.action.as_str() {
            "start" => self.start(&record),
            "result" => self.result(&record),
            "stop" => self.stop(record.id),
            _ => {}
        }
    }

    fn start(&mut self, record: &Record) {
        if self.activities.len() >= ACTIVITIES {
            return;
        }
        self.activities.insert(record.id, Activity { kind: record.kind, ..Activity::default() });
        self.types.entry(record.kind).or_default();
        if matches!(record.kind, BUILD | SUBSTITUTE)
            && let Some(path) = record.fields.first().and_then(|field| field.as_str())
        {
            self.names.insert(record.id, name(path));
        }
    }

    fn result(&mut self, record: &Record) {
        let number = |index: usize| record.fields.get(index).and_then(serde_json::Value::as_u64);
        let (Some(first), Some(second)) = (number(0), number(1)) else { return };
        let Some(activity) = self.activities.get_mut(&record.id) else { return };
        match record.kind {
            PROGRESS => {
                activity.done = first;
                activity.expected = second;
            }
            SET_EXPECTED => {
                let before = activity.announced.insert(first, second).unwrap_or_default();
                let announced = &mut self.types.entry(first).or_default().announced;
                *announced = announced.saturating_sub(before).saturating_add(second);
            }
            _ => {}
        }
    }

    fn stop(&mut self, id: u64) {
        self.names.remove(&id);
        let Some(activity) = self.activities.remove(&id) else { return };
        let of_type = self.types.entry(activity.kind).or_default();
        of_type.done = of_type.done.saturating_add(activity.done);
        for (kind, announced) in activity.announced {
            let of_type = self.types.entry(kind).or_default();
            of_type.announced = of_type.announced.saturating_sub(announced);
        }
    }

    /// Returns the sums; none while nothing was read that counts.
    pub(super) fn progress(&self) -> Option<Progress> {
        if ![BUILDS, BUILD, SUBSTITUTE, COPY_PATH, FILE_TRANSFER]
            .iter()
            .any(|kind| self.types.contains_key(kind))
        {
            return None;
        }
        // Downloads where their size is known, else what is copied, as from a store on disk.
        let transfers = self.of(FILE_TRANSFER);
        let bytes = if transfers.expected > 0 { transfers } else { self.of(COPY_PATH) };
        let current = self.names.values().take(NAMES).cloned().collect();
        Some(Progress { builds: self.of(BUILDS), bytes, current })
    }

    fn of(&self, kind: u64) -> BuildProgress {
        let of_type = self.types.get(&kind);
        let ended = of_type.map_or(0, |it| it.done);
        let (mut done, mut expected) = (ended, ended);
        for activity in self.activities.values().filter(|it| it.kind == kind) {
            done = done.saturating_add(activity.done);
            expected = expected.saturating_add(activity.expected);
        }
        BuildProgress { done, expected: expected.max(of_type.map_or(0, |it| it.announced)).max(done) }
    }
}

/// `/nix/store/<hash>-linux-6.12.9.drv` is shown as `linux-6.12.9`.
fn name(path: &str) -> String {
    let base = path.rsplit('/').next().unwrap_or(path);
    let base = base.split_once('-').map_or(base, |(_, name)| name);
    crate::text::clean(base.strip_suffix(".drv").unwrap_or(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(records: &str) -> Sums {
        let mut sums = Sums::default();
        records.lines().for_each(|line| sums.record(line.trim().as_bytes()));
        sums
    }

    /// What nix 2.34 writes for a build of two derivations of which one is substituted, cut down.
    const RECORDS: &str = r#"
        {"action":"msg","level":3,"msg":"these 2 derivations will be built:"}
        {"action":"start","id":1,"level":0,"parent":0,"text":"","type":102}
        {"action":"start","id":2,"level":0,"parent":0,"text":"","type":103}
        {"action":"start","id":3,"level":0,"parent":0,"text":"","type":104}
        {"action":"result","id":1,"type":106,"fields":[101,5000]}
        {"action":"result","id":3,"type":105,"fields":[0,2,0,0]}
        {"action":"start","id":4,"level":3,"parent":0,"text":"copying","type":108,"fields":["/nix/store/0c0-zlib-1.3","https://cache.nixos.org"]}
        {"action":"start","id":5,"level":3,"parent":4,"text":"","type":100,"fields":["/nix/store/0c0-zlib-1.3","https://cache.nixos.org","daemon"]}
        {"action":"start","id":6,"level":4,"parent":5,"text":"","type":101,"fields":["https://cache.nixos.org/nar/x.nar.xz"]}
        {"action":"result","id":6,"type":105,"fields":[1200,3000,0,0]}
        {"action":"start","id":7,"level":3,"parent":0,"text":"building","type":105,"fields":["/nix/store/1b2-linux-6.12.9.drv","",1,1]}
        {"action":"result","id":7,"type":101,"fields":["unpacking"]}
        {"action":"result","id":3,"type":105,"fields":[0,2,1,0]}"#;

    #[test]
    fn sums_of_a_build() {
        let mut sums = read(RECORDS);
        let progress = sums.progress().expect("nix spoke");
        assert_eq!(progress.builds, BuildProgress { done: 0, expected: 2 });
        assert_eq!(progress.bytes, BuildProgress { done: 1200, expected: 5000 });
        assert_eq!(progress.current, ["zlib-1.3", "linux-6.12.9"]);
        for line in [
            r#"{"action":"result","id":6,"type":105,"fields":[3000,3000,0,0]}"#,
            r#"{"action":"stop","id":6}"#,
            r#"{"action":"stop","id":5}"#,
            r#"{"action":"stop","id":4}"#,
            r#"{"action":"start","id":8,"type":101,"fields":["https://cache.nixos.org/nar/y.nar.xz"]}"#,
            r#"{"action":"result","id":8,"type":105,"fields":[500,4000,0,0]}"#,
            r#"{"action":"result","id":3,"type":105,"fields":[1,2,0,0]}"#,
            r#"{"action":"stop","id":7}"#,
        ] {
            sums.record(line.as_bytes());
        }
        let progress = sums.progress().expect("nix spoke");
        assert_eq!(progress.builds, BuildProgress { done: 1, expected: 2 });
        assert_eq!(progress.bytes, BuildProgress { done: 3500, expected: 7000 });
        assert_eq!(progress.current, Vec::<String>::new());
    }

    #[test]
    fn what_is_no_record_is_skipped() {
        let sums = read(
            "[]\n{}\n{\"action\":7}\nnonsense\n{\"action\":\"stop\",\"id\":9}\n{\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[\"a\"]}",
        );
        assert_eq!(sums.progress(), None);
    }

    #[test]
    fn no_more_activities_are_followed_than_can_be() {
        let mut sums = Sums::default();
        for id in 0..ACTIVITIES as u64 + 10 {
            sums.record(
                format!("{{\"action\":\"start\",\"id\":{id},\"type\":105,\"fields\":[\"/nix/store/a-b\"]}}")
                    .as_bytes(),
            );
        }
        assert_eq!(sums.activities.len(), ACTIVITIES);
        assert_eq!(sums.progress().expect("nix spoke").current.len(), NAMES);
    }
}
