//! A RabbitMQ broker in a pod whose address changes stays the member of its cluster that it was: the node's name is the
//! pod's, its peers can look it up before it starts, and it finds the data that it left under that name.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use crate::support::brokers::{
    Brokers, COOKIE, DATA, all_members, members, node_name, publish, rabbitmqctl, take, wait_for_broker,
    wait_for_members,
};
use crate::support::vm::{BOOT, environment, vm};
use crate::support::{Ended, Pod, Process, RunningPod, wait_until};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn destroyed_and_back_with_another_address() {
    let brokers = Brokers::new();
    let dns = brokers.cluster.dns();
    let pods = [0, 1, 2].map(|member| start(&brokers, brokers.pod(member)));
    for pod in &pods {
        dns.publish(&pod.fqdn, &[pod.address]);
    }
    let [first, second, third] = pods;
    for Member { pod, .. } in [&first, &second, &third] {
        wait_for_broker(pod);
        wait_for_members(pod);
        assert_the_cookie_is_hidden(pod);
    }
    publish(&second.pod, "orders", &["one", "two"]);

    // Killed as a lost machine's pod is: nobody says goodbye.
    drop(second.pod);
    assert_eq!(dns.withdraw(&second.fqdn), [second.address]);
    let old_address = second.address;
    let second = start(&brokers, brokers.pod(1));
    assert_ne!(second.address, old_address);
    dns.publish(&second.fqdn, &[second.address]);
    wait_for_broker(&second.pod);
    assert_eq!(rabbitmqctl(&second.pod, &["eval", "node()."]), format!("'{}'", node_name(1)));
    for Member { pod, .. } in [&first, &second, &third] {
        wait_for_members(pod);
        assert_eq!(members(pod), all_members(), "no fourth one");
    }
    assert_eq!(take(&second.pod, "orders", 2), "[<<\"one\">>,<<\"two\">>]");

    second.pod.signal(15);
    assert_eq!(second.pod.wait(SOON), Ended::Code(0));
    for Member { pod, .. } in [&first, &second, &third] {
        assert!(!pod.log().iter().any(|line| line.text.contains(COOKIE)));
    }
}

/// A VM that boots drops a TERM, and the start script around it sends none a second time.
#[test]
fn a_term_during_its_start_ends_it() {
    let brokers = Brokers::new();
    let Member { pod, fqdn, address } = start(&brokers, brokers.pod(0));
    brokers.cluster.dns().publish(&fqdn, &[address]);
    wait_until(BOOT, "a VM", || vm(&pod).is_some());
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(0));
}

/// The broker is known by the script that the entrypoint is given, and its cookie is its own although root has written it.
#[test]
fn behind_an_entrypoint_that_changes_the_user() {
    let brokers = Brokers::new();
    let Member { pod, fqdn, address } = start(&brokers, brokers.pod_with_entrypoint(0));
    brokers.cluster.dns().publish(&fqdn, &[address]);
    wait_for_broker(&pod);
    assert_the_cookie_is_hidden(&pod);
    assert_eq!(
        rabbitmqctl(&pod, &["eval", "{node(), erlang:get_cookie()}."]),
        format!("{{'{}','{COOKIE}'}}", node_name(0))
    );
    pod.signal(15);
    assert_eq!(pod.wait(SOON), Ended::Code(0));
}

/// A pod that has asked for its record.
struct Member {
    pod: RunningPod,
    fqdn: String,
    address: IpAddr,
}

fn start(brokers: &Brokers, pod: Pod) -> Member {
    let (fqdn, address) = (pod.fqdn(), pod.address());
    let pod = pod.start();
    let asked = brokers.cluster.dns().wait_for_question_that(SOON, "the new pod's", |asked| asked.from == address);
    assert_eq!(asked.name.to_ascii_lowercase(), format!("{fqdn}."));
    assert!(vm(&pod).is_none(), "started before its record was published");
    Member { pod, fqdn, address }
}

/// No process shows it, and its one file is the broker's alone.
fn assert_the_cookie_is_hidden(pod: &RunningPod) {
    assert!(environment(vm(pod).unwrap().pid).contains_key("RABBITMQ_NODENAME"));
    for Process { pid, comm, .. } in pod.processes() {
        for file in ["cmdline", "environ"] {
            // A tool of the broker's may have ended meanwhile.
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&bytes).contains(COOKIE), "{comm}: {file}");
        }
    }
    let with_it = pod.exec(["grep", "--recursive", "--files-with-matches", COOKIE, DATA, "/dev/shm"]).stdout;
    let file = format!("{DATA}/.erlang.cookie");
    assert_eq!(String::from_utf8_lossy(&with_it).trim(), file);
    assert_eq!(pod.exec(["stat", "-c", "%a %u", &file]).stdout, b"400 54321\n");
}
