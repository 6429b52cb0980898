//! Deaths of the agent and of the step process, at any moment.

use std::process::{Child, Command, Stdio};

use pull_agent_core::{BuildEnd, Exit, ReasonCode};

use super::world::{World, runs, why};

/// Runs until somebody lets it go on, then ends with 4.
const WAITING_SWITCH: &str = "touch \"$WORLD/ready\"; while ! [ -e \"$WORLD/go\" ] && [ -d \"$WORLD/bin\" ]; do sleep 0.01; done; exit 4";

/// Another process that is an agent: it calls what the name says, and is killed before that answers.
fn agent(world: &World, what: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &format!("rebuild::death::{what}"), "--ignored"])
        .env("WORLD_OF_AGENT", world.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// Such an agent is killed once what it started is under way.
async fn an_agent_dies(world: &World, what: &str) {
    let agent = agent(world, what);
    world.until("ready").await;
    kill_agent(agent);
}

fn kill_agent(mut agent: Child) {
    agent.kill().expect("kill -9");
    agent.wait().expect("it is dead");
}

/// The world of the test that started this process.
fn given_world() -> World {
    World::at(std::env::var_os("WORLD_OF_AGENT").expect("started by another test").as_ref())
}

#[tokio::test]
#[ignore = "the agent that another test kills"]
async fn an_agent_that_switches() {
    given_world().activate(1).await;
}

#[tokio::test]
#[ignore = "the agent that another test kills"]
async fn an_agent_that_builds() {
    given_world().build(1).await;
}

#[tokio::test]
async fn a_switch_outlives_its_agent_and_the_next_one_hears_how_it_ended() {
    let world = World::new();
    world.after_switch(WAITING_SWITCH);
    an_agent_dies(&world, "an_agent_that_switches").await;
    let next = world.activate(1);
    tokio::pin!(next);
    // It waits: the answer does not come before the switch may go on.
    tokio::select! {
        biased;
        exit = &mut next => panic!("{exit:?} before the end"),
        () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
    }
    world.write("go", "");
    assert_eq!(next.await, Exit::Code(4));
    assert_eq!(world.count("nixos-rebuild switch"), 1);
    assert_eq!(world.count("switch-to-configuration"), 1);
}

#[tokio::test]
async fn an_agent_that_comes_after_the_end_reads_the_result() {
    let world = World::new();
    world.after_switch(WAITING_SWITCH);
    an_agent_dies(&world, "an_agent_that_switches").await;
    world.write("go", "");
    world.until("state/steps/1-switch.json").await;
    assert_eq!(world.activate(1).await, Exit::Code(4));
    assert_eq!(world.count("nixos-rebuild switch"), 1);
}

#[tokio::test]
async fn what_boots_is_set_back_once_however_the_agent_dies() {
    let world = World::new();
    world.before_switch("exit 100");
    world.write(
        "boot.before",
        "touch \"$WORLD/ready\"; while ! [ -e \"$WORLD/go\" ] && [ -d \"$WORLD/bin\" ]; do sleep 0.01; done",
    );
    an_agent_dies(&world, "an_agent_that_switches").await;
    assert_eq!(world.host(), ["old", "old", "new"], "the profile is set back, the boot loader is not");
    world.write("go", "");
    assert_eq!(world.activate(1).await, Exit::Code(100));
    assert_eq!(world.host(), ["old"; 3]);
    assert_eq!(world.count("switch-to-configuration boot old"), 1);
}

#[tokio::test]
async fn a_build_is_taken_up_again() {
    let world = World::new();
    world.on(
        "build",
        "touch \"$WORLD/ready\"; while ! [ -e \"$WORLD/go\" ] && [ -d \"$WORLD/bin\" ]; do sleep 0.01; done; ln -sfn \"$WORLD/store/new\" result",
    );
    an_agent_dies(&world, "an_agent_that_builds").await;
    world.write("go", "");
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    assert_eq!(world.count("nixos-rebuild build"), 1);
}

#[tokio::test]
async fn two_who_ask_at_once_get_one_answer() {
    let world = World::new();
    world.after_switch("exit 4");
    let (one, two) = tokio::join!(world.activate(1), world.activate(1));
    assert_eq!((one, two), (Exit::Code(4), Exit::Code(4)));
    assert_eq!(world.count("nixos-rebuild switch"), 1);
}

fn step_process(world: &World, step: &str) -> i32 {
    let started = world.read(&format!("state/steps/1-{step}.started.json"));
    let number = started.split_once("\"process\":").expect("it is told").1;
    number.split(',').next().and_then(|it| it.parse().ok()).expect("a process id")
}

fn kill_9(process: i32) {
    let sent = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

#[tokio::test]
async fn a_build_whose_step_is_killed_while_the_agent_is_there() {
    let world = World::new();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    let built = world.build(1);
    tokio::pin!(built);
    tokio::select! {
        result = &mut built => panic!("{result:?} before the end"),
        () = world.until_command_is_noted() => {}
    }
    kill_9(step_process(&world, "build"));
    let failure = built.await;
    assert_eq!(why(&failure).0, ReasonCode::OutOfMemory);
    assert!(!runs(world.process("process")), "what the step had started is ended");
}

#[tokio::test]
async fn a_build_that_was_killed_with_its_agent() {
    let world = World::new();
    world.on("build", "echo $$ > \"$WORLD/process\"; touch \"$WORLD/ready\"; sleep 1000");
    let agent = agent(&world, "an_agent_that_builds");
    world.until_command_is_noted().await;
    kill_agent(agent);
    kill_9(step_process(&world, "build"));
    // Not until its process is a zombie: while one of its threads lives it has the lock, and would be seen to run.
    let lock = std::fs::File::open(world.path("state/steps/1-build.lock")).expect("it was made");
    while lock.try_lock_shared().is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(lock);
    assert_eq!(world.build(1).await, BuildEnd::Killed);
    assert!(!runs(world.process("process")));
    assert_eq!(world.count("nixos-rebuild build"), 1);
}

#[tokio::test]
async fn a_switch_whose_step_is_killed_goes_on_to_its_end() {
    let world = World::new();
    world.after_switch(WAITING_SWITCH);
    let switched = world.activate(1);
    tokio::pin!(switched);
    tokio::select! {
        exit = &mut switched => panic!("{exit:?} before the end"),
        () = world.until_command_is_noted() => {}
    }
    kill_9(step_process(&world, "switch"));
    tokio::select! {
        exit = &mut switched => panic!("{exit:?} before the end"),
        () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
    }
    world.write("go", "");
    assert_eq!(switched.await, Exit::Killed);
    assert_eq!(world.count("switch-to-configuration"), 1);
    assert_eq!(world.activate(1).await, Exit::Killed, "and it is not begun anew");
    assert_eq!(world.count("nixos-rebuild switch"), 1);
}

#[tokio::test]
async fn a_result_that_is_cut_off_counts_as_killed() {
    let world = World::new();
    assert_eq!(world.activate(1).await, Exit::Code(0));
    world.write("state/steps/1-switch.json", "{\"attempt\":1,\"outc");
    assert_eq!(world.activate(1).await, Exit::Killed);
    assert_eq!(world.count("nixos-rebuild switch"), 1);
}

#[tokio::test]
async fn a_step_process_that_comes_late_does_nothing() {
    let world = World::new();
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    let again = Command::new(env!("CARGO_BIN_EXE_pull-agent"))
        .arg("step")
        .arg(world.path("state/steps/1-build.spec.json"))
        .status();
    assert!(again.expect("it starts").success());
    assert_eq!(world.count("nixos-rebuild build"), 1);
}

#[tokio::test]
async fn never_two_activations_at_once() {
    let world = World::new();
    world.after_switch(WAITING_SWITCH);
    let (first, second) = (world.activate(1), async {
        world.until("ready").await;
        let back = world.roll_back(2);
        tokio::pin!(back);
        tokio::select! {
            exit = &mut back => panic!("{exit:?} while the switch runs"),
            () = tokio::time::sleep(std::time::Duration::from_millis(300)) => {}
        }
        assert_eq!(world.count("switch-to-configuration"), 1);
        world.write("go", "");
        back.await
    });
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first, second), (Exit::Code(4), Exit::Code(4)));
}
