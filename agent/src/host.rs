//! What the host is at this moment: which system runs, which is the profile, what only a reboot brings in. Never changes it.

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
        reboot_required: changed_parts(&system.booted, &system.current),
    }
}

/// Follows all links to the store path.
pub(crate) fn resolve(link: &Path) -> Option<SystemPath> {
    std::fs::canonicalize(link).ok()?.to_str().map(SystemPath::new)
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
        assert_eq!(view.reboot_required, ["kernel"]);
    }

    #[test]
    fn what_cannot_be_read_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let system = System {
            current: folder.path().join("current"),
            booted: folder.path().join("booted"),
            profile: folder.path().join("system"),
        };
        assert_eq!(view(&system), HostView::default());
    }
}
