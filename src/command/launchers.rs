//! Programs that become another one, or never do, by their names.
//!
//! Pure: no I/O, no clock.

pub(crate) const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"];
/// Programs whose later words are not programs.
pub(crate) const NO_LAUNCHERS: [&str; 36] = [
    "echo", "printf", "test", "[", "[[", "chmod", "chown", "chgrp", "ls", "cat", "cp", "mv", "ln", "rm", "mkdir",
    "sed", "grep", "awk", "touch", "trap", "kill", "pkill", "which", "type", "stat", "readlink", "realpath", "head",
    "tail", "find", "wait", "sleep", "ulimit", "umask", "alias", "hash",
];
/// Programs that become another one as another user.
pub(crate) const USER_SWITCHES: [&str; 14] = [
    "gosu",
    "su-exec",
    "su",
    "sudo",
    "doas",
    "runuser",
    "setpriv",
    "chroot",
    "s6-setuidgid",
    "setuidgid",
    "chpst",
    "capsh",
    "start-stop-daemon",
    "sg",
];
/// Programs that become another one and never change the user.
pub(crate) const USER_KEEPERS: [&str; 26] = [
    "env",
    "tini",
    "tini-static",
    "dumb-init",
    "catatonit",
    "nice",
    "ionice",
    "taskset",
    "timeout",
    "stdbuf",
    "setsid",
    "nohup",
    "time",
    "numactl",
    "chrt",
    "linkerd-await",
    "unbuffer",
    "strace",
    "litestream",
    "doppler",
    "infisical",
    "chamber",
    "vault-env",
    "dockerize",
    "wait4x",
    "datadog-init",
];
/// The VM itself, and what starts it.
pub(crate) const VM_PROGRAMS: [&str; 3] = ["erl", "elixir", "iex"];
/// Beside `erl` in Erlang's own `bin`, which has a `releases` beside it as well.
pub(crate) const ERLANG_TOOLS: [&str; 9] =
    ["erlc", "escript", "epmd", "run_erl", "to_erl", "dialyzer", "typer", "ct_run", "start_erl"];

pub(crate) fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

pub(crate) fn is_of_system(word: &str) -> bool {
    !word.contains('/') || word.starts_with("/bin/") || word.starts_with("/usr/bin/")
}

/// `-c`, alone or in a cluster such as `-lc`; of other programs than a shell only where it is the last letter.
pub(crate) fn is_text_option(word: &str, is_after_shell: bool) -> bool {
    let Some(letters) = word.strip_prefix('-') else { return false };
    if matches!(word, "--command" | "--session-command") {
        return true;
    }
    let is_cluster = !letters.is_empty() && letters.bytes().all(|byte| byte.is_ascii_lowercase());
    is_cluster && if is_after_shell { letters.contains('c') } else { letters.ends_with('c') }
}
