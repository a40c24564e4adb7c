//! A pod that comes back under its old name finds its predecessor's address in DNS: that is not its own record.

use std::time::Duration;

use crate::support::talk::{self, config_map};
use crate::support::vm::{BOOT, vm};
use crate::support::{Cluster, DnsSettings};

#[test]
fn the_release_starts_when_the_address_is_its_own() {
    let config = config_map(talk::VM_ARGS);
    // A cache could keep the old address for its time to live; that is another test's matter.
    let cluster = Cluster::start(DnsSettings { cache: None, ..DnsSettings::default() });
    let pod = talk::pod(&cluster, "pairing-0", config.path());
    let (fqdn, address) = (pod.fqdn(), pod.address());
    cluster.dns().publish(&fqdn, &["10.88.0.250".parse().unwrap()]);

    let pod = pod.start();
    let first = cluster.dns().wait_for_question(BOOT).at;
    // Long enough for several answers with the old address.
    cluster.dns().wait_for_question_that(BOOT, "the pod's", |asked| {
        asked.from == address && asked.at > first + Duration::from_secs(2)
    });
    assert!(vm(&pod).is_none(), "started on its predecessor's record: {:#?}", pod.log());
    cluster.dns().swap(&fqdn, &[address]);
    pod.expect_line("started mix release", BOOT);
}
