//! The files under the state directory: damaged, unwritable, shared, kept in bounds.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use pull_agent_e2e::World;
use pull_agent_protocol::Problem;

/// Files of the state directory whose name begins so.
fn files(world: &World, beginning: &str) -> Vec<PathBuf> {
    let entries = world.state().read_dir().expect("the state directory is there");
    let paths = entries.flatten().map(|entry| entry.path());
    paths
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)))
        .collect()
}

/// After this text was found in state.json the file is kept aside and reported, the deployed revision is known all the
/// same, and forward-only holds.
#[track_caller]
fn check_damaged(text: &str) {
    let (world, agent, first) = World::deployed();
    let second = world.green("service second");
    agent.wait_until_runs(&second);
    agent.kill();
    std::fs::write(world.state().join("state.json"), text).expect("a file");

    let agent = world.start();
    let aside = files(&world, "state.json.bad-");
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(std::fs::read_to_string(&aside[0]).expect("readable"), text);
    let status = agent.status();
    assert!(
        status.warnings.iter().any(|warning| warning.contains("state.json.bad-")),
        "{:?}",
        status.warnings
    );
    assert_eq!(status.running.revision.as_deref(), Some(second.as_str()));
    assert!(!status.running.drift);

    world.repository.go_to(&first);
    let forked = world.green("service forked");
    let refused = agent.wait_for("a refusal", |status| status.refused.is_some()).refused.expect("just seen");
    assert_eq!((refused.revision, refused.deployed), (forked, Some(second.clone())));
    world.repository.go_to(&second);
    let third = world.green("service third");
    agent.wait_until_runs(&third);
    assert_eq!(files(&world, "state.json.bad-").len(), 1, "the new one is good");
}

#[test]
fn a_damaged_state_is_kept_aside() {
    check_damaged("{\"version\": 1, \"deployed\": {\"revis");
}

#[test]
fn an_empty_state_is_kept_aside() {
    check_damaged("");
}

#[test]
fn a_state_of_a_newer_program_is_kept_aside() {
    check_damaged("{\"version\": 99, \"next_attempt\": 7}");
}

#[test]
fn without_any_state_the_host_is_adopted() {
    let (world, agent, _) = World::deployed();
    agent.kill();
    for name in ["state.json", "deployed.json"] {
        std::fs::write(world.state().join(name), "garbage").expect("a file");
    }
    let system = world.system();
    world.commit("service unchecked");
    let agent = world.start();
    let status = agent.status();
    assert_eq!((status.running.system.as_deref(), status.running.revision), (Some(system.as_str()), None));
    assert_eq!((files(&world, "state.json.bad-").len(), files(&world, "deployed.json.bad-").len()), (1, 1));
    let revision = world.green("service known");
    agent.wait_until_runs(&revision);
}

#[test]
fn version_comes_first() {
    let (world, _agent, revision) = World::deployed();
    for name in ["state.json", "deployed.json"] {
        let text = std::fs::read_to_string(world.state().join(name)).expect("saved");
        let first = text.trim_start_matches('{').trim_start();
        if name == "state.json" {
            assert!(first.starts_with("\"version\""), "{text}");
        }
        assert!(text.contains(&revision));
    }
}

#[test]
fn while_the_state_cannot_be_saved_nothing_is_started() {
    let (world, agent, first) = World::deployed();
    let file = world.state().join("state.json");
    let aside = world.state().join("aside");
    std::fs::rename(&file, &aside).expect("renamed");
    // No file can take the place of a folder with something in it, whoever the user is.
    std::fs::create_dir_all(file.join("something")).expect("a folder");

    let revision = world.green("service later");
    let status = agent.wait_for("a loud word", |status| status.summary.contains("nothing is started"));
    assert!(status.warnings[0].contains("nothing is started"), "{:?}", status.warnings);
    let answer = agent.control.post("/v1/pause", "{\"reason\": \"full\"}");
    assert_eq!((answer.code, answer.content_type.as_str()), (507, "application/problem+json"));
    assert!(answer.read::<Problem>().detail.contains("state.json"), "{}", answer.body);
    agent.nudge();
    assert_eq!(agent.revision(&first).0, 200, "it goes on answering");
    assert_eq!(world.count(&format!("build {revision}")), 0);

    std::fs::remove_dir_all(&file).expect("it was there");
    agent.wait_for("the pause", |status| {
        status.paused.is_some() && !status.summary.contains("nothing is started")
    });
    assert_eq!(agent.control.post("/v1/resume", "").code, 200);
    agent.wait_until_runs(&revision);
}

#[test]
fn what_a_killed_fetch_left_is_swept_at_the_start() {
    let (world, agent, first) = World::deployed();
    agent.kill();
    // A fetch sweeps too; without a remote there is none.
    std::fs::rename(world.repository.bare(), world.folder().join("away.git")).expect("it was there");
    let clone = world.state().join("repo/.git");
    let left = ["shallow.lock", "objects/pack/.tmpA1b2C3"].map(|name| clone.join(name));
    for path in &left {
        std::fs::write(path, "").expect("the clone is there");
    }

    let agent = world.start();
    for path in &left {
        assert!(!path.exists(), "{} is left over", path.display());
    }
    let status = agent.wait_for("an error", |status| status.source.error.is_some());
    assert_eq!(status.running.revision, Some(first));
}

/// A file system of its own, small, over one folder.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: PathBuf) -> Self {
        std::fs::create_dir_all(&folder).expect("a folder");
        let mount = ["-t", "tmpfs", "-o", "size=32m,mode=755", "tmpfs"];
        let done = Command::new("mount").args(mount).arg(&folder).status();
        assert!(done.expect("mount is there").success());
        Self(folder)
    }

    /// Writes until nothing fits any more, not even a block.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.0.join("ballast")).expect("a file");
        for block in [vec![0; 1 << 20], vec![0; 4096], vec![0; 1]] {
            while ballast.write_all(&block).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("ballast")).expect("it was there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let done = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(done.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}

#[test]
fn while_the_disk_is_full_nothing_is_started_and_nothing_is_held() {
    // Only root may mount.
    if !pull_agent_git_tests::is_root() {
        return;
    }
    let world = World::new();
    let disk = SmallDisk::mount(world.state());
    let first = world.green("service norns");
    let agent = world.start();
    agent.wait_until_runs(&first);

    disk.fill();
    let revision = world.green("service later");
    agent.wait_for("a loud word", |status| status.summary.contains("No space left on device"));
    assert_eq!(agent.revision(&first).0, 200, "it goes on answering");
    assert_eq!(world.count(&format!("build {revision}")), 0);

    disk.make_room();
    agent.wait_until_runs(&revision);
    assert!(agent.status().held.is_empty());
    assert_eq!(agent.stop().code(), Some(0));
}

#[test]
fn two_agents_on_one_state_are_one_too_many() {
    let (world, first, revision) = World::deployed();
    let second = world.spawn();
    let log = world.folder().join("agent.log");
    assert_eq!(second.wait().code(), Some(1));
    let text = std::fs::read_to_string(log).expect("a log");
    assert!(text.contains("another pull-agent works in"), "{text}");
    assert_eq!(first.status().running.revision, Some(revision), "the first one is not disturbed");
}

#[test]
fn only_so_many_deployments_are_kept() {
    let (world, agent, _) = World::deployed_with(|config| {
        config.set("state.keep_deployments", 2);
    });
    for number in 2..=4 {
        let revision = world.green(&format!("service number-{number}"));
        agent.wait_until_runs(&revision);
    }
    let ids: Vec<u64> = agent.history().iter().map(|deployment| deployment.id).collect();
    assert_eq!(ids, [4, 3]);
    let logs = |id: u64| world.folder().join(format!("log/{id}.log")).exists();
    let gone = pull_agent_e2e::eventually(|| (!logs(1) && !logs(2)).then_some(()));
    assert!(gone.is_some() && logs(3) && logs(4), "logs go with their deployments");
    assert_eq!(agent.open.get("/v1/deployments/1").code, 404);
}
