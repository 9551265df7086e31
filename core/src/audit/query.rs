//! Asking the log: who did what, when, to which vector, and was it approved.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::read::{entries, slots};
use super::{Ending, Kind, Outcome, Passed, Record, list};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::glob::Glob;
use crate::model::{ApprovalId, Census, GrantId, RecordId, SessionId, Verdict};

/// What to look for: everything that is set must fit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Filter {
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// One record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RecordId>,
    /// Records of one kind; begin and end of an exchange count as `exchange`. Where nothing is set, all but those of who read the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Glob>,
    /// A workload that the request came through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hop: Option<Glob>,
    /// What any act does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Glob>,
    /// On what any act does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<Glob>,
    /// What the policy decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Glob>,
    /// The id of a vector or row that came in or went out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
    /// What was found in what came in or went out: an entity, or a field path of the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<Glob>,
    /// The grant that was used, or whose step it is. Not one that was merely in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// The approval that was used or awaited, or whose step it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// How it ended; an exchange that never ended counts as failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Ending>,
    /// The digest of the policy that decided, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// A value that was found in what came in or went out: its keyed digest, as findings carry it
    /// ([`Keys::finding`](crate::keys::Keys::finding)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A record, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The slot of its log.
    pub slot: String,
    /// Its index in that log; of an exchange with two entries, that of the last.
    pub index: u64,
    /// Whether the exchange ended; `false` where its process died between begin and end.
    pub complete: bool,
    /// The record.
    pub record: Record,
}

impl Entry {
    /// An exchange that was begun and never ended, as it is shown: failed.
    pub(super) fn unended(mut self) -> Self {
        self.record.outcome = Some(Outcome { result: Ending::Failed, reason: Some("incomplete".into()) });
        self
    }
}

/// The records of a state folder that fit, oldest first. Before them stands an error for each entry that cannot be
/// read, fitting or not: one bad entry hides no other.
///
/// # Errors
/// Where the folder cannot be read at all.
pub fn query(state: &Path, filter: &Filter) -> Result<Vec<Result<Entry, Error>>, Error> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for slot in slots(state)? {
        let folder = state.join("log").join(&slot);
        if !folder.join("seg").exists() {
            continue;
        }
        let mut merge = Merge::new(&slot, |record: &Record| filter.fits_in(&folder, record));
        entries(&folder, &mut |index, record| {
            wrong.extend(record.and_then(|record| merge.add(index, record)).err());
        })?;
        found.extend(merge.finish()?);
    }
    found.sort_by(|a, b| (a.record.at, &a.record.id).cmp(&(b.record.at, &b.record.id)));
    Ok(wrong.into_iter().map(Err).chain(found.into_iter().map(Ok)).collect())
}

/// Joins begin and end of each exchange of one log. Holds only what fits, and exchanges that have not ended.
pub(super) struct Merge<'a, F> {
    slot: &'a str,
    fits: F,
    begun: HashMap<RecordId, Entry>,
    found: Vec<Entry>,
}

impl<'a, F: Fn(&Record) -> Result<bool, Error>> Merge<'a, F> {
    pub(super) fn new(slot: &'a str, fits: F) -> Self {
        Self { slot, fits, begun: HashMap::new(), found: Vec::new() }
    }

    /// Takes the next entry of the log.
    pub(super) fn add(&mut self, index: u64, record: Record) -> Result<(), Error> {
        let complete = record.kind != Kind::Begin;
        let ends = (record.kind == Kind::End).then(|| record.id.clone());
        let entry = Entry { slot: self.slot.to_owned(), index, complete, record };
        if let Some(id) = ends {
            self.begun.remove(&id);
        }
        if !complete {
            self.begun.insert(entry.record.id.clone(), entry);
        } else if (self.fits)(&entry.record)? {
            self.found.push(entry);
        }
        Ok(())
    }

    /// What fits. An exchange that never ended is shown as failed: its process died.
    pub(super) fn finish(mut self) -> Result<Vec<Entry>, Error> {
        for entry in self.begun.into_values().map(Entry::unended) {
            if (self.fits)(&entry.record)? {
                self.found.push(entry);
            }
        }
        Ok(self.found)
    }
}

impl Filter {
    /// Whether a record fits, by what it says: a vector is looked for among the ids that it names.
    pub fn fits(&self, record: &Record) -> bool {
        self.vector.as_ref().is_none_or(|id| carries(record, id)) && self.fits_but_for_vector(record)
    }

    /// The same, with the files beside the log in which the ids stand that are too many to be named.
    pub(super) fn fits_in(&self, folder: &Path, record: &Record) -> Result<bool, Error> {
        if !self.fits_but_for_vector(record) {
            return Ok(false);
        }
        match &self.vector {
            Some(id) if !carries(record, id) => list::has(folder, record, id),
            _ => Ok(true),
        }
    }

    fn fits_but_for_vector(&self, record: &Record) -> bool {
        let kind = match record.kind {
            Kind::Begin | Kind::End => Kind::Exchange,
            kind => kind,
        };
        let subject = record.identity.as_ref().map_or("", |identity| &identity.subject);
        self.from.is_none_or(|from| record.at >= from)
            && self.until.is_none_or(|until| record.at < until)
            && self.id.as_ref().is_none_or(|id| record.id == *id)
            && self.kind.map_or(kind != Kind::Read, |wanted| kind == wanted)
            && self.identity.as_ref().is_none_or(|glob| glob.matches(subject))
            && self.hop.as_ref().is_none_or(|glob| came_through(record, glob))
            && self
                .operation
                .as_ref()
                .is_none_or(|glob| record.acts.iter().any(|act| glob.matches(act.operation.name())))
            && self
                .resource
                .as_ref()
                .is_none_or(|glob| record.acts.iter().any(|act| glob.matches(&act.resource)))
            && self.verdict.is_none_or(|verdict| record.decided == Some(verdict))
            && self.session.as_ref().is_none_or(|session| record.session.as_ref() == Some(session))
            && self.service.as_ref().is_none_or(|glob| glob.matches(&record.service))
            && self.entity.as_ref().is_none_or(|glob| found_in(record, glob))
            && self.grant.as_ref().is_none_or(|grant| record.grant.as_ref() == Some(grant))
            && self.approval.as_ref().is_none_or(|approval| record.approval.as_ref() == Some(approval))
            && self
                .outcome
                .is_none_or(|wanted| record.outcome.as_ref().is_some_and(|outcome| outcome.result == wanted))
            && self.policy.as_ref().is_none_or(|digest| record.policy.as_deref() == Some(digest.as_str()))
            && self.value.as_ref().is_none_or(|digest| holds(record, digest))
    }
}

fn came_through(record: &Record, glob: &Glob) -> bool {
    let hops = record.identity.iter().flat_map(|identity| &identity.hops);
    hops.into_iter().any(|hop| glob.matches(&hop.workload))
}

/// The totals name all that was found, the findings only the first.
fn found_in(record: &Record, glob: &Glob) -> bool {
    record.passed().any(|passed| passed.totals.keys().any(|name| glob.matches(name)))
}

fn holds(record: &Record, digest: &str) -> bool {
    let passed = record.passed();
    passed.flat_map(Passed::found).any(|found| found.digest == digest)
}

fn carries(record: &Record, id: &str) -> bool {
    let digest = Census::digest(id);
    record
        .passed()
        .filter_map(|passed| passed.census.as_ref())
        .any(|census| census.ids.iter().any(|one| one == id) || census.more.contains(&digest))
}
