//! What is shown, and what must be seen for it to be true.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::command::INTERRUPTED;
use super::page::{self, Cluster};
use super::stage::{LOOP, Line, NODES, Outcome, SERVICE, Stage, Started, fqdn};
use super::timeline::{Phase, Timeline};

/// The record comes this long after its pod, as it does when a control plane is busy.
const PUBLISHED_AFTER: Duration = Duration::from_secs(3);
/// Denials are kept for 30 s; nothing of the story may take much longer than that.
const PATIENCE: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Story<'a> {
    stage: &'a mut dyn Stage,
    first_port: u16,
    interrupted: Arc<AtomicBool>,
    begin: SystemTime,
    timeline: Timeline,
    /// The pods as they were last started.
    pods: BTreeMap<&'static str, Started>,
    /// When each pod's record was published.
    published: BTreeMap<&'static str, SystemTime>,
    /// When each pod saw it.
    seen: BTreeMap<&'static str, SystemTime>,
    log: Vec<Line>,
}

impl<'a> Story<'a> {
    pub(crate) fn new(stage: &'a mut dyn Stage, first_port: u16, interrupted: Arc<AtomicBool>) -> Self {
        Self {
            stage,
            first_port,
            interrupted,
            begin: SystemTime::now(),
            timeline: Timeline::default(),
            pods: BTreeMap::new(),
            published: BTreeMap::new(),
            seen: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    /// Prints all of it. `keep`: shows the cluster until it is interrupted, before it ends.
    pub(crate) fn tell(&mut self, keep: bool) -> Outcome<()> {
        println!("{}", self.stage.describe());
        self.three_nodes_form_a_cluster()?;
        self.one_is_lost_and_comes_back()?;
        self.the_loop_comes_at_last()?;
        if keep {
            println!("KEEP=1: the cluster stays until Ctrl-C: {}", page::address(self.first_port));
            while !self.interrupted.load(Ordering::Relaxed) {
                thread::sleep(LOOK_EVERY);
            }
            self.interrupted.store(false, Ordering::Relaxed);
        }
        self.all_stop()?;
        println!("\n{}\n", self.timeline);
        Ok(())
    }

    /// The last lines of every pod, for whom the story did not come true.
    pub(crate) fn log(&self) -> impl Iterator<Item = String> {
        self.log.iter().map(|line| format!("{:9.3} {:10} {}", self.since(line.at).as_secs_f64(), line.pod, line.text))
    }

    fn three_nodes_form_a_cluster(&mut self) -> Outcome<()> {
        self.start(&[NODES[0], NODES[1], NODES[2], LOOP])?;
        self.publish_and_see(&NODES)?;
        let cluster = self.cluster_of_three()?;
        self.say(SystemTime::now(), "cluster", &format!("of three: {}", page::address(self.first_port)));
        for node in cluster.nodes {
            println!(
                "{:22}{} at {}, VM started {:.1} s after its container",
                "",
                node.name,
                node.address,
                node.waited_ms / 1000.0
            );
        }
        Ok(())
    }

    fn one_is_lost_and_comes_back(&mut self) -> Outcome<()> {
        let lost = NODES[1];
        let before = self.pods[lost].address.clone();
        let now = SystemTime::now();
        self.say(now, lost, "is destroyed");
        self.stage.destroy(lost)?;
        self.timeline.enter(lost, self.since(now), Phase::Gone);
        self.seen.remove(lost);
        self.published.remove(lost);
        self.stage.withdraw(lost, &before)?;
        let alone = format!("{lost}.{SERVICE} left: cluster of 2");
        let noticed = self.until("its peers notice", |story| story.find(NODES[0], &alone, now))?;
        self.say(noticed, NODES[0], "notices: cluster of two");

        self.start(&[lost])?;
        let after = self.pods[lost].address.clone();
        if after == before {
            return Err(format!("{lost} came back with the same address, {after}, which shows nothing"));
        }
        self.publish_and_see(&[lost])?;
        let cluster = self.cluster_of_three()?;
        let found = cluster.nodes.iter().find(|node| node.name == node_name(lost));
        let address = &found.ok_or_else(|| format!("{lost} is not in the cluster"))?.address;
        if *address != after {
            return Err(format!("{lost} says that it is at {address}, not {after}"));
        }
        let text = format!("of three again: {lost} under its name, now at {after} (before: {before})");
        self.say(SystemTime::now(), "cluster", &text);
        Ok(())
    }

    fn the_loop_comes_at_last(&mut self) -> Outcome<()> {
        self.until("the loop sees its record", |story| story.seen.contains_key(LOOP).then_some(()))
    }

    fn all_stop(&mut self) -> Outcome<()> {
        let began = SystemTime::now();
        self.say(began, "all", "TERM, as the kubelet sends it");
        for node in NODES {
            self.stage.terminate(node)?;
        }
        for node in NODES {
            let code = self.until_some("the nodes end", |story| story.stage.exit_code(node))?;
            let now = SystemTime::now();
            self.timeline.enter(node, self.since(now), Phase::Gone);
            self.say(now, node, &format!("exit code {code}"));
            if code != 0 {
                return Err(format!("{node} ended with code {code}"));
            }
        }
        self.timeline.enter(LOOP, self.since(SystemTime::now()), Phase::Gone);
        Ok(())
    }

    fn start(&mut self, pods: &[&'static str]) -> Outcome<()> {
        let started = self.stage.start(pods)?;
        if self.pods.is_empty() {
            self.begin = started.iter().map(|started| started.at).min().unwrap_or(self.begin);
        }
        for started in started {
            let pod = started.pod;
            self.say(started.at, pod, &format!("starts at {} and waits for its record", started.address));
            self.timeline.enter(pod, self.since(started.at), Phase::Waits);
            self.pods.insert(pod, started);
        }
        Ok(())
    }

    /// Publishes each record when it is due, the loop's with that of the first node, and waits until all nodes saw theirs.
    fn publish_and_see(&mut self, nodes: &[&'static str]) -> Outcome<()> {
        for node in nodes {
            let due = self.pods[node].at + PUBLISHED_AFTER;
            self.until("the time of publication", |_| (SystemTime::now() >= due).then_some(()))?;
            if self.seen.contains_key(node) {
                return Err(format!("{node} did not wait for its record"));
            }
            self.publish(node)?;
            if *node == NODES[0] {
                self.publish(LOOP)?;
            }
        }
        for node in nodes {
            self.until("a node sees its record", |story| story.seen.contains_key(node).then_some(()))?;
        }
        Ok(())
    }

    fn publish(&mut self, pod: &'static str) -> Outcome<()> {
        let address = self.pods[pod].address.clone();
        let at = self.stage.publish(pod, &address)?;
        self.say(at, pod, &format!("its record is published: {} is {address}", fqdn(pod)));
        self.timeline.publish(pod, self.since(at));
        self.published.insert(pod, at);
        Ok(())
    }

    /// Every node's own page has all three.
    fn cluster_of_three(&mut self) -> Outcome<Cluster> {
        let expected = NODES.map(node_name);
        let port = self.first_port;
        let ports: Vec<u16> = (port..).take(NODES.len()).collect();
        self.until("three nodes that know each other", |_| {
            let mut views: Vec<Cluster> = ports.iter().map_while(|port| page::read(*port)).collect();
            let complete = views.len() == NODES.len()
                && views.iter().all(|view| view.nodes.iter().map(|node| &node.name).eq(&expected));
            if complete { views.pop() } else { None }
        })
    }

    fn find(&self, pod: &str, part: &str, since: SystemTime) -> Option<SystemTime> {
        let fits = |line: &&Line| line.pod == pod && line.at >= since && line.text.contains(part);
        self.log.iter().find(fits).map(|line| line.at)
    }

    fn until<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self) -> Option<T>) -> Outcome<T> {
        self.until_some(what, |story| Ok(find(story)))
    }

    fn until_some<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self) -> Outcome<Option<T>>) -> Outcome<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.read_lines();
            if let Some(found) = find(self)? {
                return Ok(found);
            }
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(INTERRUPTED.to_owned());
            }
            if Instant::now() > deadline {
                return Err(format!("not within {} s: {what}", PATIENCE.as_secs()));
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn read_lines(&mut self) {
        for line in self.stage.lines() {
            let Line { pod, at, ref text } = line;
            let sighted =
                if pod == LOOP { text.starts_with(&self.pods[LOOP].address) } else { text.contains(" answers with ") };
            if sighted && !text.contains("waiting until") && !self.seen.contains_key(pod) {
                self.sighting(pod, at);
            }
            self.log.push(line);
        }
    }

    fn sighting(&mut self, pod: &'static str, at: SystemTime) {
        self.seen.insert(pod, at);
        let Some(published) = self.published.get(pod) else { return }; // said when it is due to be published
        let after = at.duration_since(*published).unwrap_or_default().as_millis();
        let who = if pod == LOOP { "sees it with getent" } else { "sees it" };
        self.say(at, pod, &format!("{who} {after} ms after publication"));
        self.timeline.enter(pod, self.since(at), Phase::Runs);
    }

    fn say(&self, at: SystemTime, who: &str, what: &str) {
        println!("{:6.1} s  {who:12} {what}", self.since(at).as_secs_f64());
    }

    fn since(&self, at: SystemTime) -> Duration {
        at.duration_since(self.begin).unwrap_or_default()
    }
}

fn node_name(pod: &str) -> String {
    format!("pairing@{}", fqdn(pod))
}
