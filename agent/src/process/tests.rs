use super::*;

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str) -> [String; 3] {
    ["sh".to_owned(), "-c".to_owned(), script.to_owned()]
}

#[tokio::test]
async fn output_and_exit_code_come_back() {
    let done = call(&shell("echo out; echo err >&2; exit 3"), &environment(), LONG).await.expect("sh runs");
    assert_eq!(
        (done.status.code(), done.stdout.as_slice(), done.stderr.as_slice()),
        (Some(3), &b"out\n"[..], &b"err\n"[..])
    );
    assert_eq!(done.sentence(), "exit code 3 (err)");
}

#[tokio::test]
async fn more_output_than_is_kept_does_not_stop_the_program() {
    let done = call(
        &shell("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; echo end >&2"),
        &environment(),
        LONG,
    )
    .await
    .expect("sh runs");
    assert_eq!(done.stdout.len(), KEPT);
    assert!(done.stderr.len() <= 2 * KEPT + 4096 && done.stderr.ends_with(b"end\n"));
}

#[tokio::test]
async fn a_deadline_ends_the_whole_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {}; wait", mark.display());
    let error =
        call(&shell(&script), &environment(), Duration::from_millis(500)).await.expect_err("too long");
    assert!(matches!(error, CallError::TooLong { .. }), "{error}");
    let id: i32 = std::fs::read_to_string(mark).expect("it started").trim().parse().expect("a number");
    // By itself it would end, too, but long after this.
    let gone = async {
        while start_ticks(id).is_some_and(|start| is_running(id, start)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("the child is killed with its parent");
}

#[tokio::test]
async fn a_child_that_keeps_the_pipe_does_not_keep_us() {
    let done = call(&shell("sleep 1000 & echo done"), &environment(), LONG).await.expect("sh runs");
    assert_eq!(done.stdout, b"done\n");
}

#[tokio::test]
async fn input_is_read_and_its_end_is_ours() {
    // The second line never comes, and neither does the end of the input: only the deadline ends this one.
    let script = shell("read line; echo \"$line\"; echo waits >&2; read more; echo ended >&2");
    let limit = Duration::from_secs(3);
    let error = call_with(&script, &environment(), limit, Some(b"word\n")).await.expect_err("it waits");
    let CallError::TooLong { stderr, .. } = error else { panic!("{error}") };
    assert_eq!(stderr, b"waits\n");
    let done = call_with(&shell("read line; echo \"$line\""), &environment(), LONG, Some(b"word\n")).await;
    assert_eq!(done.expect("sh runs").stdout, b"word\n");
}

#[tokio::test]
async fn a_tree_is_killed_with_those_who_left_the_group() {
    let folder = tempfile::tempdir().expect("a folder");
    let mark = folder.path().join("pid");
    let script = format!("setsid sleep 1000 & echo $! > {}.new; mv {0}.new {0}; wait", mark.display());
    let mut leader = tokio::process::Command::new("sh");
    let mut child = leader.arg("-c").arg(script).process_group(0).spawn().expect("sh runs");
    while !mark.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let id: i32 = std::fs::read_to_string(mark).expect("it started").trim().parse().expect("a number");
    kill_tree(child.id().expect("it runs").try_into().expect("an id"));
    child.wait().await.expect("it is waited for");
    while start_ticks(id).is_some_and(|start| is_running(id, start)) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = call(&["no-such-program"], &environment(), LONG).await.expect_err("nothing there");
    assert_eq!(error.to_string(), "cannot start no-such-program: entity not found");
}

#[tokio::test]
async fn a_sentence_has_no_escape_sequences() {
    let script = r"printf '\033[31;1merror:\033[0m a\tb\r\n\342\200\256\n' >&2; exit 3";
    let done = call(&["sh", "-c", script], &environment(), LONG).await.expect("it runs");
    assert_eq!(done.sentence(), "exit code 3 (error: a b)");
}

#[test]
fn the_hosts_own_folders_come_first_where_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let system = folder.path().join("system");
    std::fs::create_dir_all(system.join("sw/bin")).expect("a folder");
    let program = system.join("sw/bin/probe");
    let agents: Environment = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();

    let there =
        with_folders(agents.clone(), &[folder.path().join("nowhere"), host_folders(&system)[1].clone()]);
    assert_eq!(there["PATH"], format!("{}/sw/bin:/usr/bin:/bin", system.display()));
    assert_eq!(find("sh", &there).and_then(|sh| sh.parent().map(Path::to_owned)), Some("/usr/bin".into()));

    assert_eq!(find("probe", &there), None);
    std::fs::write(&program, "#!/bin/sh\n").expect("a file");
    assert_eq!(find("probe", &there), None, "it cannot be run");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    assert_eq!(find("probe", &there), Some(program.clone()));
    assert_eq!(find("probe", &agents), None);
    assert_eq!(find(&program.display().to_string(), &agents), Some(program));
}
