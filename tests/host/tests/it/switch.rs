//! A commit changes what runs on a host, by the stand-ins of `nixos-rebuild` and `switch-to-configuration`: units, exit
//! codes, generations, the boot default, and what is left when somebody dies on the way.

use pull_agent_host_tests::System;

use crate::support::{Followed, SERVICE};

/// Holds a switch where it is until the test says go; not for ever, should the test fail before it does.
const HELD: &str = "touch /run/reached; for i in $(seq 600); do [ ! -e /run/go ] || break; sleep 0.05; done";
const OTHER_SERVICE: &str = "[Service]\nExecStart=/bin/sleep 100000\n";

#[test]
fn a_switch_starts_restarts_and_stops_units() {
    let Some(it) = Followed::up() else { return };
    let first = it.switched(
        &it.system()
            .unit("stays.service", SERVICE)
            .unit("goes.service", SERVICE)
            .unit("changes.service", SERVICE),
    );
    assert_eq!(it.current(), first);
    assert_eq!((it.profile(), it.generation()), (first.clone(), "system-1-link".into()));
    let (stays, changes) = (it.invocation("stays.service"), it.invocation("changes.service"));
    assert!(it.is_active("goes.service"));

    let system = it
        .system()
        .unit("stays.service", SERVICE)
        .unit("changes.service", OTHER_SERVICE)
        .unit("comes.service", SERVICE);
    let output = it.switch(&system);
    let second = output.clone().ok().expect("the switch succeeds");
    assert_ne!(first, second);
    assert_eq!(it.current(), second);
    assert_eq!((it.profile(), it.generation()), (second.clone(), "system-2-link".into()));
    assert_eq!(it.invocation("stays.service"), stays, "an unchanged unit is left alone");
    assert_ne!(it.invocation("changes.service"), changes, "a changed unit is restarted");
    assert!(!it.is_active("goes.service"), "a unit that the new system has not is stopped");
    assert!(it.is_active("comes.service"), "a new unit is started");
    for said in [
        "stopping the following units: changes.service, goes.service\n",
        "activating the configuration...\n",
        "starting the following units: changes.service\n",
        "the following new units were started: comes.service\n",
    ] {
        assert!(output.stderr.contains(said), "{said:?} is not in {}", output.stderr);
    }
    let journal = it.host.journal(&["--identifier=nixos"]).expect("the journal is read");
    assert!(journal.contains(&format!("finished switching to system configuration {second}")), "{journal}");

    // What runs already: nothing is touched, no generation is added.
    let same = it.switched(&system);
    assert_eq!((same, it.generation()), (second, "system-2-link".into()));
    assert_eq!(it.invocation("stays.service"), stays);
}

#[test]
fn units_say_what_a_switch_may_do_to_them() {
    let Some(it) = Followed::up() else { return };
    let with = |unit: &str, service: &str, command: &str| {
        format!(
            "[Unit]\n{unit}\n[Service]\n{service}\nExecStart=/bin/sleep {command}\nExecReload=/bin/true\n"
        )
    };
    let kept = with("X-StopOnRemoval=false", "", "1000");
    let system = |command: &str| {
        it.system()
            .unit("careful.service", &with("", "X-RestartIfChanged=false", command))
            .unit("short.service", &with("", "X-StopIfChanged=false", command))
            .unit("reloads.service", &with("", "X-ReloadIfChanged=true", command))
            .unit("described.service", &with(&format!("Description={command}"), "", "1000"))
    };
    it.switched(&system("1000").unit("kept.service", &kept));
    let before =
        ["careful", "reloads", "described", "kept"].map(|unit| it.invocation(&format!("{unit}.service")));
    let short = it.invocation("short.service");

    let output = it.switch(&system("2000"));
    assert_eq!(output.code, 0, "{}", output.stderr);
    for said in [
        "NOT restarting the following changed units: careful.service\n",
        "restarting the following units: short.service\n",
        "reloading the following units: reloads.service\n",
    ] {
        assert!(output.stderr.contains(said), "{said:?} is not in {}", output.stderr);
    }
    let after =
        ["careful", "reloads", "described", "kept"].map(|unit| it.invocation(&format!("{unit}.service")));
    assert_eq!(before, after);
    assert_ne!(it.invocation("short.service"), short);
}

#[test]
fn every_way_to_fail_has_its_exit_code() {
    let Some(it) = Followed::up() else { return };
    let good = it.system().unit("web.service", SERVICE);
    let running = it.switched(&good);

    // A unit that does not start: switched all the same.
    let output = it.switch(&good.clone().unit("bad.service", "[Service]\nExecStart=/bin/false\n"));
    assert_eq!(output.code, 4, "{}", output.stderr);
    assert!(
        output.stderr.contains("warning: the following units failed: bad.service\n"),
        "{}",
        output.stderr
    );
    assert_eq!(output.stdout, "");
    assert_eq!(it.current(), it.profile());
    assert_ne!(it.current(), running);

    let mut system = good.clone();
    system.activation = "exit 3".into();
    assert_eq!(it.switch(&system).code, 2);
    assert_eq!(it.current(), it.profile(), "a failed activation script does not stop the switch");

    it.switched(&good);
    let mut system = good.clone();
    system.init_interface = "3".into();
    assert_eq!(it.switch(&system).code, 100);
    assert_eq!(it.current(), running, "nothing is activated when only a reboot can");
    assert_ne!(it.profile(), running, "but the profile is set");

    let mut system = good.clone();
    system.bootloader = "exit 9".into();
    let output = it.switch(&system);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("Failed to install bootloader\n"), "{}", output.stderr);

    let mut system = good.clone();
    system.switch.after = "exit 101".into();
    assert_eq!(it.switch(&system).code, 101);

    // Failures before anything is built.
    let generation = it.generation();
    let mut system = good.clone();
    system.build = "echo no such compiler >&2; exit 5".into();
    let output = it.switch(&system);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("no such compiler"), "{}", output.stderr);
    let mut system = good;
    system.evaluation = Some("the option `services.web' does not exist".into());
    let output = it.switch(&system);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("the option `services.web' does not exist"), "{}", output.stderr);
    assert_eq!(it.generation(), generation, "what was not built sets no profile");
}

#[test]
fn a_second_switch_is_told_that_one_runs() {
    let Some(it) = Followed::up() else { return };
    let first = it.switched(&it.system());
    let mut slow = it.system().unit("web.service", SERVICE);
    slow.switch.before = HELD.into();
    let slow = it.commit(&slow);
    let quick = it.commit(&it.system().unit("other.service", SERVICE));

    std::thread::scope(|scope| {
        let running = scope.spawn(|| it.rebuild("switch", &slow));
        it.wait_until("[ -e /run/reached ]");
        // The transient unit's name is taken.
        let output = it.rebuild("switch", &quick);
        assert_eq!(output.code, 1, "{}", output.stderr);
        assert!(
            output.stderr.contains("nixos-rebuild-switch-to-configuration.service was already loaded"),
            "{}",
            output.stderr
        );
        assert_ne!(it.profile(), first, "and yet the profile was set");
        // The lock is taken.
        let output = it
            .host
            .shell("/nix/var/nix/profiles/system/bin/switch-to-configuration switch")
            .expect("it runs");
        assert_eq!((output.code, output.stderr.trim_end()), (11, "Could not acquire lock"));
        it.host.write_file("/run/go", b"", 0o644).expect("a file is written");
        assert_eq!(running.join().expect("the thread ends").code, 0);
    });
    assert!(it.is_active("web.service"));
}

#[test]
fn changed_inhibitors_stop_a_switch_and_not_a_boot() {
    let Some(it) = Followed::up() else { return };
    let with = |dbus: &str| {
        let mut system = it.system();
        system.inhibitors.insert("dbus-implementation".into(), dbus.into());
        system.kernel = dbus.into();
        system.unit("dbus-is.service", &format!("[Service]\nExecStart=/bin/sleep infinity\n#{dbus}\n"))
    };
    let first = it.switched(&with("dbus"));
    let reference = it.commit(&with("broker"));
    let output = it.rebuild("switch", &reference);
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("dbus-implementation : dbus -> broker\n"), "{}", output.stderr);
    assert!(output.stderr.contains("Pre-switch checks failed\n"), "{}", output.stderr);
    assert_eq!(it.current(), first);

    // The profile is the new one, the boot loader still has the old one.
    it.host.reboot().expect("the host reboots");
    assert_eq!(it.current(), first);

    let second = it.rebuild("boot", &reference).ok().expect("boot succeeds");
    assert_eq!(it.current(), first, "boot activates nothing");
    it.host.reboot().expect("the host reboots");
    assert_eq!(it.current(), second);
    assert_eq!(it.host.resolve("/run/booted-system").expect("a booted system"), second);
    assert!(it.host.resolve("/run/booted-system/kernel").expect("a kernel").ends_with("-linux-broker"));
    assert!(it.is_active("dbus-is.service"));
}

#[test]
fn a_switch_outlives_its_caller_when_it_writes_to_a_file() {
    let Some(it) = Followed::up() else { return };
    it.switched(&it.system());
    let mut system = it.system().unit("web.service", SERVICE);
    system.switch.before = HELD.into();
    let reference = it.commit(&system);
    let call = format!("nixos-rebuild switch --no-reexec -L --flake '{reference}'");

    let file = format!(
        "systemd-run --quiet --unit=caller --property=StandardOutput=file:/var/log/switch \
        --property=StandardError=file:/var/log/switch {call}"
    );
    it.host.shell(&file).expect("it runs").ok().expect("the caller starts");
    it.wait_until("[ -e /run/reached ]");
    it.host
        .shell("systemctl kill --signal=KILL caller; touch /run/go")
        .expect("it runs")
        .ok()
        .expect("the caller dies");
    it.wait_until("systemctl is-active --quiet web.service");
    it.wait_until("! systemctl is-active --quiet nixos-rebuild-switch-to-configuration.service");
    assert_eq!(it.current(), it.profile());
    let log = it.host.read_file("/var/log/switch").expect("a log");
    assert!(log.contains("the following new units were started: web.service\n"), "{log}");
}

#[test]
fn a_switch_dies_half_way_when_nobody_reads_its_pipe() {
    let Some(it) = Followed::up() else { return };
    let first = it.switched(&it.system());
    let mut system = it.system().unit("web.service", SERVICE);
    system.switch.before = HELD.into();
    let reference = it.commit(&system);
    let call = format!("nixos-rebuild switch --no-reexec -L --flake '{reference}' 2>&1 | cat");
    let pipe = format!("systemd-run --quiet --unit=caller bash -c \"{call}\"");
    it.host.shell(&pipe).expect("it runs").ok().expect("the caller starts");
    it.wait_until("[ -e /run/reached ]");
    it.host
        .shell("systemctl kill --signal=KILL caller; sleep 0.1; touch /run/go")
        .expect("it runs")
        .ok()
        .expect("the caller dies");
    it.wait_until("! systemctl is-active --quiet nixos-rebuild-switch-to-configuration.service");
    assert_eq!(it.current(), first);
    let journal = it
        .host
        .journal(&["--unit=nixos-rebuild-switch-to-configuration.service"])
        .expect("the journal is read");
    assert!(journal.contains("status=101"), "{journal}");
}

#[test]
fn a_switch_may_restart_or_remove_the_unit_that_called_it() {
    let Some(it) = Followed::up() else { return };
    // As the agent does it: each order is a file, a switch's output goes to a file.
    let agent = "#!/bin/bash\n\
        while :; do\n\
        if mv /var/lib/agent/order /var/lib/agent/taken 2>/dev/null; then\n\
        nixos-rebuild switch --no-reexec --flake \"$(cat /var/lib/agent/taken)\" >/var/lib/agent/log 2>&1\n\
        fi; sleep 0.05; done\n";
    it.host.write_file("/usr/local/bin/agent", agent.as_bytes(), 0o755).expect("a script is written");
    let unit = |name: &str| format!("[Service]\nExecStart=/usr/local/bin/agent {name}\n");
    it.switched(&it.system().unit("pull-agent.service", &unit("one")));
    let first = it.invocation("pull-agent.service");

    let order = |system: &System| {
        let reference = it.commit(system);
        it.host.write_file("/var/lib/agent/order", reference.as_bytes(), 0o644).expect("an order is written");
    };
    order(&it.system().unit("pull-agent.service", &unit("two")).unit("web.service", SERVICE));
    it.wait_until("systemctl is-active --quiet web.service && [ ! -e /run/nixos/start-list ]");
    assert_ne!(it.invocation("pull-agent.service"), first);
    let command = it.host.unit_property("pull-agent.service", "ExecStart").expect("systemd answers");
    assert!(command.contains("/usr/local/bin/agent two"), "{command}");

    order(&it.system().unit("last.service", SERVICE));
    it.wait_until("systemctl is-active --quiet last.service");
    assert!(!it.is_active("pull-agent.service"));
    assert!(!it.is_active("web.service"));
    assert_eq!(it.current(), it.profile());
}

#[test]
fn an_interrupted_switch_is_taken_up_by_the_next() {
    let Some(it) = Followed::up() else { return };
    it.switched(&it.system().unit("web.service", SERVICE));
    let mut system = it.system().unit("web.service", OTHER_SERVICE);
    // Activated and stopped, not started again: the worst moment to die.
    system.switch.between =
        "if [ ! -e /var/lib/died ]; then touch /var/lib/died; kill -KILL $PPID; fi".into();
    let reference = it.commit(&system);
    assert_ne!(it.rebuild("switch", &reference).code, 0);
    assert_eq!(it.current(), it.profile());
    assert!(!it.is_active("web.service"));
    it.rebuild("switch", &reference).ok().expect("the second switch succeeds");
    assert!(it.is_active("web.service"));
}
