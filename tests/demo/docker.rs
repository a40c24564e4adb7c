//! The stage with a Docker daemon: docker/compose.yaml.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::command::{INTERRUPTED, docker, run};
use super::images;
use super::stage::{Line, NODES, Outcome, Stage, Started, fqdn};

/// Marks all that is ours: containers, networks, images. Containers have it of their image, so others may have it too.
const LABEL: &str = "label=beaminit.demo=true";
const PROJECT: &str = "beaminit-demo";
/// Marks what Compose has made for us.
const OF_PROJECT: &str = "label=com.docker.compose.project=beaminit-demo";
/// A name server on a busy machine.
const DNS_START: Duration = Duration::from_secs(30);

pub(crate) struct Docker {
    compose: Vec<&'static str>,
    first_port: u16,
    cookie: String,
    /// How often the second node was started: each time it has another address.
    lives: u8,
    containers: BTreeMap<&'static str, String>,
    followers: Vec<Child>,
    lines: Receiver<Line>,
    line_sender: Sender<Line>,
}

impl Docker {
    /// The reason, if it cannot be used here.
    pub(crate) fn find() -> Result<Vec<&'static str>, String> {
        docker(&["version", "--format", "{{.Server.Version}}"])
            .map_err(|_| "no Docker daemon answers here".to_owned())?;
        [vec!["docker", "compose"], vec!["docker-compose"]]
            .into_iter()
            .find(|words| run(Command::new(words[0]).args(&words[1..]).arg("version")).is_ok())
            .ok_or_else(|| "Docker has no Compose here (package docker-compose or its plugin)".to_owned())
    }

    /// Builds the images and starts the DNS.
    pub(crate) fn new(
        compose: Vec<&'static str>,
        first_port: u16,
        cookie: &str,
        interrupted: &AtomicBool,
    ) -> Outcome<Self> {
        images::build(interrupted)?;
        let (line_sender, lines) = mpsc::channel();
        let mut stage = Self {
            compose,
            first_port,
            cookie: cookie.to_owned(),
            lives: 0,
            containers: BTreeMap::new(),
            followers: Vec::new(),
            lines,
            line_sender,
        };
        stage.compose_up(&["dns"])?;
        let dns = container("dns")?;
        await_dns(&dns, interrupted)?;
        stage.containers.insert("dns", dns);
        Ok(stage)
    }

    fn compose_up(&self, services: &[&str]) -> Outcome<()> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/compose.yaml");
        let mut command = Command::new(self.compose[0]);
        command.args(&self.compose[1..]).args(["--project-name", PROJECT, "--file"]).arg(file);
        command.args(["up", "--detach", "--no-deps", "--no-build"]).args(services).env("ERLANG_COOKIE", &self.cookie);
        command.env("ADDRESS_1", format!("10.213.7.{}", 20 + self.lives));
        for (port, index) in (self.first_port..).zip(0..NODES.len()) {
            command.env(format!("PORT_{index}"), port.to_string());
        }
        run(&mut command).map(drop).map_err(explained)
    }

    fn id(&self, pod: &str) -> Outcome<&str> {
        self.containers.get(pod).map(String::as_str).ok_or_else(|| format!("{pod} does not run"))
    }

    fn records(&self, change: &str, pod: &str, address: &str) -> Outcome<SystemTime> {
        let before = docker(&["exec", self.id("dns")?, "records", change, &fqdn(pod), address])?;
        let seconds = before.parse().map_err(|cause| format!("{before}: {cause}"))?;
        Ok(UNIX_EPOCH + Duration::from_secs_f64(seconds))
    }

    /// Reads the container's log until its end.
    fn follow(&mut self, pod: &'static str, id: &str) -> Outcome<()> {
        let mut command = Command::new("docker");
        command.args(["logs", "--follow", "--timestamps", id]).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|cause| format!("docker logs: {cause}"))?;
        if let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) {
            let (out, err) = (self.line_sender.clone(), self.line_sender.clone());
            thread::spawn(move || collect(pod, BufReader::new(stdout), &out));
            thread::spawn(move || collect(pod, BufReader::new(stderr), &err));
        }
        self.followers.push(child);
        Ok(())
    }
}

/// Returns when the authority answers through the cache.
fn await_dns(id: &str, interrupted: &AtomicBool) -> Outcome<()> {
    let deadline = Instant::now() + DNS_START;
    let dig = ["exec", id, "dig", "+short", "+tries=1", "+time=1", "@127.0.0.1", "ns.dns.cluster.local"];
    while !docker(&dig).is_ok_and(|address| !address.is_empty()) {
        if interrupted.load(Ordering::Relaxed) {
            return Err(INTERRUPTED.to_owned());
        }
        if Instant::now() > deadline {
            let said = run(Command::new("sh").args(["-c", "exec docker logs --tail 10 \"$0\" 2>&1", id]))?;
            return Err(format!("the DNS does not answer within {} s:\n{said}", DNS_START.as_secs()));
        }
    }
    Ok(())
}

/// The id of the service's container.
fn container(service: &str) -> Outcome<String> {
    let service = format!("label=com.docker.compose.service={service}");
    docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", LABEL, "--filter", OF_PROJECT, "--filter", &service])
}

/// Each line begins with the time when the daemon read it.
fn collect(pod: &'static str, reader: impl BufRead, lines: &Sender<Line>) {
    for line in reader.lines().map_while(Result::ok) {
        let Some((at, text)) = line.split_once(' ') else { continue };
        let Ok(at) = humantime::parse_rfc3339(at) else { continue };
        lines.send(Line { pod, at, text: text.to_owned() }).ok();
    }
}

/// With what to do, for what others on the machine can be the cause of.
fn explained(cause: String) -> String {
    let hint = if cause.contains("Pool overlaps") || cause.contains("overlapping IPv4") {
        "hint: another Docker network has addresses of 10.213.7.0/24; `docker network ls` and `docker network rm` help"
    } else if cause.contains("port is already allocated") || cause.contains("address already in use") {
        "hint: `make demo PORT=9000` takes ports 9000 to 9002 instead"
    } else {
        return cause;
    };
    format!("{cause}\n{hint}")
}

impl Stage for Docker {
    fn describe(&self) -> String {
        "with Docker: PID 1, user 10001, read-only root, no capabilities; bind9, and unbound, which keeps denials for 30 s"
            .to_owned()
    }

    fn start(&mut self, pods: &[&'static str]) -> Outcome<Vec<Started>> {
        self.compose_up(pods)?;
        self.lives += 1;
        let mut started = Vec::new();
        for pod in pods {
            let id = container(pod)?;
            let format = "{{.State.StartedAt}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
            let state = docker(&["inspect", "--format", format, &id])?;
            let (at, address) = state.split_once(' ').ok_or_else(|| format!("{pod}: {state}"))?;
            let at = humantime::parse_rfc3339(at).map_err(|cause| format!("{at}: {cause}"))?;
            self.follow(pod, &id)?;
            self.containers.insert(pod, id);
            started.push(Started { pod, address: address.to_owned(), at });
        }
        Ok(started)
    }

    fn publish(&mut self, pod: &str, address: &str) -> Outcome<SystemTime> {
        self.records("add", pod, address)
    }

    fn withdraw(&mut self, pod: &str, address: &str) -> Outcome<()> {
        self.records("delete", pod, address).map(drop)
    }

    fn lines(&mut self) -> Vec<Line> {
        self.lines.try_iter().collect()
    }

    fn destroy(&mut self, pod: &str) -> Outcome<()> {
        docker(&["rm", "--force", self.id(pod)?])?;
        self.containers.remove(pod);
        Ok(())
    }

    fn terminate(&mut self, pod: &str) -> Outcome<()> {
        docker(&["kill", "--signal", "TERM", self.id(pod)?]).map(drop)
    }

    fn exit_code(&mut self, pod: &str) -> Outcome<Option<i32>> {
        let state = docker(&["inspect", "--format", "{{.State.Running}} {{.State.ExitCode}}", self.id(pod)?])?;
        Ok(state.strip_prefix("false ").and_then(|code| code.parse().ok()))
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        if let Err(cause) = remove_all() {
            println!("cannot clean up: {cause}");
        }
        for follower in &mut self.followers {
            follower.kill().ok();
            follower.wait().ok();
        }
    }
}

/// Of a demo that was killed. They would hold the ports and the network.
pub(crate) fn remove_left_over() -> Outcome<()> {
    let left = remove_all()?;
    if left > 0 {
        println!("removed {left} containers and networks that an earlier demo had left behind");
    }
    Ok(())
}

/// Removes containers and networks with our labels, by id; returns how many there were.
fn remove_all() -> Outcome<usize> {
    let ours = ["--quiet", "--filter", LABEL, "--filter", OF_PROJECT];
    let containers = docker(&[["ps", "--all"].as_slice(), &ours].concat())?;
    let networks = docker(&[["network", "ls"].as_slice(), &ours].concat())?;
    let remove = |words: &[&str], ids: &str| {
        let ids: Vec<&str> = ids.lines().collect();
        if ids.is_empty() { Ok(0) } else { docker(&[words, &ids].concat()).map(|_| ids.len()) }
    };
    Ok(remove(&["rm", "--force", "--volumes"], &containers)? + remove(&["network", "rm"], &networks)?)
}
