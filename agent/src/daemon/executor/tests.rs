//! What outlives a change of the settings.

use pull_agent_core::BuildEnd;

use super::*;
use crate::settings::{self, Facts};

fn settings(folder: &std::path::Path) -> Arc<Settings> {
    let text = format!(
        "[source]\nurl = \"/nowhere\"\n[gate]\nforge = \"none\"\n[state]\ndirectory = \"{0}/state\"\nlog_directory = \"{0}/log\"\n",
        folder.display()
    );
    let facts = Facts { hostname: Some("yggdrasil".to_owned()), systemd: false, sees_files: false };
    Arc::new(settings::parse(&text, &facts).expect("good settings"))
}

#[tokio::test]
async fn a_build_can_still_be_cancelled_after_the_settings_were_read_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (events, mut answers) = mpsc::channel(4);
    let (progress, _) = watch::channel(None);
    let program = folder.path().join("no-such-program");
    let mut executor =
        Executor::new(settings(folder.path()), program, false, events, progress).expect("drivers");
    let (step, deployment) = (StepNumber(3), DeploymentId(2));
    let revision = Revision::parse(&"b".repeat(40)).expect("a revision");
    executor.start(Command::Build { step, deployment, revision });
    let token = executor.build.clone().expect("it runs").cancel;

    let mut renewed = executor.renewed(settings(folder.path())).expect("drivers");
    drop(executor);
    renewed.start(Command::CancelBuild { step: StepNumber(2) });
    assert!(!token.is_cancelled(), "that is another build");
    renewed.start(Command::CancelBuild { step });
    assert!(token.is_cancelled());

    // A build that fails or is cancelled answers too, and the new loop hears it.
    let answer = answers.recv().await.expect("an answer");
    assert!(
        matches!(
            answer,
            Event::Built { step: StepNumber(3), end: BuildEnd::Failed(_) | BuildEnd::Cancelled, .. }
        ),
        "{answer:?}"
    );
}
