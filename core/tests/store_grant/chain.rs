//! Grants that are handed on, asked for, and limited; and glass that is broken.

use wardline::glob::Glob;
use wardline::grant::{
    Answer, ApprovalState, Approvals, Event, Grant, GrantState, Grants, Leased, Limits, Opening, Outbox,
    Outcome, Subscriber, Take, Terms,
};
use wardline::model::GrantId;
use wardline::store::Store;

use crate::{minutes, on_each_shared_store, on_each_store, open, opening, person, steps, terms};

/// What ana hands on to a job.
fn part(more: &str) -> Terms {
    let mut part = terms(more);
    part.scope.who = vec!["user:svc-job".parse().unwrap()];
    part
}

fn state(store: &dyn Store, grant: &Grant) -> GrantState {
    Grants::new(store).find(&grant.id).unwrap().unwrap().state(store.now().unwrap())
}

#[test]
fn what_is_handed_on_leaves_the_grant() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let grant =
            grants.issue(&terms(r#""until": "2h", "uses": 5, "quota": ["vectors", 100]"#), "cleo").unwrap();
        let ana = person("ana", &[]);
        let first = grants
            .hand_on(&grant.id, &ana, &part(r#""until": "1h", "uses": 2, "quota": ["vectors", 60]"#))
            .unwrap();
        assert_eq!((first.issued_by.as_str(), first.parent.as_ref()), ("ana", Some(&grant.id)));
        let left = grants.find(&grant.id).unwrap().unwrap();
        assert_eq!((left.uses_left(), left.quota_left(), left.handed_on), (Some(3), Some(40), 1));
        // Nothing is there twice: neither for another part nor for the grant's own use.
        let more = part(r#""until": "1h", "uses": 1, "quota": ["vectors", 41]"#);
        assert_eq!(grants.hand_on(&grant.id, &ana, &more).unwrap_err().code(), "conflict");
        assert!(matches!(
            grants.lease(&grant.id, Take::exactly(1), Take::exactly(41)).unwrap(),
            Leased::Refused(_)
        ));
        assert!(matches!(
            grants.lease(&first.id, Take::exactly(1), Take::exactly(60)).unwrap(),
            Leased::Taken(_)
        ));
    });
}

#[test]
fn nothing_is_widened() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let mut wide = terms(
            r#""until": "2h", "from": "2026-03-01T10:30:00Z", "uses": 5, "when": ["mon-fri 08:00-18:00 UTC"]"#,
        );
        wide.scope.resources = vec![Glob::new("docs*").unwrap()];
        let grant = grants.issue(&wide, "cleo").unwrap();
        let ana = person("ana", &[]);
        let hand_on = |part: &Terms| grants.hand_on(&grant.id, &ana, part);
        for (wider, more) in [
            ("until", r#""until": "3h", "uses": 1"#),
            ("until", r#""until": "2026-03-01T12:30:01Z", "uses": 1"#),
            ("from", r#""until": "1h", "uses": 1, "from": "2026-03-01T10:29:59Z""#),
            ("uses", r#""until": "1h""#),
            ("when", r#""until": "1h", "uses": 1, "when": ["sat UTC"]"#),
        ] {
            let error = hand_on(&part(more)).unwrap_err();
            assert!(error.code() == "invalid_input" && error.to_string().contains(wider), "{more}: {error}");
        }
        type Change = fn(&mut Terms);
        let changes: [(&str, Change); 3] = [
            ("resources", |part| part.scope.resources = vec![Glob::new("d*").unwrap()]),
            ("services", |part| part.scope.services = vec![Glob::new("*").unwrap()]),
            ("operations", |part| part.scope.operations.push(Glob::new("vector.search").unwrap())),
        ];
        for (wider, change) in changes {
            let mut part = part(r#""until": "1h", "uses": 1"#);
            change(&mut part);
            let error = hand_on(&part).unwrap_err();
            assert!(error.to_string().contains(wider), "{error}");
        }
        // Who may not use it hands nothing on.
        let refused = grants.hand_on(&grant.id, &person("bea", &[]), &part(r#""until": "1h", "uses": 1"#));
        assert_eq!(refused.unwrap_err().code(), "not_eligible");
        assert_eq!(grants.find(&grant.id).unwrap().unwrap().handed_on, 0);
        // Narrower in everything; what it does not say is the grant's.
        let mut narrow = part(r#""until": "2h", "uses": 1"#);
        narrow.scope.resources = vec![Glob::new("docs-eu*").unwrap()];
        let part = hand_on(&narrow).unwrap();
        assert_eq!((part.from, part.until, &part.when), (grant.from, grant.until, &grant.when));
        let standing = Grant { id: GrantId::from("standing_x"), ..grant.clone() };
        let _ =
            store.put(Grants::TABLE, "standing_x", None, &serde_json::to_vec(&standing).unwrap()).unwrap();
        assert_eq!(grants.hand_on(&standing.id, &ana, &narrow).unwrap_err().code(), "not_eligible");
    });
}

#[test]
fn all_that_was_handed_on_ends_with_the_grant() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let grant = grants.issue(&terms(r#""until": "2h""#), "cleo").unwrap();
        let other = grants.issue(&terms(r#""until": "2h""#), "cleo").unwrap();
        let job = grants.hand_on(&grant.id, &person("ana", &[]), &part(r#""until": "1h""#)).unwrap();
        let mut next = part(r#""until": "30m""#);
        next.scope.who = vec!["user:svc-worker".parse().unwrap()];
        let worker = grants.hand_on(&job.id, &person("svc-job", &[]), &next).unwrap();
        let apart = grants.hand_on(&other.id, &person("ana", &[]), &part(r#""until": "1h""#)).unwrap();
        grants.revoke(&worker.id, "cleo", "done").unwrap();
        let again = grants.hand_on(&job.id, &person("svc-job", &[]), &next).unwrap();
        grants.revoke(&grant.id, "cleo", "incident").unwrap();
        for ended in [&grant, &job, &worker, &again] {
            assert_eq!(state(store, ended), GrantState::Revoked);
        }
        for left in [&other, &apart] {
            assert_eq!(state(store, left), GrantState::Active);
        }
        assert_eq!(grants.hand_on(&job.id, &person("svc-job", &[]), &next).unwrap_err().code(), "conflict");
    });
}

/// However handing on and revoking cross, nothing that was handed on outlives the grant.
#[test]
fn handing_on_and_revoking_at_once() {
    on_each_shared_store(|name| {
        for round in 0..20 {
            let store = open(name);
            let grant = Grants::new(&*store).issue(&terms(r#""until": "2h", "uses": 64"#), "cleo").unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let store = open(name);
                        let part = part(r#""until": "1h", "uses": 1"#);
                        // Refused from the revocation on.
                        while Grants::new(&*store).hand_on(&grant.id, &person("ana", &[]), &part).is_ok() {}
                    });
                }
                scope.spawn(|| {
                    let store = open(name);
                    std::thread::sleep(std::time::Duration::from_millis(round));
                    // It may be that all uses are handed on by now: that ends nothing.
                    Grants::new(&*store).revoke(&grant.id, "cleo", "incident").unwrap();
                });
            });
            let now = store.now().unwrap();
            let all = Grants::new(&*store).list().unwrap();
            let parts: Vec<_> = all.iter().filter(|one| one.parent.as_ref() == Some(&grant.id)).collect();
            assert!(parts.iter().all(|part| part.state(now) == GrantState::Revoked), "round {round}");
            let parent = all.iter().find(|one| one.id == grant.id).unwrap();
            assert_eq!((parent.used, parent.handed_on), (parts.len() as u64, parts.len() as u64));
        }
    });
}

fn wish(terms: Terms) -> Opening {
    Opening {
        service: String::new(),
        acts: vec![],
        wants: Some(Box::new(terms)),
        steps: steps(&[(&["sec"], 2)]),
        ..opening('a')
    }
}

#[test]
fn a_grant_that_is_asked_for_begins_with_the_deciding_vote() {
    on_each_store(|store, clock| {
        let subscribers = [Subscriber { name: "chat".to_owned(), events: Event::ALL.to_vec() }];
        let approvals = Approvals::new(store).telling(&subscribers);
        let asked = approvals.open_or_find(&wish(terms(r#""until": "1h", "uses": 3"#))).unwrap();
        assert!(!approvals.open_or_find(&wish(terms(r#""until": "1h", "uses": 3"#))).unwrap().opened);
        let id = asked.approval.id.clone();
        assert_eq!(asked.approval.what(), ["vector.export on docs (a grant for user:ana, for 1h)"]);
        approvals.vote(&id, &person("sam", &["sec"]), Answer::Approve, None).unwrap();
        assert!(Grants::new(store).list().unwrap().is_empty());
        clock.advance(minutes(30));
        let now = store.now().unwrap();
        let settled = approvals.vote(&id, &person("kim", &["sec"]), Answer::Approve, None).unwrap();
        assert_eq!(settled.state(now), ApprovalState::Used);
        let [grant] = <[Grant; 1]>::try_from(Grants::new(store).list().unwrap()).unwrap();
        assert_eq!(settled.granted.as_ref(), Some(&grant.id));
        assert_eq!((grant.from, grant.until, grant.uses), (now, now + minutes(60), Some(3)));
        assert_eq!((grant.issued_by.as_str(), grant.approval.as_ref()), ("kim", Some(&id)));
        // It is used: no second grant comes of it.
        assert!(approvals.vote(&id, &person("lee", &["sec"]), Answer::Approve, None).is_err());
        let told: Vec<_> = Outbox::list(store).unwrap().iter().map(|letter| letter.notice.event).collect();
        for event in [Event::ApprovalOpened, Event::ApprovalApproved, Event::GrantIssued] {
            assert_eq!(told.iter().filter(|told| **told == event).count(), 1, "{event:?}");
        }
    });
}

#[test]
fn nobody_approves_a_grant_for_themselves() {
    on_each_store(|store, _| {
        let approvals = Approvals::new(store);
        let mut terms = terms(r#""until": "1h""#);
        terms.scope.who = vec!["user:sam".parse().unwrap(), "group:ops".parse().unwrap()];
        let id = approvals.open_or_find(&wish(terms)).unwrap().approval.id;
        for voter in [person("ana", &["sec"]), person("sam", &["sec"]), person("kim", &["sec", "ops"])] {
            let error = approvals.vote(&id, &voter, Answer::Approve, None).unwrap_err();
            assert_eq!(error.code(), "not_eligible", "{voter:?}");
        }
        assert!(approvals.vote(&id, &person("lee", &["sec"]), Answer::Approve, None).is_ok());
    });
}

#[test]
fn an_end_that_has_passed_cannot_be_granted_any_more() {
    on_each_store(|store, clock| {
        let approvals = Approvals::new(store);
        let asked =
            Opening { steps: steps(&[(&["sec"], 1)]), ..wish(terms(r#""until": "2026-03-01T10:20:00Z""#)) };
        let id = approvals.open_or_find(&asked).unwrap().approval.id;
        clock.advance(minutes(20));
        let error = approvals.vote(&id, &person("sam", &["sec"]), Answer::Approve, None).unwrap_err();
        assert_eq!(error.code(), "invalid_input");
        assert!(Grants::new(store).list().unwrap().is_empty());
        let approval = approvals.vote(&id, &person("sam", &["sec"]), Answer::Deny, Some("too late")).unwrap();
        assert_eq!(approval.state(store.now().unwrap()), ApprovalState::Denied);
    });
}

#[test]
fn a_grant_names_its_ticket_where_that_is_asked() {
    on_each_store(|store, _| {
        let limits = Limits { tickets: vec![Glob::new("OPS-*").unwrap()], ..Limits::none().clone() };
        let grants = Grants::new(store).within(&limits);
        for more in [r#""until": "1h""#, r#""until": "1h", "ticket": "OPS""#] {
            let error = grants.issue(&terms(more), "cleo").unwrap_err();
            assert!(error.code() == "invalid_input" && error.to_string().contains("OPS-*"), "{error}");
        }
        let grant = grants.issue(&terms(r#""until": "1h", "ticket": "OPS-7""#), "cleo").unwrap();
        let part = grants.hand_on(&grant.id, &person("ana", &[]), &part(r#""until": "1h""#)).unwrap();
        assert_eq!(part.ticket.as_deref(), Some("OPS-7"));
    });
}

#[test]
fn glass_is_broken_by_one_whom_the_policy_names_with_a_reason() {
    on_each_store(|store, _| {
        let subscribers = [Subscriber { name: "chat".to_owned(), events: Event::ALL.to_vec() }];
        let approvals = Approvals::new(store).telling(&subscribers);
        let asked = Opening {
            steps: steps(&[(&["sec"], 2)]),
            break_glass: vec!["oncall".to_owned()],
            ..opening('a')
        };
        let id = approvals.open_or_find(&asked).unwrap().approval.id;
        let ana = person("ana", &["oncall"]);
        let breaks = |who, reason| approvals.vote(&id, who, Answer::BreakGlass, reason);
        let sam = person("sam", &["sec"]);
        assert_eq!(breaks(&sam, Some("fire")).unwrap_err().code(), "not_eligible");
        assert_eq!(breaks(&ana, Some("  ")).unwrap_err().code(), "invalid_input");
        // One's own request too: that is what it is for.
        let broken = breaks(&ana, Some("the index is on fire")).unwrap();
        assert!(broken.is_broken() && broken.state(store.now().unwrap()) == ApprovalState::Approved);
        assert!(matches!(&broken.outcome, Some(Outcome::Approved { by, .. }) if by.is_empty()));
        let told: Vec<_> = Outbox::list(store).unwrap().iter().map(|letter| letter.notice.event).collect();
        assert!(told.contains(&Event::ApprovalBreakGlass) && !told.contains(&Event::ApprovalApproved));
        // Where the policy names nobody, nobody does.
        let plain = approvals.open_or_find(&opening('b')).unwrap().approval.id;
        let refused = approvals.vote(&plain, &ana, Answer::BreakGlass, Some("fire")).unwrap_err();
        assert_eq!(refused.code(), "not_eligible");
    });
}
