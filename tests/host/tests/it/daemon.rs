//! Builds by the nix daemon, as an agent has them: where the builder runs, and that it ends with who asked for it.

use crate::support::Followed;

#[test]
fn a_builder_is_the_daemons_and_ends_with_whoever_asked_for_it() {
    let Some(it) = Followed::up() else { return };
    let mut system = it.system();
    // The builder's directory is the only place that it may write to for sure; its process says the rest.
    system.build = "exec sleep 4321".into();
    let reference = it.commit(&system);
    let call = format!(
        "systemd-run --quiet --unit=caller --setenv=NIX_REMOTE=daemon \
         nixos-rebuild build --no-reexec --no-link -L --flake '{reference}'"
    );
    let builder = "pgrep --full '^sleep 4321'";
    for signal in ["TERM", "KILL"] {
        it.host.shell(&call).expect("it runs").ok().expect("the caller starts");
        it.wait_until(&format!("{builder} >/dev/null"));
        let ask = |line: String| it.host.shell(&line).expect("the host answers").ok().expect("it succeeds");
        let group = ask(format!("cat /proc/$({builder})/cgroup"));
        assert!(group.contains("/system.slice/nix-daemon.service"), "{group}");
        let user = ask(format!("ps -o user= -p $({builder})"));
        assert!(user.starts_with("nixbld"), "{user}");

        ask(format!("systemctl kill --signal={signal} caller"));
        it.wait_until(&format!("! {builder} >/dev/null"));
        it.wait_until("! systemctl is-active --quiet caller");
        ask("systemctl reset-failed".into());
    }
}
