//! The release's exit code is the container's, and a crash dump's slogan is in the termination log.

use crate::support::vm::BOOT;
use crate::support::{Cluster, DnsSettings, Ended, Otp, Pod};

on_each_otp!(exit_codes_come_out_as_they_are, a_crash_dump_is_named_by_its_slogan);

fn pod(cluster: &Cluster, otp: Otp) -> Pod {
    let pod = cluster.pod("demo-0").system(otp.root()).uid(54321).read_only_root(true).env("BEAMINIT_WAIT", "off");
    pod.env("RELEASE_TMP", "/dev/shm").env("ERL_CRASH_DUMP", "/dev/shm/dump")
}

fn exit_codes_come_out_as_they_are(otp: Otp) {
    let cluster = Cluster::start(DnsSettings::default());
    let (mix, relx) = (otp.mix_release(), otp.relx_release());
    let ended = |pod: Pod| pod.start().wait(BOOT);
    for code in [0, 3, 255] {
        let words = ["bin/demo".to_owned(), "eval".to_owned(), format!("System.halt({code})")];
        assert_eq!(ended(pod(&cluster, otp).release(&mix).command(words)), Ended::Code(code));
    }
    let erl = ["erl", "-noinput", "-boot", "/app/releases/0.1.0/demo", "-eval", "init:stop(7)"];
    assert_eq!(ended(pod(&cluster, otp).release(&relx).command(erl)), Ended::Code(7));
}

fn a_crash_dump_is_named_by_its_slogan(otp: Otp) {
    let cluster = Cluster::start(DnsSettings::default());
    let (mix, relx) = (otp.mix_release(), otp.relx_release());
    let eval = ["bin/demo", "eval", ":erlang.halt(String.to_charlist(\"out of ideas\"))"];
    let erl = ["erl", "-noinput", "-boot", "/app/releases/0.1.0/demo", "-eval", "erlang:halt(\"out of ideas\")"];
    for pod in [pod(&cluster, otp).release(&mix).command(eval), pod(&cluster, otp).release(&relx).command(erl)] {
        let pod = pod.start();
        assert_eq!(pod.wait(BOOT), Ended::Code(1), "{:#?}", pod.log());
        let said = pod.termination_log();
        assert!(said.lines().next().is_some_and(|line| line.ends_with("; crash dump: out of ideas")), "{said}");
    }
    // A boot that fails ends with the code of the VM.
    let fails = ["erl", "-noinput", "-boot", "/nowhere"];
    let pod = pod(&cluster, otp).release(&relx).command(fails).start();
    assert_eq!(pod.wait(BOOT), Ended::Code(1), "{:#?}", pod.log());
}
