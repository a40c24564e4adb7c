#!/bin/sh
# Checks the delivered binary: static, not position-independent, at most 2.3 MB. usage: static.sh FILE [RUNNER]
set -eu

fail() { echo "$1: $2" >&2; exit 1; }

readelf -h "$1" | grep -q 'Type: *EXEC' || fail "$1" "position-independent"
readelf -l "$1" | grep -q INTERP && fail "$1" "wants a dynamic loader"
readelf -d "$1" | grep -q NEEDED && fail "$1" "wants dynamic libraries"
size=$(stat -c %s "$1")
[ "$size" -le 2300000 ] || fail "$1" "$size bytes, more than 2.3 MB"
${2-} "$1" --version
echo "static: $size bytes"
