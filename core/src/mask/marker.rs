//! What all drivers share: the plan, the keys, the report, and the reading of one text.

use std::ops::Range;
use std::sync::Arc;

use crate::detect::{Carry, Context, Given, MAX_OPEN, skeleton};
use crate::keys::{Keys, Purpose};
use crate::model::Finding;
use crate::vector::Counter;

use super::Scopes;
use super::plan::{Plan, Rule};
use super::report::Report;
use super::sought::Sought;
use super::transform::{Keyring, Value};

/// Finds and replaces by one plan, and keeps the report.
#[derive(Debug)]
pub(super) struct Marker {
    pub(super) plan: Arc<Plan>,
    pub(super) keyring: Keyring,
    pub(super) report: Report,
    pub(super) counter: Option<Counter>,
    /// What is looked for where the driver stands.
    pub(super) sought: Arc<Sought>,
    /// The lists of entities that hold there, see [`within`](super::within).
    set: u64,
    /// What was looked for elsewhere in this body.
    known: Vec<(u64, Arc<Sought>)>,
    /// The lists that hold everywhere in the part of the body at hand.
    pub(super) around: u64,
    /// The lists that hold for a text without fields there.
    pub(super) bare: u64,
    /// Findings of the text at hand; kept to be used again.
    found: Vec<Finding>,
    /// Whether a value was found that must not pass at all.
    pub(super) denied: bool,
    /// Whether a detector that the host brings did not answer.
    pub(super) failed: bool,
}

/// A text stands in a value or in the name of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Value,
    Name,
}

impl Marker {
    pub(super) fn new(plan: Arc<Plan>, keys: Keys, counter: Option<Counter>) -> Self {
        let keyring = Keyring::new(keys, Scopes::default());
        Self {
            sought: plan.sought(0),
            set: 0,
            known: Vec::new(),
            around: 0,
            bare: plan.bare(),
            plan,
            keyring,
            report: Report::default(),
            counter,
            found: Vec::new(),
            denied: false,
            failed: false,
        }
    }

    /// Whether texts are read where the driver stands.
    pub(super) fn detects(&self) -> bool {
        !self.sought.detectors.is_empty()
    }

    /// The driver stands where these lists of entities hold.
    pub(super) fn stand(&mut self, set: u64) {
        if set == self.set {
            return;
        }
        let known = self.known.iter().find(|(known, _)| *known == set).map(|(_, sought)| Arc::clone(sought));
        self.sought = known.unwrap_or_else(|| {
            let sought = self.plan.sought(set);
            self.known.push((set, Arc::clone(&sought)));
            sought
        });
        self.set = set;
    }

    /// The driver stands in a text without fields.
    pub(super) fn stand_bare(&mut self) {
        self.stand(self.bare);
    }

    /// What is read now is a part of the body in which these lists hold; in a text without fields `bare` do.
    pub(super) fn enter(&mut self, around: u64, bare: u64) {
        (self.around, self.bare) = (around, bare);
    }

    /// The stream at hand brings texts in pieces, in this shape.
    pub(super) fn streams(&mut self, shape: usize) {
        self.around |= self.plan.within.as_ref().map_or(0, |within| within.elsewhere(shape));
    }

    /// The driver stands in a text that comes in pieces.
    pub(super) fn stand_in_piece(&mut self, path: usize) {
        let reaching = self.plan.within.as_ref().map_or(0, |within| within.piece(path));
        self.stand(self.around | reaching);
    }

    /// The findings of a whole text, for [`mark`](Self::mark); `None` where there are none. Give the list back with
    /// [`done`](Self::done).
    ///
    /// What only is to be observed has been noted, and is none of them.
    pub(super) fn find(
        &mut self,
        text: &[u8],
        key: Option<&str>,
        path: impl Fn() -> String,
    ) -> Option<Vec<Finding>> {
        self.look(text, key, Given::Whole, path)
    }

    /// The same for the name of a member.
    pub(super) fn find_in_name(&mut self, name: &[u8], path: impl Fn() -> String) -> Option<Vec<Finding>> {
        self.look(name, None, Given::Name, path)
    }

    fn look(
        &mut self,
        text: &[u8],
        key: Option<&str>,
        given: Given,
        path: impl Fn() -> String,
    ) -> Option<Vec<Finding>> {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        self.failed |= self.sought.detectors.whole(text, key, given, &mut found);
        if !found.is_empty() {
            self.sought.spare(text, &mut found);
            found.retain(|finding| !self.observed(text, finding, &path));
        }
        if found.is_empty() {
            self.found = found;
            return None;
        }
        Some(found)
    }

    pub(super) fn done(&mut self, found: Vec<Finding>) {
        self.found = found;
    }

    /// Notes a finding that stays as it is, if it is one.
    fn observed(&mut self, text: &[u8], finding: &Finding, path: impl FnOnce() -> String) -> bool {
        let observes = self.sought.observes && self.sought.entity(finding.entity).is_some_and(Rule::observes);
        if observes {
            self.mark(text, finding, Role::Value, path, &mut Vec::new());
        }
        observes
    }

    /// Notes one finding in a text and appends what stands in its place.
    pub(super) fn mark(
        &mut self,
        text: &[u8],
        finding: &Finding,
        role: Role,
        path: impl FnOnce() -> String,
        out: &mut Vec<u8>,
    ) {
        let value = text.get(finding.span.clone()).unwrap_or_default();
        let sought = self.sought.clone();
        if let Some(rule) = sought.entity(finding.entity) {
            if self.plan.rereads && rule.wrote(value) {
                return;
            }
            // A value longer than a stream holds back is known by its first part alone, here as there.
            let known = value.get(..MAX_OPEN.min(value.len())).unwrap_or_default();
            let digest = self.keyring.keys().digest(Purpose::Pseudonym, known);
            self.report.note(&rule.what, value.len(), &digest, path);
            self.denied |= rule.denies();
            let opaque = value.len() >= MAX_OPEN || finding.disguised;
            let value = Value { text: value, opaque, digest: &digest };
            match role {
                Role::Value => rule.write(value, &self.keyring, out),
                Role::Name => rule.write_name(value, &self.keyring, out),
            }
            if finding.disguised && !rule.observes() {
                // What opens inside the value may close behind it: markup stays well-formed.
                for tag in skeleton(value.text) {
                    out.extend_from_slice(tag);
                    out.push(b'>');
                }
            }
        }
    }

    /// The whole text with its findings replaced; `None` where it holds none.
    pub(super) fn text(
        &mut self,
        text: &[u8],
        key: Option<&str>,
        role: Role,
        path: impl Fn() -> String,
    ) -> Option<Vec<u8>> {
        let found = self.find(text, key, &path)?;
        let mut out = Vec::with_capacity(text.len());
        let mut from = 0;
        for finding in &found {
            out.extend_from_slice(text.get(from..finding.span.start).unwrap_or_default());
            self.mark(text, finding, role, &path, &mut out);
            from = finding.span.end;
        }
        out.extend_from_slice(text.get(from..).unwrap_or_default());
        self.done(found);
        Some(out)
    }

    /// Notes a whole value that a field rule covers and appends what stands in its place.
    pub(super) fn field(
        &mut self,
        rule: &Rule,
        value: &[u8],
        path: impl FnOnce() -> String,
        out: &mut Vec<u8>,
    ) {
        let digest = self.keyring.keys().digest(Purpose::Pseudonym, value);
        self.report.note(&rule.what, value.len(), &digest, path);
        self.denied |= rule.denies();
        rule.write(Value { text: value, opaque: false, digest: &digest }, &self.keyring, out);
    }

    /// The same for a value of which only length and digest are known by now.
    pub(super) fn digested(
        &mut self,
        rule: &Rule,
        length: usize,
        digest: &[u8; 32],
        path: impl FnOnce() -> String,
        out: &mut Vec<u8>,
    ) {
        self.report.note(&rule.what, length, digest, path);
        self.denied |= rule.denies();
        rule.write(Value { text: &[], opaque: true, digest }, &self.keyring, out);
    }
}

/// A stream of text, read piece by piece: what is kept between pieces is how far it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    /// Everything before this offset of the text has been answered for.
    pub(super) from: usize,
    carry: Carry,
}

/// One thing to replace in a stream of text.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) span: Range<usize>,
    /// Written in its place; empty for the rest of an overlong value.
    pub(super) text: Vec<u8>,
}

impl Reading {
    /// Reads on in `text`, of which everything before `from` was read before. `from` moves to where it is still open.
    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        text: &[u8],
        key: Option<&str>,
        last: bool,
        path: impl Fn() -> String,
    ) -> Vec<Mark> {
        let context = Context { key, carry: self.carry, given: Given::Pieces };
        let mut found = std::mem::take(&mut marker.found);
        found.clear();
        let sought = marker.sought.clone();
        let (start, continued) = (self.from, self.carry.inside().is_some());
        let open = sought.detectors.pass(text, start, &context, last, &mut found);
        marker.failed |= open.failed;
        (self.from, self.carry) = if last { (text.len(), Carry::default()) } else { (open.from, open.carry) };
        let mut marks = Vec::new();
        for (index, finding) in found.iter().enumerate() {
            let mut out = Vec::new();
            if continued && index == 0 && finding.span.start == start {
                marker.report.lengthen(finding.span.len());
                if sought.entity(finding.entity).is_some_and(Rule::observes) {
                    continue;
                }
            } else if sought.excepts(finding, text) || marker.observed(text, finding, &path) {
                continue;
            } else {
                marker.mark(text, finding, Role::Value, &path, &mut out);
            }
            marks.push(Mark { span: finding.span.clone(), text: out });
        }
        marker.found = found;
        marks
    }
}
