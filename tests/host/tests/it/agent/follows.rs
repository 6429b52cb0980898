//! What is deployed and what is not.

use super::fleet::Fleet;
use crate::support::SERVICE;

#[test]
fn green_is_deployed_by_the_service_red_and_unchecked_never() {
    let Some(fleet) = Fleet::up() else { return };
    // One that ends well and is always started again waits for that as a failed one does.
    let loops = "[Service]\nExecStart=/bin/true\nRestart=always\nRestartSec=60\n";
    let green = fleet.merge(&fleet.system().unit("greets.service", SERVICE).unit("loops.service", loops));
    let status = fleet.ended(&green);
    let last = &status["last_deployment"];
    assert_eq!(last["outcome"], "deployed", "{status:#}");
    assert_eq!(status["running"]["revision"], *green);
    assert_eq!(status["running"]["drift"], false);
    assert_eq!(status["agent"]["runner"], "systemd");
    assert_eq!(last["system"], *fleet.current());
    assert_eq!(fleet.profile(), fleet.current());
    fleet.shell("systemctl is-active --quiet greets.service");
    assert!(fleet.shell("agentctl status").contains(&green[..7]), "the operator is told what runs");
    assert!(fleet.shell("systemctl show -P StatusText pull-agent").contains(&green[..7]));
    assert!(
        fleet.shell("agentctl logs").contains("activating the configuration"),
        "the log is the switch's own"
    );

    let runs = fleet.current();
    let red = fleet.push(&fleet.system().unit("red.service", SERVICE));
    fleet.ci(&red, "failure");
    fleet.nudge(&red);
    let status = fleet.wait_for("red is seen", |status| {
        status["wanted"]["revision"] == *red && status["gate"]["verdict"] == "red"
    });
    assert!(
        status["gate"]["detail"].as_str().is_some_and(|why| why.contains("build (yggdrasil)")),
        "{status:#}"
    );

    let unchecked = fleet.push(&fleet.system().unit("unchecked.service", SERVICE));
    fleet.nudge(&unchecked);
    let status = fleet.wait_for("the one without checks is seen", |status| {
        status["wanted"]["revision"] == *unchecked && status["gate"]["verdict"] == "pending"
    });
    assert_eq!(status["phase"], "gating");
    assert_eq!(fleet.current(), runs);
    assert_eq!(status["last_deployment"]["revision"], *green, "nothing was even built");

    // The same tip, once CI has said its word.
    fleet.ci(&unchecked, "success");
    fleet.nudge(&unchecked);
    assert_eq!(fleet.ended(&unchecked)["last_deployment"]["outcome"], "deployed");
}

#[test]
fn a_unit_that_fails_takes_the_host_back_to_what_ran() {
    let Some(fleet) = Fleet::up() else { return };
    let good = fleet.merge(&fleet.system().unit("greets.service", SERVICE));
    assert_eq!(fleet.ended(&good)["last_deployment"]["outcome"], "deployed");
    let before = fleet.current();

    let broken = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/false\n";
    let bad = fleet.merge(&fleet.system().unit("greets.service", SERVICE).unit("breaks.service", broken));
    let status = fleet.ended(&bad);
    let last = &status["last_deployment"];
    assert_eq!(last["outcome"], "rolled-back", "{status:#}");
    assert!(last["reason"].as_str().is_some_and(|why| why.contains("breaks.service")), "{last:#}");
    assert_eq!((fleet.current(), fleet.profile()), (before.clone(), before));
    assert_eq!(status["held"][0]["revision"], *bad);
    assert_eq!(status["running"]["revision"], *good);
    assert!(fleet.shell("agentctl history").contains("rolled-back"));
    let roots = fleet.shell(&format!("NIX_REMOTE=daemon nix-store --query --roots {}", fleet.current()));
    assert!(roots.contains("/nix/var/nix/gcroots/pull-agent-previous"), "the way back was kept: {roots}");
}

#[test]
fn a_switch_that_activates_nothing_is_not_what_boots_next() {
    let Some(fleet) = Fleet::up() else { return };
    fleet.shell("systemctl enable --quiet pull-agent.service");
    let good = fleet.merge(&fleet.system().unit("greets.service", SERVICE));
    fleet.ended(&good);
    let before = fleet.current();

    // Exit code 100: the boot loader is set by then.
    let mut system = fleet.system().unit("more.service", SERVICE);
    system.init_interface = "3".into();
    let bad = fleet.merge(&system);
    let status = fleet.ended(&bad);
    assert_eq!(status["last_deployment"]["outcome"], "failed", "{status:#}");
    assert_eq!([fleet.current(), fleet.profile(), fleet.boot_default()], [before.as_str(); 3]);
    fleet.host.reboot().expect("the host reboots");
    assert_eq!(fleet.current(), before);
    let status = fleet.wait_for("the agent is back", |status| status["held"][0]["revision"] == *bad);
    assert_eq!(status["running"]["revision"], *good);
}

#[test]
fn a_newer_green_tip_ends_the_build_of_the_one_before() {
    let Some(fleet) = Fleet::up() else { return };
    let mut slow = fleet.system();
    slow.build = "exec sleep 4321".into();
    let slow = fleet.merge(&slow);
    let builder = "pgrep --full '^sleep 4321'";
    let group = fleet
        .shell(&format!("until {builder} >/dev/null; do sleep 0.1; done; cat /proc/$({builder})/cgroup"));
    assert!(group.contains("/system.slice/nix-daemon.service"), "{group}");

    let newer = fleet.merge(&fleet.system().unit("greets.service", SERVICE));
    assert_eq!(fleet.ended(&newer)["last_deployment"]["outcome"], "deployed");
    fleet.shell(&format!("! {builder} && ! systemctl is-active --quiet pull-agent-build.service"));
    let history = fleet.shell("agentctl history");
    let line = history.lines().find(|line| line.contains(&slow[..7]));
    assert!(line.is_some_and(|line| line.contains("superseded")), "{history}");
}
