//! What a record can be found by, and what a filter asks for, as the same terms.

use sha2::{Digest, Sha256};

use crate::audit::list;
use crate::audit::query::Filter;
use crate::audit::record::{Kind, Passed, Record};
use crate::glob::Glob;
use crate::model::Verdict;

/// What a term is about. The numbers stand in the index: a new meaning needs a new layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Field {
    Kind = 1,
    Identity = 2,
    Hop = 3,
    Operation = 4,
    Resource = 5,
    Verdict = 6,
    Session = 7,
    Service = 8,
    Vector = 9,
    Entity = 10,
    Grant = 11,
    Approval = 12,
    Outcome = 13,
    Policy = 14,
    Value = 15,
    /// That more vectors passed than are named: which, stands beside the log.
    Listed = 16,
    Record = 17,
}

impl Field {
    /// Whether it holds ids and digests, which are as many as entries: their terms are drawn from what they are, and no pattern is asked of them.
    pub(super) fn is_drawn(self) -> bool {
        matches!(
            self,
            Self::Session | Self::Vector | Self::Grant | Self::Approval | Self::Value | Self::Record
        )
    }

    /// Below the terms of a field that have rows, and above those of the one before: what is of one field lies together.
    pub(super) fn ground(self) -> i64 {
        i64::from(self as u8) << FIELD
    }

    /// The term of such a text. Two texts that share one are told apart when their records are read.
    pub(super) fn drawn(self, text: &str) -> i64 {
        let digest = Sha256::new().chain_update([self as u8]).chain_update(text).finalize();
        i64::from_le_bytes(*digest.first_chunk().unwrap_or(&[0; 8])) | i64::MIN
    }
}

/// The terms of a field that have rows are told apart in so many bits.
pub(super) const FIELD: u32 = 40;

/// What stands under [`Field::Listed`].
pub(super) const MANY: &str = "many";

/// Names the terms of a record, some of them more than once.
pub(super) fn of(record: &Record, put: &mut dyn FnMut(Field, &str)) {
    let kind = match record.kind {
        Kind::Begin | Kind::End => Kind::Exchange,
        kind => kind,
    };
    put(Field::Kind, kind.name());
    put(Field::Record, record.id.as_str());
    // A pattern may fit the empty name too: who is nobody, and what is of no service.
    put(Field::Identity, record.identity.as_ref().map_or("", |identity| &identity.subject));
    put(Field::Service, &record.service);
    for hop in record.identity.iter().flat_map(|identity| &identity.hops) {
        put(Field::Hop, &hop.workload);
    }
    for act in &record.acts {
        put(Field::Operation, act.operation.name());
        put(Field::Resource, &act.resource);
    }
    if let Some(verdict) = record.decided {
        put(Field::Verdict, verdict.name());
    }
    let ids = [
        (Field::Session, record.session.as_ref().map(|id| id.as_str())),
        (Field::Grant, record.grant.as_ref().map(|id| id.as_str())),
        (Field::Approval, record.approval.as_ref().map(|id| id.as_str())),
        (Field::Policy, record.policy.as_deref()),
        (Field::Outcome, record.outcome.as_ref().map(|outcome| outcome.result.name())),
    ];
    for (field, text) in ids {
        if let Some(text) = text {
            put(field, text);
        }
    }
    if list::any(record) {
        put(Field::Listed, MANY);
    }
    for passed in record.passed() {
        of_passed(passed, put);
    }
}

fn of_passed(passed: &Passed, put: &mut dyn FnMut(Field, &str)) {
    for id in passed.census.iter().flat_map(|census| &census.ids) {
        put(Field::Vector, id);
    }
    for name in passed.totals.keys() {
        put(Field::Entity, name);
    }
    for found in passed.found() {
        put(Field::Value, &found.digest);
    }
}

/// What a filter asks of one field.
pub(super) enum Asked<'f> {
    Text(&'f str),
    /// The named ones, and all that may hold more.
    Vector(&'f str),
    Pattern(&'f Glob),
}

/// What a filter asks for, besides time.
pub(super) fn asked(filter: &Filter) -> Vec<(Field, Asked<'_>)> {
    let globs = [
        (Field::Identity, &filter.identity),
        (Field::Hop, &filter.hop),
        (Field::Operation, &filter.operation),
        (Field::Resource, &filter.resource),
        (Field::Service, &filter.service),
        (Field::Entity, &filter.entity),
    ];
    let globs = globs.into_iter().filter_map(|(field, glob)| {
        glob.as_ref().map(|glob| match glob.is_exact() {
            true => (field, Asked::Text(glob.as_str())),
            false => (field, Asked::Pattern(glob)),
        })
    });
    let texts = [
        (Field::Record, filter.id.as_ref().map(|id| id.as_str())),
        (Field::Kind, filter.kind.map(Kind::name)),
        (Field::Verdict, filter.verdict.map(Verdict::name)),
        (Field::Session, filter.session.as_ref().map(|id| id.as_str())),
        (Field::Grant, filter.grant.as_ref().map(|id| id.as_str())),
        (Field::Approval, filter.approval.as_ref().map(|id| id.as_str())),
        (Field::Outcome, filter.outcome.map(|outcome| outcome.name())),
        (Field::Policy, filter.policy.as_deref()),
        (Field::Value, filter.value.as_deref()),
    ];
    let texts = texts.into_iter().filter_map(|(field, text)| text.map(|text| (field, Asked::Text(text))));
    let vector = filter.vector.as_deref().map(|id| (Field::Vector, Asked::Vector(id)));
    globs.chain(texts).chain(vector).collect()
}
