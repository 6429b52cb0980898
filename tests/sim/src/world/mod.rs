//! What there is besides the agent. It knows the truth; the agent is told only what it asks for.

mod clock;
mod disk;
mod forge;
mod host;
mod remote;

pub use clock::Clock;
pub use disk::{Disk, StepFile, StepResult, Write};
pub use forge::{Checks, Forge};
pub use host::{By, Host, Kind, Operator, Step, system_number, system_path};
pub use remote::{BuildNature, Commit, Health, Remote, SwitchNature, System};

use crate::faults::Faults;
use crate::rng::Rng;

#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct World {
    /// Both clocks.
    pub clock: Clock,
    /// Decides everything that could go one way or another.
    pub rng: Rng,
    pub host: Host,
    /// What survives a reboot.
    pub disk: Disk,
    /// The git server.
    pub remote: Remote,
    pub forge: Forge,
    /// What is out of order at this moment.
    pub faults: Faults,
}
