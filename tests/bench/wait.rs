//! What the wait costs when the record is there already, and how soon a TERM ends it.

use std::io::Write as _;
use std::time::Duration;

use crate::median;
use crate::support::{Cluster, DnsSettings, Ended};

const ROUNDS: usize = 60;
const SOON: Duration = Duration::from_secs(10);

/// A sentence, since only we wait.
pub(crate) fn cost() -> String {
    let cluster = Cluster::start(DnsSettings::default());
    let mut times = [("always", Vec::new()), ("off", Vec::new())];
    for round in 0..ROUNDS {
        for (wait, times) in &mut times {
            let pod = cluster
                .pod(&format!("web-{round}"))
                .service(wait)
                .env("BEAMINIT_WAIT", wait)
                .env("BEAMINIT_LOG", "off");
            cluster.dns().publish(&pod.fqdn(), &[pod.address()]);
            // The pod is made before: that takes longer, and not always the same.
            let (reader, mut writer) = std::io::pipe().unwrap();
            let held = ["sh", "-c", "echo ready; read go; exec beaminit \"$@\"", "sh"];
            let pod = pod.entrypoint(held).stdin(reader).command(["/bin/true"]).start();
            pod.expect_line("ready", SOON);
            let began = std::time::Instant::now();
            writer.write_all(b"go\n").unwrap();
            assert_eq!(pod.wait(SOON), Ended::Code(0));
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    let [with, without] = times.map(|(_, times)| median(times));
    format!(
        "a start with the record in place: {with:.2} ms, without a wait: {without:.2} ms, the wait costs {:.2} ms",
        with - without
    )
}

/// A TERM while the record is not there, to the end of the pod. A sentence.
pub(crate) fn stop() -> String {
    let cluster = Cluster::start(DnsSettings::default());
    let times = (0..ROUNDS).map(|round| {
        let pod = cluster.pod(&format!("web-{round}")).env("BEAMINIT_WAIT", "always").env("BEAMINIT_LOG", "off");
        let pod = pod.command(["/bin/true"]);
        let address = pod.address();
        let pod = pod.start();
        cluster.dns().wait_for_question_that(SOON, "the pod's", |asked| asked.from == address);
        let sent = std::time::Instant::now();
        pod.signal(15);
        assert_eq!(pod.wait(SOON), Ended::Code(143));
        sent.elapsed().as_secs_f64() * 1e3
    });
    format!("a TERM during the wait ends it after {:.2} ms", median(times.collect()))
}
