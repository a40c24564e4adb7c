#!/bin/sh
# Builds what is released, into dist/: for each machine a static binary, its checksum and the list of what is linked into
# it. The bytes are the same wherever the same commit is built with the same toolchain. usage: dist.sh [--twice] MACHINE...
# --twice builds everything once more, in a copy elsewhere, and compares.
set -eu

twice=
[ "${1-}" != --twice ] || { twice=yes; shift; }
command -v cargo-cyclonedx >/dev/null || {
    echo "dist: cargo-cyclonedx is missing; run: cargo install cargo-cyclonedx --locked" >&2
    exit 1
}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
# One machine after another: one that cannot be built here does not keep the others from being built.
missing=

# No path of this machine in the binary: neither the project's nor the crates'.
build() {
    (
        cd "$1"
        flags="\"--remap-path-prefix=$PWD=beaminit\""
        for crates in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*; do
            flags="$flags,\"--remap-path-prefix=$crates=crates\""
        done
        cargo build --release --locked --target "$2" --target-dir "$PWD/target" --config "target.$2.rustflags=[$flags]"
    )
}

mkdir -p dist
for machine in "$@"; do
    target=$machine-unknown-linux-musl
    if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && ! rustup target add "$target"; then
        echo "dist: $machine cannot be built: there is no $target for $(rustc --version)" >&2
        missing="$missing $machine"
        continue
    fi
    build . "$target"
    name=beaminit-linux-$machine
    cp "target/$target/release/beaminit" "dist/$name"
    case $machine in
        "$(uname -m)") sh tests/static.sh "dist/$name" && sh tests/starts.sh "dist/$name" ;;
        *) runner=$(command -v "qemu-$machine-static") ||
                { echo "dist: $name was not tried: qemu-$machine-static is missing" >&2; exit 1; }
            sh tests/static.sh "dist/$name" "$runner" && sh tests/starts.sh "$runner" "dist/$name" ;;
    esac
    (cd dist && sha256sum "$name" >"$name.sha256" && cat "$name.sha256")
    sh tests/sbom.sh "$target" "dist/$name.cdx.json"
    if [ -n "$twice" ]; then
        copy=$(mktemp -d)/elsewhere
        mkdir "$copy"
        git ls-files -z | xargs -0 cp --parents -t "$copy"
        build "$copy" "$target"
        cmp "dist/$name" "$copy/target/$target/release/beaminit"
        (cd "$copy" && sh tests/sbom.sh "$target" again.cdx.json)
        cmp "dist/$name.cdx.json" "$copy/again.cdx.json"
        rm -rf "$(dirname "$copy")"
        echo "dist: $name is the same when it is built elsewhere"
    fi
    if grep -q -a -e "$PWD" -e "${CARGO_HOME:-$HOME/.cargo}" "dist/$name"; then
        echo "dist: $name holds a path of this machine" >&2
        exit 1
    fi
done
[ -z "$missing" ] || { echo "dist: not built:$missing" >&2; exit 1; }
