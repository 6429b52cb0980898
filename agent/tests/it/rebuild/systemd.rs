//! The systemd runner against a fake systemd-run and systemctl: what they are asked, and what follows from their answers.

use pull_agent::settings::Runner;
use pull_agent_core::{BuildEnd, Exit, ReasonCode};
use tokio_util::sync::CancellationToken;

use super::world::{World, build, runs, why};

/// Starts what comes after `--`, as a service would.
const SYSTEMD_RUN: &str = r#"#!/bin/sh
printf 'systemd-run' >> "$WORLD/calls"
while [ "$1" != -- ]; do printf ' %s' "$1" >> "$WORLD/calls"; shift; done
echo >> "$WORLD/calls"
rm -f "$WORLD/step"
if [ -e "$WORLD/systemd-run.fails" ]; then cat "$WORLD/systemd-run.fails" >&2; exit 1; fi
shift
# It has left the group of this program before this program ends.
setsid sh -c 'echo $$ > "$WORLD/step.new"; mv "$WORLD/step.new" "$WORLD/step"; exec env -i "$@"' step "$@" \
    < /dev/null > /dev/null 2>&1 &
while ! [ -e "$WORLD/step" ]; do sleep 0.01; done
if [ -e "$WORLD/systemd-run.after" ]; then . "$WORLD/systemd-run.after"; fi
"#;

/// A unit is what its file says; without one nobody knows it.
const SYSTEMCTL: &str = r#"#!/bin/sh
for unit; do :; done
case "$*" in
show*)
    if [ -e "$WORLD/$unit" ]; then cat "$WORLD/$unit"; else printf 'LoadState=not-found\nActiveState=inactive\n'; fi ;;
*stop*)
    echo "systemctl stop $unit" >> "$WORLD/calls"
    kill -TERM $(cat "$WORLD/step"); rm "$WORLD/$unit" ;;
*reset-failed*)
    echo "systemctl reset-failed $unit" >> "$WORLD/calls"; rm "$WORLD/$unit" ;;
esac
"#;

const SWITCH_UNIT: &str = "nixos-rebuild-switch-to-configuration.service";
const ACTIVE: &str = "LoadState=loaded\nActiveState=active\nExecStart={ path=/nix/store/x ; }\n";

fn world() -> World {
    let mut world = World::new();
    world.settings.rebuild.runner = Runner::Systemd;
    world.settings.rebuild.properties = vec!["MemoryHigh=4G".to_owned()];
    world.program("systemd-run", SYSTEMD_RUN);
    world.program("systemctl", SYSTEMCTL);
    world
}

#[tokio::test]
async fn a_build_is_a_transient_unit_with_the_operators_properties() {
    let world = world();
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    assert_eq!(
        world.calls()[0],
        "systemd-run --unit=pull-agent-build.service --description=pull-agent: build --collect --quiet \
         --no-ask-password --service-type=exec --property=OOMPolicy=continue --property=KillMode=control-group \
         --property=TimeoutStopSec=20s --property=MemoryHigh=4G"
    );
}

#[tokio::test]
async fn switch_and_way_back_are_units_without_them() {
    let world = world();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    assert_eq!(world.roll_back(2).await, Exit::Code(0));
    let units: Vec<_> = world.calls().into_iter().filter(|line| line.starts_with("systemd-run")).collect();
    assert!(units[0].starts_with("systemd-run --unit=pull-agent-switch.service "), "{}", units[0]);
    assert!(units[1].starts_with("systemd-run --unit=pull-agent-rollback.service "), "{}", units[1]);
    assert!(
        units.iter().all(|line| !line.contains("MemoryHigh") && line.ends_with(" --property=KillMode=mixed"))
    );
}

#[tokio::test]
async fn what_boots_is_set_back_in_the_unit_of_ways_back() {
    let world = world();
    world.before_switch("exit 100");
    assert_eq!(world.activate(1).await, Exit::Code(100));
    assert_eq!(world.host(), ["old"; 3]);
    assert_eq!(world.count("systemd-run --unit=pull-agent-rollback.service "), 1);
}

#[tokio::test]
async fn cancelling_stops_the_unit() {
    let world = world();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    let (rebuild, cancel) = (world.rebuild(), CancellationToken::new());
    let built = build(&rebuild, 1, cancel.clone());
    tokio::pin!(built);
    tokio::select! {
        result = &mut built => panic!("{result:?} before the end"),
        () = world.until("ready") => {}
    }
    world.write("pull-agent-build.service", ACTIVE);
    cancel.cancel();
    assert_eq!(built.await, BuildEnd::Cancelled);
    assert_eq!(world.count("systemctl stop pull-agent-build.service"), 1);
    assert!(!runs(world.process("process")));
}

#[tokio::test]
async fn a_step_that_died_before_it_was_first_looked_at_was_watched_all_the_same() {
    let world = world();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    // The agent hears that the unit is started only when its step is dead.
    world.write(
        "systemd-run.after",
        "while ! [ -e \"$WORLD/ready\" -a -e \"$WORLD/state/steps/1-build.command.json\" ]; do sleep 0.01; done
        kill -9 $(cat \"$WORLD/step\"); wait",
    );
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::OutOfMemory);
    assert!(!runs(world.process("process")), "what the step had started is ended");
}

#[tokio::test]
async fn somebody_elses_switch_is_busy_and_nothing_is_started() {
    let world = world();
    world.write(SWITCH_UNIT, ACTIVE);
    assert_eq!(world.activate(1).await, Exit::Busy);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn somebody_who_was_faster_is_busy_too() {
    let world = world();
    world.on("switch", "nix-env --profile \"$WORLD/profile\" --set \"$WORLD/store/new\"; printf 'LoadState=loaded\\nActiveState=active\\n' > \"$WORLD/nixos-rebuild-switch-to-configuration.service\"; exit 1");
    assert_eq!(world.activate(1).await, Exit::Busy);
    assert_eq!(world.target("profile"), "old");
}

#[tokio::test]
async fn a_switch_that_lost_its_nixos_rebuild_is_waited_for() {
    let world = world();
    let unit = format!("ExecStart={{ path={}/bin/switch-to-configuration ; }}", world.system("new"));
    world.on(
        "switch",
        &format!(
            "nix-env --profile \"$WORLD/profile\" --set \"$WORLD/store/new\"
            printf 'LoadState=loaded\\nActiveState=active\\n{unit}\\n' > \"$WORLD/{SWITCH_UNIT}\"
            touch \"$WORLD/ready\"
            kill -9 $$"
        )
        .replace("%20", "%%20"),
    );
    let switched = world.activate(1);
    tokio::pin!(switched);
    tokio::select! {
        exit = &mut switched => panic!("{exit:?} before the end"),
        () = world.until("state/steps/1-switch.json") => {}
    }
    tokio::select! {
        exit = &mut switched => panic!("{exit:?} while the unit runs"),
        () = tokio::time::sleep(std::time::Duration::from_millis(700)) => {}
    }
    assert_eq!(world.target("profile"), "new", "not set back while it may still activate");
    std::fs::remove_file(world.path("current")).expect("a link");
    std::os::unix::fs::symlink(world.path("store/new"), world.path("current")).expect("a link");
    std::fs::remove_file(world.path(SWITCH_UNIT)).expect("a unit");
    assert_eq!(switched.await, Exit::Signal(9));
    assert_eq!(world.target("profile"), "new");
}

#[tokio::test]
async fn a_unit_that_cannot_be_started_is_told() {
    let world = world();
    world.write("systemd-run.fails", "Failed to connect to bus: No such file or directory\n");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::HostFault);
    assert_eq!(
        why(&failure).1,
        "systemd-run failed: exit code 1 (Failed to connect to bus: No such file or directory)"
    );
    world.write("pull-agent-switch.service", ACTIVE);
    assert_eq!(world.activate(2).await, Exit::Busy, "an earlier step of ours has the name");
}

#[tokio::test]
async fn left_over_units_are_reset() {
    let world = world();
    world.write("pull-agent-build.service", "LoadState=loaded\nActiveState=failed\n");
    world.write("pull-agent-switch.service", ACTIVE);
    world.rebuild().reset_leftovers().await;
    assert_eq!(world.calls(), ["systemctl reset-failed pull-agent-build.service"]);
}
