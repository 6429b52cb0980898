# Builds both programs from this repository, with their units, man page and completions.
{
  lib,
  rustPlatform,
  rustc,
  stdenv,
  installShellFiles,
  coreutils,
}:

let
  workspace = (lib.importTOML ../Cargo.toml).workspace.package;
in
rustPlatform.buildRustPackage {
  pname = "pull-agent";
  inherit (workspace) version;

  # tests is part of the workspace: cargo wants the manifest of every member.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../agent
      # The core's own test compares it with the code.
      ../docs/states.md
      ../protocol
      ../tests
      ./systemd
    ];
  };

  cargoLock.lockFile = ../Cargo.lock;
  cargoBuildFlags = [
    "--package=pull-agent"
    "--package=agentctl"
  ];

  # Those that need nothing but the code. All others start git servers, web servers and hosts: `make test`.
  cargoTestFlags = [
    "--package=pull-agent-core"
    "--package=pull-agent-protocol"
    "--package=pull-agent-text"
  ];

  nativeBuildInputs = [ installShellFiles ];

  postInstall = ''
    install -Dm444 -t $out/lib/systemd/system nixos/systemd/*.service
    substituteInPlace $out/lib/systemd/system/*.service --replace-fail /usr/bin/pull-agent $out/bin/pull-agent
    substituteInPlace $out/lib/systemd/system/pull-agent.service \
      --replace-fail /bin/kill ${lib.getExe' coreutils "kill"}
  ''
  + lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    $out/bin/agentctl man > agentctl.1
    installManPage agentctl.1
    installShellCompletion --cmd agentctl \
      --bash <($out/bin/agentctl completions bash) \
      --fish <($out/bin/agentctl completions fish) \
      --zsh <($out/bin/agentctl completions zsh)
  '';

  meta = {
    description = "Follows main on a NixOS host and switches to what CI has proven to build";
    license = lib.licenses.mit;
    mainProgram = "pull-agent";
    platforms = lib.platforms.linux;
    # Said here, so that the error names the reason.
    broken = lib.versionOlder rustc.version workspace.rust-version;
  };
}
