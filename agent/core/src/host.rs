//! What a host is at one moment. The host is the truth, what is saved is the intention.

use alloc::string::String;
use alloc::vec::Vec;

use crate::id::SystemPath;

/// One look at the host; what cannot be read is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostView {
    /// Target of `/run/current-system`: what runs.
    pub current: Option<SystemPath>,
    /// Target of the system profile, links resolved: what the next boot starts.
    pub profile: Option<SystemPath>,
    /// Target of `/run/booted-system`: what the machine was booted into.
    pub booted: Option<SystemPath>,
    /// `/proc/sys/kernel/random/boot_id`: another one after each boot.
    pub boot_id: Option<String>,
    /// `switch-inhibitors` of what runs (NixOS 26.05): a system that has another value for one of these keys cannot be
    /// switched to without a reboot. Sorted by key.
    pub inhibitors: Vec<(String, String)>,
    /// Parts in which the running system differs from the booted one: "kernel", "initrd", "kernel-modules".
    pub reboot_required: Vec<String>,
}

impl HostView {
    /// Whether this path runs and is what the next boot starts.
    #[must_use]
    pub fn is_wholly(&self, system: &SystemPath) -> bool {
        self.runs(system) && self.boots(system)
    }

    /// Whether this path runs; false where it is not known what runs.
    #[must_use]
    pub fn runs(&self, system: &SystemPath) -> bool {
        self.current.as_ref() == Some(system)
    }

    /// Whether this path is the profile.
    #[must_use]
    pub fn boots(&self, system: &SystemPath) -> bool {
        self.profile.as_ref() == Some(system)
    }
}
