//! Every state that both machines can reach, with every event at every moment: nothing that must not happen is reachable.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use wardline::clock::Timestamp;
use wardline::grant::{
    Aliases, Answer, Approval, ApprovalEvent, ApprovalState, Approvals, Grant, GrantEvent, GrantState,
    Grants, Opening, Outcome, Take,
};
use wardline::identity::Identity;
use wardline::store::MemoryStore;

use crate::{opening, person, steps, terms};

/// Walks every reachable `(state, now)`; `moves` gives the successors of one.
fn walk<S: Clone>(
    start: (S, u64),
    last: u64,
    key: impl Fn(&S) -> String,
    moves: impl Fn(&S, u64) -> Vec<S>,
) -> usize {
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([start]);
    while let Some((state, tick)) = open.pop_front() {
        if !seen.insert((key(&state), tick)) {
            continue;
        }
        if tick < last {
            open.push_back((state.clone(), tick + 1));
        }
        open.extend(moves(&state, tick).into_iter().map(|next| (next, tick)));
    }
    seen.len()
}

#[test]
fn every_path_of_an_approval() {
    let store = MemoryStore::new();
    let asked = Opening {
        steps: steps(&[(&["sec"], 1), (&["data"], 1)]),
        break_glass: vec!["web".to_owned()],
        pending_for: Duration::from_millis(3),
        usable_for: Duration::from_millis(2),
        ..opening('a')
    };
    let start = Approvals::new(&store).open_or_find(&asked).unwrap().approval;
    let opened = start.opened_at;
    let at = |tick: u64| opened + Duration::from_millis(tick);
    let people = [
        person("sam", &["sec"]),
        person("both", &["sec", "data"]),
        person("dan", &["data"]),
        person("web", &["web"]),
        person("ana", &["sec", "data"]),
        person("eve", &["other"]),
        Identity::anonymous().with_groups(["sec"]),
    ];
    let none = Aliases::default();
    let states = walk(
        (start, 0),
        7,
        |a| serde_json::to_string(a).unwrap(),
        |approval, tick| {
            let now = at(tick);
            check_approval(approval, now);
            let state = approval.state(now);
            let mut events: Vec<ApprovalEvent<'_>> = vec![
                ApprovalEvent::Consume { digest: &approval.digest },
                ApprovalEvent::Consume { digest: "another" },
                ApprovalEvent::Supersede,
            ];
            for by in &people {
                events.push(ApprovalEvent::Cancel { by, reason: "x" });
                if approval.comments.is_empty()
                    && ["ana", "sam", "eve", Identity::ANONYMOUS].contains(&&*by.subject)
                {
                    events.push(ApprovalEvent::Comment { by, text: " why? " });
                }
                for answer in [Answer::Approve, Answer::Deny] {
                    events.push(ApprovalEvent::Vote { by, answer, reason: None });
                }
                for reason in [None, Some("fire")] {
                    events.push(ApprovalEvent::Vote { by, answer: Answer::BreakGlass, reason });
                }
            }
            let mut next = Vec::new();
            for event in &events {
                let Ok(moved) = approval.step(event, &none, now) else { continue };
                check_approval(&moved, now);
                let (to, why) = (moved.state(now), format!("{event:?} on {approval:?}"));
                use ApprovalState::{Approved, Cancelled, Denied, Pending, Used};
                let fits = match event {
                    ApprovalEvent::Consume { digest } => {
                        (state, to) == (Approved, Used) && *digest == approval.digest
                    }
                    ApprovalEvent::Supersede => matches!(state, Pending | Approved) && to == Cancelled,
                    ApprovalEvent::Cancel { by, .. } => {
                        matches!(state, Pending | Approved) && to == Cancelled && by.subject == "ana"
                    }
                    // Those behind it and those who are asked speak while it is open, and nothing is decided by that.
                    ApprovalEvent::Comment { by, .. } => {
                        matches!(state, Pending | Approved)
                            && to == state
                            && moved.votes == approval.votes
                            && moved.comments.len() == 1
                            && by.subject != Identity::ANONYMOUS
                            && by.subject != "eve"
                    }
                    ApprovalEvent::Vote { by, answer: Answer::BreakGlass, reason } => {
                        (state, to, by.subject.as_str()) == (Pending, Approved, "web") && reason.is_some()
                    }
                    ApprovalEvent::Vote { by, answer, .. } => {
                        ["sam", "both", "dan"].contains(&by.subject.as_str())
                            && match answer {
                                Answer::Approve => state == Pending && matches!(to, Pending | Approved),
                                Answer::Deny => matches!(state, Pending | Approved) && to == Denied,
                                Answer::BreakGlass => false,
                            }
                    }
                };
                assert!(fits, "{why}");
                next.push(moved);
            }
            next
        },
    );
    assert!(states > 200, "{states}");
}

/// What must hold of any approval, by a rule apart from the code: two distinct people, one of each group.
fn check_approval(approval: &Approval, now: Timestamp) {
    let said: Vec<&str> =
        approval.votes.iter().filter(|v| v.answer == Answer::Approve).map(|v| v.by.as_str()).collect();
    let distinct: HashSet<&&str> = said.iter().collect();
    assert_eq!(distinct.len(), said.len(), "a person counted twice");
    // Two of three people, and each pair of them can fill both steps.
    let quorum = said.len() >= 2;
    let approved = matches!(approval.outcome, Some(Outcome::Approved { .. }));
    let broken = approval.votes.iter().any(|vote| vote.answer == Answer::BreakGlass);
    assert_eq!(broken, approval.is_broken());
    assert!(!approved || quorum || broken, "approved without the people: {approval:?}");
    assert!(approval.outcome.is_some() || !quorum, "not settled by a quorum: {approval:?}");
    if let Some(Outcome::Approved { at, usable_until, used_at, by }) = &approval.outcome {
        assert!(
            *at < approval.pending_until && used_at.is_none_or(|used| used >= *at && used < *usable_until)
        );
        let counted: Vec<usize> = by.iter().map(|c| c.step).collect();
        assert_eq!(counted, if broken { vec![] } else { vec![0, 1] });
        assert!(broken || by[0].by != by[1].by);
    }
    if approval.state(now) == ApprovalState::Approved {
        assert!(approval.ends().unwrap() > now);
    }
}

/// A grant together with what the world took from it: the books that the machine cannot see.
#[derive(Clone)]
struct Books {
    grant: Grant,
    /// Leased and not given back.
    uses: u64,
    amount: u64,
}

#[test]
fn every_path_of_a_grant() {
    let store = MemoryStore::new();
    let asked = terms(r#""until": "4ms", "uses": 2, "quota": ["vectors", 3]"#);
    let mut grant = Grants::new(&store).issue(&asked, "cleo").unwrap();
    let issued = grant.issued_at;
    grant.from = issued + Duration::from_millis(1);
    let key = |b: &Books| format!("{} {} {}", serde_json::to_string(&b.grant).unwrap(), b.uses, b.amount);
    let states = walk((Books { grant, uses: 0, amount: 0 }, 0), 6, key, |books, tick| {
        let now = issued + Duration::from_millis(tick);
        let grant = &books.grant;
        let state = grant.state(now);
        assert!(books.uses <= 2 && books.amount <= 3, "more was leased than granted");
        assert_eq!((books.uses, books.amount), (grant.used, grant.spent));
        let mut next = Vec::new();
        let revoke = GrantEvent::Revoke { by: "dora".to_owned(), reason: "x".to_owned() };
        if let Ok(grant) = grant.step(&revoke, now) {
            assert!(!matches!(state, GrantState::Revoked | GrantState::Expired));
            assert!((tick..9).all(|t| grant.state(issued + Duration::from_millis(t)) == GrantState::Revoked));
            next.push(Books { grant, ..books.clone() });
        }
        for uses in 0..=3 {
            for (need, want) in [(0, 0), (1, 1), (1, 3), (2, 2), (3, 3), (4, 4)] {
                let event =
                    GrantEvent::Lease { uses: Take::exactly(uses), amount: Take::between(need, want) };
                let Ok(after) = grant.step(&event, now) else { continue };
                assert!(now >= grant.from && now < grant.until && grant.revoked.is_none());
                let (took_uses, took) = (after.used - grant.used, after.spent - grant.spent);
                assert!(took_uses == uses && (need..=want).contains(&took));
                next.push(Books { uses: books.uses + took_uses, amount: books.amount + took, grant: after });
            }
        }
        for (uses, amount) in [(1, 1), (2, 3), (3, 0), (0, 4)] {
            let Ok(after) = grant.step(&GrantEvent::HandOn { uses, amount }, now) else { continue };
            // Before it begins too; what is handed on is the world's, and never comes back.
            assert!(now < grant.until && grant.revoked.is_none());
            assert_eq!((after.used - grant.used, after.spent - grant.spent), (uses, amount));
            if after.handed_on < 3 {
                next.push(Books { uses: books.uses + uses, amount: books.amount + amount, grant: after });
            }
        }
        for (uses, amount) in (0..=books.uses).flat_map(|u| (0..=books.amount).map(move |a| (u, a))) {
            let after = grant.step(&GrantEvent::GiveBack { uses, amount }, now).unwrap();
            if matches!(state, GrantState::Revoked | GrantState::Expired) {
                assert_eq!(after.state(now), state, "what ended does not come back");
            }
            next.push(Books { grant: after, uses: books.uses - uses, amount: books.amount - amount });
        }
        next
    });
    assert!(states > 100, "{states}");
}
