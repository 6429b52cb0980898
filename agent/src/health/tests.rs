use super::*;
use crate::settings::OnFailure;

/// The sentences of probes that failed.
fn said(failures: Vec<ProbeFailure>) -> Vec<String> {
    failures.into_iter().map(|failure| failure.sentence).collect()
}

const LONG: Duration = Duration::from_secs(60);

fn health(commands: &[&str]) -> Health {
    let commands = commands.iter().map(|script| ["sh", "-c", script].map(str::to_owned).to_vec()).collect();
    Health {
        deadline: LONG,
        settle: Duration::ZERO,
        on_failure: OnFailure::Rollback,
        units: true,
        ignore_units: Vec::new(),
        source: true,
        commands,
    }
}

fn reachable() -> std::future::Ready<Result<(), String>> {
    std::future::ready(Ok(()))
}

fn unreachable() -> std::future::Ready<Result<(), String>> {
    std::future::ready(Err("no route to host".to_owned()))
}

fn prober(health: &Health) -> Prober {
    Prober::new(health, false, crate::process::environment())
}

#[tokio::test]
async fn a_remote_that_was_unreachable_before_may_stay_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, health) = (folder.path().join("baseline.json"), health(&[]));
    let prober = prober(&health);
    prober.record_baseline(&file, unreachable()).await.expect("written");
    assert_eq!(said(prober.probe(&file, LONG, unreachable()).await), Vec::<String>::new());
    prober.record_baseline(&file, reachable()).await.expect("kept");
    assert_eq!(
        said(prober.probe(&file, LONG, unreachable()).await),
        Vec::<String>::new(),
        "the first one is kept"
    );
    std::fs::remove_file(&file).expect("it was there");
    prober.record_baseline(&file, reachable()).await.expect("written");
    assert_eq!(said(prober.probe(&file, LONG, reachable()).await), Vec::<String>::new());
    assert_eq!(
        said(prober.probe(&file, LONG, unreachable()).await),
        ["the git remote cannot be reached: no route to host"]
    );
}

#[tokio::test]
async fn a_lost_baseline_excuses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let failures = prober(&health(&[])).probe(&folder.path().join("none"), LONG, unreachable()).await;
    let sentence = "the git remote cannot be reached: no route to host".to_owned();
    assert_eq!(failures, [ProbeFailure { probe: Probe::Remote, sentence }]);
}

#[tokio::test]
async fn every_command_must_succeed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut health = health(&["exit 0", "echo 'not well' >&2; exit 7", "sleep 1000"]);
    health.source = false;
    health.commands.push(vec!["no-such-program".to_owned(), "secret".to_owned()]);
    let failures =
        said(prober(&health).probe(&folder.path().join("none"), Duration::from_secs(2), reachable()).await);
    assert_eq!(
        failures,
        [
            "probe sh: exit code 7 (not well)",
            "probe: sh did not end within 2 s",
            "probe no-such-program: the program is not to be found on the host's PATH",
        ]
    );
}

#[tokio::test]
async fn only_a_program_that_the_switch_took_away_is_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, system) = (folder.path().join("baseline.json"), folder.path().join("system"));
    let program = system.join("sw/bin/probe");
    std::fs::create_dir_all(system.join("sw/bin")).expect("a folder");
    let install = || {
        std::fs::write(&program, "#!/bin/sh\nexit 3\n").expect("a program");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("a mode");
    };
    let mut health = health(&[]);
    health.source = false;
    health.commands = vec![vec!["probe".to_owned()], vec!["probe".to_owned(), "again".to_owned()]];
    let prober = prober(&health).on_host(&system);
    let probe = async || said(prober.probe(&file, LONG, reachable()).await);

    assert_eq!(prober.missing_programs(), ["probe"]);
    prober.record_baseline(&file, reachable()).await.expect("written");
    assert_eq!(probe().await, Vec::<String>::new(), "it was missing before as well");
    install();
    assert_eq!(
        probe().await,
        ["probe probe: exit code 3", "probe probe: exit code 3"],
        "now it says something"
    );

    std::fs::remove_file(&file).expect("it was there");
    prober.record_baseline(&file, reachable()).await.expect("written");
    std::fs::remove_file(&program).expect("it was there");
    let missed = "probe probe: the program is not to be found on the host's PATH";
    assert_eq!(probe().await, [missed, missed], "only the new system lacks it");
    std::fs::remove_file(&file).expect("it was there");
    assert_eq!(probe().await, [missed, missed], "nothing is known of before");
}

#[tokio::test]
async fn commands_run_at_the_same_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    // Each waits for the other: a named pipe opens once both of its ends do.
    let read = format!("while ! [ -p {0} ]; do sleep 0.01; done; read line < {0}", pipe.display());
    let write = format!("mkfifo {0} && echo line > {0}", pipe.display());
    let mut health = health(&[&read, &write]);
    health.source = false;
    let failures = said(prober(&health).probe(&folder.path().join("none"), LONG, reachable()).await);
    assert_eq!(failures, Vec::<String>::new());
}
