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
    record.response = Some(Passed { bytes: 900, census: Some(census), ..Passed::default() }.into());
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

/// What the schema says of an attribute of a class or an object.
struct Attribute<'t> {
    kind: &'t str,
    required: bool,
    numbers: Vec<i64>,
}

/// The schema, as far as events have anything to do with it.
#[derive(Default)]
struct Schema<'t> {
    attributes: std::collections::BTreeMap<&'t str, std::collections::BTreeMap<&'t str, Attribute<'t>>>,
    one_of: Vec<(&'t str, Vec<&'t str>)>,
}

impl<'t> Schema<'t> {
    fn read(text: &'t str) -> Self {
        let mut schema = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            let more = columns.get(4).map_or(Vec::new(), |more| more.split(' ').collect());
            if columns[2] == "constraint" {
                assert_eq!(columns[1], "at_least_one");
                schema.one_of.push((columns[0], more));
                continue;
            }
            let numbers = more.iter().map(|number| number.parse().unwrap()).collect();
            let attribute = Attribute { kind: columns[2], required: columns[3] == "required", numbers };
            schema.attributes.entry(columns[0]).or_default().insert(columns[1], attribute);
        }
        schema
    }

    /// What an object has that the schema does not let it, or has not and should.
    fn faults(&self, of: &str, object: &Value, place: &str, faults: &mut Vec<String>) {
        let (Some(attributes), Some(members)) = (self.attributes.get(of), object.as_object()) else {
            return faults.push(format!("{place} is no {of} that the schema tells of"));
        };
        for (name, attribute) in attributes {
            if attribute.required && !members.contains_key(*name) {
                faults.push(format!("{place} lacks {name}"));
            }
        }
        for (_, names) in self.one_of.iter().filter(|(owner, _)| *owner == of) {
            if !names.iter().any(|name| members.contains_key(*name)) {
                faults.push(format!("{place} has none of {names:?}"));
            }
        }
        for (name, value) in members {
            let place = format!("{place}.{name}");
            let Some(attribute) = attributes.get(name.as_str()) else {
                faults.push(format!("{place} is not of the schema"));
                continue;
            };
            match (attribute.kind.strip_suffix("[]"), value) {
                (Some(kind), Value::Array(all)) => {
                    all.iter().for_each(|one| self.value(kind, &attribute.numbers, one, &place, faults));
                }
                (Some(_), _) => faults.push(format!("{place} is no list")),
                (None, one) => self.value(attribute.kind, &attribute.numbers, one, &place, faults),
            }
        }
    }

    fn value(&self, kind: &str, numbers: &[i64], value: &Value, place: &str, faults: &mut Vec<String>) {
        let fits = match kind {
            // `unmapped` is what a producer likes.
            "object" => value.is_object(),
            "integer_t" | "long_t" | "timestamp_t" | "port_t" => {
                value.as_i64().is_some_and(|number| numbers.is_empty() || numbers.contains(&number))
            }
            "boolean_t" => value.is_boolean(),
            "ip_t" => value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
            text if text.ends_with("_t") => value.is_string(),
            object => return self.faults(object, value, place, faults),
        };
        if !fits {
            faults.push(format!("{place} is no {kind}, or none of {numbers:?}"));
        }
    }

    fn of_event(&self, event: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let class = event["class_uid"].as_i64().unwrap_or_default();
        let name = if class == 6005 { "datastore_activity" } else { "api_activity" };
        // Of a class the schema numbers its category and itself where they are put together.
        let mut rest = event.clone();
        let own = ["category_uid", "class_uid"].map(|name| rest.as_object_mut().unwrap().remove(name));
        self.faults(name, &rest, name, &mut faults);
        faults.retain(|fault| !fault.ends_with("lacks category_uid") && !fault.ends_with("lacks class_uid"));
        let type_uid = class * 100 + event["activity_id"].as_i64().unwrap_or_default();
        if own != [Some(6.into()), Some(class.into())] || event["type_uid"] != type_uid {
            faults.push("the numbers of class and type do not agree".to_owned());
        }
        faults
    }
}

#[test]
fn every_event_of_ocsf_is_one_that_its_schema_lets_pass() {
    let schema = Schema::read(include_str!("../../../tests/data/ocsf.tsv"));
    let mut records = vec![
        Record::new(Kind::Exchange, "rec_bare".into(), Timestamp::from_millis(5)),
        Record::step(Kind::Log, Timestamp::from_millis(5), "lost", "wardline", Some("two")),
        Record::step(Kind::Grant, Timestamp::from_millis(5), "issued", "", None),
    ];
    for operation in Operation::ALL {
        for (verdict, result) in [
            (Some(Verdict::Allow), Ending::Complete),
            (Some(Verdict::Deny), Ending::Denied),
            (Some(Verdict::Hold), Ending::Held),
            (None, Ending::Failed),
        ] {
            let mut full = record();
            full.acts = vec![Act::new(*operation, "docs")];
            (full.enforced, full.outcome) = (verdict, Some(Outcome { result, reason: None }));
            let mut bare = full.clone();
            (bare.identity, bare.source, bare.system, bare.entry, bare.status) =
                (None, None, None, None, None);
            bare.service = "".into();
            bare.acts = vec![Act::new(*operation, "")];
            bare.kind = Kind::Begin;
            records.extend([full, bare]);
        }
    }
    let text = written(Format::Ocsf, &records);
    assert_eq!(text.lines().count(), records.len());
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let faults = schema.of_event(&event);
        assert!(faults.is_empty(), "{faults:?} in {line}");
    }
    // And what is no event shows.
    let good: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    for (name, value) in [
        ("severity_id", 7.into()),
        ("actor", serde_json::json!({})),
        ("time", "now".into()),
        ("secret", 1.into()),
        ("type_uid", 1.into()),
        ("src_endpoint", Value::Null),
    ] {
        let mut wrong = good.clone();
        wrong[name] = value;
        assert!(!schema.of_event(&wrong).is_empty(), "{name}");
    }
}
