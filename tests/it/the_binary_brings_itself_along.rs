//! `--copy-to` puts the binary where a container without beaminit in its image finds it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::{Cluster, DnsSettings, Ended, scratch_dir};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn the_copy_is_the_binary_and_can_be_executed() {
    let (cluster, volume) = (Cluster::start(DnsSettings::default()), scratch_dir());
    fs::set_permissions(volume.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for _ in ["a new volume", "one of an init container that was started again"] {
        let init = cluster.pod("init-0").uid(999).read_only_root(true).mount_writable(volume.path(), "/shared");
        assert_eq!(init.command(["--copy-to", "/shared/beaminit"]).start().wait(SOON), Ended::Code(0));
    }
    let copy = volume.path().join("beaminit");
    assert!(fs::read(&copy).unwrap() == fs::read(env!("CARGO_BIN_EXE_beaminit")).unwrap());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o555, 0o555);
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_the_cure() {
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("init-0").uid(999).read_only_root(true).command(["--copy-to", "/shared/beaminit"]).start();
    pod.expect_line("cannot copy beaminit to /shared/beaminit: ", SOON);
    pod.expect_line("hint: name a file in a volume", SOON);
    assert_eq!(pod.wait(SOON), Ended::Code(73));
}
