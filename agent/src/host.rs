//! What the host is at this moment: which system runs, which is the profile, what only a reboot brings in. Never changes it.

use std::collections::BTreeMap;
use std::path::Path;

use pull_agent_core::{HostView, SystemPath};

use crate::settings::System;

/// What the kernel was booted with; a change in one of them needs a reboot (as `system.autoUpgrade.allowReboot` has it).
const BOOTED_PARTS: [&str; 3] = ["kernel", "initrd", "kernel-modules"];

/// Looks at the host once. What cannot be read is none.
#[must_use]
pub fn view(system: &System) -> HostView {
    HostView {
        current: resolve(&system.current),
        profile: resolve(&system.profile),
        booted: resolve(&system.booted),
        boot_id: boot_id(),
        inhibitors: inhibitors(&system.current),
        reboot_required: changed_parts(&system.booted, &system.current),
    }
}

/// Follows all links to the store path.
pub(crate) fn resolve(link: &Path) -> Option<SystemPath> {
    std::fs::canonicalize(link).ok()?.to_str().map(SystemPath::new)
}

/// Which boot of the kernel this is (random(4)).
fn boot_id() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

/// The switch inhibitors of a system: a JSON object of texts, sorted. A system without that file has none.
fn inhibitors(system: &Path) -> Vec<(String, String)> {
    let file = system.join("switch-inhibitors");
    let text = match std::fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the switch inhibitors cannot be read");
            return Vec::new();
        }
    };
    match serde_json::from_slice::<BTreeMap<String, String>>(&text) {
        Ok(inhibitors) => inhibitors.into_iter().collect(),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "the switch inhibitors are no object of texts");
            Vec::new()
        }
    }
}

/// A part that one of the two lacks tells nothing: a container has no kernel.
fn changed_parts(booted: &Path, current: &Path) -> Vec<String> {
    BOOTED_PARTS
        .into_iter()
        .filter(|part| match (resolve(&booted.join(part)), resolve(&current.join(part))) {
            (Some(old), Some(new)) => old != new,
            (None, _) | (_, None) => false,
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A host below a folder: two systems with kernels of their own, the first of them booted.
    fn host(folder: &Path) -> System {
        for name in ["one", "two"] {
            let system = folder.join("store").join(name);
            std::fs::create_dir_all(&system).expect("a folder");
            std::fs::write(system.join("kernel-file"), name).expect("a file");
            symlink("kernel-file", system.join("kernel")).expect("a link");
            std::fs::write(folder.join("store/initrd"), "same").expect("a file");
            symlink("../initrd", system.join("initrd")).expect("a link");
        }
        symlink(folder.join("store/one"), folder.join("booted")).expect("a link");
        symlink(folder.join("store/two"), folder.join("current")).expect("a link");
        symlink(folder.join("store/one"), folder.join("system-1-link")).expect("a link");
        symlink("system-1-link", folder.join("system")).expect("a link");
        System {
            current: folder.join("current"),
            booted: folder.join("booted"),
            profile: folder.join("system"),
        }
    }

    #[test]
    fn links_are_followed_to_the_store_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let view = view(&host(folder.path()));
        let store = folder.path().canonicalize().expect("it is there").join("store");
        assert_eq!(view.current.expect("readable").as_str(), store.join("two").to_str().expect("UTF-8"));
        assert_eq!(view.profile.expect("readable").as_str(), store.join("one").to_str().expect("UTF-8"));
        assert_eq!(view.booted.expect("readable").as_str(), store.join("one").to_str().expect("UTF-8"));
        assert_eq!(view.reboot_required, ["kernel"]);
        assert!(view.boot_id.is_some_and(|id| id.len() == 36), "a UUID");
    }

    #[test]
    fn inhibitors_are_read_sorted_and_a_damaged_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let system = host(folder.path());
        let file = folder.path().join("store/two/switch-inhibitors");
        assert_eq!(view(&system).inhibitors, []);
        std::fs::write(&file, r#"{"dbus": "broker", "clock": "2"}"#).expect("written");
        let read =
            [("clock", "2"), ("dbus", "broker")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(view(&system).inhibitors, read);
        std::fs::write(&file, "[1").expect("written");
        assert_eq!(view(&system).inhibitors, []);
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let system = System {
            current: folder.path().join("current"),
            booted: folder.path().join("booted"),
            profile: folder.path().join("system"),
        };
        let boot_id = boot_id();
        assert_eq!(view(&system), HostView { boot_id, ..HostView::default() });
    }
}
