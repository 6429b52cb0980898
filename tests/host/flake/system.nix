# The toplevel of one host: a derivation with the files of a NixOS system that nixos-rebuild, a switch, a boot and an
# agent look at. It is made from the host's data and the scripts beside this file alone, never from the flake's own path:
# a commit that changes neither gives the same store path.
data:
let
  host = {
    # The platform that builds; a pure flake cannot ask for it.
    system = "x86_64-linux";
    name = "host";
    version = "25.11.20251101.0000000";
    # Another kernel, initrd or set of modules than the booted one is what makes a reboot worth while.
    kernel = "6.12.1";
    initrd = "1";
    # Another one than the running system's: the switch refuses to activate (exit 100).
    init_interface = "2";
    # key to value; a value that changes stops a switch before it begins (exit 1).
    inhibitors = { };
    # unit name to { text, wanted_by = [ "multi-user.target" ] }.
    units = { };
    # A text throws it during evaluation.
    evaluation = null;
    # Shell text run by the builder, to be slow, noisy or to fail.
    build = "";
    # name to shell text: derivations that must be built before the system.
    dependencies = { };
    # Shell text of the boot loader's script (exit 1 when it fails) and of the activation script (exit 2).
    bootloader = "";
    activation = "";
    # Shell text run by the switch at three moments; one that fails ends the switch with its exit code at once.
    # before: lock held, checks passed, nothing stopped · between: activated, nothing started · after: all started.
    switch = { };
  }
  // data;
  switch = {
    before = "";
    between = "";
    after = "";
  }
  // host.switch;

  file = name: text: builtins.toFile name text;
  sh = [
    "-eu"
    (file "build.sh" (builtins.readFile ./build.sh))
  ];
  # A test host's nix has no sandbox: programs are those of the host's Debian.
  path = "/usr/bin:/bin";

  dependency =
    name:
    derivation {
      inherit name;
      inherit (host) system;
      builder = "/bin/sh";
      args = [
        "-euc"
        "${host.dependencies.${name}}\necho ${name} > $out"
      ];
      PATH = path;
    };

  unit =
    name:
    let
      value = host.units.${name};
      wanted_by = value.wanted_by or [ "multi-user.target" ];
    in
    "${file "unit" value.text} ${name} ${builtins.concatStringsSep " " wanted_by}\n";

  toplevel = derivation {
    name = "nixos-system-${host.name}-${host.version}";
    inherit (host) system;
    builder = "/bin/sh";
    args = sh;
    PATH = path;
    inherit (host) version init_interface build;
    platform = host.system;
    kernel = file "linux-${host.kernel}" "kernel ${host.kernel}\n";
    initrd = file "initrd-${host.initrd}" "initrd ${host.initrd}\n";
    modules = file "linux-${host.kernel}-modules" "modules ${host.kernel}\n";
    inhibitors = file "switch-inhibitors" (builtins.toJSON host.inhibitors);
    units = file "units" (builtins.concatStringsSep "" (map unit (builtins.attrNames host.units)));
    dependencies = map dependency (builtins.attrNames host.dependencies);
    # Scripts of the system, their @out@ to be replaced, and the host's own shell text for each.
    scripts = map (name: file name (builtins.readFile (./scripts + "/${name}"))) (
      builtins.attrNames (builtins.readDir ./scripts)
    );
    snippet_bootloader = file "bootloader" host.bootloader;
    snippet_activation = file "activation" host.activation;
    snippet_before = file "before" switch.before;
    snippet_between = file "between" switch.between;
    snippet_after = file "after" switch.after;
  };
in
if host.evaluation == null then toplevel else throw host.evaluation
