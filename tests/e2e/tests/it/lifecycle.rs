//! A commit's way to the host, and all ways in which it does not get there.

use pull_agent_e2e::World;
use pull_agent_protocol::Outcome;

#[test]
fn green_is_deployed() {
    let (world, agent, revision) = World::deployed();
    assert!(world.runs("service norns"));
    assert_eq!(world.profile(), world.system());
    let last = agent.wait_for_end(&revision, Outcome::Deployed);
    assert_eq!(last.previous_system.as_deref(), Some(world.first_system.as_str()));
}
