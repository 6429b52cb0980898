use super::*;

#[track_caller]
fn check(output: &str, code: ReasonCode, sentence: &str) {
    assert_eq!(exit(1, output), Found::new(code, sentence), "{output}");
}

#[test]
fn the_network_may_pass() {
    for text in [
        "error: unable to download 'https://cache.nixos.org/nix-cache-info': Could not resolve hostname (6)",
        "error: unable to download 'https://cache.nixos.org/x.narinfo': HTTP error 503",
        "error: unable to download 'https://x/y.nar.xz': HTTP error 200 (curl error: Stream error in the HTTP/2 framing layer)",
        "fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com",
        "ssh: connect to host github.com port 22: Connection timed out",
        "error: some substitutes for the outputs of derivation '/nix/store/x.drv' failed (usually happens due to networking issues); try '--fallback' to build derivation from source",
        "error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': Connection refused",
        "error: SQLite database '/nix/var/nix/db/db.sqlite' is busy, database is locked",
    ] {
        check(text, ReasonCode::Network, text);
    }
}

#[test]
fn builders_and_tls_may_pass() {
    for text in [
        "error: failed to start SSH connection to 'zeus.example.org'",
        "error: failed to start SSH master connection to 'zeus.example.org'\nerror: failed to start SSH connection to 'zeus.example.org'",
        "error: Unable to start any build; remote machines may not have all required system features.",
        "error: unable to start any build; either set '--max-jobs' to a non-zero value or enable remote builds.",
        "fatal: unable to access 'https://github.com/a/b/': SSL certificate problem: unable to get local issuer certificate",
        "fatal: unable to access 'https://github.com/a/b/': server certificate verification failed. CAfile: none CRLfile: none",
        "fatal: unable to access 'https://github.com/a/b/': gnutls_handshake() failed: The TLS connection was non-properly terminated.",
        "error: unable to download 'https://x/y': SSL peer certificate or SSH remote key was not OK (60)",
        "error: unable to download 'https://x/y': SSL connect error (35) TLS connect error: error:0A000126:SSL routines::unexpected eof while reading",
    ] {
        let found = exit(1, text);
        assert_eq!((found.code, found.may_pass()), (ReasonCode::Network, true), "{text}: {found:?}");
    }
}

#[test]
fn a_builder_that_nix_got_over_is_no_reason() {
    let text = "cannot build on 'ssh-ng://zeus': error: failed to start SSH connection to 'zeus'\n\
        error: builder for '/nix/store/x-linux.drv' failed with exit code 1;\n";
    assert_eq!(exit(1, text).code, ReasonCode::BuildFailed);
    let text = "cannot build on 'ssh-ng://zeus': error: failed to start SSH connection to 'zeus'\n\
        Failed to find a machine for remote build!\n\
        error: Unable to start any build; remote machines may not have all required system features.\n";
    assert_eq!(exit(1, text).code, ReasonCode::Network);
}

#[test]
fn the_hosts_own_faults_do_not_count() {
    for text in [
        "fatal: unable to access 'https://github.com/a/b/': SSL certificate problem: certificate is not yet valid",
        "error: creating directory '/nix/store/x': Read-only file system",
        "error: reading from file: Input/output error",
        "error: opening lock file '/nix/store/x.lock': Too many open files",
        "error: path '/nix/store/4w6hv3912fjvanj4c9n83f3ahpql6ilj-source' is not valid",
        "error: getting status of '/nix/store/4w6hv3912fjvanj4c9n83f3ahpql6ilj-linux.drv': No such file or directory",
        "error: derivation '/nix/store/8kwb-deps.drv' requires non-existent output 'bin' from input derivation '/nix/store/mh4d-libidn2.drv'",
    ] {
        check(text, ReasonCode::HostFault, text);
    }
    for text in [
        "error: path '/nix/store/4w6hv3912fjvanj4c9n83f3ahpql6ilj-source/hosts/mising.nix' does not exist",
        "error: opening file '/nix/store/4w6hv3912fjvanj4c9n83f3ahpql6ilj-source/mising.txt': No such file or directory",
        "error: the string 'x' is not valid",
    ] {
        let code = exit(1, text).code;
        assert_eq!(code.consequence(), Consequence::Hold, "{text}: {code:?}");
    }
    assert_eq!(
        exit(1, "tests> Input/output error\nerror: builder for '/nix/store/x.drv' failed").code,
        ReasonCode::BuildFailed
    );
}

#[test]
fn of_a_git_that_failed_its_own_line_is_the_reason() {
    let text = "fatal: couldn't find remote ref refs/heads/mian\nerror: program 'git' failed with exit code 128\n\
        Command 'nix build' returned non-zero exit status 1.";
    check(text, ReasonCode::EvaluationFailed, "fatal: couldn't find remote ref refs/heads/mian");
    let text = "fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com\n\
        error: program 'git' failed with exit code 128\n";
    check(
        text,
        ReasonCode::Network,
        "fatal: unable to access 'https://github.com/a/b/': Could not resolve host: github.com",
    );
    check(
        "error: program 'git' failed with exit code 128",
        ReasonCode::BuildFailed,
        "error: program 'git' failed with exit code 128",
    );
}

#[test]
fn a_full_disk_is_transient_wherever_it_shows() {
    let text = "linux> cp: error writing 'x': No space left on device\n\
        error: builder for '/nix/store/x-linux.drv' failed with exit code 1;\n";
    check(text, ReasonCode::DiskFull, "linux> cp: error writing 'x': No space left on device");
    check(
        "error: writing to file: No space left on device",
        ReasonCode::DiskFull,
        "error: writing to file: No space left on device",
    );
}

#[test]
fn memory_is_told_apart() {
    for text in [
        "error: out of memory",
        "error: builder for '/nix/store/x.drv' failed due to signal 9 (Killed)",
        "cc1plus> g++: fatal error: Killed signal terminated program cc1plus\nerror: std::bad_alloc",
    ] {
        assert_eq!(exit(1, text).code, ReasonCode::OutOfMemory, "{text}");
    }
    assert_eq!(exit(247, "").code, ReasonCode::OutOfMemory);
    assert_eq!(exit(137, "error: something").code, ReasonCode::OutOfMemory);
}

#[test]
fn evaluation_and_builders_are_deterministic() {
    check(
        "building the system configuration...\n\u{1b}[31;1merror:\u{1b}[0m\n       … while evaluating the attribute 'config'\n\n       \u{1b}[31;1merror:\u{1b}[0m undefined variable 'x'\n       at /nix/store/s/flake.nix:3:4:\nCommand 'nix build' returned non-zero exit status 1.",
        ReasonCode::EvaluationFailed,
        "error: undefined variable 'x'",
    );
    let text = "error: Cannot build '/nix/store/x-linux.drv'.\n       Reason: builder failed with exit code 2.\n       Output paths:\n         /nix/store/y\n";
    check(text, ReasonCode::BuildFailed, "linux: builder failed with exit code 2");
}

#[test]
fn the_reason_is_the_first_derivation_that_failed_and_what_it_said_last() {
    // nix 2.26
    check(
        "bifrost-1.2> unpacking\n\
        error: builder for '/nix/store/aaa-bifrost-1.2.drv' failed with exit code 1;\n\
        \x20      last 2 log lines:\n\
        \x20      > unpacking\n\
        \x20      > the bridge is broken\n\
        \x20      For full logs, run:\n\
        \x20        nix log /nix/store/aaa-bifrost-1.2.drv\n\
        error: 1 dependencies of derivation '/nix/store/bbb-nixos-system.drv' failed to build\n\
        Command 'nix build' returned non-zero exit status 1.",
        ReasonCode::BuildFailed,
        "bifrost-1.2: builder failed with exit code 1: the bridge is broken",
    );
    // nix 2.34
    check(
        "other> fine\n\
        bifrost-1.2> the bridge is broken\n\
        other> fine too\n\
        error: Cannot build '/nix/store/aaa-bifrost-1.2.drv'.\n\
        \x20      Reason: builder failed with exit code 1.\n\
        \x20      Output paths:\n\
        \x20        /nix/store/ccc-bifrost-1.2\n\
        error: Cannot build '/nix/store/bbb-nixos-system.drv'.\n\
        \x20      Reason: 1 dependency failed.",
        ReasonCode::BuildFailed,
        "bifrost-1.2: builder failed with exit code 1: the bridge is broken",
    );
}

#[test]
fn what_a_test_suite_prints_does_not_count() {
    let text = "app> test client::reset ... error: connection reset by peer\n\
        app> HTTP error 503\n\
        error: builder for '/nix/store/x-app.drv' failed with exit code 101";
    assert_eq!(exit(1, text).code, ReasonCode::BuildFailed);
}

#[test]
fn what_nix_got_over_does_not_count() {
    let text = "warning: error: unable to download 'https://c/x': HTTP error 503; retrying in 300 ms\n\
        error: undefined variable 'x'";
    assert_eq!(exit(1, text).code, ReasonCode::EvaluationFailed);
}

#[test]
fn a_download_in_a_builder_that_met_no_network_is_transient() {
    let text = "src.tar.gz> curl: (6) Could not resolve host: example.org\n\
        src.tar.gz> error: cannot download src.tar.gz from any mirror\n\
        error: builder for '/nix/store/x-src.tar.gz.drv' failed with exit code 1";
    assert_eq!(exit(1, text).code, ReasonCode::Network);
}

#[test]
fn what_nobody_knows_is_unclassified() {
    check("strange\n\n", ReasonCode::Unclassified, "strange");
    check("", ReasonCode::Unclassified, "exit code 1, without a word");
    assert_eq!(exit(1, "error: something new").code, ReasonCode::Unclassified);
}

#[test]
fn a_program_that_is_missing_is_not_tried_again() {
    let sentence = "cannot start nixos-rebuild: No such file or directory (os error 2)".to_owned();
    assert_eq!(not_started(sentence.clone()), Found::new(ReasonCode::Unclassified, sentence));
    assert_eq!(not_started("cannot write x: No space left on device".to_owned()).code, ReasonCode::DiskFull);
}
