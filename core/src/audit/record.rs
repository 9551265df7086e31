//! One entry of the log: everything that a decision was made from, and what came of it.
//!
//! People, queries, exports and the JSON Schema see a record as JSON, fields in the order declared here. Its **canonical bytes**, which the log
//! holds and hashes, are the same document in a third of the room (`audit/compact/`); what each field is there stands in `core/data/record.tsv`.
//! An entry of a newer version, with fields that this one does not know, verifies and reads all the same.
//!
//! A record never holds a value that was found, a raw request target or a body: findings are name, path, length and
//! keyed digest, the target is the route template of the catalogue.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::capture::{Captured, Clear};
use super::compact;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::model::{
    Act, ApprovalId, Census, GrantId, Mode, RecordId, Risk, SessionId, Text, Unit, Unusual, Verdict,
};

/// One entry of the audit log. Build it from [`Record::new`] and fill in what is known.
///
/// ```
/// use wardline::audit::{Kind, Record};
/// use wardline::clock::Timestamp;
/// use wardline::model::RecordId;
/// let record = Record::new(Kind::Exchange, RecordId::fresh(), Timestamp::from_millis(0));
/// let bytes = record.canonical().unwrap();
/// assert_eq!(Record::read(&bytes).unwrap(), record);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Joins the begin and the end of one exchange.
    pub id: RecordId,
    /// What the entry is about.
    pub kind: Kind,
    /// When it began. Begin and end of one exchange carry the same instant here.
    pub at: Timestamp,
    /// When it ended; absent in a begin entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The session it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// W3C trace id: joins records, decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The service of the policy; empty where none was named.
    #[serde(default, skip_serializing_if = "Text::is_nothing")]
    pub service: Text,
    /// The system whose catalogue classified it, e.g. `qdrant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<Text>,
    /// Whether the service's verdicts are carried out.
    #[serde(default)]
    pub mode: Mode,
    /// The door it came through, e.g. `tower`, `asgi`, `express`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<Text>,
    /// Who asked, with the claims used and the hops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Arc<Identity>>,
    /// The address that it came from, as rules were asked about it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "as_text")]
    pub source: Option<IpAddr>,
    /// Keyed digest of the token or key that named the caller, in hex; only where the policy watches who sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Headers that name the caller and that this peer may not set: they went no further, unless the service is only observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoofed: Vec<Text>,
    /// The catalogue entry's route template, never the raw target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Text>,
    /// HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Text>,
    /// HTTP status that went to the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it does: each with operation, resource, magnitude and base risk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acts: Vec<Act>,
    /// The risk that was judged, and what it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Weighed>,
    /// In which ways it is unlike what its caller did before, as it was judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusual: Vec<Unusual>,
    /// Every rule that fitted, in policy order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Matched>,
    /// What the policy said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Verdict>,
    /// What was done: differs from `decided` in observe mode, or where a failure closed the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforced: Option<Verdict>,
    /// Stable code of a verdict other than a plain allow, e.g. `grant_required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Text>,
    /// Why, in a sentence without payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Text>,
    /// The grant that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// The grants in force for this caller when it was decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantId>,
    /// The budgets that were drawn on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Drawn>,
    /// The approval that was used or is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// Whether one person alone let it go on, in an emergency.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// Digest of the policy that decided, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Text>,
    /// Keyed digest of the request, as approvals are bound to it, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<Passed>>,
    /// What went out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Box<Passed>>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// For entries of kind approval, grant, policy and read: the step taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// For an entry of kind log and the step `lost`: what could not be recorded before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Where this entry is cut short because it would exceed the limit: the whole of it, beside the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Blob>,
}

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// On disk before the request was forwarded.
    Begin,
    /// Closes a begin.
    End,
    /// Begin and end in one.
    Exchange,
    /// A step of an approval.
    Approval,
    /// A step of a grant.
    Grant,
    /// Another policy came into force, or was refused.
    Policy,
    /// Somebody read the log, or replayed it.
    Read,
    /// Something was done to the log itself: it was pruned.
    Log,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// As records write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::End => "end",
            Self::Exchange => "exchange",
            Self::Approval => "approval",
            Self::Grant => "grant",
            Self::Policy => "policy",
            Self::Read => "read",
            Self::Log => "log",
            Self::Unknown => "unknown",
        }
    }
}

/// A risk and the terms that make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighed {
    /// The sum, capped at 100.
    pub total: Risk,
    /// Each term by name, e.g. `base`, `label:pii`, `watch:first_seen`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub terms: Vec<Term>,
}

/// One term of a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// Where it comes from.
    pub name: Text,
    /// How much it adds.
    pub points: u8,
}

/// A rule that fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The rule's name in the policy.
    pub rule: Text,
    /// What it said.
    pub verdict: Verdict,
    /// Why, e.g. `grant_required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Text>,
}

/// What an exchange drew from a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawn {
    /// The budget's name in the policy.
    pub budget: Text,
    /// The collection; `*` where several are named at once.
    pub resource: String,
    /// What it counts; different ids where nothing stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// How much it holds.
    pub limit: u64,
    /// How much was used within the window when this exchange drew or asked last.
    pub used: u64,
    /// How much of it this exchange had that was new.
    pub new: u64,
}

/// What passed in one direction.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Bytes that went on, after masking.
    pub bytes: u64,
    /// SHA-256 of those bytes, in hex. Absent of more than 16 KiB that pass as they came, unless the service has `digests: always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The first findings, in order of appearance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Found>,
    /// How many findings there were of each name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<Text, u64>,
    /// Values that carry vectors and were left out; in a request, fields that asked for them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub stripped: u64,
    /// Vectors, rows and ids that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub census: Option<Census>,
    /// What became of values in what was sent to be embedded, where the policy speaks of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embed: Option<EmbedInput>,
    /// What was found when the bytes that went on were read once more; absent where the policy does not ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reread: Option<Reread>,
    /// Where more ids passed than the census names: the digests of the others, beside the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Blob>,
    /// The bytes that went on, sealed beside the log, where the policy has them kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
    /// Why they are not, though the policy has them kept: `failed`, `backlog`, `memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncaptured: Option<Text>,
    /// The same on their way there. Never written by a log.
    #[serde(skip)]
    pub clear: Option<Box<Clear>>,
}

impl Record {
    /// What passed, in and out.
    pub fn passed(&self) -> impl Iterator<Item = &Passed> {
        self.request.iter().chain(&self.response).map(|passed| &**passed)
    }

    /// The same, to be changed.
    pub(crate) fn passed_mut(&mut self) -> impl Iterator<Item = &mut Passed> {
        self.request.iter_mut().chain(&mut self.response).map(|passed| &mut **passed)
    }
}

impl Passed {
    /// The findings that are named one by one, those that survived masking among them.
    pub fn found(&self) -> impl Iterator<Item = &Found> {
        self.findings.iter().chain(self.reread.iter().flat_map(|reread| &reread.findings))
    }
}

/// Values in what was sent to be embedded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedInput {
    /// What the policy chose: `mask`, `pass` or `deny`.
    pub choice: Text,
    /// How many values were found; absent where the body could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii_in_embed_input: Option<u64>,
    /// How many of them were masked: the vector is another one than that of the text that was sent.
    pub masked: u64,
}

/// What survived masking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reread {
    /// How many values; `None` where what went on could not be read.
    pub surviving: Option<u64>,
    /// The first of them, in order of appearance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Found>,
}

/// One finding: which, where, how long, and a keyed digest that joins equal values. Never the value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Entity, or the field path of the policy.
    pub name: Text,
    /// Path in the document; empty for plain text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Length of the value in bytes.
    pub length: u64,
    /// Keyed digest of the value, in hex.
    pub digest: String,
}

/// How an exchange ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In a word.
    pub result: Ending,
    /// Stable code or short reason; no payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}

/// The ways an exchange ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// All of the response went to the caller.
    Complete,
    /// It was refused.
    Denied,
    /// It waits for people.
    Held,
    /// Wardline cut it (quota, revocation, failed masking).
    Aborted,
    /// The caller or the service went away.
    Disconnected,
    /// Something failed, and the exchange was closed.
    Failed,
    /// An ending that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Ending {
    /// As records write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Denied => "denied",
            Self::Held => "held",
            Self::Aborted => "aborted",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One step of an approval, a grant or the policy, or a reading of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The step, e.g. `issued`, `revoked`, `voted`, `used`, `queried`.
    pub step: String,
    /// Who took it.
    pub by: String,
    /// The reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Entries that are not in the log, because it could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// How many: exchanges, and steps of people.
    pub entries: u64,
    /// How many of them are exchanges that went on all the same.
    pub went_on: u64,
    /// When the first of them began.
    pub from: Timestamp,
    /// When the last of them ended.
    pub until: Timestamp,
}

impl Gap {
    /// Both together.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            entries: self.entries.saturating_add(other.entries),
            went_on: self.went_on.saturating_add(other.went_on),
            from: self.from.min(other.from),
            until: self.until.max(other.until),
        }
    }
}

/// Bytes kept beside the log, under their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 in hex: the file's name in `blob/`.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// An address is a text in every form of a record.
mod as_text {
    use std::net::IpAddr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde asks by reference")]
    pub(super) fn serialize<S: Serializer>(
        address: &Option<IpAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<IpAddr>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let wrong = |_| de::Error::custom("expected an address");
        text.map(|text| text.parse().map_err(wrong)).transpose()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Record {
    /// An entry of which only kind, id and time are known.
    pub fn new(kind: Kind, id: RecordId, at: Timestamp) -> Self {
        Self {
            id,
            kind,
            at,
            ended_at: None,
            session: None,
            trace: None,
            service: Text::EMPTY,
            system: None,
            mode: Mode::default(),
            door: None,
            identity: None,
            source: None,
            credential: None,
            spoofed: Vec::new(),
            entry: None,
            method: None,
            status: None,
            acts: Vec::new(),
            risk: None,
            unusual: Vec::new(),
            rules: Vec::new(),
            decided: None,
            enforced: None,
            code: None,
            because: None,
            grant: None,
            grants: Vec::new(),
            budgets: Vec::new(),
            approval: None,
            break_glass: false,
            policy: None,
            digest: None,
            request: None,
            response: None,
            outcome: None,
            change: None,
            gap: None,
            whole: None,
        }
    }

    /// A step of somebody: of an approval, a grant, the policy, or in reading the log, where the reason is what is looked for.
    pub fn step(kind: Kind, at: Timestamp, step: &str, by: &str, reason: Option<&str>) -> Self {
        let mut record = Self::new(kind, RecordId::fresh(), at);
        record.change =
            Some(Change { step: step.to_owned(), by: by.to_owned(), reason: reason.map(str::to_owned) });
        record
    }

    /// The bytes that are logged and hashed (see the module).
    ///
    /// # Errors
    /// None in practice: every field can be encoded.
    pub fn canonical(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::with_capacity(512);
        self.canonical_into(&mut bytes)?;
        Ok(bytes)
    }

    /// The same, appended to `out`.
    ///
    /// # Errors
    /// None in practice: every field can be encoded.
    pub fn canonical_into(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        compact::write(out, self)
    }

    /// Reads canonical bytes. Of a newer version, what this one does not know is passed over.
    ///
    /// # Errors
    /// Where the bytes are not those of a record: each has one form, and nothing else is read.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        compact::read(bytes)
    }

    /// Reads the JSON of a record; members that this version does not know are passed over.
    ///
    /// # Errors
    /// Where it is not a record.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|e| {
            let at = format!("not a record (line {}, column {})", e.line(), e.column());
            Error::new(ErrorKind::Log, at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Operation;

    fn filled() -> Record {
        let mut record = Record::new(Kind::End, "rec_1".into(), Timestamp::from_millis(1_764_051_900_123));
        record.identity = Some(Arc::new(Identity::new("ana").with_groups(["analysts"])));
        record.acts = vec![Act::new(Operation::VectorExport, "docs"), Act::unknown()];
        record.decided = Some(Verdict::Deny);
        record.enforced = Some(Verdict::Allow);
        record.mode = Mode::Observe;
        record.risk =
            Some(Weighed { total: Risk::new(85), terms: vec![Term { name: "base".into(), points: 85 }] });
        record.response = Some(
            Passed {
                findings: vec![Found {
                    name: "email".into(),
                    path: "results[0].mail".into(),
                    length: 9,
                    digest: "3f2a".into(),
                }],
                ..Passed::default()
            }
            .into(),
        );
        record
    }

    #[test]
    fn json_is_the_fields_in_order_and_reads_back() {
        let record = filled();
        let json = serde_json::to_string(&record).unwrap();
        assert!(
            json.starts_with(
                r#"{"id":"rec_1","kind":"end","at":"2025-11-25T06:25:00.123Z","mode":"observe","#
            )
        );
        assert_eq!(Record::from_json(json.as_bytes()).unwrap(), record);
        assert_eq!(Record::read(&record.canonical().unwrap()).unwrap(), record);
    }

    #[test]
    fn newer_fields_and_words_do_not_stop_a_reader() {
        let text = br#"{"id":"rec_1","kind":"lease","at":"2025-11-25T06:25:00Z","later":{"x":[1]},"outcome":{"result":"paused"}}"#;
        let record = Record::from_json(text).unwrap();
        assert_eq!((record.kind, record.outcome.unwrap().result), (Kind::Unknown, Ending::Unknown));
    }

    #[test]
    fn an_error_quotes_nothing() {
        let error = Record::from_json(br#"{"id":"rec_1","kind":"end","at":"secret"}"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
