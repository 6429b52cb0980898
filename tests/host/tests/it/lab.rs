//! Hosts boot, reboot, die and reach one another; nothing of the machine is theirs.

use std::io::{Read, Write};
use std::net::SocketAddr;

use pull_agent_host_tests::{Bridge, Host, Lab};

#[test]
fn a_host_has_real_systemd_and_real_nix() {
    let Some(lab) = Lab::ready() else { return };
    let host = Host::up(lab, "midgard").expect("a host boots");
    let ask = |line: &str| host.shell(line).expect("the host answers").ok().expect("the command succeeds");

    assert_eq!(ask("hostname"), "midgard");
    assert_eq!(ask("cat /proc/1/comm"), "systemd");
    assert_eq!(ask("systemctl is-system-running"), "running");
    assert_eq!(ask("systemctl is-active nix-daemon.socket"), "active");
    let version = ask("nix --version");
    let number = version.rsplit(' ').next().unwrap_or_default();
    let parts: Vec<u32> = number.split('.').filter_map(|part| part.parse().ok()).collect();
    assert!(parts >= vec![2, 26], "nixos-rebuild's commands need a newer nix than {version}");
    assert_eq!(host.shell("exit 7").expect("the host answers").code, 7);
    host.down().expect("the host goes without a trace");
}

#[test]
fn a_host_cannot_set_the_clock_of_the_machine() {
    let Some(lab) = Lab::ready() else { return };
    let host = Host::up(lab, "midgard").expect("a host boots");
    // To what it is: harmless, should it ever be let through.
    let set = host.exec(&["date", "--set", "now"]).expect("the host answers");
    assert!(set.stderr.contains("Operation not permitted"), "{set:?}");
}

#[test]
fn what_a_host_wrote_outlives_reboots_and_cuts() {
    let Some(lab) = Lab::ready() else { return };
    let mut host = Host::up(lab, "midgard").expect("a host boots");
    let boot_id = |host: &Host| host.read_file("/proc/sys/kernel/random/boot_id").expect("a boot id");
    host.write_file("/var/lib/mark", b"mark", 0o600).expect("a file is written");
    host.write_file("/run/mark", b"mark", 0o600).expect("a file is written");
    let first = boot_id(&host);

    host.reboot().expect("the host reboots");
    let second = boot_id(&host);
    assert_ne!(first, second);
    assert_eq!(host.read_file("/var/lib/mark").expect("it outlives a reboot"), "mark");
    assert!(host.read_file("/run/mark").is_err(), "/run is in memory");

    host.cut().expect("the host is cut");
    assert!(host.exec(&["true"]).is_ok_and(|output| output.code != 0), "a cut host runs nothing");
    host.boot().expect("the host boots after a cut");
    assert_ne!(second, boot_id(&host));
    assert_eq!(host.read_file("/var/lib/mark").expect("it outlives a cut"), "mark");

    host.off().expect("the host powers off");
    host.boot().expect("the host boots after a power off");
    assert_eq!(host.shell("systemctl is-system-running").expect("the host answers").stdout.trim(), "running");
}

#[test]
fn hosts_reach_the_bridge_and_each_other_and_nothing_else() {
    let Some(lab) = Lab::ready() else { return };
    let midgard = Host::up(lab, "midgard").expect("a host boots");
    let alfheim = Host::up(lab, "alfheim").expect("a second host boots");
    assert_ne!(midgard.address(), alfheim.address());

    // A server of this process, asked from inside a host.
    let listener = lab.bridge().listen(0).expect("a port on the bridge");
    let url = format!("http://bridge:{}/", listener.local_addr().expect("an address").port());
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| midgard.exec(&["curl", "--silent", "--fail", "--max-time", "20", &url]));
        let (mut caller, from) = listener.accept().expect("the host connects");
        assert_eq!(from.ip(), midgard.address());
        read_head(&mut caller);
        caller
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello")
            .expect("an answer");
        drop(caller);
        let answer = asked.join().expect("the thread ends").expect("the host answers");
        assert_eq!(answer.ok().expect("curl succeeds"), "hello");
    });

    // A server of a host, asked from the bridge.
    let server = "systemd-run --quiet --unit=echo socat TCP-LISTEN:7319,reuseaddr,fork EXEC:hostname";
    midgard.shell(server).expect("the host answers").ok().expect("the server starts");
    midgard
        .shell("until ss -Hltn | grep -q :7319; do sleep 0.02; done")
        .expect("the host answers")
        .ok()
        .expect("it listens");
    let mut said = String::new();
    let address = SocketAddr::from((midgard.address(), 7319));
    lab.bridge().connect(address).expect("the host accepts").read_to_string(&mut said).expect("it answers");
    assert_eq!(said, "midgard\n");

    let ping =
        |from: &Host, to: &str| from.exec(&["ping", "-c1", "-W2", to]).expect("the host answers").code == 0;
    let other = alfheim.address().to_string();
    assert!(ping(&midgard, &other));
    midgard.link(false).expect("the cable is pulled");
    assert!(!ping(&midgard, &other), "a pulled cable carries nothing");
    midgard.link(true).expect("the cable is plugged in");
    assert!(ping(&midgard, &Bridge::ADDRESS.to_string()));
    let routes = midgard.shell("ip route show default").expect("the host answers").ok().expect("ip succeeds");
    assert_eq!(routes, "", "nothing leads out of the hosts' network");
}

fn read_head(stream: &mut impl Read) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a request") == 1 {
        head.push(byte[0]);
    }
}
