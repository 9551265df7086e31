//! Bodies of gRPC: counted and masked message by message (`tests/data/grpc-messages.jsonl`, written by the clients of the systems), by the numbers
//! that their descriptors have (`tests/data/grpc-messages.tsv`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use wardline::classify;
use wardline::coding::Packing;
use wardline::detect::{catalogue, entity};
use wardline::json;
use wardline::keys::Keys;
use wardline::mask::{Format, MaskError, Masker, Plan, PlanSpec, Transform};
use wardline::model::Census;
use wardline::protobuf::{Wire, fields, write_bytes, write_varint};
use wardline::vector::{Counter, Paths};

fn data(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn paths(system: &str, path: &str, side: &str) -> &'static Paths {
    let mut entries = classify::system(system).unwrap().entries().iter();
    let entry = entries.find(|entry| entry.route() == path).unwrap_or_else(|| panic!("{system} {path}"));
    let paths = if side == "request" { entry.request_census() } else { entry.response_census() };
    paths.unwrap_or_else(|| panic!("{path}: the {side} is not counted"))
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    out.extend_from_slice(message);
    out
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn plan(spec: PlanSpec) -> Arc<Plan> {
    Arc::new(Plan::compile(spec).unwrap())
}

fn passed<'b>(
    paths: &'static Paths,
    plan: &Arc<Plan>,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Result<(Vec<u8>, Census, u64), MaskError> {
    passed_in(Packing::Plain, paths, plan, pieces)
}

fn passed_in<'b>(
    packing: Packing,
    paths: &'static Paths,
    plan: &Arc<Plan>,
    pieces: impl IntoIterator<Item = &'b [u8]>,
) -> Result<(Vec<u8>, Census, u64), MaskError> {
    let format = Format::Grpc(paths.message.unwrap(), packing);
    let counter = Counter::new(paths).unwrap();
    let masker = Masker::new(plan.clone(), format, Keys::from_root([7; 32]), Some(counter));
    let (out, report) = masker.whole(pieces)?;
    let total = report.total();
    Ok((out, report.census.unwrap(), total))
}

/// Every entity of the catalogue, redacted.
fn all() -> Arc<Plan> {
    let entities = catalogue().iter().map(|info| (info.entity, Transform::Redact)).collect();
    plan(PlanSpec { entities, ..PlanSpec::default() })
}

#[test]
fn messages_are_counted_however_they_are_cut_and_go_on_as_they_are() {
    let plans = [plan(PlanSpec::default()), all()];
    for line in data("grpc-messages.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap();
        let paths = paths(text("system"), text("path"), text("side"));
        let mut body = frame(&unhex(text("message")));
        body.extend(body.clone());
        let ids: Vec<&str> = row["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        let number = |key: &str| row[key].as_u64().unwrap();
        for plan in &plans {
            let step = (body.len() / 9).max(1);
            for at in (0..=body.len()).step_by(step) {
                let (one, two) = body.split_at(at);
                let (out, census, _) = passed(paths, plan, [one, two]).unwrap();
                assert_eq!(out, body, "{}", text("name"));
                let counted = (census.vectors, census.rows);
                assert_eq!(counted, (2 * number("vectors"), 2 * number("rows")), "{}", text("name"));
                let known: Vec<&str> = census.ids.iter().map(|id| &**id).take(ids.len()).collect();
                assert_eq!(known, ids, "{}", text("name"));
            }
        }
    }
}

/// A message as a gRPC client packs it.
fn zipped(message: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(message).unwrap();
    let mut body = frame(&packed.finish().unwrap());
    body[0] = 1;
    body
}

#[test]
fn packed_messages_are_counted_and_go_on_as_they_are() {
    for line in data("grpc-messages.jsonl").lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap();
        let paths = paths(text("system"), text("path"), text("side"));
        let message = unhex(text("message"));
        let body = [zipped(&message), frame(&message)].concat();
        for plan in [plan(PlanSpec::default()), all()] {
            let bytes: Vec<_> = body.chunks(7).collect();
            let (out, census, _) = passed_in(Packing::Gzip, paths, &plan, bytes).unwrap();
            let count = |key: &str| 2 * row[key].as_u64().unwrap();
            assert_eq!((census.vectors, census.rows), (count("vectors"), count("rows")), "{}", text("name"));
            assert_eq!(out, body, "{}", text("name"));
            // What nobody can undo is refused, and so is a message that is packed where none is said to be.
            for packing in [Packing::Unknown, Packing::Plain, Packing::Zstd] {
                assert!(passed_in(packing, paths, &plan, [body.as_slice()]).is_err(), "{packing:?}");
            }
        }
    }
}

#[test]
fn a_packed_message_that_changes_goes_on_unpacked() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let mut value = Vec::new();
    write_bytes(4, b"write to ada@example.org", &mut value);
    let message = page(&[("note", value)]);
    let (out, _, total) =
        passed_in(Packing::Gzip, paths, &all(), [zipped(&message[5..]).as_slice()]).unwrap();
    let (plain, _, _) = passed(paths, &all(), [message.as_slice()]).unwrap();
    assert_eq!((total, out[0]), (1, 0));
    assert_eq!(out, plain);
}

#[test]
fn a_packed_message_that_grows_without_end_is_refused() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..65 {
        packed.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let mut body = frame(&packed.finish().unwrap());
    body[0] = 1;
    assert!(passed_in(Packing::Gzip, paths, &plan(PlanSpec::default()), [body.as_slice()]).is_err());
}

#[test]
fn several_vectors_in_one_field_are_counted() {
    let of = |kind: u64, bytes: &[u8]| {
        let mut vectors = Vec::new();
        write_bytes(1, b"tokens", &mut vectors);
        // What the bytes are may stand in front of them or behind.
        write_bytes(3, bytes, &mut vectors);
        write_varint(4 << 3, &mut vectors);
        write_varint(kind, &mut vectors);
        let mut object = Vec::new();
        write_bytes(1, b"6ba7b810-9dad-11d1-80b4-00c04fd430c8", &mut object);
        write_bytes(23, &vectors, &mut object);
        let mut message = Vec::new();
        write_bytes(1, &object, &mut message);
        frame(&message)
    };
    let paths = paths("weaviate", "/weaviate.v1.Weaviate/BatchObjects", "request");
    let vectors = |body: &[u8]| {
        passed(paths, &plan(PlanSpec::default()), [body]).map(|(_, census, _)| census.vectors).ok()
    };
    let three = [&[2, 0][..], &[0; 3 * 2 * 4]].concat();
    assert_eq!(vectors(&of(2, &three)), Some(3));
    assert_eq!(vectors(&of(1, &[0; 16])), Some(1));
    assert_eq!(vectors(&of(0, &[0; 16])), Some(1));
    assert_eq!(vectors(&of(2, b"")), Some(0));
    assert_eq!(vectors(&of(2, b"\x02")), None);
    assert_eq!(vectors(&of(2, &[0; 10])), None);
}

#[test]
fn fields_have_the_numbers_of_the_descriptors() {
    let table = data("grpc-messages.tsv");
    let mut known: HashMap<(&str, &str), HashMap<&str, u32>> = HashMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let mut cells = line.split('\t');
        let (system, message) = (cells.next().unwrap(), cells.next().unwrap());
        let pairs = cells.next().unwrap_or("").split(' ').filter_map(|pair| pair.split_once('='));
        // Of two messages of one name the outer comes first.
        known
            .entry((system, message))
            .or_insert_with(|| pairs.map(|(name, n)| (name, n.parse().unwrap())).collect());
    }
    let mut met = 0;
    for (system, called) in [
        ("qdrant", &[][..]),
        ("pinecone", &[]),
        ("milvus", &[("FloatVectors", "FloatArray")]),
        (
            "weaviate",
            // Those of Google's own have the names of its own; the properties of a batch share theirs.
            &[
                ("PropertyValue", "Value"),
                ("PropertyValues", "ListValue"),
                ("Value", ""),
                ("ListValue", ""),
                ("BatchProperties", ""),
            ],
        ),
        ("triton", &[("Tensor", "InferOutputTensor"), ("Contents", "InferTensorContents")]),
    ] {
        let entries = classify::system(system).unwrap().entries();
        let schema = entries.iter().find_map(|entry| entry.response_census()?.message).unwrap();
        for message in schema.messages {
            let name =
                called.iter().find(|(ours, _)| *ours == message.name).map_or(message.name, |(_, name)| name);
            let Some(numbers) = known.get(&(system, name)) else { continue };
            for field in message.fields {
                assert_eq!(
                    numbers.get(field.name),
                    Some(&field.number),
                    "{system} {} {}",
                    message.name,
                    field.name
                );
                met += 1;
            }
        }
    }
    assert!(met > 300, "{met}");
}

/// A page of one point with this payload of names and values.
fn page(payload: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut point = Vec::new();
    write_bytes(1, b"\x08\x07", &mut point);
    for (name, value) in payload {
        let mut entry = Vec::new();
        write_bytes(1, name.as_bytes(), &mut entry);
        write_bytes(2, value, &mut entry);
        write_bytes(2, &entry, &mut point);
    }
    let mut message = Vec::new();
    write_bytes(2, &point, &mut message);
    frame(&message)
}

fn string(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    write_bytes(4, text.as_bytes(), &mut value);
    value
}

fn integer(number: u64) -> Vec<u8> {
    let mut value = vec![3 << 3];
    write_varint(number, &mut value);
    value
}

#[test]
fn texts_and_numbers_in_payloads_are_masked_and_the_message_stays_one() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let body = page(&[
        ("note", string("write to rosa.lind@example.com")),
        ("card", integer(4_111_111_111_111_111)),
        ("nested", string(r#"{"mail": "rosa.lind@example.com"}"#)),
        ("rosa.lind@example.com", string("quiet")),
        ("ssn", string("078-05-1120")),
        ("lang", string("en")),
    ]);
    let masks = plan(PlanSpec {
        entities: vec![
            (entity("email").unwrap(), Transform::Redact),
            (entity("credit_card").unwrap(), Transform::Redact),
        ],
        fields: vec![(json::Path::parse("result[*].payload.ssn").unwrap(), Transform::Drop)],
        ..PlanSpec::default()
    });
    let whole = passed(paths, &masks, [body.as_slice()]).unwrap();
    assert_eq!(whole.2, 5);
    for at in 0..=body.len() {
        let (one, two) = body.split_at(at);
        assert_eq!(passed(paths, &masks, [one, two]).unwrap().0, whole.0);
    }
    let text = String::from_utf8_lossy(&whole.0).into_owned();
    assert!(!text.contains("rosa") && !text.contains("078-05") && text.contains("[EMAIL]"), "{text}");
    // The same readers take what went out, and find nothing more in it.
    let (again, census, total) = passed(paths, &masks, [whole.0.as_slice()]).unwrap();
    assert_eq!((again, census.rows, total), (whole.0.clone(), 1, 0));
    let outer: Vec<_> = fields(&whole.0[5..]).map(|field| field.unwrap()).collect();
    let Wire::Bytes(point) = outer[0].value else { panic!("a point") };
    assert_eq!(fields(point).count(), 6, "an id and five of six members");
}

#[test]
fn a_rule_about_a_map_takes_its_pairs_and_leaves_a_message() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let masks = plan(PlanSpec {
        fields: vec![(json::Path::parse("result[*].payload").unwrap(), Transform::Redact)],
        ..PlanSpec::default()
    });
    let body = page(&[("note", string("quiet")), ("lang", string("en"))]);
    let (out, census, total) = passed(paths, &masks, [body.as_slice()]).unwrap();
    assert_eq!((out, census.rows, total), (page(&[]), 1, 2));
    // Of texts by name too.
    let milvus = self::paths("milvus", "/milvus.proto.milvus.MilvusService/Query", "response");
    let masks = plan(PlanSpec {
        fields: vec![(json::Path::parse("status.extra_info").unwrap(), Transform::Redact)],
        ..PlanSpec::default()
    });
    let (mut pair, mut status, mut message) = (Vec::new(), Vec::new(), Vec::new());
    write_bytes(1, b"cost", &mut pair);
    write_bytes(2, b"7", &mut pair);
    write_bytes(6, &pair, &mut status);
    write_bytes(1, &status, &mut message);
    let (out, ..) = passed(milvus, &masks, [frame(&message).as_slice()]).unwrap();
    assert_eq!(out, frame(b"\x0a\x00"));
}

#[test]
fn what_no_schema_knows_refuses_where_something_is_found_in_it() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let unknown = |text: &str| {
        let mut message = Vec::new();
        write_bytes(77, text.as_bytes(), &mut message);
        frame(&message)
    };
    let email = vec![(entity("email").unwrap(), Transform::Redact)];
    let masks = plan(PlanSpec { entities: email, ..PlanSpec::default() });
    assert!(passed(paths, &masks, [unknown("rosa.lind@example.com").as_slice()]).is_err());
    assert!(passed(paths, &masks, [unknown("quiet").as_slice()]).is_ok());
    let nothing = plan(PlanSpec::default());
    assert!(passed(paths, &nothing, [unknown("rosa.lind@example.com").as_slice()]).is_ok());
}

#[test]
fn millions_of_tiny_vectors_are_counted_at_once() {
    let paths = paths("milvus", "/milvus.proto.milvus.MilvusService/Query", "response");
    let (mut vectors, mut column, mut message) = (vec![8, 1], Vec::new(), Vec::new());
    // A bit each.
    write_bytes(3, &vec![0xFF; 1 << 20], &mut vectors);
    write_bytes(4, &vectors, &mut column);
    write_bytes(2, &column, &mut message);
    let (_, census, _) = passed(paths, &plan(PlanSpec::default()), [frame(&message).as_slice()]).unwrap();
    assert_eq!((census.vectors, census.rows), (8 << 20, 8 << 20));
}

#[test]
fn what_is_no_message_is_an_error() {
    let paths = paths("qdrant", "/qdrant.Points/Scroll", "response");
    let nothing = plan(PlanSpec::default());
    let mut deep = Vec::new();
    for _ in 0..70 {
        let mut value = Vec::new();
        write_bytes(1, &deep, &mut value);
        deep.clear();
        write_bytes(7, &value, &mut deep);
    }
    let packed = [1, 0, 0, 0, 1, 0x08];
    for (body, why) in [
        (&packed[..], "it is compressed"),
        (&[0, 0, 0, 0, 9, 0x08], "it ends too early"),
        (&[0, 0, 0], "there is no length"),
        (&[0, 0xFF, 0xFF, 0xFF, 0xFF], "it is too long"),
        (&frame(b"\x12\x05\x0a"), "a length beyond its end"),
        (&frame(b"\x12\x02\x0b\x0c"), "a group"),
        (&page(&[("x", deep)]), "it is too deep"),
    ] {
        assert!(passed(paths, &nothing, [body]).is_err(), "{why}");
    }
    assert!(passed(paths, &nothing, [&b"\0\0\0\0\0\x80\0\0\0\x02ab"[..]]).is_ok(), "trailers of gRPC-Web");
}
