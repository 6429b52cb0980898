# A host that has the module: the /etc of it, with the units and the checked configuration.
{
  nixpkgs,
  pkgs,
  module,
}:

(nixpkgs.lib.nixosSystem {
  modules = [
    module
    {
      nixpkgs.pkgs = pkgs;
      system.stateVersion = nixpkgs.lib.trivial.release;
      networking.hostName = "yggdrasil";
      services.pull-agent = {
        enable = true;
        settings = {
          source.url = "https://github.com/poby/infra";
          gate.checks = [ "build ({host})" ];
          gate.token_file = "/run/secrets/github-checks";
          nudge.listen = [ "100.101.102.103:7319" ];
          nudge.allow = [ "tag:ci" ];
        };
      };
    }
  ];
}).config.system.build.etc
