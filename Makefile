# `make help` lists the targets. `make demo` and `make test` install the Debian packages that they need.

TARGET := x86_64-unknown-linux-musl

.PHONY: help demo image check test otp bench dist chaos long-life probes rolling fuzz minimal static setup

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

# DOCKER=no uses namespaces instead of containers; KEEP=1 keeps the pods until Ctrl-C; PORT=9000 serves their pages there.
# The program runs without cargo in between: cargo would not wait for it to clean up after Ctrl-C.
demo: setup ## three nodes of a real release form a cluster, lose one and get it back
	@cargo test --quiet --release --target $(TARGET) --test demo --no-run
	@$$(cargo test --quiet --release --target $(TARGET) --test demo --no-run --message-format=json | \
		sed -n 's/.*"executable":"\([^"]*\/demo-[^"]*\)".*/\1/p')

image: ## build the image that other Dockerfiles copy beaminit from
	@sh docker/image.sh

# What needs neither root nor packages nor the network: run it after every change.
check: ## format, clippy and unit tests, as any user, in under a minute after the build
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	cargo test --quiet --lib

# The demo is one of the tests, in namespaces: making a base image first would take minutes. DOCKER=yes uses containers.
# Many tests wait for a cache or a timeout most of their time, so there are more at once than there are processors.
test: setup ## check everything, as continuous integration does (root, Debian)
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	DOCKER=$${DOCKER:-no} RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(($$(nproc) * 3 / 2))} \
		python3 tests/leftovers.py cargo test --no-fail-fast
	$(MAKE) static

# The roots of Debian releases are made the first time, a minute or two each, and kept in target/tmp.
otp: setup ## run what depends on the VM with OTP 23, 25, 27 and Debian's newest, and in images of every shape (root, Debian's mirrors)
	@sh tests/setup.sh aarch64-unknown-linux-musl
	python3 tests/leftovers.py cargo test --test otp -- --include-ignored

bench: setup ## measure beaminit beside tini, dumb-init and catatonit (needs a quiet machine)
	cargo bench --quiet --target $(TARGET) --bench bench

# Each life has its own seed, which a failure reports: make chaos SEED=N RUNS=1 repeats it.
RUNS ?= 500
chaos: setup ## start and stop a real release RUNS times among random faults
	CHAOS_RUNS=$(RUNS) $(if $(SEED),CHAOS_SEED=$(SEED)) cargo test --test chaos no_promise -- --nocapture

ROLLING_RESTARTS ?= 10
rolling: setup ## restart clusters of RabbitMQ and of the demo ROLLING_RESTARTS times, with and without the wait for peers
	ROLLING_RESTARTS=$(ROLLING_RESTARTS) cargo test --test it rolling_restart -- --nocapture --include-ignored --test-threads 1

SECONDS_OF_LIFE ?= 3600
long-life: setup ## run one release for SECONDS_OF_LIFE: memory and descriptors must not grow
	LIFE_SECONDS=$(SECONDS_OF_LIFE) cargo test --test chaos a_long_life -- --nocapture

PROBES ?= 100000
probes: setup ## put PROBES probes to one node, and check that they leave nothing behind in it
	PROBES=$(PROBES) cargo test --test it probes_leave -- --nocapture

# Stops at the first input that breaks a promise. Inputs worth keeping move from tests/fuzz/found or tests/fuzz/artifacts to
# tests/fuzz/corpus, which `make test` replays on stable Rust.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs)))
fuzz: ## run each fuzz target for FUZZ_SECONDS (needs nightly Rust and cargo-fuzz)
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz and nightly Rust are missing; run:" \
		"rustup toolchain install nightly && cargo install cargo-fuzz" >&2; exit 1; }
	for target in $(FUZZ_TARGETS); do \
		mkdir -p tests/fuzz/found/$$target && cargo +nightly fuzz run --fuzz-dir tests/fuzz $$target \
			tests/fuzz/found/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

MINIMAL := target/minimal
minimal: ## check with the oldest compiler and dependencies that Cargo.toml allows (needs nightly Rust too)
	cargo +$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) check --locked --all-targets --target-dir $(MINIMAL)
	rm -rf $(MINIMAL)/copy && mkdir -p $(MINIMAL)/copy
	git ls-files -z | xargs -0 cp --parents -t $(MINIMAL)/copy
	cd $(MINIMAL)/copy && cargo +nightly update -Z direct-minimal-versions && \
		cargo +nightly check --all-targets --target-dir ..

static: setup ## build the delivered binary and check that it is static
	cargo build --release --target $(TARGET)
	sh tests/static.sh target/$(TARGET)/release/beaminit

# MACHINES=x86_64 builds for one machine; TWICE=1 builds everything again in another directory and compares the bytes.
MACHINES ?= x86_64 aarch64
dist: setup ## build the released files into dist/, with checksums and CycloneDX files
	sh tests/dist.sh $(if $(TWICE),--twice) $(MACHINES)

setup:
	@sh tests/setup.sh $(TARGET)
