use serde_json::Value;

use super::*;
use crate::audit::{Change, Ending, Outcome, Passed};
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::model::{Census, Risk, Verdict};

fn record() -> Record {
    let mut record = Record::new(Kind::Exchange, "rec_1".into(), Timestamp::from_millis(1_764_051_900_123));
    record.ended_at = Some(Timestamp::from_millis(1_764_051_900_623));
    record.identity = Some(Identity::new("a=na|\\\n").with_groups(["analysts"]).into());
    record.service = "vectors".into();
    record.system = Some("qdrant".into());
    record.source = "192.0.2.7".parse().ok();
    record.trace = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    record.method = Some("POST".into());
    record.entry = Some("/collections/{name}/points/scroll".into());
    record.status = Some(200);
    record.acts = vec![Act::new(Operation::VectorSearch, "docs"), Act::new(Operation::VectorExport, "docs")];
    record.risk = Some(crate::audit::Weighed { total: Risk::new(85), terms: Vec::new() });
    record.decided = Some(Verdict::Allow);
    record.enforced = Some(Verdict::Allow);
    record.outcome = Some(Outcome { result: Ending::Complete, reason: None });
    let census = Census { vectors: 12, ..Census::default() };
    record.response = Some(Passed { bytes: 900, census: Some(census), ..Passed::default() });
    record
}

fn written(format: Format, records: &[Record]) -> String {
    let events: Vec<_> =
        records.iter().map(|record| Event { log: "wardline/w0001/a1b2c3d4", index: 7, record }).collect();
    let mut out = Vec::new();
    format.write(&events, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_json_event_holds_the_whole_record() {
    let records =
        [record(), Record::step(Kind::Grant, Timestamp::from_millis(5), "issued", "lee", Some("copy"))];
    let wholes =
        [(Format::Jsonl, "/record"), (Format::Ocsf, "/unmapped/wardline"), (Format::Ecs, "/wardline")];
    for (format, place) in wholes {
        let text = written(format, &records);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), records.len());
        for (line, record) in lines.iter().zip(&records) {
            let whole: Record = serde_json::from_value(line.pointer(place).unwrap().clone()).unwrap();
            assert_eq!(whole, *record, "{}", format.name());
        }
    }
    let request: Value = serde_json::from_str(&written(Format::Otlp, &records)).unwrap();
    let logs = request.pointer("/resourceLogs/0/scopeLogs/0/logRecords").unwrap().as_array().unwrap();
    for (log, record) in logs.iter().zip(&records) {
        let attributes = log["attributes"].as_array().unwrap();
        let whole = attributes.iter().find(|one| one["key"] == "wardline.entry").unwrap();
        assert_eq!(
            Record::from_json(whole["value"]["stringValue"].as_str().unwrap().as_bytes()).unwrap(),
            *record
        );
    }
    assert_eq!((logs.len(), written(Format::Otlp, &[]).as_str()), (2, ""));
}

#[test]
fn ocsf_names_class_activity_and_what_was_done_about_it() {
    let event: Value = serde_json::from_str(&written(Format::Ocsf, &[record()])).unwrap();
    assert_eq!(
        (&event["class_uid"], &event["activity_id"], &event["type_uid"]),
        (&6005.into(), &1.into(), &600_501.into())
    );
    assert_eq!(
        (&event["severity_id"], &event["status_id"], &event["action_id"]),
        (&4.into(), &1.into(), &1.into())
    );
    assert_eq!(
        (&event["table"]["name"], &event["src_endpoint"]["ip"]),
        (&"docs".into(), &"192.0.2.7".into())
    );
    assert_eq!((&event["duration"], &event["time"]), (&500.into(), &1_764_051_900_123_i64.into()));
    let mut denied = record();
    denied.acts = vec![Act::new(Operation::ModelDownload, "m")];
    denied.enforced = Some(Verdict::Deny);
    denied.outcome = Some(Outcome { result: Ending::Denied, reason: None });
    let event: Value = serde_json::from_str(&written(Format::Ocsf, &[denied])).unwrap();
    assert_eq!((&event["class_uid"], &event["type_uid"]), (&6003.into(), &600_302.into()));
    assert_eq!((&event["status_id"], &event["disposition"]), (&2.into(), &"Blocked".into()));
    assert_eq!(
        (&event["api"]["operation"], &event["resources"][0]["name"]),
        (&"model.download".into(), &"m".into())
    );
}

#[test]
fn ecs_has_its_own_words() {
    let event: Value = serde_json::from_str(&written(Format::Ecs, &[record()])).unwrap();
    assert_eq!(event["@timestamp"], "2025-11-25T06:25:00.123Z");
    assert_eq!(event["event"]["type"], serde_json::json!(["access", "allowed"]));
    assert_eq!(
        (&event["event"]["category"][0], &event["event"]["duration"]),
        (&"database".into(), &500_000_000.into())
    );
    assert_eq!(
        (&event["event"]["outcome"], &event["user"]["roles"][0]),
        (&"success".into(), &"analysts".into())
    );
}

#[test]
fn no_field_of_cef_ends_another_or_the_line() {
    let text = written(Format::Cef, &[record()]);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.starts_with("CEF:0|Wardline|Wardline|0.1.0|vector.export|a=na\\|\\\\\\n: vector.export docs at vectors: allow|8|rt=1764051900123 "));
    assert!(text.contains(" suser=a\\=na|\\\\\\n src=192.0.2.7 act=allow outcome=complete "), "{text}");
    assert!(text.contains(" cs1Label=resource cs1=docs cn1Label=vectors cn1=12 "), "{text}");
}

#[test]
fn steps_of_people_are_events_of_their_own() {
    let mut record = Record::step(Kind::Approval, Timestamp::from_millis(5), "approved", "sam", None);
    record.approval = Some("appr_1".into());
    let event: Value = serde_json::from_str(&written(Format::Ocsf, std::slice::from_ref(&record))).unwrap();
    assert_eq!(
        (&event["api"]["operation"], &event["actor"]["user"]["name"]),
        (&"approval.approved".into(), &"sam".into())
    );
    assert_eq!(
        record.change,
        Some(Change { step: "approved".to_owned(), by: "sam".to_owned(), reason: None })
    );
    assert!(written(Format::Cef, &[record]).contains("cs3Label=approval cs3=appr_1"));
}
