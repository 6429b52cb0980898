//! The clone on disk: what heals it, what it never touches, and that nix can read it.

use std::collections::HashSet;
use std::process::Command;

use pull_agent::git::sweep;
use pull_agent_core::Ancestry;
use pull_agent_git_tests::{is_root, left_out};

use crate::bed::{Bed, assert_contains, left_overs, refusal, told};

#[tokio::test]
async fn left_overs_of_a_killed_fetch_do_not_block_the_next() {
    let bed = Bed::new();
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let put = |name: &str| std::fs::write(bed.git_dir().join(name), "").expect("a new file");
    let put_all = || {
        for name in ["shallow.lock", "refs/heads/main.lock", "objects/pack/.tmpA", "objects/pack/pack-0.keep"]
        {
            put(name);
        }
    };
    put_all();
    let second = bed.origin.commits(2);
    assert_eq!(bed.ancestry(&second, Some(&first)).await, Ancestry::Descendant);
    put_all();
    sweep(&bed.repository()).expect("a clone of ours");
    bed.assert_nothing_left_over();
}

#[tokio::test]
async fn a_damaged_clone_is_made_anew_with_its_anchor() {
    let bed = Bed::new();
    bed.origin.commits(5);
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let objects = bed.git_dir().join("objects/pack");
    let damages: [&dyn Fn(); 5] = [
        &|| std::fs::remove_file(bed.git_dir().join("HEAD")).expect("it was there"),
        &|| std::fs::write(bed.git_dir().join("config"), "[core").expect("it was there"),
        &|| std::fs::remove_dir_all(&objects).expect("it was there"),
        &|| {
            for entry in std::fs::read_dir(&objects).expect("packs").flatten() {
                std::fs::write(entry.path(), "junk").expect("it was there");
            }
        },
        &|| std::fs::write(bed.git_dir().join("pull-agent.json"), "").expect("it was there"),
    ];
    for (number, damage) in damages.iter().enumerate() {
        damage();
        let tip = bed.origin.commit("number", &number.to_string(), "another");
        assert_eq!(bed.ancestry(&tip, Some(&first)).await, Ancestry::Descendant, "damage {number}");
    }
}

/// Zeros in the midst of each pack, whose index stays as it was: what a bad disk leaves.
fn spoil_packs(bed: &Bed) {
    for entry in std::fs::read_dir(bed.git_dir().join("objects/pack")).expect("packs").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let mut bytes = std::fs::read(&path).expect("readable");
            let (begin, end) = (bytes.len() / 4, bytes.len() * 3 / 4);
            bytes[begin..end].fill(0);
            // Packs are read-only, and a writer must not change one that is mapped somewhere.
            std::fs::remove_file(&path).expect("it was there");
            std::fs::write(&path, bytes).expect("written");
        }
    }
}

/// Lets the clone believe that its files were last read two days ago.
fn read_long_ago(bed: &Bed) {
    let path = bed.git_dir().join("pull-agent.known.json");
    let text = std::fs::read_to_string(&path).expect("it is written by each fetch");
    let mut known: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let read_at = known["read_at"].as_u64().expect("a moment");
    known["read_at"] = (read_at - 2 * 24 * 3600).into();
    std::fs::write(path, known.to_string()).expect("written");
}

#[tokio::test]
async fn a_pack_that_the_disk_spoilt_is_noticed_and_replaced() {
    let bed = Bed::new();
    let noise: String = (0..20_000_u32).map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761))).collect();
    let first = bed.origin.commit("noise", &noise, "noise");
    bed.ancestry(&first, None).await;
    spoil_packs(&bed);
    assert_eq!(bed.ancestry(&first, Some(&first)).await, Ancestry::Descendant, "the same tip again");
    read_long_ago(&bed);
    spoil_packs(&bed);
    let second = bed.origin.commit("other", "x", "another file");
    assert_eq!(
        bed.ancestry(&second, Some(&first)).await,
        Ancestry::Descendant,
        "a tip that has the same file"
    );
    spoil_packs(&bed);
    let third = bed.origin.commit("noise", &format!("{noise}!"), "a change of what is spoilt");
    assert_eq!(bed.ancestry(&third, Some(&first)).await, Ancestry::Descendant);
}

/// What the clone remembers changes nothing of what is said, whatever is asked in which order.
#[tokio::test]
async fn what_is_remembered_is_what_would_be_found() {
    let bed = Bed::new();
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let held = bed.origin.commit("held", "1", "held");
    let second = bed.origin.commit("held", "2", "second");
    let contains = async |tip: &str, held: &[&str]| {
        let fetched = bed.fetch_holding(tip, Some(&first), held).await;
        let contains = fetched.unwrap_or_else(|error| panic!("{}", told(&error))).contains;
        contains.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(contains(&second, &[&held]).await, [held.as_str()]);
    bed.origin.git(&["switch", "--quiet", "--create", "side", &first]);
    let side = bed.origin.commit("side", "1", "on the side");
    bed.origin.git(&["switch", "--quiet", "main"]);
    bed.origin.git(&["merge", "--quiet", "--no-edit", "side"]);
    let merged = bed.origin.head();
    assert_eq!(contains(&merged, &[&held]).await, [held.as_str()], "of what was there before");
    let third = bed.origin.commit("held", "3", "third");
    let both: HashSet<_> = contains(&third, &[&held, &side]).await.into_iter().collect();
    assert_eq!(both, [held.clone(), side.clone()].into(), "one that was not asked about before");
    bed.origin.reset(&first);
    let other = bed.origin.commit("other", "1", "a forced push");
    assert!(contains(&other, &[&held, &side]).await.is_empty(), "nothing of it is left");
    let fourth = bed.origin.commit("other", "2", "on top of that");
    assert_eq!(bed.ancestry(&fourth, Some(&first)).await, Ancestry::Descendant);
    let refused = refusal(bed.ancestry(&fourth, Some(&third)).await);
    assert_contains(&refused, "is not a descendant of the deployed revision");
    std::fs::write(bed.git_dir().join("pull-agent.known.json"), "{").expect("written");
    let fifth = bed.origin.commit("other", "3", "nothing is remembered");
    assert_eq!(bed.ancestry(&fifth, Some(&first)).await, Ancestry::Descendant);
}

#[tokio::test]
async fn a_clone_in_use_is_waited_for_and_then_named() {
    let bed = Bed::new();
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let lock = bed.repository().join(".lock");
    let mut holder = Command::new("flock")
        .arg("--no-fork")
        .arg(lock)
        .args(["sleep", "300"])
        .spawn()
        .expect("util-linux is there");
    // The holder is there once nobody else gets the lock.
    let taken =
        || Command::new("flock").arg("--nonblock").arg(bed.repository().join(".lock")).arg("true").status();
    while taken().expect("util-linux is there").success() {}
    let error = bed.fetch_error(&first, None).await;
    holder.kill().expect("it runs");
    holder.wait().expect("it ends");
    assert_contains(&error, "is in use by another process");
}

#[tokio::test]
async fn a_repository_of_somebody_else_is_left_as_it_is() {
    let bed = Bed::new();
    std::fs::create_dir_all(bed.git_dir()).expect("a new folder");
    std::fs::write(bed.git_dir().join("HEAD"), "mine").expect("a new file");
    std::fs::write(bed.git_dir().join("shallow.lock"), "mine").expect("a new file");
    let error = bed.fetch_error(&bed.origin.head(), None).await;
    assert_contains(&error, "is not a clone made by this agent");
    assert_eq!(std::fs::read_to_string(bed.git_dir().join("HEAD")).expect("it stays"), "mine");
    assert!(bed.git_dir().join("shallow.lock").exists());
}

#[tokio::test]
async fn a_clone_of_another_user_is_refused() {
    // Only root can give files away; and only for root nix would stumble.
    if !is_root() {
        return;
    }
    let bed = Bed::new();
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    std::os::unix::fs::chown(bed.git_dir(), Some(12345), None).expect("root may");
    assert_contains(&bed.fetch_error(&first, None).await, "belongs to user 12345");
}

#[tokio::test]
async fn many_packs_become_one_clone_again() {
    let bed = Bed::new();
    bed.origin.commits(3);
    let mut deployed = bed.origin.head();
    bed.ancestry(&deployed, None).await;
    let packs = || {
        let dir = std::fs::read_dir(bed.git_dir().join("objects/pack")).expect("packs");
        dir.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "pack")).count()
    };
    let mut most = 0;
    for number in 0..55 {
        let tip = bed.origin.commit("number", &number.to_string(), "another");
        assert_eq!(bed.fetch(&tip, Some(&deployed)).await.expect("a fetch").ancestry, Ancestry::Descendant);
        most = most.max(packs());
        deployed = tip;
    }
    assert!(packs() < 20, "{} packs are left", packs());
    assert!(most <= 50, "{most} packs at once");
    let tip = bed.origin.commit("number", "last", "last");
    assert_eq!(bed.ancestry(&tip, Some(&deployed)).await, Ancestry::Descendant);
}

#[tokio::test]
async fn nix_reads_the_clone_in_place() {
    let bed = Bed::new();
    bed.origin.commits(3);
    let first = bed.origin.head();
    bed.ancestry(&first, None).await;
    let tip = bed.origin.commit("answer.nix", "42", "second");
    bed.ancestry(&tip, Some(&first)).await;
    if Command::new("nix").arg("--version").output().is_err() {
        // `assert_readable` has seen the layout that nix reads; the tests on hosts have a nix.
        left_out("there is no nix here");
        return;
    }
    let expression = format!(
        "import ((builtins.fetchTree \"git+file://{}?ref=refs/heads/main&rev={tip}&shallow=1\") + \"/answer.nix\")",
        bed.repository().display()
    );
    let output = Command::new("nix")
        .args([
            "eval",
            "--extra-experimental-features",
            "nix-command flakes",
            "--impure",
            "--expr",
            &expression,
        ])
        .output()
        .expect("nix runs");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "42",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(left_overs(&bed.repository()).is_empty());
}
