#!/usr/bin/env bash
# The measured claims, as ratios against the tools they stand for: docs/benchmarks.md. A few minutes, most of them the
# release build. BENCH_RUNS, BENCH_POLLS and BENCH_IDLE (seconds) make it longer or shorter.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
need_rust
if can_install; then
  install_packages git curl python3 strace
  bash tests/git/setup.sh
fi
echo "Building the programs as they are installed, and the simulation as the tests run it."
cargo build --quiet --locked --release --package pull-agent --package agentctl --package pull-agent-bench --bins
cargo build --quiet --locked --package pull-agent-sim --bins
target=$(cargo metadata --format-version 1 --no-deps --locked | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
exec python3 tests/bench/figures.py "$target/release" "$target/debug"
