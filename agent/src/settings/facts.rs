//! What the machine says to a configuration.

use crate::systemd;

/// What the machine says, not the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its host name, the default of `host`.
    pub hostname: Option<String>,
    /// Whether systemd runs it (sd_booted(3)): what `rebuild.runner = "auto"` asks.
    pub systemd: bool,
    /// Whether the files that the configuration names can be looked at here. Not so where a package builds.
    pub sees_files: bool,
}

impl Facts {
    /// Asks the machine.
    #[must_use]
    pub fn read() -> Self {
        Self {
            hostname: nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()),
            systemd: systemd::is_booted(),
            sees_files: true,
        }
    }
}
