#!/bin/bash
# setup.sh: everything the host tests need on this machine (Debian, root): packages and the hosts' root file system.
# Idempotent and fast when all is there; two at once wait for each other. Prints what it does on stderr, and on stdout
# the directory of the root. PULL_AGENT_LAB names where it keeps things (default: .lab at the top of the repository).
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ "$(id -u)" = 0 ] || die "needs root"
mkdir -p "$LAB/root" "$LAB/hosts" "$RUN"
exec 9> "$RUN/setup.lock"
flock -n 9 || { say "another set-up runs, waiting for it"; flock 9; }

missing() {
  local pair
  for pair in mmdebstrap:mmdebstrap systemd-nspawn:systemd-container ip:iproute2 nsenter:util-linux setpriv:util-linux \
    flock:util-linux git:git; do
    command -v "${pair%%:*}" > /dev/null || echo "${pair##*:}"
  done | sort -u
}

packages=$(missing)
if [ -n "$packages" ]; then
  say "installing" $packages
  apt-get update -qq
  # shellcheck disable=SC2086 # one word a package
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages > "$LAB/apt.log" 2>&1 ||
    { tail -n 20 "$LAB/apt.log" >&2; die "apt-get install failed"; }
fi

root=$(root_dir)
if [ ! -d "$root" ]; then
  say "building the hosts' root ($SUITE), about half a minute"
  began=$(date +%s)
  rm -rf "$root.part"
  "$HERE/root.sh" "$root.part" >&2
  mv "$root.part" "$root"
  say "root built in $(($(date +%s) - began)) s: $root"
  # Earlier roots, unless a host still stands on them.
  for old in "$LAB/root/$SUITE"-*; do
    [ "$old" = "$root" ] || grep -q "lowerdir=$old[,:]" /proc/mounts || rm -rf "$old"
  done
fi
echo "$root"
