//! The agent dies in the middle of its own work: by the switch that it runs, by a kill, with the whole host.

use super::fleet::{Fleet, agent_unit};
use crate::support::SERVICE;

/// Adds a line to the log that counts how often the switch ran, and takes a while.
const SLOW: &str = "echo ran >> /var/log/switches; sleep 4";

#[test]
fn a_switch_that_restarts_the_agent_itself_is_seen_to_its_end() {
    let Some(fleet) = Fleet::up() else { return };
    // Without the shipped unit's own protection: the worst that a switch can do.
    let unit = agent_unit().replace("X-RestartIfChanged=false", "");
    let first = fleet.merge(&fleet.system().unit("pull-agent.service", &unit));
    assert_eq!(fleet.ended(&first)["last_deployment"]["outcome"], "deployed");
    let pid = fleet.pid();

    let changed = unit.replace("[Service]\n", "[Service]\nEnvironment=CHANGED=1\n");
    let second = fleet.merge(&fleet.system().unit("pull-agent.service", &changed));
    let status = fleet.ended(&second);
    assert_eq!(status["last_deployment"]["outcome"], "deployed", "{status:#}");
    assert_eq!(status["last_deployment"]["system"], *fleet.current());
    assert_ne!(fleet.pid(), pid, "the switch has restarted the agent");
}

#[test]
fn a_killed_agent_takes_up_the_running_switch() {
    let Some(fleet) = Fleet::up() else { return };
    let first = fleet.merge(&fleet.system().unit("greets.service", SERVICE));
    fleet.ended(&first);
    let mut system = fleet.system();
    system.switch.between = SLOW.into();
    let second = fleet.merge(&system);
    fleet.wait_for("the switch runs", |status| status["phase"] == "activating");
    fleet.shell("for i in $(seq 200); do [ -e /var/log/switches ] && exit 0; sleep 0.05; done; exit 1");
    fleet.shell("systemctl kill --kill-whom=main --signal=KILL pull-agent.service");
    let status = fleet.ended(&second);
    assert_eq!(status["last_deployment"]["outcome"], "deployed", "{status:#}");
    assert_eq!(fleet.shell("cat /var/log/switches").trim(), "ran", "the switch ran once");
    assert_eq!(fleet.shell("systemctl show -P NRestarts pull-agent").trim(), "1");
}

#[test]
fn a_host_cut_off_in_the_middle_of_a_switch_ends_well_after_its_next_boot() {
    let Some(mut fleet) = Fleet::up() else { return };
    fleet.shell("systemctl enable --quiet pull-agent.service");
    let first = fleet.merge(&fleet.system().unit("greets.service", SERVICE));
    fleet.ended(&first);
    let mut system = fleet.system().unit("greets.service", SERVICE).unit("more.service", SERVICE);
    system.switch.between = SLOW.into();
    let second = fleet.merge(&system);
    fleet.wait_for("the switch runs", |status| status["phase"] == "activating");
    fleet.shell("for i in $(seq 200); do [ -e /var/log/switches ] && exit 0; sleep 0.05; done; exit 1");
    fleet.host.cut().expect("the host is cut");
    fleet.host.boot().expect("the host boots again");
    let status = fleet.ended(&second);
    assert_eq!(status["last_deployment"]["outcome"], "deployed", "{status:#}");
    assert_eq!(fleet.profile(), fleet.current());
    assert_eq!(status["running"]["revision"], *second);
    fleet.shell("systemctl is-active --quiet more.service");
}
