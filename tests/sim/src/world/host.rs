//! The machine: what runs, what boots, and whatever is at work on both.

use pull_agent_core::{DeploymentId, Exit, HostView, SystemPath};

/// Who did something to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum By {
    /// It was so when the world began, or the host booted into it.
    Nobody,
    /// A switch of this deployment.
    Switch(DeploymentId),
    /// The way back of this deployment.
    Back(DeploymentId),
    /// The agent, after a switch of this deployment that did not happen.
    Restore(DeploymentId),
    Operator,
    /// The boot menu: not what the profile says.
    BootMenu,
}

/// The steps that touch the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `nixos-rebuild build`.
    Build,
    /// `nixos-rebuild switch`.
    Activate,
    /// The way back.
    RollBack,
}

/// A step of the agent that is at work.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Step {
    pub number: u64,
    pub kind: Kind,
    pub deployment: DeploymentId,
    /// Of which commit; a way back is of none.
    pub commit: Option<usize>,
    /// Index of the system that it leads to.
    pub system: usize,
    /// Counts up to the last stage of its kind.
    pub stage: u8,
    /// How it will end, once that is decided.
    pub exit: Option<Exit>,
    /// It was told to end.
    pub cancelled: bool,
    /// The process that writes the result was killed; nixos-rebuild's own unit goes on.
    pub orphan: bool,
}

/// A person's `nixos-rebuild` that is at work.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Index of the system that it leads to.
    pub system: usize,
    /// Counts up to the last stage of a switch.
    pub stage: u8,
}

#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Host {
    /// `/run/current-system`.
    pub current: usize,
    /// Who switched to it.
    pub current_by: By,
    /// The system profile, which is what boots.
    pub profile: usize,
    pub profile_by: By,
    /// From then on all units are well.
    pub healthy_at: u64,
    /// `/run/booted-system`.
    pub booted: SystemPath,
    /// Which boot this is.
    pub boot_id: String,
    /// The step of the agent.
    pub step: Option<Step>,
    pub operator: Option<Operator>,
    /// Whether switch-to-configuration runs, for whom ever.
    pub locked_by: Option<By>,
}

impl Host {
    /// A machine that runs and boots this system.
    #[must_use]
    pub fn new(system: usize) -> Self {
        Self {
            current: system,
            current_by: By::Nobody,
            profile: system,
            profile_by: By::Nobody,
            healthy_at: 0,
            booted: system_path(system),
            boot_id: String::from("boot"),
            step: None,
            operator: None,
            locked_by: None,
        }
    }

    /// What the agent sees.
    #[must_use]
    pub fn view(&self) -> HostView {
        HostView {
            current: Some(system_path(self.current)),
            profile: Some(system_path(self.profile)),
            booted: Some(self.booted.clone()),
            boot_id: Some(self.boot_id.clone()),
            inhibitors: Vec::new(),
            reboot_required: Vec::new(),
        }
    }

    /// Power goes and comes back: nothing is at work, and the profile decides what runs; from `healthy_at` on all units
    /// are well.
    pub fn reboot(&mut self, healthy_at: u64) {
        if self.current != self.profile {
            self.current_by = By::Nobody;
        }
        self.boot(self.profile, healthy_at);
    }

    /// As [`Self::reboot`], but into another system than the profile: somebody chose it in the boot menu, or the boot loader
    /// went back to it by itself.
    pub fn boot_into(&mut self, system: usize, healthy_at: u64) {
        if self.current != system {
            self.current_by = By::BootMenu;
        }
        self.boot(system, healthy_at);
    }

    fn boot(&mut self, system: usize, healthy_at: u64) {
        self.step = None;
        self.operator = None;
        self.locked_by = None;
        self.current = system;
        self.booted = system_path(system);
        self.boot_id.push('+');
        self.healthy_at = healthy_at;
    }
}

/// The store path of a system.
#[must_use]
pub fn system_path(number: usize) -> SystemPath {
    SystemPath::new(&format!("/nix/store/{number}"))
}

/// The number of a system.
///
/// # Panics
/// When the agent made a path up.
#[must_use]
pub fn system_number(path: &SystemPath) -> usize {
    match path.as_str().trim_start_matches("/nix/store/").parse() {
        Ok(number) => number,
        Err(error) => panic!("no system {path}: {error}"),
    }
}
