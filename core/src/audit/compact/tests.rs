use std::sync::Arc;

use super::*;
use crate::audit::{
    Blob, Captured, Change, Drawn, EmbedInput, Ending, Found, Gap, Kind, Matched, Outcome, Passed, Reread,
    Term, Weighed,
};
use crate::clock::Timestamp;
use crate::identity::{Claim, Hop, HopProof, Identity};
use crate::model::{Act, Census, Magnitude, Mode, Operation, Risk, Unit, Unusual, Verdict};

const ID: &str = "rec_019ab9afd6db7abc8000000000000001";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn blob() -> Blob {
    Blob { sha256: "ab".repeat(32), bytes: 70_000 }
}

fn found(name: &'static str) -> Found {
    Found { name: name.into(), path: "a[0].\u{e9}".into(), length: 18, digest: "00ff00ff00ff00ff".into() }
}

fn passed() -> Passed {
    Passed {
        bytes: 2_048,
        sha256: Some("cd".repeat(32)),
        findings: vec![found("email"), found("a detector of its own")],
        totals: [("email".into(), 2), ("zz".into(), 1), ("a".into(), 300)].into(),
        stripped: 3,
        census: Some(Census {
            vectors: 4,
            rows: 5,
            texts: 6,
            ids: [
                "7",
                "07",
                "18446744073709551615",
                "18446744073709551616",
                "",
                "0193a5c2-7c1e-7abc-8000-000000000001",
                "0193A5C2-7C1E-7ABC-8000-000000000001",
                "-1",
                "doc \"9\"",
            ]
            .map(str::to_owned)
            .to_vec(),
            ids_total: 9,
            more: Vec::new(),
        }),
        embed: Some(EmbedInput { choice: "mask".into(), pii_in_embed_input: Some(1), masked: 0 }),
        reread: Some(Reread { surviving: None, findings: vec![found("iban")] }),
        listed: Some(blob()),
        captured: Some(Captured {
            sha256: "ef".repeat(32),
            bytes: 9,
            media: "application/json".into(),
            key: "k1".into(),
            cut: true,
        }),
        uncaptured: Some("memory".into()),
        clear: None,
    }
}

/// A record with something under every name.
fn filled() -> Record {
    let mut record = Record::new(Kind::End, ID.into(), at(1_764_051_900_123));
    record.ended_at = Some(at(1_764_051_899_000));
    record.session = Some("ses_0193a5c27c1e7abc8000000000000002".into());
    record.trace = Some("4bf92f3577b34da6a3ce929d0e0e4736".into());
    record.service = "vectors".into();
    record.system = Some("qdrant".into());
    record.mode = Mode::Observe;
    record.door = Some("tower".into());
    let mut identity = Identity::new("ana").with_groups(["analysts"]);
    identity.issuer = Some("https://id.example.org".into());
    identity.claims =
        [("tenant".to_owned(), Claim::from("acme")), ("ro".to_owned(), ["a", "b"].into_iter().collect())]
            .into();
    identity.hops = vec![Hop { workload: "ingest".into(), verified_by: HopProof::Mtls }];
    record.identity = Some(Arc::new(identity));
    record.source = Some("2001:db8::1".parse().unwrap());
    record.credential = Some("0011223344556677".into());
    record.spoofed = vec!["x-user".into()];
    record.entry = Some("/collections/{collection_name}/points/search".into());
    record.method = Some("POST".into());
    record.status = Some(200);
    let mut unbounded = Act::new(Operation::VectorExport, "docs");
    unbounded.magnitude = Magnitude::unbounded(Unit::Vectors);
    record.acts = vec![Act::new(Operation::VectorSearch, ""), unbounded, Act::unknown()];
    record.risk = Some(Weighed {
        total: Risk::new(85),
        terms: vec![Term { name: "base".into(), points: 80 }, Term { name: "label:pii".into(), points: 5 }],
    });
    record.unusual = vec![Unusual {
        signal: "burst".into(),
        operation: Some(Operation::VectorExport),
        points: 30,
        holds: true,
    }];
    record.rules =
        vec![Matched { rule: "r".into(), verdict: Verdict::Hold, code: Some("approval_required".into()) }];
    record.decided = Some(Verdict::Deny);
    record.enforced = Some(Verdict::Allow);
    record.code = Some("allowed".into());
    record.because = Some("because".into());
    record.grant = Some("grt_0193a5c27c1e7abc8000000000000003".into());
    record.grants = vec!["standing:nights".into()];
    record.budgets = vec![Drawn {
        budget: "b".into(),
        resource: "docs".into(),
        unit: Some(Unit::Rows),
        limit: u64::MAX,
        used: 1,
        new: 0,
    }];
    record.approval = Some("apr_0193a5c27c1e7abc8000000000000004".into());
    record.break_glass = true;
    record.policy = Some("5f".repeat(32).as_str().to_owned().into());
    record.digest = Some("a0".repeat(16));
    record.request = Some(passed().into());
    record.response = Some(Passed::default().into());
    record.outcome = Some(Outcome { result: Ending::Failed, reason: Some("incomplete".into()) });
    record.change = Some(Change { step: "voted".into(), by: "sam".into(), reason: Some("no".into()) });
    record.gap = Some(Gap { entries: 1, went_on: 0, from: at(-5), until: at(1) });
    record.whole = Some(blob());
    record
}

fn entry(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, record).unwrap();
    out
}

/// Of every field that serde tells of, wherever it stands.
fn names(
    value: &serde_json::Value,
    map: usize,
    table: &Table,
    seen: &mut std::collections::BTreeSet<(usize, String)>,
) {
    match value {
        serde_json::Value::Object(members) => {
            let Some(fields) = table.maps.get(map) else { return };
            for (name, inner) in members {
                seen.insert((map, name.clone()));
                let field = fields.all.iter().find(|field| field.name == name);
                if let Some(table::Kind::Map(inside)) = field.map(|field| field.kind) {
                    names(inner, inside, table, seen);
                }
            }
        }
        serde_json::Value::Array(all) => all.iter().for_each(|one| names(one, map, table, seen)),
        _ => {}
    }
}

#[test]
fn a_record_with_everything_reads_back_and_its_json_is_the_same() {
    let record = filled();
    let (back, shown) = (read(&entry(&record)).unwrap(), serde_json::to_value(&record).unwrap());
    assert_eq!(back, record);
    assert_eq!(serde_json::to_value(&back).unwrap(), shown);
    assert_eq!(Record::from_json(shown.to_string().as_bytes()).unwrap(), record);
    // Nothing of the table is left untried.
    let (table, mut seen) = (Table::own(), std::collections::BTreeSet::new());
    names(&shown, 0, table, &mut seen);
    let all: usize = table.maps.iter().map(|map| map.all.len()).sum();
    assert_eq!(seen.len(), all, "{seen:?}");
}

#[test]
fn little_is_written_of_little() {
    let mut record = Record::new(Kind::Exchange, ID.into(), at(1_764_051_900_123));
    record.ended_at = Some(at(1_764_051_900_125));
    let hex: String = entry(&record).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "01a40050019ab9afd6db7abc8000000000000001010302000302");
    assert_eq!(read(&entry(&record)).unwrap(), record);
}

/// A search that a rule allowed, as a guard records it: three ids, two findings.
fn typical() -> Record {
    let mut record = Record::new(Kind::Exchange, ID.into(), at(1_764_051_900_123));
    record.ended_at = Some(at(1_764_051_900_126));
    record.session = Some("ses_0193a5c27c1e7abc8000000000000002".into());
    record.service = "vectors".into();
    record.system = Some("qdrant".into());
    record.door = Some("tower".into());
    record.identity = Some(Arc::new(Identity::new("user-17").with_groups(["analysts"])));
    record.entry = Some("/collections/{collection_name}/points/search".into());
    record.method = Some("POST".into());
    record.status = Some(200);
    record.acts = vec![Act::new(Operation::VectorSearch, "docs-7")];
    record.risk =
        Some(Weighed { total: Risk::new(20), terms: vec![Term { name: "base".into(), points: 20 }] });
    record.rules = vec![Matched { rule: "analysts-search".into(), verdict: Verdict::Allow, code: None }];
    (record.decided, record.enforced) = (Some(Verdict::Allow), Some(Verdict::Allow));
    record.code = Some("allowed".into());
    record.policy = Some("5f1c7a0e9b2d4c6f8a1b3d5e7f901234".repeat(2).into());
    let found = |place: u8| Found {
        name: "email".into(),
        path: format!("result[{place}].payload.mail"),
        length: 18,
        digest: format!("{place:016x}"),
    };
    record.response = Some(
        Passed {
            bytes: 2_048,
            findings: vec![found(0), found(1)],
            totals: [("email".into(), 2)].into(),
            census: Some(Census {
                rows: 3,
                ids: ["v100000", "v433333", "v766666"].map(str::to_owned).to_vec(),
                ids_total: 3,
                ..Census::default()
            }),
            ..Passed::default()
        }
        .into(),
    );
    record.outcome = Some(Outcome { result: Ending::Complete, reason: None });
    record
}

#[test]
fn a_typical_record_with_all_that_the_disk_holds_of_it_takes_no_more_than_400_bytes() {
    let record = typical();
    let (bytes, json) = (entry(&record), serde_json::to_vec(&record).unwrap());
    // Beside it lie the head of its frame, and its hash in a tile and the tiles above.
    let on_disk = bytes.len() + 20 + 32 + 1;
    assert!(
        on_disk <= 400,
        "{} bytes, {on_disk} on disk, {} as JSON: {}",
        bytes.len(),
        json.len(),
        parts(&record)
    );
}

/// How many bytes each member takes.
fn parts(record: &Record) -> String {
    let bytes = entry(record);
    let mut items = Items(&bytes);
    items.head().unwrap();
    let fields = Table::own().record().unwrap();
    let count = items.of(cbor::MAP).unwrap();
    let told = (0..count).map(|_| {
        let number = items.of(UNSIGNED).unwrap();
        let name = fields.numbered(number).unwrap().1.name;
        format!("{name} {}", items.skip().unwrap().len() + 1)
    });
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn others_read_what_is_written() {
    let bytes = entry(&filled());
    let (version, rest) = bytes.split_first().unwrap();
    assert_eq!(*version, 1);
    let other: ciborium::Value = ciborium::from_reader(rest).unwrap();
    assert_eq!(other.as_map().unwrap().len(), Table::own().record().unwrap().all.len());
    // And would write the same.
    let mut again = Vec::new();
    ciborium::into_writer(&other, &mut again).unwrap();
    assert_eq!(again, rest);
}

#[test]
fn every_other_form_of_a_record_is_refused() {
    let bytes = entry(&filled());
    let mut read_back = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            // Another record perhaps, and then in its one form.
            if changed[0] == 1
                && let Ok(other) = read(&changed)
            {
                assert_eq!(entry(&other), changed, "byte {at}");
                read_back += 1;
            }
        }
        assert!(read(&bytes[..at]).is_err(), "cut to {at}");
    }
    assert!(read_back > 0);
    assert!(read(&[&bytes[..], &[0]].concat()).is_err());
    // A word as a text, digits as a text, a number that could be left out.
    let small = |members: &[&[u8]]| {
        let mut out = vec![1, 0xa0 | u8::try_from(3 + members.len()).unwrap(), 0, 0x61, b'r', 1, 3, 2, 0];
        members.iter().for_each(|member| out.extend(*member));
        out
    };
    assert!(read(&small(&[])).is_ok());
    let mode = |word| [7, 0x18, Table::own().number(word).unwrap().to_le_bytes()[0]];
    assert!(read(&small(&[&mode("observe")])).is_ok());
    assert!(read(&small(&[&mode("enforce")])).is_err(), "left out");
    for wrong in [
        &[5, 0x60][..],
        &[8, 0x65, b't', b'o', b'w', b'e', b'r'],
        &[20, 0x62, b'a', b'b'],
        &[12, 0x18, 7],
        &[23, 0xa1, 0, 0x60],
    ] {
        assert!(read(&small(&[wrong])).is_err(), "{wrong:x?}");
    }
    assert!(read(&small(&[&[3, 1], &[3, 1]])).is_err(), "twice");
    assert!(read(&small(&[&[24, 0x61, b'x'], &[3, 1]])).is_err(), "out of order");
}

#[test]
fn no_nesting_brings_a_reader_down() {
    for (open, count) in [(0x81, 60_000), (0xa1, 60_000)] {
        let nested = vec![open; count];
        // As a claim, which may be a list.
        let bytes = [&[1, 0xa2, 0, 0x61, b'r', 9, 0xa1, 3, 0xa1, 0x61, b'c'][..], &nested].concat();
        assert!(read(&bytes).is_err());
        assert_eq!(look(&bytes), None);
    }
}

#[test]
fn a_newer_entry_is_read_as_far_as_it_is_known() {
    let mut bytes = entry(&Record::new(Kind::Exchange, ID.into(), at(7)));
    assert_eq!(bytes[..2], [1, 0xa3]);
    // Field 60, which nobody knows, and a kind of another table.
    bytes[1] = 0xa4;
    bytes.extend([0x18, 60, 0x82, 1, 0xa1, 2, 3]);
    assert!(read(&bytes).is_err());
    bytes[0] = 2;
    let place = bytes.windows(2).position(|two| two == [1, 3]).unwrap();
    bytes.splice(place + 1..place + 2, [0x19, 0xff, 0xff]);
    let record = read(&bytes).unwrap();
    assert_eq!((record.id.as_str(), record.kind, record.at), (ID, Kind::Unknown, at(7)));
    assert_eq!(look(&bytes).unwrap().kind, "");
}

#[test]
fn a_time_that_no_calendar_has_is_not_read() {
    let last = Record::new(Kind::Begin, "rec_1".into(), Timestamp::MAX);
    let mut bytes = entry(&last);
    assert_eq!(read(&bytes).unwrap(), last);
    assert_eq!(Record::from_json(&serde_json::to_vec(&last).unwrap()).unwrap(), last);
    let millis = u64::try_from(Timestamp::MAX.millis()).unwrap();
    let place = bytes.windows(8).position(|eight| eight == millis.to_be_bytes()).unwrap();
    for beyond in [millis + 1, i64::MAX.unsigned_abs()] {
        bytes.splice(place..place + 8, beyond.to_be_bytes());
        assert!(read(&bytes).is_err());
    }
    // Of that time, though no number in it says so: its id does.
    assert!(read(include_bytes!("../../../../fuzz/corpus/record/beyond")).is_err());
}

#[test]
fn what_verifying_asks_is_seen_without_reading() {
    let plain = Record::new(Kind::Begin, ID.into(), at(7));
    let bytes = entry(&plain);
    let seen = look(&bytes).unwrap();
    assert_eq!((seen.kind, seen.gap, seen.whole, seen.beside), ("begin", false, false, false));
    assert_eq!(seen.id.len(), 17);
    let mut record = plain;
    record.request = Some(Passed { bytes: 1, ..Passed::default() }.into());
    assert!(!look(&entry(&record)).unwrap().beside);
    record.response = Some(Passed { listed: Some(blob()), ..Passed::default() }.into());
    assert!(look(&entry(&record)).unwrap().beside);
    let all = entry(&filled());
    let seen = look(&all).unwrap();
    assert!(seen.gap && seen.whole && seen.beside);
    for wrong in [
        &b"[1]"[..],
        b"{\"id\":\"rec_1\",\"kind\":\"begin\"}",
        &[],
        &[1],
        &[1, 0xa0],
        &[0, 0xa0],
        &[1, 0xa2, 0, 0, 0, 0],
        &[1, 0xa2, 1, 0, 0, 0],
    ] {
        assert_eq!(look(wrong), None, "{wrong:x?}");
    }
}

proptest::proptest! {
    #[test]
    fn texts_of_every_sort_read_back(text in "\\PC{0,40}|[0-9a-f]{0,40}|[0-9]{0,22}|rec_[0-9a-f]{30,34}", number in proptest::prelude::any::<i32>()) {
        let mut record = Record::new(Kind::Exchange, text.as_str().into(), at(number.into()));
        record.ended_at = Some(at(i64::from(number) * 3));
        record.gap = Some(Gap { entries: 1, went_on: 1, from: at(number.into()), until: at(0) });
        record.session = Some(text.as_str().into());
        record.trace = Some(text.clone());
        record.code = Some(text.clone().into());
        record.because = Some(text.clone().into());
        record.acts = vec![Act::new(Operation::DataRead, text.clone())];
        record.response = Some(Passed {
            totals: [(text.clone().into(), 1), ("email".into(), 2)].into(),
            census: Some(Census { ids: vec![text.clone(), text], ..Census::default() }),
            ..Passed::default()
        }.into());
        let bytes = entry(&record);
        proptest::prop_assert_eq!(read(&bytes).unwrap(), record);
    }

    #[test]
    fn no_bytes_are_read_as_two_things(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64)) {
        let bytes = [&[1, 0xa3, 0, 0x61, b'r'][..], &bytes].concat();
        if let Ok(record) = read(&bytes) {
            proptest::prop_assert_eq!(entry(&record), bytes);
        }
    }
}

/// Hears from serde which fields a struct has.
struct Names<'n>(&'n mut &'static [&'static str]);

impl<'de> serde::Deserializer<'de> for Names<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("no value"))
    }

    fn deserialize_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("no value"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<'de, T: serde::Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &[&str] = &[];
    assert!(T::deserialize(Names(&mut names)).is_err());
    names
}

#[test]
fn whatever_a_record_has_has_a_number_and_nothing_else_has() {
    // In the order of the table. A seal is never part of a record.
    let has = [
        fields::<Record>(),
        fields::<Identity>(),
        fields::<Hop>(),
        fields::<Act>(),
        fields::<Magnitude>(),
        fields::<Weighed>(),
        fields::<Term>(),
        fields::<Unusual>(),
        fields::<Matched>(),
        fields::<Drawn>(),
        fields::<Passed>(),
        fields::<Census>(),
        fields::<EmbedInput>(),
        fields::<Reread>(),
        fields::<Found>(),
        fields::<Outcome>(),
        fields::<Change>(),
        fields::<Gap>(),
        fields::<Captured>(),
        fields::<Blob>(),
    ];
    let table = Table::own();
    assert_eq!(table.maps.len(), has.len());
    for (map, has) in table.maps.iter().zip(has) {
        let numbered: Vec<&str> = map.all.iter().map(|field| field.name).collect();
        let has: Vec<&str> = has.iter().copied().filter(|name| *name != "seal").collect();
        assert_eq!(numbered, has, "fields of core/data/record.tsv");
    }
}
