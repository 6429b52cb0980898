{
  # The flake that the test hosts follow. No inputs, so no lock file and no network. Each host is one file of plain data
  # (hosts/NAME.json, its fields in system.nix): a test changes a host by a commit that changes that file.
  description = "NixOS hosts as far as nixos-rebuild and a switch can tell";

  outputs =
    { ... }:
    let
      files = builtins.filter (file: builtins.match ".*\\.json" file != null) (
        builtins.attrNames (builtins.readDir ./hosts)
      );
      host = file: {
        name = builtins.head (builtins.match "(.*)\\.json" file);
        value.config.system.build.toplevel = import ./system.nix (
          builtins.fromJSON (builtins.readFile (./hosts + "/${file}"))
        );
      };
    in
    {
      nixosConfigurations = builtins.listToAttrs (map host files);
    };
}
