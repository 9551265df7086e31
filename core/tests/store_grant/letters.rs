//! The outbox over every store: written with what happened, sent by one at a time, never lost.

use std::time::Duration;

use wardline::grant::{Answer, Approvals, Event, Grants, Letter, LetterState, Outbox, Parcel, Subscriber};
use wardline::store::Store;

use crate::{minutes, on_each_store, opening, person, terms};

fn subscribers() -> Vec<Subscriber> {
    let subscriber = |name: &str, events: &[Event]| Subscriber { name: name.into(), events: events.into() };
    vec![subscriber("all", &Event::ALL), subscriber("denials", &[Event::ApprovalDenied])]
}

/// The events that a subscriber's letters tell, oldest first.
fn told(store: &dyn Store, to: &str) -> Vec<&'static str> {
    let letters = Outbox::list(store).unwrap();
    letters.iter().filter(|letter| letter.to == to).map(|letter| letter.notice.event.name()).collect()
}

fn claim(store: &dyn Store, outbox: &mut Outbox) -> Vec<Parcel> {
    outbox.refresh(store).unwrap();
    outbox.claim(store, "all", 9).unwrap()
}

fn only(store: &dyn Store) -> Letter {
    let mut letters = Outbox::list(store).unwrap();
    assert_eq!(letters.len(), 1);
    letters.remove(0)
}

#[test]
fn each_step_is_told_once_to_whoever_asked_for_it() {
    on_each_store(|store, _| {
        let subscribers = subscribers();
        let approvals = Approvals::new(store).telling(&subscribers);
        let [a, b] = ['a', 'b'].map(|digest| approvals.open_or_find(&opening(digest)).unwrap().approval);
        approvals.open_or_find(&opening('a')).unwrap();
        let sam = person("sam", &["sec"]);
        approvals.vote(&a.id, &sam, Answer::Approve, Some("card 4711 of ana")).unwrap();
        assert!(approvals.vote(&a.id, &sam, Answer::Approve, None).is_err());
        approvals.vote(&b.id, &sam, Answer::Deny, None).unwrap();
        let grants = Grants::new(store).telling(&subscribers);
        let grant = grants.issue(&terms(r#""until": "1h""#), "cleo").unwrap();
        grants.revoke(&grant.id, "dora", "leaked token 4711").unwrap();
        let expected = [
            "approval.opened",
            "approval.opened",
            "approval.approved",
            "approval.denied",
            "grant.issued",
            "grant.revoked",
        ];
        assert_eq!(told(store, "all"), expected);
        assert_eq!(told(store, "denials"), ["approval.denied"]);
        let letters = Outbox::list(store).unwrap();
        let by: Vec<_> = letters.iter().filter_map(|letter| letter.notice.by.as_deref()).collect();
        assert_eq!(by, ["sam", "sam", "sam", "cleo", "dora"]);
        assert!(!format!("{letters:?}").contains("4711"), "what people write stays with the approval");
        // Who is told of nothing writes nothing.
        let before = store.revision().unwrap();
        Approvals::new(store).open_or_find(&opening('c')).unwrap();
        assert_eq!(Outbox::list(store).unwrap().len(), letters.len());
        assert_eq!(store.revision().unwrap(), before + 1);
    });
}

#[test]
fn an_expiry_is_told_once_whoever_sees_it() {
    on_each_store(|store, clock| {
        let subscribers = subscribers();
        let approvals = Approvals::new(store).telling(&subscribers);
        let [held, other] =
            ['a', 'b'].map(|digest| approvals.open_or_find(&opening(digest)).unwrap().approval);
        approvals.vote(&other.id, &person("sam", &["sec"]), Answer::Deny, None).unwrap();
        let mut outboxes = [Outbox::default(), Outbox::default()];
        for (passed, expected) in [(0, 0), (60, 1), (60, 1)] {
            clock.advance(minutes(passed));
            for outbox in &mut outboxes {
                outbox.refresh(store).unwrap();
                outbox.note_expired(store, &subscribers).unwrap();
            }
            let expired: Vec<_> = Outbox::list(store)
                .unwrap()
                .into_iter()
                .filter(|letter| letter.notice.event == Event::ApprovalExpired)
                .collect();
            assert_eq!(expired.len(), expected);
            assert!(expired.iter().all(|letter| letter.notice.about == held.id.as_str()));
        }
    });
}

#[test]
fn one_sends_at_a_time_and_whoever_dies_leaves_it_to_another() {
    on_each_store(|store, clock| {
        let subscribers = subscribers();
        Grants::new(store).telling(&subscribers).issue(&terms(r#""until": "1h""#), "cleo").unwrap();
        let (mut first, mut second) = (Outbox::default(), Outbox::default());
        second.refresh(store).unwrap();
        let taken = claim(store, &mut first);
        assert_eq!(taken.len(), 1);
        assert!(second.claim(store, "all", 9).unwrap().is_empty(), "it lost the race");
        assert!(claim(store, &mut second).is_empty() && claim(store, &mut first).is_empty());
        // The first never comes back; its lease ends.
        clock.advance(minutes(1));
        let again = claim(store, &mut second).remove(0);
        assert_eq!((&again.letter.notice.id, again.letter.tries), (&taken[0].letter.notice.id, 2));
        second.settle(store, again, true).unwrap();
        assert_eq!(only(store).state, LetterState::Delivered);
        // What comes back late changes nothing.
        first.settle(store, taken.into_iter().next().unwrap(), false).unwrap();
        assert_eq!(only(store).state, LetterState::Delivered);
        clock.advance(minutes(600));
        assert!(claim(store, &mut first).is_empty() && claim(store, &mut Outbox::default()).is_empty());
    });
}

#[test]
fn it_is_tried_again_ever_later_and_at_last_no_more() {
    on_each_store(|store, clock| {
        let subscribers = subscribers();
        Grants::new(store).telling(&subscribers).issue(&terms(r#""until": "1h""#), "cleo").unwrap();
        let mut outbox = Outbox::default();
        let mut pause = Duration::from_secs(2);
        for attempt in 1..=Outbox::TRIES {
            let parcel = claim(store, &mut outbox).remove(0);
            assert_eq!(parcel.letter.tries, attempt);
            outbox.settle(store, parcel, false).unwrap();
            if attempt < Outbox::TRIES {
                clock.advance(pause - Duration::from_millis(1));
                assert!(claim(store, &mut outbox).is_empty());
                clock.advance(Duration::from_millis(1));
                pause = (pause * 2).min(Duration::from_secs(8 * 3_600));
            }
        }
        assert_eq!((only(store).state, only(store).tries), (LetterState::Dead, Outbox::TRIES));
        clock.advance(minutes(10_000));
        assert!(claim(store, &mut outbox).is_empty());
    });
}
