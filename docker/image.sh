#!/bin/sh
# Builds the image `beaminit`: in a Rust image, or from cargo's binary if that cannot be pulled. usage: image.sh [TAG]
set -eu
cd "$(dirname "$0")/.."

tag=${1:-beaminit}
rust=$(sed -n 's/^ARG RUST=//p' docker/Dockerfile)
target=$(uname -m)-unknown-linux-musl

docker version >/dev/null 2>&1 || {
    echo "image: there is no Docker daemon that answers; start one, or see \`docker version\`" >&2
    exit 1
}

# A registry that is not there says so at once; one behind a silent firewall would not.
if docker image inspect "$rust" >/dev/null 2>&1 || timeout --foreground 300 docker pull -q "$rust" >/dev/null 2>&1; then
    docker build -q -t "$tag" -f docker/Dockerfile . >/dev/null
    made="in $rust"
else
    cargo build --quiet --release --locked --target "$target"
    context=$(mktemp -d)
    trap 'rm -rf "$context"' EXIT
    trap 'exit 130' INT TERM
    cp "target/$target/release/beaminit" "$context/"
    docker build -q -t "$tag" -f docker/prebuilt.Dockerfile "$context" >/dev/null
    made="from the binary of this machine's cargo ($rust cannot be pulled)"
fi

size=$(docker image inspect -f '{{.Size}}' "$tag")
echo "image $tag: $size bytes, built $made"
