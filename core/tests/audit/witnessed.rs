//! A witness that remembers how far a log was: it cosigns what goes on, and nothing else. What it reads, verifies and proves is read, verified and proved
//! by `signed_note` and `tlog_tiles`, which others wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{Hash, check_tree};
use wardline::audit::{Checkpoint, Journal, Log, NoKeeper, PublicKey, log_keys, witness};
use wardline::clock::Timestamp;
use wardline::keys::SigningKey;

use crate::{SEGMENT, record, written};

/// A witness of one log, as C2SP tlog-witness describes it.
struct Witness {
    key: SigningKey,
    log: PublicKey,
    known: Option<tlog_tiles::Checkpoint>,
}

impl Witness {
    fn add_checkpoint(&mut self, body: &str, at: u64) -> (u16, String) {
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let path: Vec<Hash> = lines.map(|line| Hash::parse_hash(line).unwrap()).collect();
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&self.log.to_string()).unwrap())]);
        let signed = Note::from_bytes(note.as_bytes()).unwrap();
        if signed.verify(&known).is_err() {
            return (403, String::new());
        }
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(signed.text()).unwrap();
        let size = self.known.as_ref().map_or(0, |known| known.size());
        if old != size {
            return (409, format!("{size}\n"));
        }
        let goes_on = self.known.as_ref().map_or(path.is_empty(), |known| {
            check_tree(&path, checkpoint.size(), *checkpoint.hash(), old, *known.hash()).is_ok()
        });
        if !goes_on {
            return (422, String::new());
        }
        self.known = Some(checkpoint);
        let text = note.split_once("\n\n").unwrap().0;
        let mut bytes = self.key.cosigner().id().to_vec();
        bytes.extend(at.to_be_bytes());
        bytes.extend(self.key.sign(format!("cosignature/v1\ntime {at}\n{text}\n").as_bytes()));
        let others = "\u{2014} somebody.example AAAAAAAAAAAAAAAA\n";
        (200, format!("{others}\u{2014} {} {}\n", self.key.name(), BASE64.encode(bytes)))
    }
}

fn now() -> Timestamp {
    Timestamp::from_millis(2_000_000_000_000)
}

#[test]
fn a_witness_cosigns_what_goes_on_and_a_log_that_was_rolled_back_shows() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 40);
    let copy = tempfile::tempdir().unwrap();
    let mut options = std::process::Command::new("cp");
    assert!(options.arg("-a").arg(folder.path().join("log")).arg(copy.path()).status().unwrap().success());

    let (_, log) = log_keys(folder.path()).unwrap().remove(0);
    let key = SigningKey::fresh("witness.example/w1").unwrap();
    let public = PublicKey::read_cosigner(&key.cosigner().to_string()).unwrap();
    let mut outsider = Witness { key, log: log.clone(), known: None };
    let state = folder.path();
    let cosign = |outsider: &mut Witness, state: &std::path::Path, old| {
        let body = witness::submission(state, "w0001", old).unwrap();
        let (status, answer) = outsider.add_checkpoint(&body, 1_900_000_000);
        (status, (status == 200).then(|| witness::cosigned(&body, &answer, &public, now()).unwrap()), answer)
    };
    assert_eq!(witness::cosigned_size(state, "w0001", &public), 0);
    let (status, note, _) = cosign(&mut outsider, state, 0);
    let note = note.unwrap();
    assert_eq!((status, Checkpoint::open(&note, &log).unwrap().size), (200, 40));
    assert_eq!(witness::cosigned_at(&note, &public).unwrap().millis(), 1_900_000_000_000);
    witness::keep_cosigned(state, "w0001", &public, &note).unwrap();
    assert_eq!(witness::cosigned_size(state, "w0001", &public), 40);

    let mut writer = Log::open_with(state, Box::new(NoKeeper), SEGMENT).unwrap();
    writer.append(&(40..700).map(record).collect::<Vec<_>>()).unwrap();
    drop(writer);
    assert_eq!(cosign(&mut outsider, state, 0).2, "40\n", "it says how much it knows");
    assert_eq!(cosign(&mut outsider, state, 40).0, 200);

    // The old copy goes on with other entries, under the log's own key.
    let mut forked = Log::open_with(copy.path(), Box::new(NoKeeper), SEGMENT).unwrap();
    forked.append(&(1_000..2_000).map(record).collect::<Vec<_>>()).unwrap();
    drop(forked);
    assert_eq!(cosign(&mut outsider, copy.path(), 700).0, 422);
}

#[test]
fn a_cosignature_of_another_or_of_later_is_none() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), Box::new(NoKeeper), 5);
    let (_, log) = log_keys(folder.path()).unwrap().remove(0);
    let key = SigningKey::fresh("witness.example/w1").unwrap();
    let public = key.cosigner();
    let body = witness::submission(folder.path(), "w0001", 0).unwrap();
    let (_, answer) = Witness { key, log, known: None }.add_checkpoint(&body, 1_900_000_000);
    assert!(witness::cosigned(&body, &answer, &public, now()).is_ok());
    assert!(witness::cosigned(&body, &answer, &public, Timestamp::from_millis(1_800_000_000_000)).is_err());
    let stranger = SigningKey::fresh("witness.example/w1").unwrap().cosigner();
    assert!(witness::cosigned(&body, &answer, &stranger, now()).is_err());
    let line = answer.lines().nth(1).unwrap();
    for at in 0..line.len() {
        let mut bytes = line.as_bytes().to_vec();
        bytes[at] ^= 2;
        if let Ok(changed) = String::from_utf8(bytes) {
            assert!(witness::cosigned(&body, &changed, &public, now()).is_err(), "byte {at}");
        }
    }
    let note = body.split_once("\n\n").unwrap().1;
    assert!(witness::cosigned_at(note, &public).is_err());
}
