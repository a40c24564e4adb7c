#!/bin/sh
# Installs what the tests and the demo need, if it may, else says how. usage: setup.sh RUST_TARGET...
set -eu

# bind9, bind9-dnsutils, dnsmasq-base, unbound: real name servers, which the tests start themselves.
# elixir, rebar3, rabbitmq-server: the real releases. iproute2, util-linux: namespaces. binutils: the static check.
# tini, dumb-init, catatonit: the peers. mawk: what templates were filled in by.
# openssl: certificates. musl-tools, busybox-static: what images FROM scratch and Alpine have. ejabberd: a server whose own script waits for the VM. strace: which system calls we use. qemu-user-static: tries the binary for another machine. debootstrap: Debian releases with other Erlangs, and the demo's base image where none can be pulled.
packages="elixir rebar3 rabbitmq-server iproute2 tini dumb-init catatonit mawk perl util-linux binutils gcc libc6-dev strace"
packages="$packages bind9 bind9-dnsutils dnsmasq-base unbound debootstrap debian-archive-keyring python3-venv qemu-user-static ejabberd openssl musl-tools busybox-static"
# Any kubectl does; Debian's is the oldest that the manifests are for.
command -v kubectl >/dev/null || packages="$packages kubernetes-client"

missing=
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "packages are missing; run: sudo apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    # Name servers and broker are for the tests alone: no daemon of theirs starts, now or at the next boot.
    policy=/usr/sbin/policy-rc.d
    if ! [ -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
    if [ -d /run/systemd/system ]; then
        case "$missing" in *" bind9 "*) systemctl disable -q named ;; esac
        case "$missing" in *" unbound"*) systemctl disable -q unbound ;; esac
        case "$missing" in *" rabbitmq-server"*) systemctl disable -q rabbitmq-server ;; esac
        case "$missing" in *" ejabberd"*) systemctl disable -q ejabberd ;; esac
    fi
fi

for target in "$@"; do
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] && continue
    command -v rustup >/dev/null || { echo "the Rust target $target is missing; run: rustup target add $target" >&2; exit 1; }
    rustup target add "$target"
done

# Kubernetes' published schemas.
validate=${CARGO_TARGET_DIR:-target}/tmp/kubernetes-validate
if ! [ -x "$validate/bin/kubernetes-validate" ]; then
    python3 -m venv "$validate"
    "$validate/bin/pip" install -q kubernetes-validate==1.37.0
fi
