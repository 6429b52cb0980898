#!/usr/bin/env bash
# All tests. Installs what is missing, says which layers it runs; where root or Debian's packages cannot be had it says
# what it leaves out and why, which with CI=true is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/lib.sh

left_out=()
layer() { printf '\n== %s\n' "$*"; }
leave_out() {
  left_out+=("$1: $2")
  printf '   left out: %s: %s\n' "$1" "$2"
}

layer "tools"
need_rust
packages=(git curl openssh-client)
if can_install; then
  install_packages "${packages[@]}"
  bash tests/git/setup.sh
fi

layer "lints: formatting, clippy, documentation"
make --no-print-directory lint

layer "unit, simulation, git, forge, end to end"
cargo test --workspace --exclude pull-agent-host-tests --locked --no-fail-fast

layer "planted bugs: a sample (all of them: make mutants)"
cargo run --quiet --locked -p pull-agent-mutants -- --sample

layer "hosts with real systemd and real Nix"
# One after the other: each of them is a whole machine that boots.
RUST_TEST_THREADS=1 cargo test -p pull-agent-host-tests --locked --no-fail-fast

layer "contract: the forge's stand-in against GitHub's own description"
if reason=$(why_no_contract); then leave_out contract "$reason"; else bash tests/contract/run.sh; fi

layer "demo: the story as a test"
bash tests/demo/demo.sh

layer "done"
if [ ${#left_out[@]} != 0 ]; then
  printf 'left out: %s\n' "${left_out[@]}"
  [ "${CI:-}" != true ] || { echo "CI=true: leaving a layer out is a failure"; exit 1; }
fi
