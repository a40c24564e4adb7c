//! A COMMAND that nobody can follow is started as it is, soon and with little memory, or the error says what is wrong with it:
//! scripts of megabytes, binaries, fifos, links and scripts in a circle, unclosed quotes, thousands of programs.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::files::{directory_of, set_mode};
use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, demo_release};

/// What a start may take, with all that it reads, in KiB of address space.
const LIMITED: [&str; 4] = ["sh", "-c", "ulimit -v 32768; exec beaminit \"$@\"", "sh"];
/// On two busy cores; a start that follows nothing takes milliseconds.
const SOON: Duration = Duration::from_secs(5);

/// In /odd. What counts of a script is its end.
fn odd_files() -> TempDir {
    let mut large = "#!/bin/sh\n".to_owned();
    while large.len() < 10 << 20 {
        large.push_str(
            "false && /app/bin/nothing \"$HOME\" start || true # and so on, and so on, and so on, and so on\n",
        );
    }
    large.push_str("exit 3\n");
    let mut candidates = "#!/bin/sh\n".to_owned();
    for number in 0..20_000 {
        writeln!(candidates, "false && exec /odd/candidates-{number} $A /app/bin/x{number} start").unwrap();
    }
    candidates.push_str("exit 4\n");
    let circle =
        |next: &str| format!("#!/bin/sh\nN=$((N + 1)) && export N\n[ $N -lt 9 ] || exit 5\n/odd/{next} \"$@\"\n");
    let binary: Vec<u8> = (0..250_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let dir = directory_of(&[
        ("large", &large),
        ("candidates", &candidates),
        ("circle-a", &circle("circle-b")),
        ("circle-b", &circle("circle-a")),
        ("includes", "#!/bin/sh\nN=$((N + 1))\n[ $N -lt 9 ] || exit 6\n. /odd/includes\n"),
        ("unclosed", "#!/bin/sh\nif true; then exit 7; fi\necho \"never closed\n"),
    ]);
    fs::write(dir.path().join("binary"), binary).unwrap();
    assert!(Command::new("mkfifo").arg(dir.path().join("fifo")).status().unwrap().success());
    for name in ["large", "candidates", "circle-a", "circle-b", "includes", "unclosed", "binary", "fifo"] {
        set_mode(dir.path().join(name), 0o755);
    }
    symlink("link-b", dir.path().join("link-a")).unwrap();
    symlink("link-a", dir.path().join("link-b")).unwrap();
    dir
}

/// Starts COMMAND with little memory, and returns how it ended once it has said so in time.
fn ends(odd: &Path, command: &[&str]) -> (Ended, String) {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("web-0").without_subdomain().mount(odd, "/odd").release(demo_release());
    let begun = Instant::now();
    let pod = pod.entrypoint(LIMITED).env("BEAMINIT_WAIT", "auto").env("N", "0").command(command).start();
    let ended = pod.wait(BOOT);
    let log: Vec<_> = pod.log().into_iter().map(|line| line.text).collect();
    let log = log.join("\n");
    assert!(begun.elapsed() < 3 * SOON, "{command:?}: {:?}", begun.elapsed());
    assert!(!log.contains("memory"), "{command:?}: {log}");
    (ended, log)
}

#[test]
fn they_end_with_their_own_code() {
    let odd = odd_files();
    for (command, code) in [
        (&["/odd/large"] as &[_], 3),
        (&["/odd/candidates"], 4),
        (&["/odd/circle-a", "bin/demo", "start"], 5),
        (&["/odd/includes"], 6),
        (&["/odd/unclosed"], 7),
        (&["sh", "-c", "echo \"unclosed"], 2),
        (&["sh", "-c", "exit 8 # ${ $( `"], 8),
        (&["sh", "-c", ""], 0),
    ] {
        let (ended, log) = ends(odd.path(), command);
        assert_eq!(ended, Ended::Code(code), "{command:?}: {log}");
    }
}

#[test]
fn what_cannot_be_started_is_reported() {
    let odd = odd_files();
    for (command, codes, part) in [
        (&["/odd/fifo"] as &[_], [126, 126], "cannot start /odd/fifo"),
        (&["/odd/link-a"], [126, 127], "cannot start /odd/link-a"),
        (&["/odd/"], [126, 127], "cannot start /odd/"),
        (&["/odd/nothing"], [127, 127], "cannot start /odd/nothing"),
    ] {
        let (ended, log) = ends(odd.path(), command);
        assert!(codes.iter().any(|code| ended == Ended::Code(*code)), "{command:?}: {ended:?} {log}");
        assert!(log.contains(part) && log.contains("hint: "), "{command:?}: {log}");
    }
    // Without a first line it is given to the shell, which makes of it what it makes of it.
    let (ended, _) = ends(odd.path(), &["/odd/binary"]);
    assert!(matches!(ended, Ended::Code(2 | 126 | 127)), "{ended:?}");
}

/// `explain` reads the same, for a person who waits.
#[test]
fn explain_is_as_quick() {
    let (odd, cluster) = (odd_files(), Cluster::start(DnsSettings::default()));
    let pod = cluster.pod("web-0").mount(odd.path(), "/odd").no_entrypoint().command(["sleep", "1000"]).start();
    for name in ["large", "candidates", "circle-a", "includes", "unclosed", "binary", "fifo", "link-a"] {
        let begun = Instant::now();
        let output = pod.exec(LIMITED.iter().copied().chain(["explain", "--", &format!("/odd/{name}")]));
        assert!(begun.elapsed() < SOON, "{name}: {:?}", begun.elapsed());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("kind") && text.contains("command: "), "{name}: {text}");
    }
}
