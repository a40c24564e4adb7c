#!/usr/bin/env python3
"""Runs a command, and fails if it leaves a process, a mount or a named network namespace behind, whether it passed or not.

usage: leftovers.py COMMAND [ARG...]
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
# What is on its way out when the command ends, such as a name server that just got its TERM.
GRACE_SECONDS = 5


def children():
    """Processes whose parent has ended come to us, since we are their subreaper."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(pid) for pid in file.read().split()]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        with open(f"/proc/{pid}/stat") as file:
            state = file.read().rsplit(")", 1)[1].split()[0]
        return f"process {pid} ({state}): {words}"
    except OSError:
        return f"process {pid}"


def mounts():
    """Mount points of this mount namespace, without those that a container engine makes for itself."""
    with open("/proc/self/mountinfo") as file:
        points = {line.split()[4] for line in file}
    own = ("/var/lib/docker/", "/run/docker/", "/run/user/")
    # The first named namespace makes the last one, for good.
    return {f"mount {point}" for point in points if not point.startswith(own) and point != "/run/netns"}


def namespaces():
    try:
        return {f"network namespace {name}" for name in os.listdir("/run/netns")}
    except FileNotFoundError:
        return set()


def left_processes():
    deadline = time.monotonic() + GRACE_SECONDS
    while children() and time.monotonic() < deadline:
        reap()
        time.sleep(0.05)
    return children()


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before = mounts() | namespaces()
    # Ctrl-C reaches the command by itself; what it leaves behind is looked for all the same.
    signal.signal(signal.SIGINT, lambda *_: None)
    code = subprocess.Popen(sys.argv[1:]).wait()
    processes = left_processes()
    left = [describe(pid) for pid in processes] + sorted((mounts() | namespaces()) - before)
    for pid in processes:
        os.kill(pid, signal.SIGKILL)
    reap()
    if left:
        print(f"leftovers: `{' '.join(sys.argv[1:])}` left behind:", *left, sep="\n  ", file=sys.stderr)
    return code if code > 0 else 128 - code if code < 0 else 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
