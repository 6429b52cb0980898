//! The stand-in of `nixos-rebuild` alone, with fakes of all that it calls: the commands, their order, what it prints and
//! how it ends. Needs neither root nor a host.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

const SYSTEM: &str = "/nix/store/00000000000000000000000000000000-system";
const BUILD: &str = "nix|--extra-experimental-features|nix-command flakes|build|--print-out-paths|\
    /infra?rev=1#nixosConfigurations.\"yggdrasil\".config.system.build.toplevel";
const RUN: &str = "systemd-run|-E|LOCALE_ARCHIVE|-E|NIXOS_INSTALL_BOOTLOADER|-E|NIXOS_NO_CHECK|--collect|\
    --no-ask-password|--pipe|--quiet|--service-type=exec|--unit=nixos-rebuild-switch-to-configuration";
const FLAKE: [&str; 3] = ["--no-reexec", "--flake", "/infra?rev=1#yggdrasil"];

/// A directory of fakes that is first on PATH. Each logs its name and arguments before it does what its text says.
struct Fakes {
    directory: TempDir,
}

impl Fakes {
    /// A nix that prints `SYSTEM`, a systemd-run that runs what it is given with exit code `switch`, a machine with
    /// systemd.
    fn new(switch: i32) -> Self {
        let fakes = Self { directory: TempDir::new().expect("a directory") };
        fakes.program("nix", &format!("echo {SYSTEM}; echo noise >&2"));
        fakes.program("nix-env", "echo not for stdout");
        fakes.program("test", "");
        fakes.program("mkdir", "");
        fakes.program("systemd-run", &format!("echo not for stdout either; exit {switch}"));
        fakes
    }

    fn program(&self, name: &str, text: &str) {
        fake(self.directory.path(), name, text);
    }

    /// What was called, a line a call.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn command(&self, words: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin/nixos-rebuild");
        let path = format!("{}:/usr/bin:/bin", self.directory.path().display());
        // A shell has what it runs in the background ignore SIGINT, these tests and all that they start, too.
        let mut command = Command::new("/usr/bin/env");
        command
            .arg("--default-signal=INT,QUIT")
            .arg(program)
            .args(words)
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(words).output().expect("the stand-in runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (status.code().expect("it was not killed"), text(stdout), text(stderr))
    }
}

/// Makes `name` in `directory` a fake that logs its call there and then does what `text` says.
fn fake(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(format!("{name}.text")), text).expect("a fake is written");
    let link = directory.join(name);
    if fs::symlink_metadata(&link).is_err() {
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake.sh"), link).expect("a fake is linked");
    }
}

fn words<'a>(action: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[action], FLAKE.as_slice(), more].concat()
}

#[test]
fn a_switch_runs_the_real_ones_commands_in_order() {
    let fakes = Fakes::new(0);
    let (code, stdout, stderr) = fakes.run(&words("switch", &["-L", "--option", "json-log-path", "/a b"]));
    assert_eq!((code, stdout), (0, format!("{SYSTEM}\n")));
    assert!(stderr.starts_with("building the system configuration...\nnoise\n"), "{stderr}");
    assert!(stderr.ends_with("not for stdout either\nDone. The new configuration is "), "{stderr}");
    let expected = [
        format!("{BUILD}|--no-link|-L|--option|json-log-path|/a b"),
        format!("test|-f|{SYSTEM}/nixos-version"),
        format!("nix-env|-p|/nix/var/nix/profiles/system|--set|{SYSTEM}"),
        "test|-d|/run/systemd/system".to_owned(),
        format!("{RUN}|{SYSTEM}/bin/switch-to-configuration|switch"),
    ];
    assert_eq!(fakes.log(), expected);
}

#[test]
fn each_action_runs_what_belongs_to_it() {
    let check = |words: &[&str], stdout: &str, expected: &[String]| {
        let fakes = Fakes::new(0);
        let (code, printed, stderr) = fakes.run(words);
        assert_eq!((code, printed.as_str()), (0, stdout), "{words:?}: {stderr}");
        assert_eq!(fakes.log(), expected, "{words:?}");
    };
    let path = format!("{SYSTEM}\n");
    let guard = format!("test|-f|{SYSTEM}/nixos-version");
    let systemd = "test|-d|/run/systemd/system".to_owned();
    let activate = |action: &str| format!("{RUN}|{SYSTEM}/bin/switch-to-configuration|{action}");
    let set = |profile: &str| format!("nix-env|-p|/nix/var/nix/profiles/{profile}|--set|{SYSTEM}");
    let unlinked = format!("{BUILD}|--no-link");

    check(&words("build", &["--log-format", "raw"]), &path, &[format!("{BUILD}|--log-format|raw")]);
    check(&words("build", &["--print-build-logs"]), &path, &[format!("{BUILD}|--print-build-logs")]);
    check(&words("build", &["--no-link"]), &path, std::slice::from_ref(&unlinked));
    check(&words("dry-build", &[]), "", &[format!("{BUILD}|--dry-run")]);
    check(
        &words("boot", &["--profile-name", "spare"]),
        &path,
        &[
            "mkdir|-p|-m|0755|/nix/var/nix/profiles/system-profiles".to_owned(),
            unlinked.clone(),
            guard.clone(),
            set("system-profiles/spare"),
            systemd.clone(),
            activate("boot"),
        ],
    );
    check(&words("test", &[]), &path, &[unlinked, guard.clone(), systemd.clone(), activate("test")]);
    check(
        &["switch", "--no-reexec", "--store-path", SYSTEM],
        &path,
        &[guard, set("system"), systemd.clone(), activate("switch")],
    );
    let profile = "/nix/var/nix/profiles/system";
    check(
        &["switch", "--no-reexec", "--rollback"],
        &format!("{profile}\n"),
        &[
            format!("nix-env|--rollback|-p|{profile}"),
            systemd,
            format!("{RUN}|{profile}/bin/switch-to-configuration|switch"),
        ],
    );
}

#[test]
fn exit_codes_of_a_switch_pass_through() {
    for wished in [1, 2, 4, 11, 100, 101] {
        let fakes = Fakes::new(wished);
        let (code, stdout, stderr) = fakes.run(&words("switch", &[]));
        assert_eq!((code, stdout.as_str()), (wished, ""));
        let end = format!(
            " {SYSTEM}/bin/switch-to-configuration switch' returned non-zero exit status {wished}.\n"
        );
        assert!(stderr.ends_with(&end), "{stderr}");
        assert!(!stderr.contains("Done."), "{stderr}");
        assert!(fakes.log().iter().any(|line| line.starts_with("nix-env|")), "the profile was set before");
    }
}

#[test]
fn what_fails_before_sets_no_profile() {
    let check = |program: &str, text: &str, wished: i32, says: &str| {
        let fakes = Fakes::new(0);
        fakes.program(program, text);
        let (code, stdout, stderr) = fakes.run(&words("switch", &[]));
        assert_eq!((code, stdout.as_str()), (wished, ""), "{stderr}");
        assert!(stderr.trim_end().ends_with(says), "{stderr}");
        let log = fakes.log();
        assert!(
            !log.iter().any(|line| line.starts_with("nix-env|") || line.starts_with("systemd-run|")),
            "{log:?}"
        );
    };
    let attribute = "'/infra?rev=1#nixosConfigurations.\"yggdrasil\".config.system.build.toplevel'";
    let command = format!(
        "Command 'nix --extra-experimental-features 'nix-command flakes' build --print-out-paths {attribute} --no-link'"
    );
    check("nix", "exit 1", 1, &format!("{command} returned non-zero exit status 1."));
    // Killed: 256 less the signal, as Python's exit does.
    check("nix", "kill -KILL $$", 247, "returned non-zero exit status 247.");
    check("test", "exit 1", 1, "the activation will abort.");
}

#[test]
fn without_systemd_the_switch_is_called_directly() {
    // Returns the arguments and the environment that the switch got.
    let run = |fakes: &Fakes, variables: &[(&str, &str)]| {
        let bin = fakes.directory.path().join("bin");
        fs::create_dir(&bin).expect("a directory");
        fake(&bin, "switch-to-configuration", r#"env | sort > "$directory/environment""#);
        fakes.program("nix", &format!("echo {}", fakes.directory.path().display()));
        let mut command = fakes.command(&words("switch", &[]));
        let output = command.envs(variables.iter().copied()).output().expect("the stand-in runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let calls = fs::read_to_string(bin.join("log")).expect("it was called");
        assert_eq!(calls, "switch-to-configuration|switch\n");
        fs::read_to_string(bin.join("environment")).expect("it has an environment")
    };
    let fakes = Fakes::new(0);
    let called =
        run(&fakes, &[("NIXOS_REBUILD_NO_SYSTEMD_RUN", "1"), ("NIXOS_NO_CHECK", "1"), ("SECRET", "x")]);
    assert!(called.contains("NIXOS_INSTALL_BOOTLOADER=0\nNIXOS_NO_CHECK=1\nPATH="), "{called}");
    assert!(!called.contains("SECRET"), "{called}");

    let fakes = Fakes::new(0);
    fakes.program("test", r#"[ "$1" = -f ]"#);
    assert!(!run(&fakes, &[]).contains("NIXOS_NO_CHECK"));
}

#[test]
fn without_no_reexec_it_first_builds_itself() {
    let fakes = Fakes::new(0);
    fakes.program("nix", "exit 1");
    let (code, stdout, _) = fakes.run(&["switch", "--flake", "/infra?rev=1#yggdrasil"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert_eq!(fakes.log(), [format!("{}|--no-link", BUILD.replace("toplevel", "nixos-rebuild"))]);
}

#[test]
fn usage_errors_exit_2() {
    for words in [
        &["switch", "--frobnicate"][..],
        &[],
        &["build", "switch"],
        &["build", "--flake"],
        &["switch", "--option", "only-a-name"],
        &["build", "--store-path", SYSTEM],
    ] {
        let fakes = Fakes::new(0);
        let (code, stdout, _) = fakes.run(words);
        assert_eq!((code, stdout.as_str()), (2, ""), "{words:?}");
        assert!(fakes.log().is_empty());
    }
}

/// A build under way in its own process group; returns the stand-in and nix's process id.
fn building(fakes: &Fakes) -> (Child, Pid) {
    use std::os::unix::process::CommandExt;
    let pid_file = fakes.directory.path().join("pid");
    fakes.program("nix", &format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 300", pid_file.display()));
    let mut command = fakes.command(&words("build", &[]));
    let child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().expect("it starts");
    wait_for(|| pid_file.exists(), "nix is called");
    let pid = fs::read_to_string(&pid_file).expect("a file").trim().parse().expect("a process id");
    (child, Pid::from_raw(pid))
}

fn number(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("a process id"))
}

/// Waits until the process is gone; one that died and that nobody has waited for is gone as well.
fn gone(pid: Pid) {
    let zombie = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default().contains(") Z ");
    wait_for(|| kill(pid, None).is_err() || zombie(), "the process ends");
}

fn wait_for(condition: impl Fn() -> bool, what: &str) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("never came true: {what}");
}

#[test]
fn sigterm_to_the_process_alone_leaves_nix_running() {
    let fakes = Fakes::new(0);
    let (mut child, builder) = building(&fakes);
    kill(number(&child), Signal::SIGTERM).expect("it is told to end");
    assert_eq!(child.wait().expect("it ends").code(), None);
    kill(builder, None).expect("nix goes on");
    kill(builder, Signal::SIGKILL).expect("nix is cleaned up");
}

#[test]
fn sigint_to_the_process_alone_takes_nix_along() {
    let fakes = Fakes::new(0);
    let (mut child, builder) = building(&fakes);
    kill(number(&child), Signal::SIGINT).expect("it is interrupted");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    gone(builder);
}

#[test]
fn signals_to_the_group_end_all() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let fakes = Fakes::new(0);
        let (mut child, builder) = building(&fakes);
        killpg(number(&child), signal).expect("the group is signalled");
        assert!(!child.wait().expect("it ends").success());
        gone(builder);
    }
}
