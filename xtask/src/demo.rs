//! `cargo xtask demo`: the guarded example over real HTTP, from a masked embedding to a verified log.
//!
//! Every value that is shown was observed, and anything that is not as expected ends the demo with an error.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::http::{Response, send};
use crate::run::{Outcome, cargo, quiet, root, target};

/// The weights that the example's registry serves.
const WEIGHTS: &str = "/mlflow/api/2.0/mlflow-artifacts/artifacts/models/feature-hash-384/1/model.bin";
const EXPORT: &str = r#"{"limit": 1200, "with_vector": true, "with_payload": true}"#;

pub(crate) fn run() -> Outcome {
    cargo(&["build", "--quiet", "--package", "axum-embeddings", "--package", "wardline-cli"], &[])?;
    let demo = Demo::start()?;
    demo.embed()?;
    demo.search()?;
    demo.export()?;
    demo.download()?;
    demo.drop_collection()?;
    demo.verify()?;
    demo.tamper()?;
    demo.carry_on();
    Ok(())
}

struct Demo {
    server: Server,
    policy: PathBuf,
}

/// Stops the server also where a step fails.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Demo {
    fn start() -> Result<Self, String> {
        let folder = target().join("demo");
        let _ = fs::remove_dir_all(&folder);
        let wrong = |e: std::io::Error| format!("{}: {e}", folder.display());
        fs::create_dir_all(&folder).map_err(wrong)?;
        let policy = folder.join("wardline.yaml");
        fs::copy(root().join("examples/axum-embeddings/wardline.yaml"), &policy).map_err(wrong)?;
        let mut child = Command::new(target().join("debug/axum-embeddings"))
            .arg("0")
            .env("WARDLINE_POLICY", &policy)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("the example cannot start: {e}"))?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("the example has no output")?;
        let read = BufReader::new(output).read_line(&mut line);
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_default().to_owned();
        let server = Server { child, address };
        if read.is_err() || server.address.is_empty() {
            return Err("the example did not start".to_owned());
        }
        println!("\nA guarded server listens on http://{}", server.address);
        println!("Its policy: {}", policy.display());
        Ok(Self { server, policy })
    }

    fn embed(&self) -> Outcome {
        title("1. An embedding request that holds personal data");
        let input = "Rosa asks to be called at +1 212 555 0142 or rosa.lind@example.com";
        let sent = format!(r#"{{"model": "feature-hash-384", "input": "{input}"}}"#);
        let masked = format!(
            r#"{{"model": "feature-hash-384", "input": "{}"}}"#,
            input
                .replace("Rosa", "[PERSON_NAME]")
                .replace("+1 212 555 0142", "[PHONE]")
                .replace("rosa.lind@example.com", "[EMAIL]")
        );
        let answer = self.send("POST", "/v1/embeddings", "ana", "analysts", Some(&sent))?;
        let control = self.send("POST", "/v1/embeddings", "ana", "analysts", Some(&masked))?;
        expect("the embedding is served", answer.status == 200, &answer)?;
        let vector = member(&answer.body, "\"embedding\":").ok_or("the answer holds no embedding")?;
        let same = member(&control.body, "\"embedding\":") == Some(vector);
        expect("its vector is that of the masked text: the model never saw the data", same, &control)?;
        let record = self.newest("inference.embed", "--limit=2")?;
        let first = record.lines().next().unwrap_or_default();
        expect_text(
            "the record counts what was masked",
            first,
            r#""totals":{"email":1,"person_name":1,"phone":1}"#,
        )?;
        expect("the record holds no value", !record.contains("rosa.lind@"), &answer)?;
        show("sent    ", input);
        show("embedded", member(&masked, "\"input\": ").unwrap_or_default());
        show("recorded", r#"{"email":1,"person_name":1,"phone":1}, no value"#);
        Ok(())
    }

    fn search(&self) -> Outcome {
        title("2. A search, its answer masked");
        let query =
            format!(r#"{{"query": [{}], "limit": 2, "with_payload": true}}"#, vec!["0.05"; 384].join(","));
        let answer =
            self.send("POST", "/qdrant/collections/notes/points/query", "ana", "analysts", Some(&query))?;
        expect("the search passes", answer.status == 200, &answer)?;
        expect("no address leaves", !answer.body.contains('@') && answer.body.contains("[EMAIL]"), &answer)?;
        expect("no salary leaves", answer.body.contains(r#""salary":"[REDACTED]""#), &answer)?;
        show("answer  ", &shorten(&answer.body));
        Ok(())
    }

    fn export(&self) -> Outcome {
        title("3. A bulk export: held, approved by a person, retried");
        let export =
            || self.send("POST", "/qdrant/collections/notes/points/scroll", "ana", "analysts", Some(EXPORT));
        let held = export()?;
        expect(
            "the export is held",
            held.status == 403 && held.body.contains(r#""code":"approval_required""#),
            &held,
        )?;
        let ticket = text(&held.body, "approval").ok_or("the answer names no approval")?;
        show("held    ", &held.body);
        let own = self.wardline(&["approval", "approve", &ticket, "--as", "ana"]);
        expect("ana cannot approve her own request", own.is_err(), &held)?;
        let listed = self.wardline(&["approval", "list"])?;
        expect_text("the approval is listed", &listed, &ticket)?;
        let approved =
            self.wardline(&["approval", "approve", &ticket, "--as", "sam", "--reason", "quarterly backup"])?;
        expect_text("sam of security approves", &approved, "sam approved")?;
        show("approved", approved.trim());
        let passed = export()?;
        expect("the same request passes now", passed.status == 200, &passed)?;
        let vectors = passed.body.matches("\"vector\":[").count();
        expect("1,200 vectors leave", vectors == 1_200, &passed)?;
        expect("and no address", !passed.body.contains('@'), &passed)?;
        let again = export()?;
        let next = text(&again.body, "approval").unwrap_or_default();
        expect("an approval serves one request", again.status == 403 && next != ticket, &again)?;
        let record = self.newest("vector.export", "--verdict=hold")?;
        expect_text("the record counts the vectors", &record, r#""vectors":1200"#)?;
        show("exported", &format!("{vectors} vectors, once; the next try is held again"));
        Ok(())
    }

    fn download(&self) -> Outcome {
        title("4. A model download: denied, granted for two seconds, denied again");
        let download = || self.send("GET", WEIGHTS, "ana", "analysts", None);
        let denied = download()?;
        expect("without a grant it is denied", denied.body.contains(r#""code":"grant_required""#), &denied)?;
        show("denied  ", &denied.body);
        let grant = self.wardline(&[
            "grant",
            "issue",
            "--who",
            "user:ana",
            "--operation",
            "model.download",
            "--until",
            "2s",
            "--uses",
            "5",
            "--reason",
            "evaluation",
            "--as",
            "lee",
        ])?;
        show("granted ", grant.trim());
        // Another process issued it: the server sees it at its next look at the store.
        let passed = retry(|| download().map(|answer| (answer.status == 200).then_some(answer)))?;
        expect("under the grant it passes", passed.status == 200, &passed)?;
        thread::sleep(Duration::from_millis(2_100));
        let ended = download()?;
        expect("the grant ends by itself", ended.body.contains(r#""code":"grant_required""#), &ended)?;
        show("ended   ", &ended.body);
        Ok(())
    }

    fn drop_collection(&self) -> Outcome {
        title("5. What no rule allows");
        let denied = self.send("DELETE", "/qdrant/collections/notes", "ana", "analysts", None)?;
        expect(
            "a drop is denied",
            denied.status == 403 && denied.body.contains(r#""code":"denied""#),
            &denied,
        )?;
        show("denied  ", &denied.body);
        let unknown = self.send(
            "POST",
            "/qdrant/collections/notes/points/scroll/../drop",
            "ana",
            "analysts",
            Some("{}"),
        )?;
        expect("what no catalogue knows is denied", unknown.status == 403, &unknown)
    }

    fn verify(&self) -> Outcome {
        title("6. The log");
        // The server's worker writes within a moment of each answer.
        thread::sleep(Duration::from_millis(1_300));
        let log = self.wardline(&["audit", "query"])?;
        for word in [
            "inference.embed",
            "vector.search",
            "vector.export",
            "model.download",
            "collection.drop",
            "issued by lee",
        ] {
            expect_text("the log tells it all", &log, word)?;
        }
        println!("{}", log.trim());
        let verified = self.wardline(&["audit", "verify"])?;
        expect_text("the log verifies", &verified, "sound")?;
        println!("\n{}", verified.trim());
        Ok(())
    }

    /// A copy of the log with one bit changed must not verify.
    fn tamper(&self) -> Outcome {
        let copy = target().join("demo/tampered");
        let from = self.policy.with_file_name("state");
        copy_all(&from, &copy.join("state")).map_err(|e| format!("cannot copy the state: {e}"))?;
        let policy = copy.join("wardline.yaml");
        let segment = copy.join("state/log/w0001/seg/000000000001.seg");
        let change = || {
            fs::copy(&self.policy, &policy)?;
            let mut bytes = fs::read(&segment)?;
            if let Some(byte) = bytes.get_mut(300) {
                *byte ^= 1;
            }
            fs::write(&segment, bytes)
        };
        change().map_err(|e| format!("cannot alter the copy: {e}"))?;
        let verify = Command::new(target().join("debug/wardline"))
            .args(["audit", "verify", "--policy"])
            .arg(&policy)
            .output()
            .map_err(|e| format!("wardline: {e}"))?;
        let said = String::from_utf8_lossy(&verify.stdout).into_owned();
        if verify.status.success() || !said.contains("NOT SOUND") {
            return Err(format!("a log with one bit changed verified: {said}"));
        }
        let line = said.lines().find(|line| line.contains("NOT SOUND")).unwrap_or_default();
        show("one bit of a copy changed", line);
        Ok(())
    }

    fn carry_on(&self) {
        let policy = self.policy.display();
        let built = target().join("debug");
        println!("\nAll as expected. To carry on by hand:");
        println!("  WARDLINE_POLICY={policy} {}/axum-embeddings 8080 &", built.display());
        println!(
            "  curl -s localhost:8080/v1/embeddings -H 'x-user: ana' -H 'content-type: application/json' \\"
        );
        println!(
            "       -d '{{\"model\": \"feature-hash-384\", \"input\": \"mail rosa.lind@example.com\"}}'"
        );
        println!("  {}/wardline audit query --policy {policy}", built.display());
        println!("  {}/wardline approval list --policy {policy}", built.display());
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        user: &str,
        groups: &str,
        body: Option<&str>,
    ) -> Result<Response, String> {
        send(&self.server.address, method, target, user, groups, body)
    }

    /// The command, on the policy of the demo.
    fn wardline(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new(target().join("debug/wardline"));
        command.args(args).env("WARDLINE_POLICY", &self.policy);
        quiet(&format!("wardline {}", args.join(" ")), &mut command)
    }

    /// Records of one operation, once the worker has written them.
    fn newest(&self, operation: &str, further: &str) -> Result<String, String> {
        retry(|| {
            let found = self.wardline(&["audit", "query", "--json", "--operation", operation, further])?;
            Ok((!found.is_empty()).then_some(found))
        })
    }
}

/// Tries for two seconds.
fn retry<T>(mut attempt: impl FnMut() -> Result<Option<T>, String>) -> Result<T, String> {
    for _ in 0..40 {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("what was awaited did not come within two seconds".to_owned())
}

fn title(text: &str) {
    println!("\n── {text}");
}

fn show(what: &str, text: &str) {
    println!("   {what}  {text}");
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(300).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn expect(what: &str, holds: bool, answer: &Response) -> Outcome {
    if holds {
        println!("   ✓ {what}");
        return Ok(());
    }
    Err(format!("not as expected: {what}; status {}, {}", answer.status, shorten(&answer.body)))
}

fn expect_text(what: &str, text: &str, part: &str) -> Outcome {
    if text.contains(part) {
        println!("   ✓ {what}");
        return Ok(());
    }
    Err(format!("not as expected: {what}; no {part:?} in {}", shorten(text)))
}

/// The text behind a marker up to the end of the array or string that stands there.
fn member<'t>(text: &'t str, marker: &str) -> Option<&'t str> {
    let rest = text.get(text.find(marker)? + marker.len()..)?;
    let end = if rest.starts_with('[') { rest.find(']')? } else { rest.get(1..)?.find('"')? + 1 };
    rest.get(..=end)
}

/// The value of a text member.
fn text(json: &str, name: &str) -> Option<String> {
    member(json, &format!("\"{name}\":")).map(|value| value.trim_matches('"').to_owned())
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy_all(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
