//! The status page of a node, as a program reads it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde::Deserialize;

const TIMEOUT: Duration = Duration::from_secs(3);

/// The cluster, as one node sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    #[serde(rename = "node")]
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) waited_ms: f64,
}

/// Where a person finds it.
pub(crate) fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}/")
}

/// None while nobody answers.
pub(crate) fn read(port: u16) -> Option<Cluster> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    connection.set_read_timeout(Some(TIMEOUT)).ok()?;
    connection.write_all(b"GET /status.json HTTP/1.1\r\nhost: demo\r\n\r\n").ok()?;
    let mut reply = String::new();
    connection.read_to_string(&mut reply).ok()?;
    serde_json::from_str(reply.split_once("\r\n\r\n")?.1).ok()
}
