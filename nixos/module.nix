# services.pull-agent: writes the configuration, checks it with the real program while it builds, and starts the units
# that the package brings. docs/nixos.md has an example.
{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.pull-agent;

  toml = pkgs.formats.toml { };
  written = toml.generate "pull-agent.toml" cfg.settings;

  # The files that the configuration names (tokens, keys) are on the host, not where it is built: the daemon looks at them.
  checked =
    pkgs.runCommand "pull-agent-config.toml" { nativeBuildInputs = [ cfg.package ]; } ''
      pull-agent check-config --no-files ${written}
      cp ${written} $out
    '';

  configFile =
    if pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform then checked else written;

  nudge = cfg.settings.nudge or { };
  listens = (nudge.listen or [ ]) != [ ];
  allowed = nudge.allow or [ ];
in
{
  options.services.pull-agent = {
    enable = lib.mkEnableOption "pull-agent, which follows the main branch of a flake and switches this host to what CI has proven to build";

    package = lib.mkPackageOption pkgs "pull-agent" { };

    settings = lib.mkOption {
      description = ''
        The configuration file, {file}`/etc/pull-agent/config.toml`. Its keys are described in docs/configuration.md. It
        holds no secret: tokens and keys are named by the path of a file on the host.
      '';
      default = { };
      example = lib.literalExpression ''
        {
          source.url = "https://github.com/poby/infra";
          gate.checks = [ "build ({host})" ];
          gate.token_file = "/run/secrets/github-checks";
          nudge.listen = [ "100.101.102.103:7319" ];
          nudge.allow = [ "tag:ci" ];
        }
      '';
      type = lib.types.submodule {
        freeformType = toml.type;
        options = {
          host = lib.mkOption {
            type = lib.types.str;
            default = config.networking.hostName;
            defaultText = lib.literalExpression "config.networking.hostName";
            description = "Attribute of this host in the flake's `nixosConfigurations`.";
          };
          state.group = lib.mkOption {
            type = lib.types.str;
            default = "pull-agent";
            description = "Group whose members may pause, resume, retry and accept. It is created.";
          };
        };
      };
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = listens -> allowed != [ ];
        message = "services.pull-agent.settings.nudge.listen is set, but nudge.allow is empty: name who may nudge, for example [ \"tag:ci\" ].";
      }
      {
        assertion = !(config.system.autoUpgrade.enable or false);
        message = "services.pull-agent and system.autoUpgrade would both switch this host: disable one of them.";
      }
    ];

    environment.etc."pull-agent/config.toml".source = configFile;
    environment.systemPackages = [ cfg.package ];

    users.groups.${cfg.settings.state.group} = { };

    systemd.packages = [ cfg.package ];

    systemd.services.pull-agent = {
      wantedBy = [ "multi-user.target" ];
      # A switch leaves the running agent alone, whatever changes, but for the configuration, which it reads anew.
      restartIfChanged = false;
      reloadTriggers = [ configFile ];
      path = [
        config.nix.package.out
        config.programs.ssh.package
        config.system.build.nixos-rebuild
        pkgs.gitMinimal
      ];
      environment = {
        # nix keeps its evaluation cache below it: build and switch must share it.
        HOME = config.users.users.root.home;
      }
      // config.nix.envVars
      // config.networking.proxy.envVars;
    };

    systemd.services.pull-agent-listener = lib.mkIf listens {
      wantedBy = [ "multi-user.target" ];
      restartTriggers = [ configFile ];
      # Below the listener's own look at addresses, in the kernel: nobody but the tailnet, and loopback for userspace
      # networking.
      serviceConfig = lib.mkIf (!lib.elem "any" allowed) {
        IPAddressDeny = "any";
        IPAddressAllow = [
          "localhost"
          "100.64.0.0/10"
          "fd7a:115c:a1e0::/48"
        ];
      };
    };
  };
}
