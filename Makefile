# Two commands: `make demo` shows a start, `make test` checks everything. Both install what they need.

TARGET := x86_64-unknown-linux-musl

.PHONY: demo image test bench dist chaos long-life fuzz minimal static setup

# Three nodes of a real release, one of which is lost and comes back: in containers, without Docker in namespaces.
# KEEP=1 leaves them up until Ctrl-C; PORT=9000 puts their pages elsewhere; DOCKER=no does without a daemon.
# The program is run by itself, since cargo would not wait for its cleaning up after Ctrl-C.
demo: setup
	@cargo test --quiet --release --target $(TARGET) --test demo --no-run
	@$$(cargo test --quiet --release --target $(TARGET) --test demo --no-run --message-format=json | \
		sed -n 's/.*"executable":"\([^"]*\/demo-[^"]*\)".*/\1/p')

# The image that others copy beaminit from.
image:
	@sh docker/image.sh

# The demo is among the tests, in namespaces: a base image that has to be made first would take minutes. DOCKER=yes makes one.
test: setup
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	DOCKER=$${DOCKER:-no} cargo test
	$(MAKE) static

# The delivered binary beside tini, dumb-init and a shell. Wants a quiet machine.
bench: setup
	cargo bench --quiet --target $(TARGET) --bench bench

# Lives of a real release among faults, each from its own seed. A failing one names it: make chaos SEED=N RUNS=1.
RUNS ?= 500
chaos: setup
	CHAOS_RUNS=$(RUNS) $(if $(SEED),CHAOS_SEED=$(SEED)) cargo test --test chaos no_promise -- --nocapture

# One life of a release for an hour: memory and descriptors at its end are those of its beginning.
SECONDS_OF_LIFE ?= 3600
long-life: setup
	LIFE_SECONDS=$(SECONDS_OF_LIFE) cargo test --test chaos a_long_life -- --nocapture

# Each fuzz target for a while, from the corpus on. Stops at the first input that breaks a promise; one that is worth
# keeping goes from tests/fuzz/found or tests/fuzz/artifacts to tests/fuzz/corpus, which `make test` runs on stable Rust.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := $(basename $(notdir $(wildcard tests/fuzz/fuzz_targets/*.rs)))
fuzz:
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz and nightly Rust are missing; run:" \
		"rustup toolchain install nightly && cargo install cargo-fuzz" >&2; exit 1; }
	for target in $(FUZZ_TARGETS); do \
		mkdir -p tests/fuzz/found/$$target && cargo +nightly fuzz run --fuzz-dir tests/fuzz $$target \
			tests/fuzz/found/$$target tests/fuzz/corpus/$$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Whether the oldest compiler and direct dependencies that Cargo.toml lets in are enough. Wants nightly Rust as well.
MINIMAL := target/minimal
minimal:
	cargo +$$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) check --locked --all-targets --target-dir $(MINIMAL)
	rm -rf $(MINIMAL)/copy && mkdir -p $(MINIMAL)/copy
	git ls-files -z | xargs -0 cp --parents -t $(MINIMAL)/copy
	cd $(MINIMAL)/copy && cargo +nightly update -Z direct-minimal-versions && \
		cargo +nightly check --all-targets --target-dir ..

# The binary that is delivered: no dynamic library, no file beside it.
static: setup
	cargo build --release --target $(TARGET)
	sh tests/static.sh target/$(TARGET)/release/beaminit

# What is released, in dist/, with checksums and CycloneDX files: make dist MACHINES=x86_64 for one machine; TWICE=1 builds
# everything again in another folder and compares.
MACHINES ?= x86_64 aarch64
dist: setup
	sh tests/dist.sh $(if $(TWICE),--twice) $(MACHINES)

setup:
	@sh tests/setup.sh $(TARGET)
