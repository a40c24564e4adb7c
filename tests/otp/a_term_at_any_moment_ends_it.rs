//! A VM drops a TERM that arrives while it boots, and each Erlang boots in another time.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::talk::{self, COOKIE, config_map};
use crate::support::{Cluster, DnsSettings, Ended, Otp};

const MOMENTS: u32 = 12;
const LAST: Duration = Duration::from_millis(2400);

on_each_otp!(of_a_mix_release);

fn of_a_mix_release(otp: Otp) {
    let (config, release) = (config_map(talk::VM_ARGS), otp.mix_release());
    let cluster = Cluster::start(DnsSettings::default());
    let moments = Mutex::new((1..=MOMENTS).map(|n| LAST * n / MOMENTS));
    let next = || moments.lock().unwrap().next();
    let term_after = |moment: Duration| {
        let pod = talk::pod_of(&cluster, "pairing-0", config.path()).env("ERLANG_COOKIE", COOKIE);
        let pod = pod.system(otp.root()).release(&release).env("BEAMINIT_WAIT", "off").start();
        let began = Instant::now();
        thread::sleep(moment.saturating_sub(began.elapsed()));
        pod.signal(15);
        // A lost TERM would leave the release running for ever; a late one is sent again each second.
        let ended = pod.wait(Duration::from_secs(30));
        assert!(ended == Ended::Code(0) || ended == Ended::Code(143), "after {moment:?}: {ended:?}");
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
    assert_eq!(ends.len(), MOMENTS as usize);
    assert!(ends.contains(&Ended::Code(0)), "a VM that had booted stops in order: {ends:?}");
}
