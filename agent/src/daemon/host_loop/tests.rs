//! The loop with a disk that fails when it is told to, and drivers that only note what they were asked.

use std::path::Path;
use std::sync::Mutex;

use pull_agent_core::{
    Answer, Command, Deployed, Fetched, HostView, Ledger, LookNumber, NotSaved, Outlives, Refusal, Revision,
    SAVE_AGAIN, Saved, SystemPath, Wall,
};
use tokio::sync::oneshot;

use super::*;
use crate::checks::ForgeStats;
use crate::settings::Facts;

/// How the next write ends.
#[derive(Clone, Copy, Debug, Default)]
enum Write {
    #[default]
    Good,
    Fails,
    Panics,
}

#[derive(Clone, Debug, Default)]
struct FakeDisk(Arc<Mutex<(Write, Vec<Saved>)>>);

impl FakeDisk {
    fn will(&self, write: Write) {
        self.0.lock().expect("a lock").0 = write;
    }

    fn written(&self) -> Vec<Saved> {
        self.0.lock().expect("a lock").1.clone()
    }
}

impl StateWriter for FakeDisk {
    fn save(&mut self, saved: &Saved, _: Outlives) -> Result<(), String> {
        let write = self.0.lock().expect("a lock").0;
        match write {
            Write::Good => {
                self.0.lock().expect("a lock").1.push(saved.clone());
                Ok(())
            }
            Write::Fails => Err("cannot save state.json: no space left on device".to_owned()),
            Write::Panics => panic!("as the test wants it"),
        }
    }
}

#[derive(Debug, Default)]
struct FakeDrivers {
    started: Vec<Command>,
    /// How often they were made anew.
    renewed: u32,
    /// What the forge has and the remote does not show.
    head_not_shown: Option<Revision>,
    moved_to: Option<String>,
}

impl Drivers for FakeDrivers {
    fn start(&mut self, command: Command) {
        self.started.push(command);
    }

    fn renewed(&self, _: Arc<Settings>) -> Result<Self, String> {
        Ok(Self { started: self.started.clone(), renewed: self.renewed + 1, ..Self::default() })
    }

    fn forge_stats(&self) -> ForgeStats {
        ForgeStats::default()
    }

    fn moved_to(&self) -> Option<String> {
        self.moved_to.clone()
    }

    fn head_not_shown(&self) -> Option<Revision> {
        self.head_not_shown.clone()
    }

    fn missing_programs(&self) -> Vec<String> {
        Vec::new()
    }

    async fn end_build(&self) {}
}

const CONFIG: &str = "[source]\nurl = \"https://github.com/poby/infra\"\n";

/// A loop that has started; everything that it says can be looked at.
struct Lab {
    agent: Loop<FakeDisk, FakeDrivers>,
    disk: FakeDisk,
    shown: watch::Receiver<Arc<Snapshot>>,
    folder: tempfile::TempDir,
}

impl Lab {
    /// Revision a is deployed, which is on disk; the first poll runs.
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("config.toml"), CONFIG).expect("a file");
        let system = SystemPath::new("/nix/store/a");
        let deployed = Deployed { revision: revision('a'), system, at: Wall(1), compared: true };
        let ledger = Ledger { deployed: Some(deployed), ..Ledger::default() };
        let outbox = Outbox::read(Saved { ledger, ..Saved::default() });
        let disk = FakeDisk::default();
        let (mut agent, shown) = made(outbox, disk.clone(), folder.path());
        agent.happened(Event::Started { host: host() }, None).await;
        assert_eq!(agent.executor.started, [Command::Poll { look: LookNumber(1) }]);
        agent.executor.started.clear();
        Self { agent, disk, shown, folder }
    }

    /// The branch has a new tip, to be saved and then fetched.
    async fn sees(&mut self, tip: char) {
        let event = Event::Polled { look: LookNumber(1), host: host(), result: Ok(revision(tip)) };
        self.agent.happened(event, None).await;
    }

    async fn asks(&mut self, event: Event) -> Answer {
        let (caller, answer) = oneshot::channel();
        self.agent.happened(event, Some(caller)).await;
        answer.await.expect("everybody is answered in the same turn")
    }

    /// Time for the next try to save.
    async fn tries_again(&mut self) {
        self.agent.settle().await;
    }

    fn started(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.agent.executor.started)
    }

    fn summary(&self) -> String {
        self.shown.borrow().status.summary.clone()
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.folder.path().join("config.toml"), text).expect("a file");
    }
}

fn made(
    outbox: Outbox<Caller>,
    disk: FakeDisk,
    folder: &Path,
) -> (Loop<FakeDisk, FakeDrivers>, watch::Receiver<Arc<Snapshot>>) {
    let facts = Facts { hostname: Some("yggdrasil".to_owned()), ..Facts::default() };
    let settings = Arc::new(settings::parse(CONFIG, &facts).expect("good settings"));
    let about = About { started_at: Wall(1), pid: 1, warnings: Vec::new() };
    let first = Snapshot {
        settings: Arc::clone(&settings),
        status: view::status(&settings, &about, outbox.state()),
        state: outbox.state().clone(),
        forge: ForgeStats::default(),
        remote_frozen: false,
    };
    let (shown, shown_to) = watch::channel(Arc::new(first));
    let agent = Loop {
        config_file: folder.join("config.toml"),
        settings,
        systemd: false,
        about,
        journal: Journal::new(outbox.state()),
        outbox,
        store: Some(disk),
        executor: FakeDrivers::default(),
        notify: Notify::new().expect("a thread"),
        answers: mpsc::channel(1).1,
        inputs: mpsc::channel(1).1,
        shown,
        reload_error: None,
        missing: Vec::new(),
    };
    (agent, shown_to)
}

fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).expect("a revision")
}

fn host() -> HostView {
    let path = Some(SystemPath::new("/nix/store/a"));
    HostView { current: path.clone(), profile: path, ..HostView::default() }
}

fn fetch(look: u64, digit: char) -> Command {
    Command::Fetch {
        look: LookNumber(look),
        revision: revision(digit),
        base: Some(revision('a')),
        held: Vec::new(),
    }
}

fn pause() -> Event {
    Event::PauseRequested { until: None, reason: None, by: "poby".to_owned() }
}

fn not_saved() -> Answer {
    Answer::NotSaved(NotSaved { error: "cannot save state.json: no space left on device".to_owned() })
}

#[tokio::test]
async fn what_is_started_was_saved_first() {
    let mut lab = Lab::new().await;
    lab.sees('b').await;
    assert_eq!(lab.started(), [fetch(2, 'b')]);
    assert_eq!(lab.disk.written().last(), Some(&lab.agent.outbox.state().saved()));
}

#[tokio::test]
async fn a_turn_that_changes_nothing_writes_nothing() {
    let mut lab = Lab::new().await;
    lab.agent.happened(Event::DeadlinePassed, None).await;
    assert_eq!(lab.disk.written(), []);
    assert_eq!(lab.asks(Event::ResumeRequested).await, Answer::Done);
    assert_eq!(lab.disk.written().len(), 1, "what was read may be on no disk yet, and somebody is told");
    assert_eq!(lab.asks(Event::ResumeRequested).await, Answer::Done);
    assert_eq!(lab.disk.written().len(), 1);
}

#[tokio::test]
async fn after_a_failed_save_no_command_is_started_and_after_the_next_good_one_each_is_once() {
    let mut lab = Lab::new().await;
    lab.disk.will(Write::Fails);
    lab.sees('b').await;
    let ancestry = pull_agent_core::Ancestry::Descendant;
    let fetched = Fetched {
        subject: "s".to_owned(),
        author: "a".to_owned(),
        ancestry,
        contains: Vec::new(),
        untrusted: None,
    };
    lab.agent.happened(Event::Fetched { look: LookNumber(2), result: Ok(fetched) }, None).await;
    lab.tries_again().await;
    assert_eq!(lab.started(), []);
    assert!(lab.summary().contains("nothing is started until the state can be saved"), "{}", lab.summary());

    lab.disk.will(Write::Good);
    lab.agent.woke().await;
    assert_eq!(
        lab.started(),
        [fetch(2, 'b'), Command::Check { look: LookNumber(3), revision: revision('b') }]
    );
    assert!(!lab.summary().contains("nothing is started"), "{}", lab.summary());
    lab.tries_again().await;
    assert_eq!(lab.started(), []);
    assert_eq!(lab.disk.written().len(), 1);
}

#[tokio::test]
async fn looks_do_not_pile_up_while_nothing_can_be_saved() {
    let mut lab = Lab::new().await;
    lab.disk.will(Write::Fails);
    lab.sees('b').await;
    for _ in 0..20 {
        assert_eq!(lab.asks(Event::RetryRequested { revision: None }).await, not_saved());
    }
    lab.disk.will(Write::Good);
    lab.tries_again().await;
    assert_eq!(lab.started(), [fetch(22, 'b')], "only the last of its kind");
}

#[tokio::test]
async fn who_is_told_that_it_is_done_finds_it_on_disk_and_in_the_status() {
    let mut lab = Lab::new().await;
    assert_eq!(lab.asks(pause()).await, Answer::Done);
    assert!(lab.disk.written().last().expect("written").ledger.paused.is_some());
    assert!(lab.shown.borrow().status.paused.is_some());
}

#[tokio::test]
async fn a_caller_during_a_failed_save_is_told_so_once_and_what_was_asked_comes_later() {
    let mut lab = Lab::new().await;
    lab.disk.will(Write::Fails);
    assert_eq!(lab.asks(pause()).await, not_saved());
    lab.tries_again().await;
    lab.disk.will(Write::Good);
    lab.tries_again().await;
    assert!(lab.disk.written().last().expect("written").ledger.paused.is_some());
}

#[tokio::test]
async fn a_retry_of_an_unknown_revision_is_refused() {
    let mut lab = Lab::new().await;
    let answer = lab.asks(Event::RetryRequested { revision: Some(revision('c')) }).await;
    assert_eq!(answer, Answer::Refused(Refusal::NotHeld { revision: revision('c') }));
}

#[tokio::test]
async fn a_writer_that_dies_starts_nothing_and_the_loop_goes_on_answering() {
    let mut lab = Lab::new().await;
    lab.disk.will(Write::Panics);
    lab.sees('b').await;
    lab.disk.will(Write::Good);
    let Answer::NotSaved(why) = lab.asks(pause()).await else { panic!("there is nothing to write with") };
    assert!(why.error.contains("restart"), "{}", why.error);
    assert_eq!(lab.started(), []);
    assert!(lab.summary().contains("the writer of the state died"), "{}", lab.summary());
}

#[tokio::test]
async fn a_full_disk_makes_the_loop_neither_spin_nor_sleep_long() {
    let mut lab = Lab::new().await;
    // The poll that runs is given up at some time; nothing is due before.
    assert!(lab.agent.next_wake(clock::mono()) > Duration::from_millis(SAVE_AGAIN.0));
    lab.disk.will(Write::Fails);
    lab.sees('b').await;
    let long_past_every_deadline = Mono(u64::MAX);
    assert_eq!(lab.agent.next_wake(long_past_every_deadline), Duration::from_millis(SAVE_AGAIN.0 / 4));
    assert!(lab.agent.next_wake(clock::mono()) <= Duration::from_millis(SAVE_AGAIN.0));
    lab.disk.will(Write::Good);
    lab.tries_again().await;
    assert_eq!(lab.agent.next_wake(long_past_every_deadline), Duration::ZERO);
}

#[tokio::test]
async fn a_bad_file_at_a_reload_keeps_the_old_settings_and_is_told() {
    let mut lab = Lab::new().await;
    let before = Arc::clone(&lab.agent.settings);
    lab.configure("[source]\nurl = \"https://github.com/poby/other\"\nno_such_key = 1\n");
    lab.agent.reload().await;
    assert!(Arc::ptr_eq(&before, &lab.agent.settings));
    assert_eq!(lab.agent.executor.renewed, 0, "the drivers are the old ones too");
    let warnings = lab.shown.borrow().status.warnings.clone();
    let told = warnings.iter().find(|warning| warning.contains("the old one is in force"));
    assert!(told.is_some_and(|warning| warning.contains("no_such_key")), "{warnings:?}");

    lab.configure("[source]\nurl = \"https://github.com/poby/other\"\n");
    lab.agent.reload().await;
    assert_eq!(lab.agent.settings.source.url, "https://github.com/poby/other");
    assert_eq!(lab.agent.executor.renewed, 1);
    let warnings = lab.shown.borrow().status.warnings.clone();
    assert!(!warnings.iter().any(|warning| warning.contains("in force")), "{warnings:?}");
    assert_eq!(lab.shown.borrow().settings.source.url, "https://github.com/poby/other");
}

#[tokio::test]
async fn a_reload_leaves_what_is_open_where_it_is() {
    let mut lab = Lab::new().await;
    let before = lab.agent.settings.state.clone();
    lab.configure(&format!("{CONFIG}[state]\ndirectory = \"/elsewhere\"\n"));
    lab.agent.reload().await;
    assert_eq!(lab.agent.settings.state, before);
    let warnings = lab.shown.borrow().status.warnings.clone();
    assert!(warnings.iter().any(|warning| warning.contains("with the next start")), "{warnings:?}");
}

#[tokio::test]
async fn a_remote_that_stands_still_is_a_warning_and_a_metric_and_deploys_nothing() {
    let mut lab = Lab::new().await;
    lab.agent.show();
    assert!(!lab.shown.borrow().remote_frozen);
    lab.agent.executor.head_not_shown = Some(revision('c'));
    lab.agent.show();
    let shown = Arc::clone(&lab.shown.borrow());
    let told = shown.status.warnings.iter().find(|warning| warning.contains("stands still"));
    let told = told.expect("a warning");
    assert!(told.contains(revision('c').as_str()) && told.contains("github.com/poby/infra"), "{told}");
    assert!(shown.remote_frozen);
    assert_eq!((lab.started(), &shown.status.wanted), (Vec::new(), &None));
}

#[tokio::test]
async fn a_repository_that_has_moved_is_a_warning() {
    let mut lab = Lab::new().await;
    lab.agent.executor.moved_to = Some("https://github.com/poby/fleet".to_owned());
    lab.agent.show();
    let shown = Arc::clone(&lab.shown.borrow());
    let told =
        shown.status.warnings.iter().any(|it| it.contains("has moved to https://github.com/poby/fleet;"));
    assert!(told, "{:?}", shown.status.warnings);
}
