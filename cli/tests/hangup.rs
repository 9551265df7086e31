//! `SIGHUP` to a running `wardline console`: a real signal to a real process.

#![cfg(all(unix, feature = "console"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const POLICY: &str = "version: 1
state: ./state
services: {vectors: {system: qdrant}}
rules: [{name: read, who: ['user:*'], operations: [data.read], effect: allow}]
";

/// Ends the process when the test does, however that ends.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_hangup_reads_the_policy_again_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardline.yaml");
    fs::write(&path, POLICY).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardline"));
    command.args(["console", "serve", "--listen", "127.0.0.1:0", "--as", "sam", "--policy"]).arg(&path);
    let mut served = Served(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut link = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut link).unwrap();
    let address = link.strip_prefix("http://").and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    let mut told = BufReader::new(served.0.stderr.take().unwrap()).lines();
    let pid = served.0.id().to_string();
    for (policy, wanted) in [
        (POLICY.to_owned(), "the policy is the same"),
        (POLICY.replace("data.read", "data.query"), "another policy is in force"),
        (POLICY.replace("rules", "ruels"), "the policy in force stays: "),
        (POLICY.to_owned(), "another policy is in force"),
    ] {
        fs::write(&path, policy).unwrap();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
        let line = told.next().unwrap().unwrap();
        assert!(line.starts_with(&format!("wardline: reload: {wanted}")), "{line}");
    }
    // And it still serves.
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "GET /healthz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{answer}");
}
