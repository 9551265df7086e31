//! `wardline policy suggest`: rules for what came by and no rule allows, for people to read and to cut down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use wardline::audit::{self, Filter, Kind, Record};
use wardline::clock::Timestamp;
use wardline::identity::Identity;
use wardline::model::{Act, Operation, Risk};

use super::audit::folder;
use crate::args::{PolicyCommand, span};
use crate::{Outcome, Streams};

/// From this base risk on it is proposed to ask people.
const HOLD_FROM: Risk = Risk::new(65);
/// More names than these are told by what they begin with, or not at all.
const NAMES: usize = 8;
/// The codes of what no rule decided, where one could: what is left to the default, or asks for people or a grant for its risk.
const UNSPOKEN: [&str; 5] =
    ["default_deny", "default_hold", "default_allow", "risk_approval_required", "grant_required"];

pub(crate) fn run(args: &PolicyCommand, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let PolicyCommand::Suggest { state, from, until } = args;
    let (from, until) = span(("from", from.as_deref()), ("until", until.as_deref()))?;
    let filter = Filter { from, until, kind: Some(Kind::Exchange), ..Filter::default() };
    let (mut seen, mut unreadable) = (Seen::default(), 0_usize);
    for entry in audit::query(&folder(state)?, &filter)? {
        match entry {
            Ok(entry) => seen.add(&entry.record),
            Err(_) => unreadable += 1,
        }
    }
    let proposed = seen.rules();
    if json {
        streams.json(&proposed)?;
    } else if proposed.is_empty() {
        streams.say("# Rules speak of all that came by: nothing to propose.")?;
    } else {
        streams.say(
            "# What came by and no rule speaks of. Read each, cut it down, and give the reason for it.",
        )?;
        streams.say("rules:")?;
        for rule in &proposed {
            rule.lines().into_iter().try_for_each(|line| streams.say(line))?;
        }
    }
    if unreadable > 0 {
        writeln!(streams.err, "wardline: {unreadable} entries of the log cannot be read")?;
    }
    Ok(0)
}

/// What one caller did at one service.
type Doing = (Who, String, Operation);

/// Callers that one rule would speak of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Anonymous,
    User(String),
}

impl Who {
    fn user(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User(name) => Some(name),
        }
    }
}

#[derive(Default)]
struct Seen(BTreeMap<Doing, Doings>);

#[derive(Default)]
struct Doings {
    resources: BTreeSet<String>,
    requests: u64,
    last: Timestamp,
    /// The largest magnitude; none where one had no bound.
    most: Option<u64>,
    unbounded: bool,
}

impl Seen {
    fn add(&mut self, record: &Record) {
        let left = record.code.as_deref().is_some_and(|code| UNSPOKEN.contains(&code));
        let unspoken = left && record.rules.is_empty();
        let (true, Some(identity)) = (unspoken, &record.identity) else { return };
        for act in &record.acts {
            let doing = (who(identity), record.service.to_string(), act.operation);
            self.0.entry(doing).or_default().add(act, record.at);
        }
    }

    fn rules(&self) -> Vec<Proposed> {
        // What a caller does alike is one rule: the same operations at one service.
        let mut rules: Vec<Proposed> = Vec::new();
        for ((who, service, operation), doings) in &self.0 {
            if *operation == Operation::Unknown || service.is_empty() {
                continue;
            }
            let fresh = Proposed::of(who, service, *operation, doings);
            let alike = |rule: &&mut Proposed| rule.callers == fresh.callers && rule.reaches_as(&fresh);
            match rules.iter_mut().find(alike) {
                Some(rule) => {
                    rule.operations.push(operation.name());
                    rule.add(&fresh);
                }
                None => rules.push(fresh),
            }
        }
        // And so are callers who do alike.
        let mut joined: Vec<Proposed> = Vec::new();
        for rule in rules {
            let alike = |other: &&mut Proposed| {
                other.is_of_users()
                    && rule.is_of_users()
                    && other.operations == rule.operations
                    && other.reaches_as(&rule)
            };
            match joined.iter_mut().find(alike) {
                Some(other) => {
                    other.callers.extend(rule.callers.iter().cloned());
                    other.most = other.most.max(rule.most);
                    other.unbounded |= rule.unbounded;
                    other.add(&rule);
                }
                None => joined.push(rule),
            }
        }
        for (number, rule) in joined.iter_mut().enumerate() {
            rule.finish(number + 1);
        }
        joined
    }
}

fn who(identity: &Arc<Identity>) -> Who {
    if identity.is_anonymous() { Who::Anonymous } else { Who::User(identity.subject.clone()) }
}

impl Doings {
    fn add(&mut self, act: &Act, at: Timestamp) {
        self.resources.insert(act.resource.clone());
        self.requests += 1;
        self.last = self.last.max(at);
        self.unbounded |= act.magnitude.count.is_none();
        self.most = self.most.max(act.magnitude.count);
    }
}

/// A rule that is proposed.
#[derive(Debug, Serialize)]
struct Proposed {
    name: String,
    who: Vec<String>,
    services: [String; 1],
    operations: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    effect: &'static str,
    requests: u64,
    last: Timestamp,
    note: String,
    #[serde(skip)]
    callers: BTreeSet<Who>,
    /// Of the first operation: the largest magnitude, and whether one had no bound.
    #[serde(skip)]
    most: Option<u64>,
    #[serde(skip)]
    unbounded: bool,
    #[serde(skip)]
    unit: &'static str,
}

impl Proposed {
    fn of(who: &Who, service: &str, operation: Operation, doings: &Doings) -> Self {
        Self {
            name: String::new(),
            who: Vec::new(),
            services: [service.to_owned()],
            operations: vec![operation.name()],
            resources: names(&doings.resources),
            effect: if operation.base_risk() >= HOLD_FROM { "hold" } else { "allow" },
            requests: doings.requests,
            last: doings.last,
            note: String::new(),
            callers: BTreeSet::from([who.clone()]),
            most: doings.most,
            unbounded: doings.unbounded,
            unit: operation.unit().map_or("items", |unit| unit.name()),
        }
    }

    fn reaches_as(&self, other: &Self) -> bool {
        (&self.services, self.effect, &self.resources) == (&other.services, other.effect, &other.resources)
    }

    fn is_of_users(&self) -> bool {
        !self.callers.contains(&Who::Anonymous)
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.last = self.last.max(other.last);
    }

    /// Names it, and says whom it speaks of and what it rests on.
    fn finish(&mut self, number: usize) {
        self.name = format!("suggested-{number}");
        let users: BTreeSet<String> = self.callers.iter().filter_map(Who::user).map(str::to_owned).collect();
        self.who = match names(&users) {
            _ if users.is_empty() => vec!["anonymous".to_owned()],
            // Nothing tells so many from others: each is named.
            short if short.is_empty() => users.iter().map(|user| format!("user:{user}")).collect(),
            short => short.iter().map(|user| format!("user:{user}")).collect(),
        };
        self.note = match (self.unbounded, self.most) {
            (true, _) => format!("with no bound of {}", self.unit),
            (false, Some(most)) => format!("at most {most} {}", self.unit),
            _ => String::new(),
        };
    }

    /// The rule as a policy writes it, with what it rests on.
    fn lines(&self) -> Vec<String> {
        let list = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let mut lines = vec![
            format!("  # {} requests, the last at {}, {}", self.requests, self.last, self.note),
            format!("  - name: {}", self.name),
            format!("    who: [{}]", list(&self.who)),
            format!("    services: [{}]", list(&self.services)),
            format!("    operations: [{}]", self.operations.join(", ")),
        ];
        if !self.resources.is_empty() {
            lines.push(format!("    resources: [{}]", list(&self.resources)));
        }
        lines.push(format!("    effect: {}", self.effect));
        lines
    }
}

/// A text in single quotes, as YAML reads it back.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The names, or what many of them begin with; none where nothing tells them from others.
fn names(all: &BTreeSet<String>) -> Vec<String> {
    // A name that would read as a pattern, and the missing one, are told by no list of names.
    if all.iter().any(|name| {
        name.is_empty()
            || name.contains(['*', '?', '[', ']', '{', '}', '\\'])
            || name.chars().any(char::is_control)
    }) {
        return Vec::new();
    }
    if all.len() <= NAMES {
        return all.iter().cloned().collect();
    }
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return Vec::new() };
    // Sorted, the first and the last share what all share.
    let shared =
        first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect::<String>();
    let shared = shared.trim_end_matches(|c: char| c.is_alphanumeric()).to_owned();
    if shared.is_empty() { Vec::new() } else { vec![format!("{shared}*")] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_told_by_what_they_begin_with() {
        let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(&set(&["b".into(), "a".into()])), ["a", "b"]);
        let many: Vec<String> = (0..20).map(|n| format!("tenant-{n}")).collect();
        assert_eq!(names(&set(&many)), ["tenant-*"]);
        let mixed: Vec<String> = (0..20).map(|n| format!("{n}-x")).collect();
        assert_eq!(names(&set(&mixed)), [""; 0]);
        assert_eq!(names(&set(&["logs-*".into()])), [""; 0]);
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
