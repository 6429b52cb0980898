//! What the loop works with: a disk for the state, and drivers for the commands. A test puts others in their place.

use std::sync::Arc;

use pull_agent_core::{Command, Outlives, Revision, Saved};

use crate::checks::ForgeStats;
use crate::error::chain;
use crate::settings::Settings;
use crate::store::Store;

/// Where the state is kept.
pub(super) trait StateWriter: Send + 'static {
    /// Writes the state, to outlive this.
    ///
    /// # Errors
    /// The sentence for the operator, when any step fails.
    fn save(&mut self, saved: &Saved, outlives: Outlives) -> Result<(), String>;
}

impl StateWriter for Store {
    fn save(&mut self, saved: &Saved, outlives: Outlives) -> Result<(), String> {
        Self::save(self, saved, outlives).map_err(|error| chain(&error))
    }
}

/// What carries commands out.
pub(super) trait Drivers: Sized {
    /// Starts one command. Its answer comes by the channel, also when the command fails.
    fn start(&mut self, command: Command);

    /// The same drivers under new settings; a build under way can still be cancelled.
    ///
    /// # Errors
    /// The sentence for the operator, when one of them cannot be made.
    fn renewed(&self, settings: Arc<Settings>) -> Result<Self, String>;

    /// Counters of the forge's driver.
    fn forge_stats(&self) -> ForgeStats;

    /// Where the repository was found, if that is not where the settings say.
    fn moved_to(&self) -> Option<String>;

    /// The head that the forge has of the branch and the remote has not shown for too long.
    fn head_not_shown(&self) -> Option<Revision>;

    /// A warning for each program of `health.commands` that the host does not have now.
    fn missing_programs(&self) -> Vec<String>;

    /// Ends the build, be it that it runs or is only about to start, and returns when it is gone. For a graceful stop: what
    /// was decided already must not begin after the agent has left.
    async fn end_build(&self);
}
