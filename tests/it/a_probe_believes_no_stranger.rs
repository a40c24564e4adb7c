//! A probe succeeds for the node in its container alone: not for another node, not for a program that holds its port,
//! not by what an earlier container has left. Whatever a stranger sends, the probe ends in time and stays small.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use crate::support::files::shared_dir;
use crate::support::probed_node::{COOKIE, NODE, ProbedNode, verdict};
use crate::support::vm::{BOOT, wait_for_node};
use crate::support::{Cluster, DnsSettings, wait_until};

const PORT: u16 = 9123;
/// A VM that is named and has this port, at which something else listens.
const ELSEWHERE: [&str; 6] = ["-start_epmd", "false", "-erl_epmd_port", "9123", "-dist_listen", "false"];

/// The node lives, and has lost its place in epmd to the next node of its name.
fn forgotten_by_epmd() -> ProbedNode {
    let node = ProbedNode::start(&[]).once_ready();
    // Else it would register again in two seconds.
    node.eval("sys:suspend(erl_epmd)");
    assert!(node.sh("pkill -x epmd").status.success());
    node
}

#[test]
fn not_a_node_of_another_name_at_its_port() {
    let node = ProbedNode::start(&ELSEWHERE);
    let other =
        format!("erl -detached -name other@127.0.0.1 -setcookie {COOKIE} -start_epmd false -erl_epmd_port {PORT}");
    assert!(node.sh(&format!("HOME=/tmp {other}")).status.success());
    let says_so = || node.probe(&["live"]).1 == "live: the node's port belongs to another node, other@127.0.0.1";
    wait_until(BOOT, "the other node", says_so);
    node.fails(&["live"], "belongs to another node");
    node.fails(&["ready"], "belongs to another node");
}

#[test]
fn not_a_node_of_its_name_with_another_cookie() {
    let node = forgotten_by_epmd();
    assert!(node.sh(&format!("HOME=/tmp erl -detached -name {NODE} -setcookie another-4711")).status.success());
    wait_for_node(&node.pod, "shop");
    node.fails(&["live"], "the node has another cookie");
    node.fails(&["ready"], "the node has another cookie");
}

#[test]
fn not_a_node_of_another_container() {
    let node = forgotten_by_epmd();
    // Same name, same cookie, same network, other mounts.
    let init = node.pod.init_pid().to_string();
    let erl = ["erl", "-noinput", "-detached", "-name", NODE, "-setcookie", COOKIE];
    let entered = ["--all", "--target", &init, "--", "unshare", "-m", "env", "HOME=/tmp"];
    let output = Command::new("nsenter").args(entered).args(erl).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    wait_for_node(&node.pod, "shop");
    node.fails(&["live"], "a node of this name runs in another container");
    node.fails(&["ready"], "a node of this name runs in another container");
}

/// The directory of a run outlives the container where it is a volume.
#[test]
fn not_what_an_earlier_container_has_left() {
    let (cluster, volume) = (Cluster::start(DnsSettings::default()), shared_dir());
    let pod =
        || cluster.pod("shop-0").mount_writable(volume.path(), "/run-dir").env("BEAMINIT_RUN_DIR", "/run-dir/ours");
    let erl = ["erl", "-noinput", "-name", NODE, "-setcookie", COOKIE];
    let earlier = pod().command(erl).start();
    wait_until(BOOT, "a node", || earlier.exec(["beaminit", "probe", "ready"]).status.success());
    earlier.signal(9);
    earlier.wait(BOOT);
    drop(earlier);
    assert!(volume.path().join("ours/state.json").exists());
    // The same node, which no beaminit has started.
    let later = pod().entrypoint(erl).command([] as [&str; 0]).start();
    wait_for_node(&later, "shop");
    let (code, line) = verdict(&later.exec(["beaminit", "probe", "live"]));
    assert_eq!(code, Some(1));
    assert!(line.contains("no beaminit of this container has started a release; /run-dir/ours/state.json: "), "{line}");
}

#[test]
fn not_a_program_that_is_not_a_node() {
    let silent = stranger(|_| Ok(()));
    silent.fails(&["live", "--boot", "0s"], "does not answer the handshake");
    drop(silent);
    let web = stranger(|stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
    web.fails(&["live"], "the program at the node's port does not answer as an Erlang node does");
    web.fails(&["ready"], "the program at the node's port does not answer as an Erlang node does");
}

/// A node that knows the cookie, and then sends without end what takes most memory for its length.
#[test]
fn and_nothing_that_a_stranger_sends_takes_memory() {
    for flood in [1, 100].into_iter().flat_map(floods) {
        let node = stranger(move |stream| {
            shake_hands(stream)?;
            loop {
                stream.write_all(&flood)?;
            }
        });
        // Heap and stacks, in KiB.
        let (code, line) = verdict(&node.sh("ulimit -d 32768; beaminit probe ready --boot 0s || exit $?"));
        assert!(code == Some(1) && line.starts_with("ready: "), "{line}");
        node.fails(&["live", "--boot", "0s"], "live: ");
    }
}

/// Messages of almost the length that is read, or this many times as long.
fn floods(times: u32) -> [Vec<u8>; 5] {
    let deep = [[104_u8, 1].repeat(28), vec![106]].concat();
    let nested = list(&deep, 2_000 * times);
    let wide = list(&[104_u8, 1, 106], 40_000 * times);
    let long = [&[131_u8, 109, 0, 1, 0xf0, 0] as &[u8], &vec![7; 0x1_f000]].concat();
    let no_message_of_ours = [131, 104, 2, 97, 2, 106];
    let to_us = |message: &[u8]| packet(&[&no_message_of_ours, message].concat());
    let endless = [&[0x7f_u8, 0xff, 0xff, 0xff] as &[u8], &vec![b'p'; 1 << 20]].concat();
    [packet(&nested), to_us(&nested), to_us(&wide), to_us(&long), endless]
}

fn list(item: &[u8], length: u32) -> Vec<u8> {
    [&[131_u8, 108] as &[u8], &length.to_be_bytes(), &item.repeat(length as usize), &[106]].concat()
}

fn packet(terms: &[u8]) -> Vec<u8> {
    [&u32::try_from(terms.len() + 1).unwrap().to_be_bytes() as &[u8], b"p", terms].concat()
}

/// A VM at whose port another program serves each connection, from the moment when it is first asked.
fn stranger(serve: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static) -> ProbedNode {
    let node = ProbedNode::start(&ELSEWHERE);
    let listener = node.pod.on_its_network(|| TcpListener::bind(("127.0.0.1", PORT)).unwrap());
    thread::spawn(move || {
        // A connection that is not dropped stays open.
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The probe's end ends a flood.
            if serve(&mut stream).is_ok() {
                open.push(stream);
            }
        }
    });
    wait_until(BOOT, "a VM", || crate::support::vm::vm(&node.pod).is_some());
    node
}

/// As the node does that is asked.
fn shake_hands(stream: &mut TcpStream) -> io::Result<()> {
    let send = |message: &[u8], stream: &mut TcpStream| {
        stream.write_all(&[&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat())
    };
    receive(stream)?;
    send(b"sok", stream)?;
    let name = u16::try_from(NODE.len()).unwrap().to_be_bytes();
    send(&[b"N\0\0\0\x0d\x07\xdf\x7f\xbd\0\0\0\x2a\0\0\0\x01" as &[u8], &name, NODE.as_bytes()].concat(), stream)?;
    let reply = receive(stream)?;
    let challenge = u32::from_be_bytes(reply[1..5].try_into().unwrap());
    send(&[b"a" as &[u8], &md5::compute(format!("{COOKIE}{challenge}")).0].concat(), stream)
}

fn receive(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut message)?;
    Ok(message)
}
