//! Approvals over every store.

use std::time::Duration;

use wardline::grant::{
    Aliases, Answer, Approval, ApprovalRefusal, ApprovalState, Approvals, Consumed, Opening, Outcome,
};
use wardline::identity::{Hop, HopProof, Identity};
use wardline::store::Store;

use crate::{minutes, on_each_store, opening, person, steps};

fn state(store: &dyn Store, approval: &Approval) -> ApprovalState {
    Approvals::new(store).find(&approval.id).unwrap().unwrap().state(store.now().unwrap())
}

/// A02: a click from outside the groups is refused, said so, and changes nothing.
#[test]
fn only_people_of_the_groups_may_vote() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        for answer in [Answer::Approve, Answer::Deny] {
            let refused = approvals.vote(&held.id, &person("p9", &["web"]), answer, None).unwrap_err();
            assert_eq!(refused.code(), "not_eligible");
            assert!(refused.to_string().contains("not eligible"));
        }
        let nobody = Identity::anonymous().with_groups(["sec"]);
        assert!(approvals.vote(&held.id, &nobody, Answer::Approve, None).is_err());
        assert_eq!(state(store, &held), ApprovalState::Pending);
        assert!(approvals.find(&held.id).unwrap().unwrap().votes.is_empty());
    });
}

/// A04: any of two groups is one step, all of two groups are two.
#[test]
fn any_of_and_all_of_groups() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let any = Opening { steps: steps(&[(&["sec", "data"], 1)]), ..opening('a') };
        let all = Opening { steps: steps(&[(&["sec"], 1), (&["data"], 1)]), ..opening('b') };
        let [any, all] = [any, all].map(|o| approvals.open_or_find(&o).unwrap().approval);
        for held in [&any, &all] {
            approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        }
        assert_eq!(
            (state(store, &any), state(store, &all)),
            (ApprovalState::Approved, ApprovalState::Pending)
        );
        let settled = approvals.vote(&all.id, &person("dan", &["data"]), Answer::Approve, None).unwrap();
        let Some(Outcome::Approved { by, .. }) = settled.outcome else { panic!() };
        let counted: Vec<_> = by.iter().map(|c| (c.by.as_str(), c.step, c.group.as_str())).collect();
        assert_eq!(counted, [("sam", 0, "sec"), ("dan", 1, "data")]);
    });
}

/// One person fills one place, however many groups they are in; and who fills which place is found, not first come.
#[test]
fn two_steps_are_two_people_in_any_order() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let asked = Opening { steps: steps(&[(&["sec"], 1), (&["data"], 1)]), ..opening('a') };
        let held = approvals.open_or_find(&asked).unwrap().approval;
        approvals.vote(&held.id, &person("both", &["sec", "data"]), Answer::Approve, None).unwrap();
        assert_eq!(state(store, &held), ApprovalState::Pending);
        let again = approvals.vote(&held.id, &person("BOTH", &["sec", "data"]), Answer::Approve, None);
        assert_eq!(again.unwrap_err().code(), "conflict");
        approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        assert_eq!(state(store, &held), ApprovalState::Approved);
    });
}

#[test]
fn n_people_are_n_people() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let asked = Opening { steps: steps(&[(&["sec", "data"], 3)]), ..opening('a') };
        let held = approvals.open_or_find(&asked).unwrap().approval;
        for (name, group, after) in [
            ("a1", "sec", ApprovalState::Pending),
            ("a2", "data", ApprovalState::Pending),
            ("a3", "sec", ApprovalState::Approved),
        ] {
            approvals.vote(&held.id, &person(name, &[group]), Answer::Approve, None).unwrap();
            assert_eq!(state(store, &held), after);
        }
        let late = approvals.vote(&held.id, &person("a4", &["sec"]), Answer::Approve, None);
        assert_eq!(late.unwrap_err().code(), "conflict");
    });
}

#[test]
fn nobody_behind_a_request_votes_on_it_by_any_name() {
    on_each_store(|store, _| {
        let aliases = Aliases::new([["ana", "adm-ana"], ["sam", "sam-phone"]]);
        let approvals = Approvals::new(store).with_aliases(&aliases);
        let mut asked = Opening { steps: steps(&[(&["sec"], 2)]), ..opening('a') };
        asked.identity.hops = vec![Hop { workload: "agent-7".to_owned(), verified_by: HopProof::Claimed }];
        let held = approvals.open_or_find(&asked).unwrap().approval;
        for name in ["ana", "Ana", "adm-ana", "agent-7"] {
            for answer in [Answer::Approve, Answer::Deny] {
                let own = approvals.vote(&held.id, &person(name, &["sec"]), answer, None).unwrap_err();
                assert_eq!(own.code(), "not_eligible", "{name}");
            }
        }
        approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        let twice = approvals.vote(&held.id, &person("sam-phone", &["sec"]), Answer::Approve, None);
        assert_eq!(twice.unwrap_err().code(), "conflict");
        assert_eq!(state(store, &held), ApprovalState::Pending);
    });
}

/// A denial by one entitled person settles it, also for a repeated request, until voting would have ended.
#[test]
fn a_denial_stands_until_voting_would_have_ended() {
    on_each_store(|store, clock| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Deny, Some("no ticket")).unwrap();
        let retry = approvals.open_or_find(&opening('a')).unwrap();
        assert_eq!((retry.state, retry.opened, &retry.approval.id), (ApprovalState::Denied, false, &held.id));
        clock.advance(minutes(60));
        let fresh = approvals.open_or_find(&opening('a')).unwrap();
        assert!(fresh.opened && fresh.approval.id != held.id);
        assert_eq!(state(store, &held), ApprovalState::Denied);
    });
}

#[test]
fn an_approver_may_still_stop_what_is_not_used_yet() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        let sam = person("sam", &["sec"]);
        approvals.vote(&held.id, &sam, Answer::Approve, None).unwrap();
        approvals.vote(&held.id, &sam, Answer::Deny, Some("wrong collection")).unwrap();
        let used = approvals.consume(&held.id, &held.digest).unwrap();
        assert_eq!(used, Consumed::Refused(ApprovalRefusal::Stands(ApprovalState::Denied)));
        assert_eq!(approvals.find(&held.id).unwrap().unwrap().votes.len(), 2);
    });
}

#[test]
fn a_required_reason_is_one() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held =
            approvals.open_or_find(&Opening { reason_required: true, ..opening('a') }).unwrap().approval;
        let sam = person("sam", &["sec"]);
        for empty in [None, Some(""), Some(" \n")] {
            let refused = approvals.vote(&held.id, &sam, Answer::Approve, empty).unwrap_err();
            assert_eq!(refused.code(), "invalid_input");
        }
        let long = "x".repeat(4_097);
        assert!(approvals.vote(&held.id, &sam, Answer::Approve, Some(&long)).is_err());
        let voted = approvals.vote(&held.id, &sam, Answer::Approve, Some(" ticket 7 ")).unwrap();
        assert_eq!(voted.votes[0].reason.as_deref(), Some("ticket 7"));
    });
}

/// A07: three days to vote and ten minutes to use are two clocks, and the second starts at the approval.
#[test]
fn voting_and_using_have_their_own_time() {
    on_each_store(|store, clock| {
        let approvals = Approvals::new(store);
        let asked = Opening { pending_for: minutes(72 * 60), usable_for: minutes(10), ..opening('a') };
        let held = approvals.open_or_find(&asked).unwrap().approval;
        clock.advance(minutes(30));
        let approved = approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        assert_eq!(approved.ends(), Some(store.now().unwrap() + minutes(10)));
        clock.advance(minutes(10) - Duration::from_millis(1));
        assert_eq!(state(store, &held), ApprovalState::Approved);
        clock.advance(Duration::from_millis(1));
        assert_eq!(state(store, &held), ApprovalState::Expired);
        let late = approvals.consume(&held.id, &held.digest).unwrap();
        assert_eq!(late, Consumed::Refused(ApprovalRefusal::Stands(ApprovalState::Expired)));
        assert!(approvals.open_or_find(&asked).unwrap().opened);
    });
}

#[test]
fn nobody_votes_after_the_end() {
    on_each_store(|store, clock| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        clock.advance(minutes(60));
        let late = approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None);
        assert_eq!(late.unwrap_err().code(), "conflict");
        assert_eq!(state(store, &held), ApprovalState::Expired);
    });
}

/// A09: another request is another digest, hence another approval; and one cannot be used for the other.
#[test]
fn an_approval_belongs_to_the_request_that_was_shown() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let shown = approvals.open_or_find(&opening('a')).unwrap().approval;
        approvals.vote(&shown.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        let sent = approvals.open_or_find(&opening('b')).unwrap();
        assert!(sent.opened && sent.state == ApprovalState::Pending && sent.approval.id != shown.id);
        let used = approvals.consume(&shown.id, &sent.approval.digest).unwrap();
        assert_eq!(used, Consumed::Refused(ApprovalRefusal::OtherRequest));
        assert_eq!(state(store, &shown), ApprovalState::Approved);
    });
}

#[test]
fn it_serves_once() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        let early = approvals.consume(&held.id, &held.digest).unwrap();
        assert_eq!(early, Consumed::Refused(ApprovalRefusal::Stands(ApprovalState::Pending)));
        approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        let retry = approvals.open_or_find(&opening('a')).unwrap();
        assert_eq!((retry.state, retry.opened), (ApprovalState::Approved, false));
        assert!(matches!(approvals.consume(&held.id, &held.digest).unwrap(), Consumed::Now(_)));
        let twice = approvals.consume(&held.id, &held.digest).unwrap();
        assert_eq!(twice, Consumed::Refused(ApprovalRefusal::Stands(ApprovalState::Used)));
        assert!(approvals.open_or_find(&opening('a')).unwrap().opened);
    });
}

/// A08: what ended stays listed, with who, what, approver and reason.
#[test]
fn what_ended_stays_listed() {
    on_each_store(|store, clock| {
        let approvals = Approvals::new(store);
        let denied = approvals.open_or_find(&opening('a')).unwrap().approval;
        approvals.open_or_find(&opening('b')).unwrap();
        approvals.vote(&denied.id, &person("sam", &["sec"]), Answer::Deny, Some("no ticket")).unwrap();
        clock.advance(minutes(10_000));
        assert_eq!(approvals.list(None).unwrap().len(), 2);
        assert_eq!(approvals.list(Some(ApprovalState::Expired)).unwrap().len(), 1);
        let listed = approvals.list(Some(ApprovalState::Denied)).unwrap().remove(0);
        assert_eq!((listed.identity.subject.as_str(), listed.acts[0].resource.as_str()), ("ana", "docs"));
        assert_eq!(
            (listed.votes[0].by.as_str(), listed.votes[0].reason.as_deref()),
            ("sam", Some("no ticket"))
        );
    });
}

#[test]
fn only_the_requester_takes_a_request_back() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&opening('a')).unwrap().approval;
        let other = approvals.cancel(&held.id, &person("sam", &["sec"]), "").unwrap_err();
        assert_eq!(other.code(), "not_eligible");
        approvals.cancel(&held.id, &Identity::new("ana"), "not needed").unwrap();
        assert_eq!(state(store, &held), ApprovalState::Cancelled);
        assert!(approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).is_err());
        assert!(approvals.open_or_find(&opening('a')).unwrap().opened);
    });
}

#[test]
fn a_policy_that_asks_for_more_is_not_served_by_what_was_approved_for_less() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let old = approvals.open_or_find(&opening('a')).unwrap().approval;
        approvals.vote(&old.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        let stricter = Opening { steps: steps(&[(&["sec"], 2)]), policy: "p2".to_owned(), ..opening('a') };
        let new = approvals.open_or_find(&stricter).unwrap();
        assert!(new.opened && new.state == ApprovalState::Pending);
        assert_eq!(state(store, &old), ApprovalState::Cancelled);
        let same = Opening { policy: "p3".to_owned(), ..stricter };
        assert_eq!(approvals.open_or_find(&same).unwrap().approval.id, new.approval.id);
    });
}

#[test]
fn what_nobody_could_approve_is_not_opened() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        for wrong in [
            Opening { digest: "A".repeat(64), ..opening('a') },
            Opening { digest: "a".repeat(31), ..opening('a') },
            Opening { steps: vec![], ..opening('a') },
            Opening { steps: steps(&[(&[], 1)]), ..opening('a') },
            Opening { steps: steps(&[(&["sec"], 0)]), ..opening('a') },
            Opening { pending_for: Duration::ZERO, ..opening('a') },
            Opening { usable_for: Duration::ZERO, ..opening('a') },
            Opening { acts: vec![], ..opening('a') },
        ] {
            assert_eq!(approvals.open_or_find(&wrong).unwrap_err().code(), "invalid_input");
        }
        assert!(approvals.list(None).unwrap().is_empty());
    });
}

/// Those behind it and those who are asked speak while it is open; that settles nothing, and only those behind it take it back.
#[test]
fn an_approval_is_talked_about_and_taken_back() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let held = approvals.open_or_find(&Opening { break_glass: vec!["web".to_owned()], ..opening('a') });
        let held = held.unwrap().approval;
        for (by, text, code) in [
            (person("sam", &["sec"]), " why the whole of it? ", None),
            (held.identity.clone(), "a migration", None),
            (person("web", &["web"]), "seen", None),
            (person("eve", &["other"]), "me too", Some("not_eligible")),
            (Identity::anonymous().with_groups(["sec"]), "me too", Some("not_eligible")),
            (person("sam", &["sec"]), "  ", Some("invalid_input")),
        ] {
            let said = approvals.comment(&held.id, &by, text);
            assert_eq!(said.err().map(|error| error.code()), code, "{text}");
        }
        let long = "x".repeat(4_097);
        assert_eq!(approvals.comment(&held.id, &held.identity, &long).unwrap_err().code(), "invalid_input");
        let now = approvals.find(&held.id).unwrap().unwrap();
        let said: Vec<&str> = now.comments.iter().map(|comment| comment.text.as_str()).collect();
        assert_eq!(said, ["why the whole of it?", "a migration", "seen"]);
        assert_eq!((now.votes.len(), state(store, &held)), (0, ApprovalState::Pending));
        for number in now.comments.len()..Approval::MOST_COMMENTS {
            approvals.comment(&held.id, &held.identity, &number.to_string()).unwrap();
        }
        assert_eq!(approvals.comment(&held.id, &held.identity, "more").unwrap_err().code(), "conflict");

        let others = approvals.cancel(&held.id, &person("sam", &["sec"]), "mine");
        assert_eq!(others.unwrap_err().code(), "not_eligible");
        let held = approvals.vote(&held.id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        assert_eq!(state(store, &held), ApprovalState::Approved);
        approvals.cancel(&held.id, &held.identity, "not needed").unwrap();
        assert_eq!(state(store, &held), ApprovalState::Cancelled);
        let used = approvals.consume(&held.id, &held.digest).unwrap();
        assert_eq!(used, Consumed::Refused(ApprovalRefusal::Stands(ApprovalState::Cancelled)));
        assert_eq!(approvals.comment(&held.id, &held.identity, "late").unwrap_err().code(), "conflict");
        assert!(approvals.open_or_find(&opening('a')).unwrap().opened, "the same request may be held anew");
    });
}
