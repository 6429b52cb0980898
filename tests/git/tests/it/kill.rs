//! The child: gone when nobody waits for it, and without a secret in what others can see of it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use pull_agent::git::fetch;
use pull_agent::settings::Source;
use pull_agent_git_tests::{Hostile, Mode, Sshd, run};

use crate::bed::{Bed, assert_contains, program, revision, source, told};

fn processes() -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir("/proc").expect("proc is mounted").flatten();
    entries.map(|entry| entry.path()).filter(|path| path.join("cmdline").exists())
}

/// The children of one test: the open files of a child name its clone.
fn children_of(bed: &Bed) -> Vec<PathBuf> {
    let holds = |process: &PathBuf| {
        let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|to| to.starts_with(bed.repository()))
    };
    processes().filter(holds).collect()
}

/// The ssh clients of one server: nobody else is told the file of its host key.
fn clients_of(server: &Sshd) -> Vec<PathBuf> {
    let file = server.known_hosts_file().display().to_string();
    let names = |process: &PathBuf| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(&file)
    };
    processes().filter(names).collect()
}

/// Long enough for anything that is to happen at once, and shorter than any of these fetches takes by itself.
const SOON: Duration = Duration::from_secs(60);

/// Waits until something is so.
#[track_caller]
fn until(what: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let so = async {
            while !what() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(tokio::time::timeout(SOON, so).await.is_ok(), "it never came: {caller}");
    }
}

async fn hanging_bed() -> (Bed, Hostile, String) {
    let mut bed = Bed::new();
    let hostile = Hostile::start(bed.server.port());
    let first = bed.origin.head();
    bed.source.url = hostile.url("infra");
    bed.ancestry(&first, None).await;
    let noise: String = (0..20_000_u32).map(|n| format!("{:x}\n", n.wrapping_mul(2_654_435_761))).collect();
    bed.origin.commit("noise", &noise, "noise");
    hostile.set(Mode::HangInPack);
    (bed, hostile, first)
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_is_killed() {
    let (bed, hostile, first) = hanging_bed().await;
    let tip = bed.origin.head();
    let (source, repository) = (bed.source.clone(), bed.repository());
    let (want, have) = (revision(&tip), revision(&first));
    let task =
        tokio::spawn(
            async move { fetch(program(), &source, None, &repository, &want, Some(&have), &[]).await },
        );
    until(|| !children_of(&bed).is_empty()).await;
    task.abort();
    until(|| children_of(&bed).is_empty()).await;
    hostile.set(Mode::Behave);
    bed.ancestry(&tip, Some(&first)).await;
}

#[tokio::test]
async fn the_ssh_of_a_fetch_ends_with_it_at_the_deadline() {
    let server = Sshd::start_hanging();
    let bed = Bed::new();
    let source = Source {
        ssh_key_file: Some(server.key_file()),
        known_hosts_file: Some(server.known_hosts_file()),
        timeout: Duration::from_secs(5),
        ..source(&server.url(&bed.origin.path()))
    };
    let (repository, tip) = (bed.repository(), revision(&bed.origin.head()));
    let task =
        tokio::spawn(async move { fetch(program(), &source, None, &repository, &tip, None, &[]).await });
    until(|| server.was_called() || task.is_finished()).await;
    assert!(
        !task.is_finished() && !clients_of(&server).is_empty(),
        "the ssh of the fetch waits for the server"
    );
    // One that is stopped cannot end its group by itself, as it does when its standard input ends.
    let [child] = &children_of(&bed)[..] else { panic!("one child fetches") };
    run(Command::new("kill").arg("-STOP").arg(child.file_name().expect("its number")));
    let error = told(&task.await.expect("no panic").expect_err("the server hangs"));
    assert_contains(&error, "took longer than 5 s and was ended");
    until(|| clients_of(&server).is_empty()).await;
    bed.assert_nothing_left_over();
}

#[tokio::test]
async fn a_child_whose_parent_died_ends_by_itself() {
    let (bed, _hostile, _) = hanging_bed().await;
    let request = bed.request(&bed.origin.head(), None, u64::MAX);
    let mut child = Command::new(program())
        .arg("fetch")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, request.as_bytes()).expect("the child reads");
    until(|| !children_of(&bed).is_empty()).await;
    // What the death of the parent closes.
    drop(stdin);
    let status = child.wait().expect("the child ends");
    assert!(!status.success(), "{status}");
}

#[tokio::test]
async fn a_token_is_seen_neither_in_arguments_nor_in_the_environment() {
    let (mut bed, hostile, first) = hanging_bed().await;
    std::fs::write(bed.path("token"), "s3cret-of-the-test\n").expect("a new file");
    bed.source.token_file = Some(bed.path("token"));
    let tip = bed.origin.head();
    let (source, repository) = (bed.source.clone(), bed.repository());
    let (want, have) = (revision(&tip), revision(&first));
    let task =
        tokio::spawn(
            async move { fetch(program(), &source, None, &repository, &want, Some(&have), &[]).await },
        );
    until(|| hostile.seen().iter().any(|head| head.to_lowercase().contains("authorization: basic"))).await;
    until(|| !children_of(&bed).is_empty()).await;
    let [child] = &children_of(&bed)[..] else { panic!("one child fetches") };
    for (name, has) in [("cmdline", "fetch"), ("environ", "PATH=")] {
        let text = String::from_utf8(std::fs::read(child.join(name)).expect("it hangs")).expect("text");
        assert!(text.contains(has) && !text.contains("s3cret"), "{name}: {text:?}");
    }
    task.abort();
}

#[test]
fn the_child_is_bounded_before_it_reads_a_word() {
    let mut child = Command::new(program())
        .arg("fetch")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the child starts");
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
    let limit = |name: &str| {
        let limits = read("limits");
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line[name.len()..].split_whitespace().next().unwrap_or_default().to_owned()
    };
    let nice = || {
        let stat = read("stat");
        // The 19th field of proc_pid_stat(5); the second one, the name, ends with a bracket.
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(16).map(str::to_owned))
    };
    // It is bounded when the last of these is.
    while nice().as_deref() != Some("10") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!((limit("Max cpu time"), limit("Max data size")), ("600".to_owned(), (512 << 20).to_string()));
    assert_eq!(limit("Max core file size"), "0");
    drop(child.stdin.take());
    child.wait().expect("it ends when nobody asks");
}
