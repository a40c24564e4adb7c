#!/bin/sh
# Writes what is linked into the binary for a target, as CycloneDX. The bytes are the same from the same commit: no serial
# number, no path, and the time is SOURCE_DATE_EPOCH. usage: sbom.sh RUST_TARGET FILE
set -eu

made=beaminit.sbom
trap 'rm -f "$made.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$1" --override-filename "$made"

# It lists what Cargo.lock holds for any feature, and what only runs while it is built. `cargo tree` knows what is linked.
cargo tree --locked --edges normal,no-proc-macro --prefix none --target "$1" | python3 -c '
import json, sys
made, path = sys.argv[1:]
linked = {tuple(line.split()[:2]) for line in sys.stdin}
with open(made) as file:
    bom = json.loads(file.read().replace(path, "beaminit"))
bom["components"] = [one for one in bom["components"] if (one["name"], "v" + one["version"]) in linked]
known = {one["bom-ref"] for one in bom["components"] + [bom["metadata"]["component"]]}
bom["dependencies"] = [
    {"ref": one["ref"], "dependsOn": [ref for ref in one.get("dependsOn", []) if ref in known]}
    for one in bom["dependencies"] if one["ref"] in known
]
assert len(bom["components"]) == len(linked) - 1, "cargo tree and cargo cyclonedx do not agree"
json.dump(bom, sys.stdout, indent=2)
print()
' "$made.json" "path+file://$PWD" >"$2"
