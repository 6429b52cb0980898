//! A host with the repository that it follows, and what tests ask of it.

use pull_agent_host_tests::{FlakeRepository, Host, Lab, Output, System};

/// Where the repository is inside a host.
pub(crate) const REPOSITORY: &str = "/var/lib/infra";
/// A service that stays.
pub(crate) const SERVICE: &str = "[Service]\nExecStart=/bin/sleep infinity\n";

pub(crate) struct Followed {
    pub(crate) host: Host,
    pub(crate) flake: FlakeRepository,
}

impl Followed {
    /// A booted host `yggdrasil` with an empty flake; `None` where the machine can have no hosts.
    pub(crate) fn up() -> Option<Self> {
        let host = Host::up(Lab::ready()?, "yggdrasil").expect("a host boots");
        let inside = REPOSITORY.trim_start_matches('/');
        let flake = FlakeRepository::create(&host.root().join(inside)).expect("the flake is committed");
        Some(Self { host, flake })
    }

    pub(crate) fn system(&self) -> System {
        System::new(self.host.hostname())
    }

    /// Commits the system; returns the reference to build it by.
    pub(crate) fn commit(&self, system: &System) -> String {
        let revision = self.flake.commit_system(system).expect("the host's data is committed");
        FlakeRepository::reference(REPOSITORY, &revision, self.host.hostname())
    }

    /// `nixos-rebuild ACTION` of the reference by the nix daemon, as an agent would run it.
    pub(crate) fn rebuild(&self, action: &str, reference: &str) -> Output {
        let line = r#"mkdir -p /var/lib/build; cd /var/lib/build
            NIX_REMOTE=daemon nixos-rebuild "$0" --no-reexec -L --flake "$1""#;
        self.host.exec(&["bash", "-euc", line, action, reference]).expect("nixos-rebuild runs")
    }

    /// Commits and switches; the exit code and stderr of the switch are in the output.
    pub(crate) fn switch(&self, system: &System) -> Output {
        self.rebuild("switch", &self.commit(system))
    }

    /// Commits and switches, which must succeed; returns the system's store path.
    pub(crate) fn switched(&self, system: &System) -> String {
        self.switch(system).ok().expect("the switch succeeds")
    }

    pub(crate) fn current(&self) -> String {
        self.host.resolve("/run/current-system").expect("there is a current system")
    }

    pub(crate) fn profile(&self) -> String {
        self.host.resolve("/nix/var/nix/profiles/system").expect("there is a profile")
    }

    /// The name of the profile's generation, e.g. `system-2-link`.
    pub(crate) fn generation(&self) -> String {
        let link = self.host.exec(&["readlink", "/nix/var/nix/profiles/system"]).expect("readlink runs");
        link.ok().expect("there is a profile")
    }

    pub(crate) fn is_active(&self, unit: &str) -> bool {
        self.property(unit, "ActiveState") == "active"
    }

    /// Which start of the unit this is: another one after each restart, empty when it does not run.
    pub(crate) fn invocation(&self, unit: &str) -> String {
        assert!(self.is_active(unit), "{unit} should run");
        self.property(unit, "InvocationID")
    }

    fn property(&self, unit: &str, property: &str) -> String {
        self.host.unit_property(unit, property).expect("systemd answers")
    }

    /// Waits inside the host until the line of shell is true; half a minute at most.
    pub(crate) fn wait_until(&self, condition: &str) {
        let line =
            format!("for i in $(seq 600); do if {condition}; then exit 0; fi; sleep 0.05; done; exit 1");
        let output = self.host.shell(&line).expect("the host answers");
        assert_eq!(output.code, 0, "never came true: {condition}");
    }
}
