{
  description = "Follows main on a NixOS host and switches to what CI has proven to build";

  # A compiler as new as `rust-version` in Cargo.toml is needed. `nix flake lock` writes flake.lock, which pins it.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      eachSystem =
        make:
        lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] (system: make nixpkgs.legacyPackages.${system});
    in
    {
      packages = eachSystem (pkgs: rec {
        pull-agent = pkgs.callPackage ./nixos/package.nix { };
        default = pull-agent;
      });

      overlays.default = final: _prev: {
        pull-agent = final.callPackage ./nixos/package.nix { };
      };

      # The package comes from this flake's nixpkgs: an older release of NixOS needs no newer compiler of its own.
      nixosModules.default =
        { lib, pkgs, ... }:
        {
          imports = [ ./nixos/module.nix ];
          services.pull-agent.package =
            lib.mkDefault
              self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        };

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.cargo
            pkgs.clippy
            pkgs.git
            pkgs.openssh
            pkgs.rustc
            pkgs.rustfmt
          ];
        };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt);

      checks = eachSystem (pkgs: {
        package = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        # A host with the module: its units, and its configuration as the program itself judges it.
        module = import ./nixos/check.nix {
          inherit nixpkgs pkgs;
          module = self.nixosModules.default;
        };
      });
    };
}
