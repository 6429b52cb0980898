#!/bin/bash
# Three hosts follow one repository on one machine, without Nix: see tests/world for what they are. KEEP=1 leaves it running.
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(dirname "$tests")
work=$(mktemp -d "${TMPDIR:-/tmp}/pull-agent-demo.XXXXXX")
work=$(realpath "$work")
# The listener is nobody where this is run by root.
chmod 755 "$work"
for part in lib needs ci hosts; do . "$tests/demo/$part.sh"; done
trap at_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
path=$tests/world/bin:$tests/host/bin:$PATH

text "pull-agent: three agents (${hosts[*]}) follow main of one flake. Pull requests are squashed
into it, CI runs on pull requests only, and every host decides by itself. Nix and systemd are stand-ins here (tests/world,
tests/host/bin); the agents, their listeners, git and HTTP are real. Everything lives in $work."
need git curl
text "Building the programs."
cargo build --quiet --manifest-path "$root/Cargo.toml" --locked --workspace --bins
bin=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps --offline |
  sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug

heading "The fleet starts"
give_addresses
make_repository
start_forge
for host in "${hosts[@]}"; do start_host "$host"; done
text "What is on main was never tested: the agents say so, and wait."
sleep 1

heading "1. A green commit: every host deploys it"
configure yggdrasil 'service norns' 'package bifrost 1.0' 'build seconds 1'
configure midgard 'service mead-hall' 'package bifrost 1.0' 'build seconds 1'
configure alfheim 'service light-forge' 'package bifrost 1.0' 'build seconds 1'
merge "bifrost: 1.0"
ci success
nudge
for host in "${hosts[@]}"; do
  outcome "$host" 200
  expect "$host" deployed
  runs "$host" 'package bifrost 1.0'
done
good=$revision

heading "2. Only docs: the same systems, so nothing is activated"
declare -A before
for host in "${hosts[@]}"; do before[$host]=$(grep -c ^switch "$work/$host/world/calls"); done
echo "How to cross the bridge." > "$work/clone/README.md"
merge "docs: how to cross the bridge"
ci success
nudge
for host in "${hosts[@]}"; do
  outcome "$host" 200
  expect "$host" unchanged
  [ "$(grep -c ^switch "$work/$host/world/calls")" = "${before[$host]}" ] || fail "$host" "$host activated something"
done

heading "3. A red commit: nobody deploys it"
declare -A system
for host in "${hosts[@]}"; do
  system[$host]=$(system_of "$host")
  sed -i 's/bifrost 1.0/bifrost 1.1/' "$work/clone/hosts/$host.conf"
done
merge "bifrost: 1.1"
ci failure
nudge
for host in "${hosts[@]}"; do
  outcome "$host" 409
  expect "$host" unchanged
  unmoved "$host" "${system[$host]}"
done

heading "4. Green, but it does not build on alfheim: held there, and it says why"
for host in "${hosts[@]}"; do sed -i 's/bifrost 1.1/bifrost 1.2/' "$work/clone/hosts/$host.conf"; done
echo 'build fails hash mismatch in fixed-output derivation bifrost-1.2' >> "$work/clone/hosts/alfheim.conf"
merge "bifrost: 1.2"
ci success
nudge
for host in yggdrasil midgard; do
  outcome "$host" 200
  expect "$host" deployed
  runs "$host" 'package bifrost 1.2'
done
outcome alfheim 500
expect alfheim failed
unmoved alfheim "${system[alfheim]}"
host_says alfheim "\"held\":[{\"revision\":\"$revision\"" || fail alfheim "alfheim does not hold ${revision:0:7}"

heading "5. Green, and it hurts midgard: back to what ran before, and held; the others keep it"
for host in "${hosts[@]}"; do sed -i 's/bifrost 1.2/bifrost 2.0/; /^build fails/d' "$work/clone/hosts/$host.conf"; done
echo 'switch breaks mead-hall' >> "$work/clone/hosts/midgard.conf"
system[midgard]=$(system_of midgard)
merge "bifrost: 2.0"
ci success
nudge
for host in yggdrasil alfheim; do
  outcome "$host" 200
  expect "$host" deployed
  runs "$host" 'package bifrost 2.0'
done
outcome midgard 500
expect midgard rolled-back
unmoved midgard "${system[midgard]}"
runs midgard 'package bifrost 1.2'
host_says midgard "\"held\":[{\"revision\":\"$revision\"" || fail midgard "midgard does not hold ${revision:0:7}"

for host in "${hosts[@]}"; do
  heading "agentctl status, agentctl history: $host"
  "$bin/agentctl" --socket "$work/$host/run/agent.sock" status || fail "$host" "agentctl status ended with $?"
  echo
  "$bin/agentctl" --socket "$work/$host/run/agent.sock" history || fail "$host" "agentctl history ended with $?"
done

heading "Every host ended as it should"
[ "${KEEP:-}" = 1 ] || exit 0
. "$tests/demo/keep.sh"
