//! A VM drops a TERM that arrives while it boots, and each Erlang boots in another time.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::{Cluster, DnsSettings, Ended, Otp};

const NO_ERLANG: &str = "Can not run the release. There is no ERTS bundled with the release or found on the system.";
const LAST: Duration = Duration::from_millis(2400);

on_each_otp!(of_a_mix_release, of_a_relx_release);

fn of_a_mix_release(otp: Otp) {
    ends_after_each_of(12, otp, &otp.mix_release(), ["bin/demo", "start"]);
}

/// Its script asks another VM first where Erlang is. When that one gets the TERM, the script says that there is none, and
/// ends with 1.
fn of_a_relx_release(otp: Otp) {
    ends_after_each_of(6, otp, &otp.relx_release(), ["bin/demo", "foreground"]);
}

/// Starts a pod for each of so many moments, and sends its TERM then.
fn ends_after_each_of(moments: u32, otp: Otp, release: &Path, command: [&str; 2]) {
    let config = config_map(talk::VM_ARGS);
    let cluster = Cluster::start(DnsSettings::default());
    let left = Mutex::new((1..=moments).map(|n| LAST * n / moments));
    let next = || left.lock().unwrap().next();
    let term_after = |moment: Duration| {
        let pod = talk::pod_of(&cluster, "pairing-0", config.path()).env("ERLANG_COOKIE", COOKIE);
        let pod = pod.system(otp.root()).release(release).command(command).env("BEAMINIT_WAIT", "off").start();
        let began = Instant::now();
        thread::sleep(moment.saturating_sub(began.elapsed()));
        pod.signal(15);
        // A lost TERM would leave the release running for ever; a late one is sent again each second.
        let ended = pod.wait(Duration::from_secs(30));
        let is_asked_for_vm = command[1] == "foreground" && pod.log().iter().any(|line| line.text.contains(NO_ERLANG));
        let codes = if is_asked_for_vm { [1, 1] } else { [0, 143] };
        assert!(codes.map(Ended::Code).contains(&ended), "after {moment:?}: {ended:?}: {:#?}", pod.log());
        assert!(pod.processes().iter().all(|process| process.state == 'Z'), "{:?}", pod.processes());
        ended
    };
    let ends = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(moment) = next() {
                    let ended = term_after(moment);
                    ends.lock().unwrap().push(ended);
                }
            });
        }
    });
    let ends = ends.into_inner().unwrap();
    assert_eq!(ends.len(), moments as usize);
    assert!(ends.contains(&Ended::Code(0)), "a VM that had booted stops in order: {ends:?}");
}
