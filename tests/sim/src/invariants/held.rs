//! What must not be tried again, as the disk and the operator say.

use super::Ghost;
use crate::world::World;

impl Ghost {
    /// What is held on the disk is closed. But for what is in progress there: its end was not saved, and is found anew.
    pub(super) fn close_what_is_held(&mut self, world: &World) {
        let current = world.disk.state.as_ref().and_then(|saved| saved.deployment.as_ref());
        let current = current.map(|current| world.remote.number(&current.candidate.revision));
        for (number, known) in
            self.commits.iter_mut().enumerate().filter(|(number, _)| Some(*number) != current)
        {
            known.closed |= world.disk.holds.iter().any(|hold| world.remote.number(&hold.revision) == number);
        }
    }

    /// The operator forgives what failed.
    pub(super) fn forget_failures(&mut self) {
        for known in &mut self.commits {
            known.closed = false;
            known.hard = 0;
        }
    }
}
