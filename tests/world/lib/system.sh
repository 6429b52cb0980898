# What the stand-ins share: the configuration of a host, and the system that is made of it. Sourced; needs WORLD_ROOT.

# One line in the world's diary, whole even when several write.
called() { echo "$*" >> "$WORLD_ROOT/calls"; }

# Whether the world of this moment has this fault (a file that a test makes and removes).
world_says() { [ -e "$WORLD_ROOT/faults/$1" ]; }

# conf_says WORDS: the configuration has a line that begins so; conf_value WORDS prints what follows, one line each.
conf_says() { grep -qE "^$*( |\$)" <<< "$conf"; }
conf_value() { sed -nE "s/^$* +//p" <<< "$conf"; }

# Refuses what is no configuration, the way nix refuses what it cannot evaluate.
evaluate() {
  local verb rest number=0
  while read -r verb rest; do
    number=$((number + 1))
    case $verb in
      '' | '#'* | service | package | kernel | build | switch) ;;
      *)
        printf "error: undefined variable '%s'\n       at %s:%d:1:\n" "$verb" "hosts/$1.conf" "$number" >&2
        return 1
        ;;
    esac
  done <<< "$2"
}

# One path for one content. The folder of the world is part of it, for the system has it inside.
path_of() {
  local sum
  sum=$(printf '%s\n%s\n' "$WORLD_ROOT" "$2" | sha256sum)
  echo "$WORLD_ROOT/store/${sum:0:32}-nixos-system-$1-25.11"
}

# Makes the system, whole or not at all.
make_system() {
  local system lib new kernel
  system=$(path_of "$1" "$2")
  lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
  new=$system.new.$$
  mkdir -p "$new/bin" "$new/sw/bin" || return
  printf 25.11.stand-in > "$new/nixos-version"
  printf 'systemd 2' > "$new/init-interface-version"
  echo '{}' > "$new/switch-inhibitors"
  echo "$2" > "$new/conf"
  kernel=$(conf=$2 conf_value kernel | head -n 1)
  for part in kernel initrd kernel-modules; do
    mkdir -p "$WORLD_ROOT/store/$part-${kernel:-6.12}"
    ln -s "$WORLD_ROOT/store/$part-${kernel:-6.12}" "$new/$part"
  done
  sed -e "s|@out@|$system|g" -e "s|@world@|$WORLD_ROOT|g" -e "s|@lib@|$lib|g" \
    "$lib/switch-to-configuration" > "$new/bin/switch-to-configuration"
  chmod 555 "$new/bin/switch-to-configuration"
  mv -T "$new" "$system" 2> /dev/null || rm -rf "$new"
  [ -e "$system" ]
}

# Waits until a test opens this gate (a file in gates/).
wait_for_gate() { until [ -e "$WORLD_ROOT/gates/$1" ]; do sleep 0.05; done; }
