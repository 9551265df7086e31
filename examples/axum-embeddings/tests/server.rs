//! The server as its users meet it: started as a process, driven over sockets, decided upon from another process.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wardline::audit::verify;
use wardline::grant::Answer;
use wardline::guard::Guard;

const ANALYST: &[&str] = &["x-user: ana", "x-groups: analysts"];
const WEIGHTS: &str = "/mlflow/api/2.0/mlflow-artifacts/artifacts/models/feature-hash-384/1/model.bin";

struct Server {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/wardline.yaml"), folder.path().join("wardline.yaml"))
            .unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_axum-embeddings"))
            .arg("0")
            .env("WARDLINE_POLICY", folder.path().join("wardline.yaml"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
        Self { process, address, folder }
    }

    fn send(&self, method: &str, path: &str, headers: &[&str], body: &str) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        // HTTP/1.0 has no chunks to undo.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nhost: localhost\r\n{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer[head + 4..].to_vec())
    }

    fn json(&self, method: &str, path: &str, headers: &[&str], body: &Value) -> (u16, Value) {
        let (status, answer) = self.send(method, path, headers, &body.to_string());
        (status, serde_json::from_slice(&answer).unwrap())
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Another process's view of the same state.
    fn other_guard(&self) -> Guard {
        Guard::from_file(self.folder.path().join("wardline.yaml")).unwrap()
    }

    fn stop(mut self) {
        let killed = Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(killed.success() && self.process.wait().unwrap().success(), "it ends cleanly");
        let report = verify(&self.state(), &[]).unwrap();
        assert!(report.is_sound(), "the log verifies");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
    }
}

#[test]
fn a_vector_does_not_remember_whose_address_was_in_its_text() {
    let server = Server::start();
    let input = json!({"input": ["ask rosa.lind@example.com", "ask tom.ek@example.org", "ask nobody"]});
    let (status, answer) = server.json("POST", "/v1/embeddings", &["x-user: ana"], &input);
    assert_eq!(status, 200);
    let vectors: Vec<&Value> =
        answer["data"].as_array().unwrap().iter().map(|item| &item["embedding"]).collect();
    assert_eq!(vectors[0].as_array().unwrap().len(), 384);
    assert!(vectors[0] == vectors[1] && vectors[1] != vectors[2]);
    assert_eq!(server.json("POST", "/v1/embeddings", &[], &input).0, 403, "nobody in particular");
    server.stop();
}

#[test]
fn what_a_search_shows_is_masked_unless_privacy_asks() {
    let server = Server::start();
    let embedded = server.json("POST", "/v1/embeddings", &["x-user: ana"], &json!({"input": "refund"})).1;
    let query = json!({"query": embedded["data"][0]["embedding"], "limit": 1, "with_payload": true});
    let path = "/qdrant/collections/notes/points/query";
    let shown =
        |headers: &[&str]| server.json("POST", path, headers, &query).1["result"]["points"][0].clone();
    let (masked, clear) = (shown(&["x-user: ana"]), shown(&["x-user: pia", "x-groups: privacy"]));
    let text = masked["payload"]["text"].as_str().unwrap();
    assert!(text.contains("refund") && text.contains("[EMAIL]") && !text.contains("212 555"), "{text}");
    assert_eq!(masked["payload"]["salary"], "[REDACTED]");
    assert!(
        clear["payload"]["salary"].is_number()
            && clear["payload"]["text"].to_string().contains("@example.com")
    );
    server.stop();
}

#[test]
fn an_export_waits_for_security() {
    let server = Server::start();
    let path = "/qdrant/collections/notes/points/scroll";
    let export = json!({"limit": 1200, "with_vector": true, "with_payload": true});
    let (status, held) = server.json("POST", path, ANALYST, &export);
    assert_eq!((status, &held["code"]), (403, &json!("approval_required")));
    server
        .other_guard()
        .vote(&held["approval"].as_str().unwrap().into(), "sam", Answer::Approve, None)
        .unwrap();
    let (status, body) = server.send("POST", path, ANALYST, &export.to_string());
    let text = String::from_utf8_lossy(&body);
    assert_eq!(
        (status, text.matches("\"vector\":").count(), text.contains("@example.com")),
        (200, 1200, false)
    );
    let (_, again) = server.json("POST", path, ANALYST, &export);
    assert_eq!(again["code"], "approval_required", "one approval, one request");
    server.stop();
}

#[test]
fn weights_leave_under_a_grant_and_no_longer() {
    let server = Server::start();
    let download = || server.send("GET", WEIGHTS, &["x-user: ana"], "");
    let denied = || serde_json::from_slice::<Value>(&download().1).unwrap()["code"].clone();
    assert_eq!(denied(), "grant_required");
    let terms = serde_json::from_value(json!({
        "scope": {"who": ["user:ana"], "services": ["models"], "operations": ["model.download"], "resources": ["*"]},
        "until": "3s",
        "reason": "a release",
    }));
    server.other_guard().issue_grant(terms.unwrap(), "sam").unwrap();
    // Another process's grant is known here within a second.
    std::thread::sleep(Duration::from_millis(1_200));
    let (status, weights) = download();
    assert_eq!((status, weights.len()), (200, 64 * 384 * 4));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(denied(), "grant_required");
    server.stop();
}
