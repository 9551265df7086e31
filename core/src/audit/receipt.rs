//! Receipts: what an outsider needs to be sure of one exchange, in one file that is checked without the machine that wrote it.
//!
//! A receipt holds the entries of the exchange, and those of the approval and the grant that let it happen, byte for byte and as people read
//! them, each with its proof (C2SP tlog-proof) under a signed checkpoint. Whoever has the public keys of the logs needs nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::merkle::Hash;
use super::prove::{Proof, prove};
use super::read::{frames, slots};
use super::record::{Kind, Record};
use super::{blob, list, log};
use crate::error::{Error, ErrorKind};
use crate::keys::PublicKey;
use crate::model::{ApprovalId, GrantId, RecordId};

/// The first line of a proof's text.
const PROOF: &str = "c2sp.org/tlog-proof@v1";

/// What proves one exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of this form: 1.
    pub receipt: u32,
    /// The exchange, or the approval or grant, that it is about.
    pub about: String,
    /// Its entries in the order of their logs.
    pub entries: Vec<Proved>,
}

/// One entry, and that it stands in its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proved {
    /// What it says, for people: what the bytes below say, or nothing is proved.
    pub record: Record,
    /// The entry as it is written in the log (`core/data/record.tsv`), in base64.
    pub entry: String,
    /// Where the entry is cut short in the log: the whole of it, whose SHA-256 the entry names, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
    /// Where more ids passed than the record names: each file of digests that it names instead, in base64 by its SHA-256.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub listed: BTreeMap<String, String>,
    /// Its proof, as C2SP tlog-proof writes it.
    pub proof: String,
    /// The key of the log. It is compared with those that are known, never believed.
    pub key: String,
}

impl Receipt {
    const VERSION: u32 = 1;

    /// The receipt of everything in the logs of a state folder that is about `id`: an exchange, an approval or a grant. What let
    /// an exchange happen is part of it.
    ///
    /// # Errors
    /// Where nothing is about it, an entry is not signed yet, or the logs cannot be read.
    pub fn of(state: &Path, id: &str) -> Result<Self, Error> {
        let mut about = About { id: id.into(), approvals: Vec::new(), grants: Vec::new() };
        for slot in slots(state)? {
            frames(&state.join("log").join(slot), &mut |_, bytes| about.learn(bytes))?;
        }
        let mut entries = Vec::new();
        for slot in slots(state)? {
            let folder = state.join("log").join(&slot);
            let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
            frames(&folder, &mut |index, bytes| {
                if Record::read(bytes).is_ok_and(|record| about.has(&record)) {
                    found.push((index, bytes.to_vec()));
                }
            })?;
            for (index, bytes) in found {
                entries.push(Proved::of(state, &folder, &slot, index, bytes)?);
            }
        }
        if entries.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "no entry of the logs is about that id"));
        }
        Ok(Self { receipt: Self::VERSION, about: id.to_owned(), entries })
    }

    /// The records that it proves, with the digests of all ids that passed as far as their lists came along ([`Census::more`](crate::model::Census)), where every one of its entries stands in a log of one of `keys`.
    ///
    /// # Errors
    /// What does not hold, by the number of the entry, counted from 1.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<Vec<Record>, Error> {
        let wrong = |number: usize, what: &str| {
            Error::new(ErrorKind::Log, format!("entry {number} of the receipt: {what}"))
        };
        if self.receipt != Self::VERSION {
            return Err(Error::new(ErrorKind::Input, "expected a receipt of version 1"));
        }
        if self.entries.is_empty() {
            return Err(Error::new(ErrorKind::Log, "the receipt has no entries"));
        }
        let mut records = Vec::with_capacity(self.entries.len());
        for (number, proved) in (1..).zip(&self.entries) {
            let key = keys.iter().find(|key| key.to_string() == proved.key);
            let key = key.ok_or_else(|| wrong(number, "its log's key is none of those that are trusted"))?;
            let proof = Proof::read(&proved.proof)
                .map_err(|e| wrong(number, "its proof is not one").with_source(e))?;
            let entry = BASE64.decode(&proved.entry).map_err(|_| wrong(number, "it is not in base64"))?;
            if !proof.holds(&entry, key).map_err(|e| wrong(number, "its checkpoint").with_source(e))? {
                return Err(wrong(number, "it is not in the log that its proof speaks of"));
            }
            let read = |bytes: &[u8]| {
                Record::read(bytes).map_err(|e| wrong(number, "it is not a record").with_source(e))
            };
            let mut record = read(&entry)?;
            let whole = proved.whole.as_ref().map(|whole| BASE64.decode(whole).unwrap_or_default());
            match (&record.whole, &whole) {
                (Some(name), Some(whole)) if blob::is(whole, name) => record = read(whole)?,
                (None, None) => {}
                _ => return Err(wrong(number, "the whole of it is not what the log names")),
            }
            if record != proved.record {
                return Err(wrong(number, "it says another thing than the log"));
            }
            if !proved.give_back(&mut record) {
                return Err(wrong(number, "a list of ids is not what the log names"));
            }
            records.push(record);
        }
        if !records.iter().any(|record| is_about(record, &self.about)) {
            return Err(Error::new(ErrorKind::Log, "no entry of the receipt is about what it says it is"));
        }
        Ok(records)
    }
}

fn is_about(record: &Record, id: &str) -> bool {
    record.id.as_str() == id
        || record.approval.as_ref().is_some_and(|approval| approval.as_str() == id)
        || record.grant.as_ref().is_some_and(|grant| grant.as_str() == id)
}

/// What entries belong together.
struct About {
    id: RecordId,
    approvals: Vec<ApprovalId>,
    grants: Vec<GrantId>,
}

impl About {
    /// Notes what let the exchange happen.
    fn learn(&mut self, bytes: &[u8]) {
        let Ok(record) = Record::read(bytes) else { return };
        if is_about(&record, self.id.as_str()) {
            self.approvals.extend(record.approval);
            self.grants.extend(record.grant);
        }
    }

    fn has(&self, record: &Record) -> bool {
        let step = matches!(record.kind, Kind::Approval | Kind::Grant);
        is_about(record, self.id.as_str())
            || step && record.approval.as_ref().is_some_and(|id| self.approvals.contains(id))
            || step && record.grant.as_ref().is_some_and(|id| self.grants.contains(id))
    }
}

impl Proved {
    fn of(state: &Path, folder: &Path, slot: &str, index: u64, bytes: Vec<u8>) -> Result<Self, Error> {
        let mut record = Record::read(&bytes)?;
        let whole = record.whole.as_ref().map(|name| blob::read(folder, name)).transpose()?;
        if let Some(whole) = &whole {
            record = Record::read(whole)?;
        }
        let mut listed = BTreeMap::new();
        for list in list::files(&record) {
            listed.insert(list.sha256.clone(), BASE64.encode(blob::read(folder, list)?));
        }
        let key = fs::read_to_string(folder.join("key.pub"))
            .map_err(|e| log::at(folder, "has lost its public key", e))?;
        Ok(Self {
            record,
            listed,
            whole: whole.map(|bytes| BASE64.encode(bytes)),
            entry: BASE64.encode(bytes),
            proof: prove(state, slot, index)?.to_text(),
            key,
        })
    }
}

impl Proved {
    /// Puts the ids that are only digested into the record, from the lists that it names; whether all lists are such. One that did not come
    /// along says nothing.
    fn give_back(&self, record: &mut Record) -> bool {
        let mut known = 0;
        for passed in record.passed_mut() {
            let (Some(list), Some(census)) = (&passed.listed, &mut passed.census) else { continue };
            let Some(coded) = self.listed.get(&list.sha256) else { continue };
            let Some(bytes) = BASE64.decode(coded).ok().filter(|bytes| blob::is(bytes, list)) else {
                return false;
            };
            let (digests, rest) = bytes.as_chunks();
            if !rest.is_empty() {
                return false;
            }
            census.more = digests.to_vec();
            known += 1;
        }
        known >= self.listed.len()
    }
}

impl Proof {
    /// The proof as C2SP tlog-proof writes it.
    pub fn to_text(&self) -> String {
        let mut text = format!("{PROOF}\nindex {}\n", self.index);
        for hash in &self.path {
            text.push_str(&BASE64.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        text
    }

    /// Reads what [`to_text`](Self::to_text) or another writer of C2SP tlog-proof wrote. Extra data is passed over: nothing vouches for it.
    ///
    /// # Errors
    /// A text that is not a proof.
    pub fn read(text: &str) -> Result<Self, Error> {
        let wrong = || Error::new(ErrorKind::Input, format!("expected a proof that begins with {PROOF}"));
        let (head, note) = text.split_once("\n\n").ok_or_else(wrong)?;
        let mut lines = head.lines().peekable();
        if lines.next() != Some(PROOF) {
            return Err(wrong());
        }
        let _ = lines.next_if(|line| line.starts_with("extra "));
        let digits = lines.next().and_then(|line| line.strip_prefix("index ")).ok_or_else(wrong)?;
        let index: u64 = digits.parse().map_err(|_| wrong())?;
        if index.to_string() != digits {
            return Err(wrong());
        }
        let hash = |line: &str| Hash::try_from(BASE64.decode(line).ok()?).ok();
        let path = lines.map(hash).collect::<Option<Vec<_>>>().ok_or_else(wrong)?;
        Ok(Self { index, path, note: note.to_owned() })
    }
}
