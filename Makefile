# Two commands: `make demo` shows a start, `make test` checks everything. Both install what they need.

TARGET := x86_64-unknown-linux-musl

.PHONY: demo test bench static setup

# One real release in one pod-like sandbox, told as it happens.
demo: setup
	cargo test --quiet --release --target $(TARGET) --test demo

test: setup
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	cargo test
	$(MAKE) static

# The delivered binary beside tini, dumb-init and a shell. Wants a quiet machine.
bench: setup
	cargo bench --quiet --target $(TARGET) --bench bench

# The binary that is delivered: no dynamic library, no file beside it.
static: setup
	cargo build --release --target $(TARGET)
	sh tests/static.sh target/$(TARGET)/release/beaminit

setup:
	@sh tests/setup.sh $(TARGET)
