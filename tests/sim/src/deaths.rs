//! What dies, and what that takes with it.

use crate::driver::{Item, Sim};
use crate::faults::Death;
use crate::world::system_number;

impl Sim {
    /// A moment at which the agent may die; returns whether it did.
    pub(crate) fn point(&mut self) -> bool {
        self.points += 1;
        let planned = self.die_at.iter().find(|(point, _)| *point == self.points).map(|(_, death)| *death);
        let death = match planned {
            Some(death) => death,
            None if self.die_chance > 0 && self.world.rng.below(100_000) < self.die_chance => {
                self.world.rng.pick(&Death::ALL)
            }
            None => return false,
        };
        self.die(death);
        self.agent.is_none()
    }

    pub(crate) fn die(&mut self, death: Death) {
        self.log.note(self.world.clock.now, || format!("death {death:?} at point {}", self.points));
        self.ghost.excuse();
        match death {
            Death::Kill => self.agent_dies(1_000, 10_000),
            Death::Stop => {
                if self.agent.as_ref().is_some_and(|agent| agent.waits_for.is_some()) {
                    self.cancel(None);
                }
                self.agent_dies(1_000, 10_000);
            }
            Death::Reboot => {
                let healthy_at = self.world.healthy_at(self.world.host.profile);
                self.world.host.reboot(healthy_at);
                self.lose_power();
                if self.world.rng.permille(200) {
                    let jump = self.world.rng.pick(&[-86_400_000, -3_600_000, 3_600_000]);
                    self.ghost.wall_was_set();
                    self.world.clock.set_wall_by(jump);
                }
                self.agent_dies(20_000, 60_000);
            }
            Death::BootOld => {
                let deployment = self.world.disk.state.as_ref().and_then(|saved| saved.deployment.as_ref());
                let built = deployment.and_then(|deployment| deployment.built());
                let old = built.map_or(self.world.host.profile, |built| system_number(&built.previous));
                let healthy_at = self.world.healthy_at(old);
                self.world.host.boot_into(old, healthy_at);
                self.lose_power();
                self.agent_dies(20_000, 60_000);
            }
            Death::Step => self.step_dies(),
            Death::Watcher => self.watcher_dies(),
            Death::KillAndLoseState => {
                self.world.disk.lose_state();
                self.ghost.state_lost(&self.world);
                self.agent_dies(1_000, 10_000);
            }
        }
    }

    /// What was not synced is gone, or is there by luck.
    fn lose_power(&mut self) {
        if self.world.rng.permille(500) {
            self.world.disk.lose_power();
        }
    }

    fn agent_dies(&mut self, least: u64, most: u64) {
        self.agent = None;
        self.process += 1;
        let process = self.process;
        self.after_about(least, most, Item::Start { process });
    }
}
