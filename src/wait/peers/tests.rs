use super::*;
use crate::wait::answers::Failure;
use crate::wait::questions::Family;
use std::net::Ipv4Addr;

const SEEN: Duration = Duration::from_secs(100);

const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 5));

fn sighting(own: &[IpAddr]) -> Sighting {
    Sighting::new(own.to_vec(), own, SEEN)
}

fn answer(address: &str, ttl: u32) -> Outcome {
    Outcome::Addresses { addresses: vec![address.parse().unwrap()], ttl }
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What follows a round at `now` in which every question gets this answer, of the old address or of ours.
fn round(peers: &mut PeerCheck, outcome: &Outcome, own: bool, now: Duration) -> AfterRound {
    peers.begin_round(&[0], now);
    while let Some((server, ..)) = peers.next_question(now) {
        peers.note(server, outcome, if own { vec![OWN] } else { vec![] }, now);
    }
    peers.end_round(now)
}

fn check(policy: WaitPeers) -> PeerCheck {
    PeerCheck::new(policy, sighting(&[OWN]), None, None)
}

#[test]
fn a_start_waits_for_the_old_answers_ttl_and_seven_seconds_more() {
    let mut peers = check(WaitPeers::Auto);
    assert_eq!(round(&mut peers, &answer("10.0.0.9", 12), false, SEEN), AfterRound::AskAgain(SEEN + secs(12)));
    let own = answer("10.0.0.5", 30);
    assert_eq!(round(&mut peers, &own, true, SEEN + secs(12)), AfterRound::AskAgain(SEEN + secs(19)));
    assert_eq!(round(&mut peers, &own, true, SEEN + secs(19)), AfterRound::Start);
    assert!(!peers.is_cut_short);
}

#[test]
fn nothing_is_waited_for_where_no_cache_has_another_address() {
    for outcome in [
        Outcome::Absent { zone: None, ttl: 30 },
        Outcome::Exists { zone: None, ttl: 30 },
        Outcome::Failed(Failure::Timeout),
    ] {
        assert_eq!(round(&mut check(WaitPeers::Auto), &outcome, false, SEEN), AfterRound::Start, "{outcome:?}");
    }
    assert_eq!(round(&mut check(WaitPeers::Auto), &answer("10.0.0.5", 30), true, SEEN), AfterRound::Start);
}

#[test]
fn off_asks_once_and_waits_for_nothing() {
    let mut peers = check(WaitPeers::Off);
    peers.begin_round(&[1, 0], SEEN);
    assert!(peers.next_question(SEEN).is_some_and(|(server, ..)| server == 1));
    assert_eq!(peers.next_question(SEEN), None);
    assert_eq!(round(&mut peers, &answer("10.0.0.9", 12), false, SEEN), AfterRound::Start);
    assert!(matches!(peers.sighting.confirmation, Confirmation::Others { ttl: 12, .. }));
}

#[test]
fn at_least_the_time_that_is_asked_for_passes() {
    let mut peers = check(WaitPeers::AtLeast(secs(45)));
    let own = answer("10.0.0.5", 30);
    assert_eq!(round(&mut peers, &own, true, SEEN), AfterRound::AskAgain(SEEN + secs(45)));
    assert_eq!(round(&mut peers, &own, true, SEEN + secs(45)), AfterRound::Start);

    let mut longer = check(WaitPeers::AtLeast(secs(90)));
    assert_eq!(round(&mut longer, &own, true, SEEN), AfterRound::AskAgain(SEEN + secs(90)), "more than auto's limit");
    assert_eq!(round(&mut longer, &own, true, SEEN + secs(90)), AfterRound::Start);
}

#[test]
fn after_a_minute_or_at_the_deadline_the_release_starts_all_the_same() {
    for (deadline, limit) in [(None, 160), (Some(300), 160), (Some(120), 120)] {
        let mut peers = PeerCheck::new(WaitPeers::Auto, sighting(&[OWN]), deadline.map(secs), None);
        let old = answer("10.0.0.9", 600);
        assert_eq!(round(&mut peers, &old, false, SEEN), AfterRound::AskAgain(secs(limit)));
        assert_eq!(round(&mut peers, &old, false, secs(limit)), AfterRound::Start, "{deadline:?}");
        assert!(peers.is_cut_short);
    }
    let mut seen_late = PeerCheck::new(WaitPeers::AtLeast(secs(45)), sighting(&[OWN]), Some(secs(99)), None);
    assert_eq!(round(&mut seen_late, &answer("10.0.0.5", 30), true, SEEN), AfterRound::Start);
    assert!(seen_late.is_cut_short);
}

/// Before our own was seen, a dial may have begun until then; an answer that had expired by then counts until it expired.
#[test]
fn an_old_answer_of_before_counts_until_our_own_was_seen() {
    for (until, start) in [(130, 107), (98, 105), (90, 100)] {
        let stale = StaleAnswer { addresses: vec!["10.0.0.9".parse().unwrap()], until: secs(until) };
        let mut peers = PeerCheck::new(WaitPeers::Auto, sighting(&[OWN]), None, Some(stale));
        let own = answer("10.0.0.5", 30);
        let expected = if start == 100 { AfterRound::Start } else { AfterRound::AskAgain(secs(start)) };
        assert_eq!(round(&mut peers, &own, true, SEEN), expected, "{until}");
        assert_eq!(round(&mut peers, &own, true, secs(start)), AfterRound::Start);
    }
}

#[test]
fn an_answer_without_a_lifetime_is_not_asked_for_in_a_hurry() {
    let mut peers = check(WaitPeers::Auto);
    let old = answer("10.0.0.9", 0);
    assert_eq!(round(&mut peers, &old, false, SEEN), AfterRound::AskAgain(SEEN + secs(1)));
    for later in [1, 11, 21] {
        let now = SEEN + secs(later);
        assert_eq!(round(&mut peers, &old, false, now), AfterRound::AskAgain(now + secs(10)));
    }
}

#[test]
fn a_server_that_gives_no_answer_is_asked_once_and_a_slow_one_ends_the_round() {
    let both = sighting(&[OWN, "fd00::5".parse().unwrap()]);
    let mut peers = PeerCheck::new(WaitPeers::Auto, both, None, None);
    peers.begin_round(&[0, 1], SEEN);
    let (server, question, timeout) = peers.next_question(SEEN).unwrap();
    assert_eq!((server, question, timeout), (0, Question::ordinary(Family::V4), PEER_QUESTION_TIMEOUT));
    peers.note(0, &Outcome::Failed(Failure::Timeout), vec![], SEEN + timeout);
    let mut asked = Vec::new();
    while let Some((server, question, _)) = peers.next_question(SEEN + timeout) {
        asked.push(question.record);
        assert_eq!(server, 1);
    }
    assert_eq!(asked, [vec![Family::V4.record(); 12], vec![Family::V6.record(); 12]].concat());

    peers.begin_round(&[0, 1], SEEN);
    assert!(peers.next_question(SEEN + Duration::from_millis(900)).is_some_and(|(.., left)| left < secs(1) / 9));
    assert_eq!(peers.next_question(SEEN + secs(1)), None);
}
