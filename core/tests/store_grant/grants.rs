//! Grants over every store.

use std::time::Duration;

use wardline::grant::{GrantRefusal, GrantState, Grants, Lack, Lease, Leased, Limits, Take, Terms};
use wardline::identity::Identity;
use wardline::model::{GrantId, Magnitude, Unit};

use crate::{at, export, minutes, on_each_store, terms};

fn taken(leased: Leased) -> Lease {
    match leased {
        Leased::Taken(lease) => lease,
        Leased::Refused(refusal) => panic!("{refusal}"),
    }
}

/// G05, G08: an end is required, and the one that is listed is the one that holds, to the millisecond.
#[test]
fn a_grant_ends_when_it_says() {
    on_each_store(|store, clock| {
        let grants = Grants::new(store);
        let grant = grants.issue(&terms(r#""until": "7d""#), "cleo").unwrap();
        let listed = grants.list().unwrap().remove(0);
        assert_eq!(listed.until, at("2026-03-08T10:00:00Z"));
        let ana = Identity::new("ana");
        let covers = |now| listed.covers(&ana, "qdrant", &export("docs"), now);
        assert_eq!(covers(listed.until - Duration::from_millis(1)), Ok(()));
        assert_eq!(covers(listed.until), Err(Lack::Expired { until: listed.until }));
        clock.advance(minutes(7 * 24 * 60) - Duration::from_millis(1));
        let _ = taken(grants.lease(&grant.id, Take::exactly(1), Take::NONE).unwrap());
        clock.advance(Duration::from_millis(1));
        let late = grants.lease(&grant.id, Take::exactly(1), Take::NONE).unwrap();
        assert_eq!(late, Leased::Refused(GrantRefusal::Expired));
        assert_eq!(grants.find(&grant.id).unwrap().unwrap().state(store.now().unwrap()), GrantState::Expired);
        assert_eq!(grants.revoke(&grant.id, "cleo", "late").unwrap_err().code(), "conflict");
    });
}

/// G01: three hours are three hours from the issue, however long ago they were asked for.
#[test]
fn the_clock_of_a_grant_starts_at_its_issue() {
    on_each_store(|store, clock| {
        let asked = terms(r#""until": "3h""#);
        clock.advance(minutes(30));
        assert_eq!(Grants::new(store).issue(&asked, "cleo").unwrap().until, at("2026-03-01T13:30:00Z"));
    });
}

/// G06: a stream that opens near the end is cut at the end.
#[test]
fn a_lease_near_the_end_does_not_start_the_clock_again() {
    on_each_store(|store, clock| {
        let grants = Grants::new(store);
        let asked = terms(r#""from": "2026-03-01T10:00:00Z", "until": "2026-03-01T10:30:00Z""#);
        let grant = grants.issue(&asked, "cleo").unwrap();
        clock.advance(minutes(29));
        let lease = taken(grants.lease(&grant.id, Take::exactly(1), Take::NONE).unwrap());
        assert_eq!(lease.until(), at("2026-03-01T10:30:00Z"));
    });
}

/// G04: a grant for one use serves one.
#[test]
fn uses_run_out() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let id = grants.issue(&terms(r#""until": "1h", "uses": 1"#), "cleo").unwrap().id;
        let mut lease = taken(grants.lease(&id, Take::exactly(1), Take::NONE).unwrap());
        assert!(lease.spend_use() && !lease.spend_use());
        grants.give_back(lease).unwrap();
        let second = grants.lease(&id, Take::exactly(1), Take::NONE).unwrap();
        assert_eq!(second, Leased::Refused(GrantRefusal::Exhausted));
        let grant = grants.find(&id).unwrap().unwrap();
        let now = store.now().unwrap();
        assert_eq!(grant.state(now), GrantState::Exhausted);
        assert_eq!(grant.covers(&Identity::new("ana"), "qdrant", &export("docs"), now), Err(Lack::Exhausted));
    });
}

#[test]
fn a_quota_is_leased_in_blocks_and_the_rest_comes_back() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let id = grants.issue(&terms(r#""until": "1h", "quota": ["vectors", 1600]"#), "cleo").unwrap().id;
        let mut first = taken(grants.lease(&id, Take::exactly(1), Take::between(10, 512)).unwrap());
        assert_eq!(first.held().amount, 100, "a sixteenth of what is left, not all that was wanted");
        let second = taken(grants.lease(&id, Take::exactly(1), Take::exactly(1_500)).unwrap());
        assert_eq!(
            grants.lease(&id, Take::NONE, Take::exactly(1)).unwrap(),
            Leased::Refused(GrantRefusal::Exhausted)
        );
        assert!(first.spend(60) && !first.spend(41));
        grants.give_back(first).unwrap();
        assert_eq!(grants.find(&id).unwrap().unwrap().quota_left(), Some(40));
        drop(second); // a crash loses its lease: nobody else gets it
        assert_eq!(grants.find(&id).unwrap().unwrap().spent, 1_560);
    });
}

#[test]
fn what_is_not_limited_is_not_written() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let id = grants.issue(&terms(r#""until": "1h""#), "cleo").unwrap().id;
        let before = store.revision().unwrap();
        let lease = taken(grants.lease(&id, Take::exactly(1), Take::between(1, 512)).unwrap());
        assert_eq!((lease.held().uses, lease.held().amount), (1, 512));
        grants.give_back(lease).unwrap();
        assert_eq!(store.revision().unwrap(), before);
    });
}

#[test]
fn a_revoked_grant_is_over_and_says_by_whom() {
    on_each_store(|store, _| {
        let grants = Grants::new(store);
        let id = grants.issue(&terms(r#""until": "1h", "uses": 5"#), "cleo").unwrap().id;
        assert_eq!(grants.revoke(&id, "dora", " ").unwrap_err().code(), "invalid_input");
        grants.revoke(&id, "dora", "wrong collection").unwrap();
        let lease = grants.lease(&id, Take::exactly(1), Take::NONE).unwrap();
        assert_eq!(lease, Leased::Refused(GrantRefusal::Revoked));
        let listed = grants.list().unwrap().remove(0);
        let revocation = listed.revoked.unwrap();
        assert_eq!((revocation.by.as_str(), revocation.reason.as_str()), ("dora", "wrong collection"));
        assert_eq!(grants.revoke(&id, "dora", "again").unwrap_err().code(), "conflict");
        let gone = GrantId::from("grt_none");
        assert_eq!(grants.revoke(&gone, "dora", "why").unwrap_err().code(), "not_found");
        let lease = grants.lease(&gone, Take::NONE, Take::NONE).unwrap();
        assert_eq!(lease, Leased::Refused(GrantRefusal::Gone));
    });
}

#[test]
fn a_scheduled_grant_waits_for_its_time() {
    on_each_store(|store, clock| {
        let grants = Grants::new(store);
        let id = grants.issue(&terms(r#""from": "2026-03-01T11:00:00Z", "until": "1h""#), "cleo").unwrap().id;
        let lease = grants.lease(&id, Take::exactly(1), Take::NONE).unwrap();
        assert_eq!(lease, Leased::Refused(GrantRefusal::NotStarted));
        clock.advance(minutes(60));
        let lease = taken(grants.lease(&id, Take::exactly(1), Take::NONE).unwrap());
        assert_eq!(lease.until(), at("2026-03-01T12:00:00Z"));
    });
}

#[test]
fn terms_that_cannot_be_granted_are_refused() {
    on_each_store(|store, _| {
        let limits = Limits { longest: minutes(8 * 60), ..Limits::none().clone() };
        let grants = Grants::new(store).within(&limits);
        for more in [
            r#""until": "9h""#,
            r#""until": "2026-03-01T10:00:00Z""#,
            r#""until": "9999-01-01T00:00:00Z""#,
            r#""until": "1h", "uses": 0"#,
            r#""until": "1h", "quota": ["vectors", 0]"#,
            r#""until": "1h", "quota": ["models", 3]"#,
            r#""until": "1h", "from": "2027-03-01T10:00:00Z""#,
        ] {
            assert_eq!(grants.issue(&terms(more), "cleo").unwrap_err().code(), "invalid_input", "{more}");
        }
        let mut unknown = terms(r#""until": "1h""#);
        unknown.scope.operations = vec![wardline::glob::Glob::new("vectors.*").unwrap()];
        assert!(grants.issue(&unknown, "cleo").is_err());
        let mut empty = terms(r#""until": "1h""#);
        empty.scope.resources.clear();
        assert!(grants.issue(&empty, "cleo").is_err());
        assert!(grants.issue(&terms(r#""until": "1h""#), "").is_err());
        assert!(grants.list().unwrap().is_empty());
    });
    for json in [r#"{"until": "1h"}"#, r#"{"scope": {}, "until": "1h", "forever": true}"#] {
        assert!(serde_json::from_str::<Terms>(json).is_err());
    }
    // G05: none is without an end.
    let mut endless = serde_json::to_value(terms(r#""until": "1h""#)).unwrap();
    endless["until"] = serde_json::Value::Null;
    assert!(serde_json::from_value::<Terms>(endless.clone()).is_err());
    endless.as_object_mut().unwrap().remove("until");
    assert!(
        serde_json::from_value::<Terms>(endless).unwrap_err().to_string().contains("missing field `until`")
    );
}

#[test]
fn what_a_grant_lacks_is_told_in_order() {
    on_each_store(|store, _| {
        let issued =
            Grants::new(store).issue(&terms(r#""until": "1h", "quota": ["vectors", 100]"#), "cleo").unwrap();
        let now = store.now().unwrap();
        let ana = Identity::new("ana");
        let mut asked = export("docs");
        asked.magnitude = Magnitude::of(Unit::Vectors, 101);
        assert_eq!(issued.covers(&Identity::new("bob"), "x", &export("y"), now), Err(Lack::Who));
        assert_eq!(issued.covers(&ana, "x", &export("y"), now), Err(Lack::Service));
        assert_eq!(issued.covers(&ana, "qdrant", &export("y"), now), Err(Lack::Resource));
        let lack = Lack::Magnitude { unit: Unit::Vectors, asked: 101, left: 100 };
        assert_eq!(issued.covers(&ana, "qdrant", &asked, now), Err(lack));
        asked.magnitude = Magnitude::unbounded(Unit::Vectors);
        assert_eq!(issued.covers(&ana, "qdrant", &asked, now), Ok(()));
        let from = now - Duration::from_millis(1);
        assert_eq!(issued.covers(&ana, "qdrant", &asked, from), Err(Lack::NotStarted { from: now }));
    });
}
