//! Builds: their command, their result, their failures.

use std::os::unix::fs::symlink;
use std::time::Duration;

use pull_agent_core::{BuildEnd, DeploymentId, ReasonCode, StepNumber};
use tokio_util::sync::CancellationToken;

use super::world::{REVISION, World, revision, why};

#[tokio::test]
async fn the_command_and_its_result() {
    let mut world = World::new();
    world.settings.source.directory = "nix hosts".to_owned();
    world.on(
        "build",
        "ln -sfn \"$WORLD/store/new\" result; echo out; echo err >&2; pwd; echo \"${NOTIFY_SOCKET-none}\"",
    );
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    let root = world.path("").display().to_string();
    let root = root.trim_end_matches('/').replace('%', "%25").replace(' ', "%20");
    let root = root.replace('?', "%3F").replace('&', "%26").replace('=', "%3D").replace('#', "%23");
    assert_eq!(
        world.calls(),
        [format!(
            "nixos-rebuild build --no-reexec --no-write-lock-file -L --flake git+file://{root}/state/repo?ref=refs/heads/main&rev={REVISION}&shallow=1&dir=nix%20hosts#yggdrasil --show-trace"
        )]
    );
    let build = world.path("state/build").display().to_string();
    assert_eq!(world.read("log/1.log"), format!("out\nerr\n{build}\nnone\n"));
    assert!(world.path("log/1.log").metadata().expect("there").is_file());
    let result = world.read("state/steps/1-build.json");
    assert!(result.contains("\"outcome\":{\"exited\":0}"), "{result}");
}

#[tokio::test]
async fn the_same_number_is_not_run_again() {
    let world = World::new();
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
    assert_eq!(world.count("nixos-rebuild build"), 1);
    assert_eq!(world.build(2).await, BuildEnd::Built(world.system("new")));
    assert_eq!(world.count("nixos-rebuild build"), 2);
}

#[tokio::test]
async fn an_old_link_is_not_taken_for_the_result() {
    let world = World::new();
    std::fs::create_dir_all(world.path("state/build")).expect("a folder");
    symlink(world.path("store/old"), world.path("state/build/result")).expect("a link");
    world.on("build", "true");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::Unclassified);
    assert!(why(&failure).1.starts_with("the build succeeded and left no "), "{}", why(&failure).1);
}

#[tokio::test]
async fn failures_are_told_by_the_log_of_their_own_number() {
    let world = World::new();
    world.on("build", "echo \"error: unable to download 'https://c': HTTP error 503\"; exit 1");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::Network);
    world.on("build", "printf '\\033[31;1merror:\\033[0m Cannot build x\\n'; exit 1");
    let failure = world.build(2).await;
    assert_eq!(why(&failure), (ReasonCode::BuildFailed, "error: Cannot build x".to_owned()));
    world.on("build", "exit 3");
    let failure = world.build(3).await;
    assert_eq!(why(&failure), (ReasonCode::Unclassified, "exit code 3, without a word".to_owned()));
}

#[tokio::test]
async fn a_command_that_the_kernel_killed_ran_out_of_memory() {
    let world = World::new();
    world.on("build", "kill -9 $$");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::OutOfMemory);
    world.on("build", "exit 247");
    assert_eq!(why(&world.build(2).await).0, ReasonCode::OutOfMemory);
}

#[tokio::test]
async fn a_command_that_is_missing_is_named() {
    let mut world = World::new();
    world.settings.rebuild.command = vec!["no-such-rebuild".to_owned()];
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::Unclassified);
    assert!(why(&failure).1.starts_with("cannot start no-such-rebuild: No such file"), "{}", why(&failure).1);
}

#[tokio::test]
async fn a_step_process_that_cannot_start_is_told() {
    let world = World::new();
    let rebuild = pull_agent::rebuild::Rebuild::with_environment(
        &world.settings,
        std::path::Path::new("/bin/false"),
        world.environment(),
    );
    let failure = super::world::build(&rebuild, 1, CancellationToken::new()).await;
    assert_eq!(why(&failure).0, ReasonCode::HostFault);
    assert_eq!(why(&failure).1, "the step process ended before it started the step");
    // It never starts any more, also not by a step process that comes late.
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::HostFault);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_log_that_is_no_regular_file_is_refused() {
    let world = World::new();
    std::fs::create_dir_all(world.path("log")).expect("a folder");
    let pipe = world.path("log/1.log");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().expect("mkfifo is there").success());
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::Unclassified);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn too_little_space_starts_nothing() {
    let mut world = World::new();
    world.settings.rebuild.min_free = u64::MAX;
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::HostFault);
    assert!(why(&failure).1.contains(" free, less than rebuild.min_free ("), "{}", why(&failure).1);
    assert_eq!(world.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn nix_tells_its_progress_where_it_can() {
    let world = World::new();
    world.program("nix", "#!/bin/sh\necho 'nix (Nix) 2.34.8'\n");
    // The records go where the option says; then it waits until they were seen.
    world.on(
        "build",
        r#"
        for argument; do
            if [ "$last" = json-log-path ]; then records=$argument; fi
            last=$argument
        done
        echo '{"action":"start","id":1,"level":0,"type":104,"text":""}' >> "$records"
        echo '{"action":"result","id":1,"type":105,"fields":[3,11,1,0]}' >> "$records"
        while ! [ -e "$WORLD/seen" ]; do sleep 0.01; done
        ln -sfn "$WORLD/store/new" result
        "#,
    );
    let (progress, mut seen) = tokio::sync::watch::channel(None);
    let rebuild = world.rebuild();
    let built = tokio::spawn(async move {
        rebuild.build(StepNumber(1), DeploymentId(1), &revision(), CancellationToken::new(), &progress).await
    });
    let builds =
        seen.wait_for(Option::is_some).await.expect("the build is there").clone().map(|it| it.builds);
    assert_eq!(builds.map(|it| (it.done, it.expected)), Some((3, 11)));
    world.write("seen", "");
    assert_eq!(built.await.expect("no panic"), BuildEnd::Built(world.system("new")));
    assert!(!world.path("state/steps/1-build.progress").exists());
}

#[tokio::test]
async fn silence_ends_a_build() {
    let mut world = World::new();
    world.settings.rebuild.stall_timeout = Some(Duration::from_millis(700));
    world.on("build", "echo $$ > \"$WORLD/process\"; echo working; sleep 1000");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::BuildStalled);
    assert_eq!(why(&failure).1, "the build said nothing for 0.7 s (rebuild.stall_timeout)");
    assert!(!super::world::runs(world.process("process")));
}

#[tokio::test]
async fn a_build_that_never_stops_writing_is_ended() {
    let world = World::new();
    world.on("build", "yes 'a line without end' | head --bytes=270M; sleep 1000");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::Unclassified);
    assert_eq!(why(&failure).1, "the build wrote more than 256 MiB of output");
    world.rebuild().forget(&[DeploymentId(1)]);
}

#[tokio::test]
async fn a_build_that_goes_on_speaking_does_not_stall() {
    let mut world = World::new();
    world.settings.rebuild.stall_timeout = Some(Duration::from_secs(5));
    world.on(
        "build",
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $i; sleep 0.5; done; ln -sfn \"$WORLD/store/new\" result",
    );
    assert_eq!(world.build(1).await, BuildEnd::Built(world.system("new")));
}

#[tokio::test]
async fn too_long_a_build_is_ended() {
    let mut world = World::new();
    world.settings.rebuild.build_timeout = Some(Duration::from_millis(700));
    world.on("build", "echo $$ > \"$WORLD/process\"; while :; do echo working; sleep 0.05; done");
    let failure = world.build(1).await;
    assert_eq!(why(&failure).0, ReasonCode::BuildTimeout);
    assert!(!super::world::runs(world.process("process")));
}
