# Two commands do everything: `make demo` shows the program at work, `make test` passes all tests.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help demo test test-long bench fix lint sim-long mutants clean

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## Three hosts follow one repository, about a minute (KEEP=1 leaves it running)
	@bash tests/demo/demo.sh

test: ## All tests: lints, unit, simulation, end to end, contract, hosts
	@bash tests/run.sh

test-long: sim-long mutants ## What takes long: the simulation with fresh seeds, and every planted bug

bench: ## The measured claims, as ratios against the tools they stand for
	@bash tests/bench/run.sh

lint: ## Formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked

fix: ## Format, and mend what clippy can mend
	cargo fmt --all
	cargo clippy --workspace --all-targets --fix --allow-dirty

sim-long: ## The simulation with a million fresh seeds
	SIM_SEEDS=1000000 SIM_START=$$RANDOM$$RANDOM cargo test --release -p pull-agent-sim -- --nocapture

mutants: ## Plant bugs in a copy, one by one; each must be caught by its test (ONLY="health poll" takes some)
	cargo run --quiet --locked -p pull-agent-mutants -- $(ONLY)

clean: ## Remove what was built, and the test hosts
	cargo clean
	! [ -d .lab ] || tests/host/lab/host.sh down
	rm -rf .lab
