//! Carries the core's commands out, one task each; every answer comes back as one event.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pull_agent_core::{
    Baseline, Built, Command, DeploymentId, Event, LookNumber, Operation, Revision, StepNumber,
};
use pull_agent_protocol::Progress;
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::frozen::FrozenRemote;
use super::gate::{Gate, Proofs};
use super::parts::Drivers;
use crate::checks::{Checks, ForgeStats};
use crate::clock;
use crate::git::{self, Moved, Poller};
use crate::health::Prober;
use crate::host;
use crate::rebuild::Rebuild;
use crate::settings::{GateSource, Settings};
use crate::text;

/// One command of `health.commands` may take this long, or the whole deadline where that is shorter.
const PROBE_COMMAND_MOST: Duration = Duration::from_secs(30);

/// A build that was told to end takes at most so long, or it is stuck.
const BUILD_END: Duration = Duration::from_secs(60);

/// The drivers under one set of settings. Replaced as a whole when the settings change; tasks under way keep the old one.
#[derive(Debug)]
pub(super) struct Executor {
    settings: Arc<Settings>,
    program: PathBuf,
    poller: Arc<Mutex<Poller>>,
    checks: Option<Arc<Checks>>,
    proofs: Proofs,
    frozen: FrozenRemote,
    /// Where the repository is, if it was renamed.
    moved: Moved,
    rebuild: Rebuild,
    systemd: bool,
    events: mpsc::Sender<Event>,
    progress: watch::Sender<Option<Progress>>,
    build: Option<Build>,
}

/// The build that was started last.
#[derive(Clone, Debug)]
struct Build {
    step: StepNumber,
    cancel: CancellationToken,
    /// Is cancelled by its end.
    ended: CancellationToken,
}

impl Executor {
    /// Prepares the drivers.
    ///
    /// # Errors
    /// When a client cannot be made, for example because a file of trust anchors is unreadable.
    pub(super) fn new(
        settings: Arc<Settings>,
        program: PathBuf,
        systemd: bool,
        events: mpsc::Sender<Event>,
        progress: watch::Sender<Option<Progress>>,
    ) -> Result<Self, String> {
        let poller = Poller::new(&settings.source, &program);
        Ok(Self {
            checks: checks(&settings.gate, None)?,
            proofs: Proofs::default(),
            frozen: FrozenRemote::new(clock::mono()),
            moved: poller.moved(),
            poller: Arc::new(Mutex::new(poller)),
            rebuild: Rebuild::new(&settings, &program),
            settings,
            program,
            systemd,
            events,
            progress,
            build: None,
        })
    }

    pub(super) const fn rebuild(&self) -> &Rebuild {
        &self.rebuild
    }

    fn poll(&self, look: LookNumber) {
        let (poller, settings) = (Arc::clone(&self.poller), Arc::clone(&self.settings));
        let (checks, frozen) = (self.checks.clone(), self.frozen.clone());
        self.answer(async move {
            let result = poller.lock().await.poll().await;
            let result = result.map_err(|error| told(&error));
            if let (Ok(tip), Some(checks)) = (&result, checks) {
                let tip = tip.clone();
                tokio::spawn(async move { frozen.compare(&checks, &tip).await });
            }
            Event::Polled { look, host: host::view(&settings.system), result }
        });
    }

    fn fetch(&self, look: LookNumber, revision: Revision, base: Option<Revision>, held: Vec<Revision>) {
        let (settings, program) = (Arc::clone(&self.settings), self.program.clone());
        self.answer(async move {
            let repository = settings.state.repository();
            let result = git::fetch(
                &program,
                &settings.source,
                settings.trust.as_ref(),
                &repository,
                &revision,
                base.as_ref(),
                &held,
            )
            .await;
            Event::Fetched { look, result: result.map_err(|error| told(&error)) }
        });
    }

    fn check(&self, look: LookNumber, revision: Revision) {
        let gate = self.gate();
        self.answer(async move { Event::Checked { look, verdict: gate.verdict(&revision).await } });
    }

    fn check_again(&self, look: LookNumber, revision: Revision) {
        let (gate, settings) = (self.gate(), Arc::clone(&self.settings));
        self.answer(async move {
            let verdict = gate.verdict(&revision).await;
            Event::CheckedAgain { look, host: host::view(&settings.system), verdict }
        });
    }

    fn look_back(&self, look: LookNumber, tip: Revision, base: Option<Revision>, held: Vec<Revision>) {
        let (settings, program, gate) = (Arc::clone(&self.settings), self.program.clone(), self.gate());
        self.answer(async move {
            let repository = settings.state.repository();
            let line = git::below_tip(
                &program,
                &settings.source,
                settings.trust.as_ref(),
                &repository,
                &tip,
                base.as_ref(),
                &held,
            )
            .await;
            let result = match line {
                Ok(line) => gate.newest_green(line).await,
                Err(error) => Err(told(&error)),
            };
            Event::LookedBack { look, result }
        });
    }

    fn gate(&self) -> Gate {
        Gate {
            checks: self.checks.clone(),
            settings: Arc::clone(&self.settings),
            program: self.program.clone(),
            proofs: self.proofs.clone(),
        }
    }

    fn build(&mut self, step: StepNumber, deployment: DeploymentId, revision: Revision) {
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        let gone = ended.clone().drop_guard();
        self.build = Some(Build { step, cancel: cancel.clone(), ended });
        let (rebuild, settings, progress) =
            (self.rebuild.clone(), Arc::clone(&self.settings), self.progress.clone());
        self.answer(async move {
            let end = rebuild.build(step, deployment, &revision, cancel, &progress).await;
            progress.send_replace(None);
            drop(gone);
            Event::Built { step, host: host::view(&settings.system), end }
        });
    }

    fn cancel_build(&self, step: StepNumber) {
        if let Some(build) = &self.build
            && build.step == step
        {
            build.cancel.cancel();
        }
    }

    fn switch(
        &self,
        step: StepNumber,
        deployment: DeploymentId,
        revision: Revision,
        taken: Baseline,
        built: Built,
    ) {
        let (rebuild, settings) = (self.rebuild.clone(), Arc::clone(&self.settings));
        let baseline = super::paths::baseline(&settings, deployment);
        let (poller, prober) = (Arc::clone(&self.poller), self.prober());
        self.answer(async move {
            if taken == Baseline::Take {
                prober.forget_baseline(&baseline);
            }
            if let Err(error) = prober.record_baseline(&baseline, reachable(poller)).await {
                tracing::warn!(error = %crate::error::chain(&error), "the state before the switch could not be noted");
            }
            let exit = rebuild.switch(step, deployment, &revision, &built).await;
            Event::Activated { step, exit, host: host::view(&settings.system) }
        });
    }

    fn probe(&self, look: LookNumber, deployment: DeploymentId) {
        let settings = Arc::clone(&self.settings);
        let baseline = super::paths::baseline(&settings, deployment);
        let (poller, prober) = (Arc::clone(&self.poller), self.prober());
        self.answer(async move {
            let limit = settings.health.deadline.min(PROBE_COMMAND_MOST);
            let failures = prober.probe(&baseline, limit, reachable(poller)).await;
            Event::Probed { look, failures }
        });
    }

    fn switch_back(&self, step: StepNumber, deployment: DeploymentId, built: Built) {
        let (rebuild, settings) = (self.rebuild.clone(), Arc::clone(&self.settings));
        self.answer(async move {
            let exit = rebuild.switch_back(step, deployment, &built.previous).await;
            Event::Activated { step, exit, host: host::view(&settings.system) }
        });
    }

    fn prober(&self) -> Prober {
        Prober::new(&self.settings.health, self.systemd, crate::process::environment())
            .on_host(&self.settings.system.current)
    }

    /// Runs a task whose last word is an event.
    fn answer(&self, task: impl Future<Output = Event> + Send + 'static) {
        let events = self.events.clone();
        tokio::spawn(async move {
            let event = task.await;
            if events.send(event).await.is_err() {
                tracing::debug!("the loop has ended; the answer is found out again by the next process");
            }
        });
    }
}

/// An error of the remote with its causes, in which there may be words of the remote's.
fn told(error: &dyn std::error::Error) -> String {
    text::sentence(&crate::error::chain(error))
}

impl Drivers for Executor {
    fn start(&mut self, command: Command) {
        tracing::debug!(?command, "starting");
        match command {
            Command::Poll { look } => self.poll(look),
            Command::Fetch { look, revision, base, held } => self.fetch(look, revision, base, held),
            Command::Check { look, revision } => self.check(look, revision),
            Command::CheckAgain { look, revision } => self.check_again(look, revision),
            Command::LookBack { look, tip, base, held } => self.look_back(look, tip, base, held),
            Command::Build { step, deployment, revision } => self.build(step, deployment, revision),
            Command::CancelBuild { step } => self.cancel_build(step),
            Command::Activate {
                step,
                deployment,
                operation: Operation::Switch { revision, baseline },
                built,
            } => self.switch(step, deployment, revision, baseline, built),
            Command::Activate { step, deployment, operation: Operation::Back, built } => {
                self.switch_back(step, deployment, built);
            }
            Command::Probe { look, deployment } => self.probe(look, deployment),
            Command::Forget { deployments } => self.rebuild.forget(&deployments),
        }
    }

    fn renewed(&self, settings: Arc<Settings>) -> Result<Self, String> {
        let same_remote = settings.source == self.settings.source && settings.gate == self.settings.gate;
        let poller = Poller::new(&settings.source, &self.program);
        Ok(Self {
            checks: checks(&settings.gate, self.checks.as_deref())?,
            proofs: self.proofs.clone(),
            frozen: if same_remote { self.frozen.clone() } else { FrozenRemote::new(clock::mono()) },
            moved: poller.moved(),
            poller: Arc::new(Mutex::new(poller)),
            rebuild: Rebuild::new(&settings, &self.program),
            settings,
            program: self.program.clone(),
            systemd: self.systemd,
            events: self.events.clone(),
            progress: self.progress.clone(),
            build: self.build.clone(),
        })
    }

    fn forge_stats(&self) -> ForgeStats {
        self.checks.as_ref().map(|checks| checks.stats()).unwrap_or_default()
    }

    fn moved_to(&self) -> Option<String> {
        self.moved.to()
    }

    fn head_not_shown(&self) -> Option<Revision> {
        self.frozen.head()
    }

    fn missing_programs(&self) -> Vec<String> {
        let missing = self.prober().missing_programs();
        let warning = |program| {
            format!(
                "health.commands: {program} is not to be found on the host's PATH, so it proves nothing; add it to \
                 environment.systemPackages, or write its whole path"
            )
        };
        missing.into_iter().map(warning).collect()
    }

    async fn end_build(&self) {
        if let Some(build) = &self.build {
            build.cancel.cancel();
        }
        // Also one that an earlier agent left and that nobody waits for.
        self.rebuild.cancel_running_build().await;
        if let Some(build) = &self.build
            && tokio::time::timeout(BUILD_END, build.ended.cancelled()).await.is_err()
        {
            tracing::error!(
                "the build does not end; it is left to itself, and the next start of the agent waits for it"
            );
        }
    }
}

/// What asks the forge; none where no forge is asked.
fn checks(gate: &GateSource, former: Option<&Checks>) -> Result<Option<Arc<Checks>>, String> {
    let GateSource::Github(gate) = gate else { return Ok(None) };
    let made = former.map_or_else(|| Checks::new(gate), |former| former.renewed(gate));
    made.map(|checks| Some(Arc::new(checks))).map_err(|error| crate::error::chain(&error))
}

/// Whether the remote can be reached, as the probe of `health.source` wants to know it: whatever it answers, there is a
/// network. Nobody else's outage takes a host back.
async fn reachable(poller: Arc<Mutex<Poller>>) -> Result<(), String> {
    match poller.lock().await.poll().await {
        Ok(_) => Ok(()),
        Err(error) if error.is_an_answer() => {
            tracing::warn!(error = %told(&error), "the remote answers, though not as it should");
            Ok(())
        }
        Err(error) => Err(told(&error)),
    }
}

#[cfg(test)]
mod tests;
