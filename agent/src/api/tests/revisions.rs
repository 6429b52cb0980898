//! What became of a revision: a status code, a word and a sentence for each fate.

use std::time::Duration;

use axum::http::Method;
use pull_agent_core::{Ancestry, Event, Exit, ReasonCode, VerdictKind};
use pull_agent_protocol::{RevisionAnswer, RevisionState};

use super::{Answer, Desk, ask};
use crate::lab::{Lab, host, revision, verdict};

/// Far less than the wait that is asked for, far more than an answer takes.
const HANGS: Duration = Duration::from_secs(60);

fn path(digit: char, query: &str) -> String {
    format!("/v1/revisions/{}{query}", revision(digit))
}

/// A state, the revision that is asked about, and the code, the word, the sentence and the deployment in the answer.
type Row<'a> = (Lab, char, u16, RevisionState, &'a str, Option<u64>);

/// What is said of revision `digit` in the state of a lab.
async fn said(lab: &Lab, digit: char) -> (u16, RevisionAnswer) {
    let answer = Desk::of(lab).get(&path(digit, "")).await;
    (answer.status.as_u16(), answer.json())
}

fn red() -> Lab {
    let mut lab = Lab::gating();
    lab.judged(verdict(VerdictKind::Red, "build ended in failure"));
    lab
}

fn refused() -> Lab {
    let mut lab = Lab::idle();
    lab.polls();
    lab.polled(Ok('c'));
    lab.fetched(Ancestry::NotDescendant("it is older".to_owned()));
    lab
}

/// The build of revision b failed, and c is what the branch has now.
fn left_behind() -> Lab {
    let mut lab = Lab::building();
    // Or it would be tried again before the next poll.
    lab.pause();
    lab.build_failed(ReasonCode::Network, "cache 503");
    lab.polls();
    lab.polled(Ok('c'));
    lab
}

fn superseded() -> Lab {
    let mut lab = Lab::building();
    lab.pause();
    lab.built('b', host('a', 'a'));
    lab.sees('c');
    lab.green();
    lab
}

#[tokio::test]
async fn each_fate_has_its_code_its_word_and_its_sentence() {
    use RevisionState::{Failed, Refused, Running, Undecided, Unknown};
    let former = {
        let mut lab = Lab::idle();
        lab.polls();
        lab.polled_on(host('x', 'x'), Ok('a'));
        lab
    };
    let switched = "the switch ended with exit code 2 (the activation script failed)";
    let rolled_back = format!("rolled back: {switched}");
    let left = "it is not wanted any more; deployment 2 failed, and nothing speaks against it";
    let former_runs = "it is not what runs any more; deployment 1 was deployed";
    let rows: [Row<'_>; 11] = [
        (Lab::idle(), 'a', 200, Running, "it runs", Some(1)),
        (Lab::rolled_back(), 'b', 500, Failed, &rolled_back, Some(2)),
        (left_behind(), 'b', 409, Refused, left, Some(2)),
        (refused(), 'c', 409, Refused, "it is older", None),
        (red(), 'b', 409, Refused, "red: build ended in failure", None),
        (Lab::building(), 'b', 202, Undecided, "building bbbbbbb", Some(2)),
        (Lab::probing(), 'b', 202, Undecided, "bbbbbbb runs, probing its health", Some(2)),
        (Lab::gating(), 'b', 202, Undecided, "asking the forge about bbbbbbb", None),
        (superseded(), 'b', 409, Refused, "a newer revision took its place", Some(2)),
        (former, 'a', 409, Refused, former_runs, Some(1)),
        (Lab::idle(), 'd', 404, Unknown, "this host has not seen it", None),
    ];
    for (lab, digit, code, state, reason, deployment) in rows {
        let revision = revision(digit).to_string();
        let reason = reason.to_owned();
        let expected = RevisionAnswer { version: 1, revision, state, reason, deployment };
        assert_eq!(said(&lab, digit).await, (code, expected));
    }
}

#[tokio::test]
async fn what_is_tried_again_is_undecided_although_it_failed() {
    let mut lab = Lab::building();
    lab.build_failed(ReasonCode::Network, "cache 503");
    let (code, answer) = said(&lab, 'b').await;
    assert_eq!((code, answer.deployment), (202, Some(2)));
    lab.tell(Event::RetryRequested { revision: Some(revision('b')) });
    assert_eq!(said(&lab, 'b').await.0, 202);
}

#[tokio::test]
async fn what_is_no_question_is_refused() {
    let desk = Desk::of(&Lab::idle());
    let problem = desk.get("/v1/revisions/main").await.problem(400);
    assert!(problem.detail.contains("\"main\" is not a full commit id"), "{}", problem.detail);
    for wait in ["-1", "1.5", "ten", ""] {
        let problem = desk.get(&path('a', &format!("?wait={wait}"))).await.problem(400);
        assert_eq!(problem.detail, "wait is a whole number of seconds, at most 600");
    }
}

/// Asks with a wait of 600 s, and does something while that is not over.
async fn waits(desk: &Desk, digit: char, meanwhile: impl AsyncFnOnce(&Desk)) -> Answer {
    let (router, path) = (desk.open(), path(digit, "?wait=600"));
    let before = desk.shown.receiver_count();
    let asked = tokio::spawn(async move { ask(router, Method::GET, &path, "").await });
    while desk.shown.receiver_count() == before && !asked.is_finished() {
        tokio::task::yield_now().await;
    }
    meanwhile(desk).await;
    let answer = tokio::time::timeout(HANGS, asked).await.expect("it waits for nothing");
    answer.expect("an answer")
}

#[tokio::test]
async fn what_is_settled_is_answered_without_waiting() {
    for (lab, digit, code) in [
        (Lab::idle(), 'a', 200),
        (Lab::rolled_back(), 'b', 500),
        (left_behind(), 'b', 409),
        (refused(), 'c', 409),
        (superseded(), 'b', 409),
    ] {
        let answer = waits(&Desk::of(&lab), digit, async |_: &Desk| {}).await;
        assert_eq!(answer.status, code);
    }
}

#[tokio::test]
async fn a_wait_ends_with_the_news_that_settles_it() {
    let mut lab = Lab::activating();
    let desk = Desk::of(&lab);
    let answer = waits(&desk, 'b', async |desk: &Desk| {
        lab.activated(Exit::Code(0), host('b', 'b'));
        desk.show(&lab);
        tokio::task::yield_now().await;
        lab.probes();
        lab.probed(&[]);
        desk.show(&lab);
    });
    let answer = answer.await;
    assert_eq!(
        (answer.status.as_u16(), answer.json::<RevisionAnswer>().state),
        (200, RevisionState::Running)
    );

    // Red may turn green, and what nobody has seen may come.
    for (lab, code) in [(red(), 200), (Lab::idle(), 200)] {
        let desk = Desk::of(&lab);
        let mut later = Lab::probing();
        later.probed(&[]);
        let answer = waits(&desk, 'b', async |desk: &Desk| desk.show(&later)).await;
        assert_eq!(answer.status, code);
    }
}

#[tokio::test]
async fn what_is_undecided_when_the_wait_is_over_does_not_look_like_a_success() {
    let one_second = |lab: Lab, digit| async move {
        let answer = Desk::of(&lab).get(&path(digit, "?wait=1")).await;
        (answer.status.as_u16(), answer.json::<RevisionAnswer>().state)
    };
    let (undecided, red, unknown) =
        tokio::join!(one_second(Lab::building(), 'b'), one_second(red(), 'b'), one_second(Lab::idle(), 'd'));
    assert_eq!(undecided, (504, RevisionState::Undecided));
    assert_eq!(red, (409, RevisionState::Refused));
    assert_eq!(unknown, (404, RevisionState::Unknown));
}

#[tokio::test]
async fn a_wait_of_nothing_is_none() {
    assert_eq!(Desk::of(&Lab::building()).get(&path('b', "?wait=0")).await.status, 202);
}
