//! What ran before is kept from nix's garbage collection: the way back leads there, and after `nixos-rebuild test`, or when
//! old generations are deleted meanwhile, nothing else would keep it.

use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use pull_agent_core::SystemPath;

/// Every link in here keeps what it points to (nix manual, "Garbage Collector Roots").
const ROOTS: &str = "/nix/var/nix/gcroots";
const NAME: &str = "pull-agent-previous";
const STORE: &str = "/nix/store/";

/// Makes the root, in place of the one of the deployment before. Does nothing where there is no nix.
pub(super) fn keep(previous: &SystemPath) {
    let roots = Path::new(ROOTS);
    if !previous.as_str().starts_with(STORE) || !roots.is_dir() {
        return;
    }
    if let Err(error) = link(roots, previous) {
        tracing::warn!(%previous, %error, "what ran before could not be kept from a garbage collection");
    }
}

fn link(roots: &Path, previous: &SystemPath) -> io::Result<()> {
    let (place, new) = (roots.join(NAME), roots.join(format!("{NAME}.new")));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    symlink(previous.as_str(), &new)?;
    std::fs::rename(new, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_takes_the_place_of_the_one_before() {
        let roots = tempfile::tempdir().expect("a folder");
        for name in ["/nix/store/a", "/nix/store/b"] {
            link(roots.path(), &SystemPath::new(name)).expect("a link");
            let target = std::fs::read_link(roots.path().join(NAME)).expect("a link");
            assert_eq!(target, Path::new(name));
        }
        assert_eq!(std::fs::read_dir(roots.path()).expect("a folder").count(), 1);
    }
}
