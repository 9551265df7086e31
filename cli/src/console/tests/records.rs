//! Records page by page, sessions, and that whoever looks is recorded.

use wardline::audit::{Clear, Filter, Journal, Kind, Log, NoKeeper, Passed, Record, query};
use wardline::clock::Timestamp;
use wardline::identity::Identity;

use super::{Desk, HOSTILE};

/// So many exchanges of one session, and a vote that the first of them waited for.
fn write(desk: &Desk, count: i64) {
    let state = desk.folder.path().join("state");
    let at = |n: i64| Timestamp::from_millis(1_764_000_000_000 + n * 500);
    let mut records: Vec<Record> = (0..count)
        .map(|n| {
            let mut record = Record::new(Kind::Exchange, format!("rec_{n:03}").as_str().into(), at(n));
            record.session = Some(HOSTILE.into());
            record.identity = Some(Identity::new("ana").into());
            record
        })
        .collect();
    let mut vote = Record::step(Kind::Approval, at(1), "approved", "kim", Some("agreed"));
    vote.approval = Some("appr_1".into());
    records[0].approval.clone_from(&vote.approval);
    let mut clear = Clear::new("text/plain");
    clear.push(HOSTILE.as_bytes());
    records[0].response = Some(Passed { clear: Some(Box::new(clear)), ..Passed::default() }.into());
    records.push(vote);
    let mut log = Log::open(&state, Box::new(NoKeeper)).unwrap();
    log.bodies().unwrap().keep([&mut records[0]]).unwrap();
    log.append(&records).unwrap();
}

fn readings(desk: &Desk) -> Vec<(String, String)> {
    desk.guard.flush().unwrap();
    let filter = Filter { kind: Some(Kind::Read), ..Filter::default() };
    let found = query(&desk.folder.path().join("state"), &filter).unwrap();
    found
        .into_iter()
        .map(|entry| entry.unwrap().record.change.unwrap())
        .map(|change| (change.by, change.step))
        .collect()
}

#[test]
fn older_records_are_a_page_further() {
    let desk = Desk::new();
    write(&desk, 150);
    let browser = desk.sign_in("sam");
    let newest = browser.get("/records?identity=ana");
    assert!(
        newest.body.contains("rec_149")
            && newest.body.contains("rec_050")
            && !newest.body.contains("rec_049")
    );
    let cursor = newest.body.split_once(r#"name="before" value=""#).unwrap().1.split('"').next().unwrap();
    let older = browser.get(&format!("/records?identity=ana&before={cursor}"));
    assert!(older.body.contains("rec_049") && !older.body.contains("rec_050"), "{}", older.body);
    assert!(!older.body.contains("Older records"));
    assert!(browser.get("/records?before=yesterday").body.contains("not a cursor"));
}

#[test]
fn a_session_is_told_and_every_look_is_recorded() {
    let desk = Desk::new();
    write(&desk, 3);
    let browser = desk.sign_in("sam");
    let one = browser.get("/records/rec_001");
    let address = one.body.split_once("/sessions/").unwrap().1.split('"').next().unwrap();
    let told = browser.get(&format!("/sessions/{address}"));
    assert!(told.status.is_success());
    assert!(!told.body.contains("<script") && told.body.contains("&lt;script&gt;"), "{}", told.body);
    assert!(told.body.contains("<code>out  "), "{}", told.body);
    let places =
        ["rec_000", "approval appr_1 approved by kim: agreed", "rec_001", "0.500 s", "rec_002", "1.000 s"];
    assert!(places.iter().all(|place| told.body.contains(place)), "{}", told.body);
    assert_eq!(browser.get("/sessions/none").status, 404);
    browser.get("/records?identity=ana");
    let steps = ["shown", "session", "session", "queried"];
    assert_eq!(readings(&desk), steps.map(|step| ("sam".to_owned(), step.to_owned())));
}
