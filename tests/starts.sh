#!/bin/sh
# Whether a binary does what it must on its machine, maybe an emulated one. usage: starts.sh [RUNNER] FILE
set -eu

fail() { echo "starts: $1" >&2; exit 1; }

"$@" --version | grep -q '^beaminit ' || fail "no version"

code=0
"$@" -- sh -c 'exit 7' 2>/dev/null || code=$?
[ "$code" = 7 ] || fail "exit code 7 came out as $code"

code=0
"$@" -- /no/such/program 2>/dev/null || code=$?
[ "$code" = 127 ] || fail "a missing program is $code"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# musl itself does not hand a script without #! to a shell.
echo 'exit 5' >"$scratch/script"
chmod +x "$scratch/script"
code=0
"$@" -- "$scratch/script" 2>/dev/null || code=$?
[ "$code" = 5 ] || fail "a script without #! ended with $code"

mkfifo "$scratch/said"
"$@" -- sh -c 'trap "exit 3" TERM; echo ready; while :; do sleep 0.1; done' >"$scratch/said" 2>/dev/null &
init=$!
read -r said <"$scratch/said"
[ "$said" = ready ] || fail "said $said"
kill -TERM "$init"
code=0
wait "$init" || code=$?
[ "$code" = 3 ] || fail "a TERM ended it with $code"
echo "starts: exit codes and TERM are passed on"
