//! Ending a build: with everything that it started, and nothing else.

use pull_agent_core::{BuildEnd, DeploymentId};
use tokio_util::sync::CancellationToken;

use super::world::{World, build, runs};
use pull_agent::rebuild::Rebuild;

/// A build with a child, a grandchild in a session of its own whose parent has ended, and one that does not listen to
/// SIGTERM.
const FAMILY: &str = r#"
sh -c 'echo $$ > "$WORLD/child"; sleep 1000' &
setsid sh -c 'setsid sh -c "echo \$\$ > \"\$WORLD/own-session\"; sleep 1000" & exit 0' &
sh -c 'trap "" TERM HUP INT; echo $$ > "$WORLD/deaf"; while :; do sleep 0.1; done' &
while ! [ -s "$WORLD/child" -a -s "$WORLD/own-session" -a -s "$WORLD/deaf" ]; do sleep 0.01; done
touch "$WORLD/ready"
wait
"#;

#[tokio::test]
async fn everything_that_a_build_started_ends_with_it() {
    let world = World::new();
    world.on("build", FAMILY);
    let (rebuild, cancel) = (world.rebuild(), CancellationToken::new());
    let token = cancel.clone();
    let built = tokio::spawn(async move { build(&rebuild, 1, token).await });
    world.until("ready").await;
    let family = ["child", "own-session", "deaf"].map(|name| world.process(name));
    assert!(family.into_iter().all(runs));
    cancel.cancel();
    let failure = built.await.expect("no panic");
    assert_eq!(failure, BuildEnd::Cancelled);
    assert_eq!(family.map(runs), [false; 3]);
    // The next one has the folder for itself.
    world.on("build", "ln -sfn \"$WORLD/store/new\" result");
    assert_eq!(world.build(2).await, BuildEnd::Built(world.system("new")));
}

/// An agent whose step processes come up only when the world has a file `go`.
fn slow_to_start(world: &World) -> Rebuild {
    let (root, agent) = (world.path("").display().to_string(), env!("CARGO_BIN_EXE_pull-agent"));
    // Such a process gets no environment, so all paths are in the text; the world's name has no single quote.
    let text = format!(
        "#!/bin/sh
        touch '{root}starting'
        while ! [ -e '{root}go' ] && [ -d '{root}bin' ]; do sleep 0.01; done
        '{agent}' \"$@\"
        touch '{root}left'"
    );
    world.program("slow-agent", &text);
    Rebuild::with_environment(&world.settings, &world.path("bin/slow-agent"), world.environment())
}

#[tokio::test]
async fn a_build_that_is_cancelled_while_its_step_comes_up_never_starts() {
    let world = World::new();
    let (rebuild, cancel) = (slow_to_start(&world), CancellationToken::new());
    let token = cancel.clone();
    let built = tokio::spawn(async move { build(&rebuild, 1, token).await });
    world.until("starting").await;
    cancel.cancel();
    let failure = built.await.expect("no panic");
    assert_eq!(failure, BuildEnd::Cancelled);
    world.write("go", "");
    world.until("left").await;
    assert_eq!(world.calls(), Vec::<String>::new(), "the step process came, and left again");
    // The next agent hears that it was ended, not that it failed; another number is free to run.
    assert_eq!(world.build(1).await, BuildEnd::Killed);
    assert_eq!(world.build(2).await, BuildEnd::Built(world.system("new")));
}

#[tokio::test]
async fn a_build_that_is_cancelled_before_anything_was_done_never_starts() {
    let world = World::new();
    let cancel = CancellationToken::new();
    cancel.cancel();
    let failure = build(&world.rebuild(), 1, cancel).await;
    assert_eq!(failure, BuildEnd::Cancelled);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_graceful_stop_ends_the_build_and_the_next_agent_hears_of_it() {
    let world = World::new();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    let rebuild = world.rebuild();
    let built = tokio::spawn({
        let rebuild = rebuild.clone();
        async move { build(&rebuild, 1, CancellationToken::new()).await }
    });
    world.until("ready").await;
    rebuild.cancel_running_build().await;
    assert!(!runs(world.process("process")));
    built.abort();
    let failure = world.build(1).await;
    assert_eq!(failure, BuildEnd::Killed);
    assert_eq!(world.count("nixos-rebuild build"), 1);
}

#[tokio::test]
async fn a_build_that_nobody_waits_for_makes_room() {
    let world = World::new();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    let rebuild = world.rebuild();
    let forgotten = tokio::spawn(async move { build(&rebuild, 1, CancellationToken::new()).await });
    world.until("ready").await;
    forgotten.abort();
    world.on("build", "ln -sfn \"$WORLD/store/new\" result");
    let (progress, _) = tokio::sync::watch::channel(None);
    let rebuild = world.rebuild();
    let number = pull_agent_core::StepNumber(2);
    let cancel = CancellationToken::new();
    let built = rebuild.build(number, DeploymentId(2), &super::world::revision(), cancel, &progress).await;
    assert_eq!(built, BuildEnd::Built(world.system("new")));
    assert!(!runs(world.process("process")));
}

#[tokio::test]
async fn a_switch_is_not_ended_by_a_signal_to_its_step() {
    let world = World::new();
    world.after_switch(
        "touch \"$WORLD/ready\"; while ! [ -e \"$WORLD/go\" ] && [ -d \"$WORLD/bin\" ]; do sleep 0.01; done",
    );
    let rebuild = world.rebuild();
    let between = world.built();
    let switched = tokio::spawn(async move {
        let (number, deployment) = (pull_agent_core::StepNumber(1), DeploymentId(1));
        rebuild.switch(number, deployment, &super::world::revision(), &between).await
    });
    world.until("ready").await;
    let started = world.read("state/steps/1-switch.started.json");
    let step = started.split_once("\"process\":").expect("it is told").1;
    let step: i32 = step.split(',').next().and_then(|it| it.parse().ok()).expect("a process id");
    for signal in ["-TERM", "-HUP", "-INT"] {
        let sent = std::process::Command::new("kill").args([signal, &step.to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }
    world.write("go", "");
    assert_eq!(switched.await.expect("no panic"), pull_agent_core::Exit::Code(0));
}
