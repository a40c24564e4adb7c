//! The RabbitMQ that each Debian has starts under its pod's name, is probed and reached by its tools, and stops in order.

use crate::support::brokers::{BROKER_BOOT, COOKIE, DATA, rabbitmqctl, wait_for_broker};
use crate::support::files::{directory_of, shared_dir};
use crate::support::{Cluster, DnsSettings, Ended, Otp, wait_until};

const NODE: &str = "rabbit@rabbit-0.rabbit.default.svc.cluster.local";

on_each_otp!(starts_under_its_pods_name);

fn starts_under_its_pods_name(otp: Otp) {
    let (volume, files) = (shared_dir(), directory_of(&[("cookie", COOKIE), ("etc/rabbitmq.conf", "")]));
    let cluster = Cluster::start(DnsSettings::default());
    let pod = cluster.pod("rabbit-0").system(otp.root()).uid(54321).read_only_root(true);
    cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
    let pod = pod.mount(files.path(), "/secret").mount(&files.path().join("etc"), "/etc/rabbitmq");
    let pod = pod.mount_writable(volume.path(), DATA).env("HOME", DATA).env("RABBITMQ_LOGS", "-");
    let pod = pod.env("PATH", "/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/bin:/bin");
    let pod = pod.env("RABBITMQ_LOG_BASE", &format!("{DATA}/log")).env("BEAMINIT_COOKIE_FILE", "/secret/cookie");
    let pod = pod.command(["rabbitmq-server"]).start();
    wait_for_broker(&pod);
    assert_eq!(rabbitmqctl(&pod, &["eval", "node()."]), format!("'{NODE}'"));
    wait_until(BROKER_BOOT, "it is ready", || {
        pod.exec(["beaminit", "probe", "ready", "rabbit", "--timeout", "5s"]).status.success()
    });
    pod.signal(15);
    assert_eq!(pod.wait(BROKER_BOOT), Ended::Code(0));
    assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
}
