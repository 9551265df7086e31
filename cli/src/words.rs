//! What approvers read about a held request, in words: the same on a terminal and on the console's pages.
//!
//! Names come from callers. On a terminal [`plain`] keeps them from moving the cursor or turning the line around.

use wardline::grant::{Answer, Approval, Comment, Step, Vote};
use wardline::identity::{Hop, HopProof, Identity};
use wardline::model::Act;

/// Whose agreement a step takes.
pub(crate) fn step(step: &Step) -> String {
    format!("{} of {}", step.need, step.from.join(" or "))
}

/// All steps.
pub(crate) fn steps(approval: &Approval) -> String {
    joined(approval.steps.iter().map(step), " and ", "nobody")
}

/// What a person answered.
pub(crate) fn vote(vote: &Vote) -> String {
    let said = match vote.answer {
        Answer::Approve => "approved",
        Answer::Deny => "denied",
        Answer::BreakGlass => "broke the glass",
    };
    match &vote.reason {
        Some(reason) => format!("{} {said} ({reason})", vote.by),
        None => format!("{} {said}", vote.by),
    }
}

/// All votes.
pub(crate) fn votes(approval: &Approval) -> String {
    joined(approval.votes.iter().map(vote), ", ", "none")
}

/// What a person said beside the votes.
pub(crate) fn comment(comment: &Comment) -> String {
    format!("{} at {}: {}", comment.by, comment.at, comment.text)
}

/// Who asks: the caller, their groups, and the workloads in between with how each is known.
pub(crate) fn caller(identity: &Identity) -> String {
    let mut text = identity.subject.clone();
    if !identity.groups.is_empty() {
        text.push_str(&format!(" of {}", identity.groups.join(", ")));
    }
    for one in &identity.hops {
        text.push_str(&format!(" via {}", hop(one)));
    }
    text
}

/// Who asks for what: a service to do something, or a grant for it.
pub(crate) fn asks(who: &str, approval: &Approval) -> String {
    let (services, what) = (approval.services().join(", "), approval.what().join(", "));
    match approval.wants {
        Some(_) => format!("{who} asks for {what} at {services}"),
        None => format!("{who} asks {services} for {what}"),
    }
}

/// What holds a request; nothing where a grant is asked for.
pub(crate) fn held(approval: &Approval) -> Option<String> {
    match (&approval.wants, approval.rules.as_slice()) {
        (Some(_), _) => None,
        (None, []) => Some("the policy's thresholds".to_owned()),
        (None, rules) => Some(rules.join(", ")),
    }
}

/// One workload that a request came through.
pub(crate) fn hop(hop: &Hop) -> String {
    let known = match hop.verified_by {
        HopProof::Mtls => "by its certificate",
        HopProof::Jwt => "by a token",
        HopProof::TxnToken => "by a transaction token",
        HopProof::Seal => "by a seal",
        HopProof::Claimed => "only claimed",
        _ => "unknown how",
    };
    format!("{} ({known})", hop.workload)
}

/// Requests of the same caller that do the same, other than this one, newest first.
pub(crate) fn alike<'a>(approval: &Approval, all: &'a [Approval]) -> Vec<&'a Approval> {
    let same = |other: &&Approval| {
        let does = |act: &Act| approval.acts.iter().any(|mine| mine.operation == act.operation);
        other.id != approval.id
            && other.identity.subject == approval.identity.subject
            && (other.acts.iter().any(does) || (approval.wants.is_some() && other.wants.is_some()))
    };
    all.iter().rev().filter(same).collect()
}

/// Text that a terminal shows as it stands: what would move the cursor or turn the direction of writing is spelled out.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || turns {
            plain.extend(c.escape_unicode());
        } else {
            plain.push(c);
        }
    }
    plain
}

fn joined(parts: impl Iterator<Item = String>, between: &str, none: &str) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { none.to_owned() } else { parts.join(between) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_moves_no_cursor() {
        assert_eq!(plain("ana\u{1b}[2J\r\u{202e}x"), "ana\\u{1b}[2J\\u{d}\\u{202e}x");
        assert_eq!(plain("Ana Müller 安"), "Ana Müller 安");
    }
}
