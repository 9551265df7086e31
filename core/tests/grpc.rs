//! gRPC calls whose messages decide (`tests/data/grpc.tsv`), and what is wrong with messages.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::path::Path;

use http::{HeaderMap, HeaderValue, Method};
use proptest::prelude::*;
use wardline::classify::{self, Body, Classified, Outcome, Refusal};
use wardline::model::{HttpHead, Operation};

fn head(path: &str, encoding: Option<&'static str>) -> HttpHead {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
    if let Some(name) = encoding {
        headers.insert("grpc-encoding", HeaderValue::from_static(name));
    }
    HttpHead { method: Method::POST, target: path.into(), host: "h".into(), headers }
}

fn classified(
    system: &str,
    path: &str,
    encoding: Option<&'static str>,
    body: &[u8],
) -> Result<Classified, Refusal> {
    match classify::http(classify::system(system).unwrap(), &head(path, encoding), "") {
        Outcome::Done(done) => Ok(done),
        Outcome::NeedBody(pending) => pending.finish(Body::Whole(body)),
        Outcome::Refused(refusal) => Err(refusal),
    }
}

/// A message as the rows write it: `1:"docs" 4:5000 7:{1:1} 9:[1,2]` (the last: packed numbers).
fn message(text: &str) -> Vec<u8> {
    let mut rest = text.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (number, after) = rest.split_once(':').unwrap();
        let number: u64 = number.parse().unwrap();
        let (inner, after) = match after.as_bytes().first().unwrap() {
            b'"' => {
                let (text, after) = after.get(1..).unwrap().split_once('"').unwrap();
                (text.as_bytes().to_vec(), after)
            }
            b'[' => {
                let (list, after) = after.get(1..).unwrap().split_once(']').unwrap();
                (list.split(',').flat_map(|n| varint(n.parse().unwrap())).collect(), after)
            }
            b'{' => {
                let mut depth = 0;
                let end = after.find(|c| {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    depth == 0
                });
                let (inner, after) = after.split_at(end.unwrap());
                (message(inner.get(1..).unwrap()), after.get(1..).unwrap())
            }
            _ => {
                let (value, after) = after.split_once(' ').unwrap_or((after, ""));
                out.extend(varint(number << 3));
                out.extend(varint(value.parse().unwrap()));
                rest = after.trim();
                continue;
            }
        };
        out.extend(varint(number << 3 | 2));
        out.extend(varint(inner.len() as u64));
        out.extend(inner);
        rest = after.trim();
    }
    out
}

fn varint(mut n: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while n > 0x7f {
        out.push((n as u8 & 0x7f) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
    out
}

fn framed(compressed: u8, message: &[u8]) -> Vec<u8> {
    let mut out = vec![compressed];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    out
}

#[test]
fn each_call_does_what_its_fields_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/grpc.tsv");
    let text = std::fs::read_to_string(file).unwrap();
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [system, path, body, operation, resource, count] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("columns: {line}"));
        let body: Vec<u8> = body.split(" ; ").flat_map(|one| framed(0, &message(one))).collect();
        let told: Vec<_> = match classified(system, path, None, &body) {
            Ok(done) => done
                .acts
                .iter()
                .map(|act| {
                    let count = act.magnitude.count.map_or("*".to_owned(), |n| n.to_string());
                    (act.operation.name().to_owned(), act.resource.clone(), count)
                })
                .collect(),
            Err(refusal) => vec![(refusal.code.to_owned(), String::new(), String::new())],
        };
        rows += 1;
        if told != [(operation.to_owned(), resource.to_owned(), count.to_owned())] {
            wrong.push(format!("{line}: {told:?}"));
        }
    }
    assert!(wrong.is_empty() && rows >= 60, "{rows} rows\n{}", wrong.join("\n"));
}

const SCROLL: &str = "/qdrant.Points/Scroll";

fn export() -> Vec<u8> {
    message(r#"1:"docs" 4:5000 7:{1:1}"#)
}

#[test]
fn compressed_messages_are_read() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&export()).unwrap();
    let body = framed(1, &packed.finish().unwrap());
    let done = classified("qdrant", SCROLL, Some("gzip"), &body).unwrap();
    assert_eq!((done.acts[0].operation, done.worst_case), (Operation::VectorExport, false));
    // An encoding that nobody can undo is the worst that the method may be.
    for encoding in [None, Some("identity"), Some("snappy"), Some("zstd")] {
        let done = classified("qdrant", SCROLL, encoding, &body).unwrap();
        assert!(done.worst_case && done.acts[0].operation == Operation::VectorExport, "{encoding:?}");
    }
}

#[test]
fn a_bomb_is_the_worst_case() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![0; 64 << 20]).unwrap();
    let body = framed(1, &packed.finish().unwrap());
    assert!(classified("qdrant", SCROLL, Some("gzip"), &body).unwrap().worst_case);
}

#[test]
fn what_is_no_message_is_refused() {
    let group: &[u8] = &[0x0b, 0x0c];
    let endless: &[u8] = &[0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let cut: &[u8] = &[0x0a, 0x05, b'd'];
    let unnumbered: &[u8] = &[0x00, 0x01];
    for bytes in [group, endless, cut, unnumbered] {
        let refused = classified("qdrant", SCROLL, None, &framed(0, bytes)).unwrap_err();
        assert_eq!(refused.code, "malformed_protobuf", "{bytes:x?}");
    }
    let whole = framed(0, &export());
    assert!(classified("qdrant", SCROLL, None, &whole[..whole.len() - 1]).is_err());
    assert!(classified("qdrant", SCROLL, None, &framed(2, &export())).is_err());
}

#[test]
fn calls_have_one_path_and_one_method() {
    let unknown = |head: HttpHead| {
        let outcome = classify::http(classify::system("qdrant").unwrap(), &head, "");
        matches!(outcome, Outcome::Done(done) if done.acts[0].operation == Operation::Unknown)
    };
    for path in [
        "/qdrant.points/Scroll",
        "/qdrant.Points/Scroll/",
        "/qdrant.Points/Scroll?a",
        "/qdrant.Points/%53croll",
        "//qdrant.Points/Scroll",
        "/collections",
    ] {
        assert!(unknown(head(path, None)), "{path}");
    }
    assert!(unknown(HttpHead { method: Method::PUT, ..head(SCROLL, None) }));
    // Without its content type it is another request, to a route that does not exist.
    assert!(unknown(HttpHead { headers: HeaderMap::new(), ..head(SCROLL, None) }));
    let mut json = head(SCROLL, None);
    json.headers.insert("content-type", HeaderValue::from_static("application/grpc+json"));
    let Outcome::Done(done) = classify::http(classify::system("qdrant").unwrap(), &json, "") else {
        panic!()
    };
    assert!(done.worst_case);
}

#[test]
fn a_long_vector_and_deep_nesting_cost_nothing() {
    let mut body = export();
    body.extend(varint(2 << 3 | 2));
    body.extend(varint(400_000));
    body.extend(std::iter::repeat_n(0xff, 400_000));
    assert_eq!(
        classified("qdrant", SCROLL, None, &framed(0, &body)).unwrap().acts[0].operation,
        Operation::VectorExport
    );
    let mut deep = Vec::new();
    for _ in 0..20_000 {
        deep = [varint(2 << 3 | 2), varint(deep.len() as u64), deep].concat();
    }
    assert!(classified("qdrant", SCROLL, None, &framed(0, &deep)).is_ok());
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..1000) {
        let methods: Vec<_> = classify::systems()
            .iter()
            .flat_map(|system| system.entries().iter().map(move |entry| (system.name(), entry)))
            .filter(|(_, entry)| entry.method() == "RPC")
            .collect();
        let (system, entry) = methods[at % methods.len()];
        let _ = classified(system, entry.route(), None, &framed(0, &bytes));
        let _ = classified(system, entry.route(), Some("gzip"), &framed(1, &bytes));
        let _ = classified(system, entry.route(), None, &bytes);
    }
}
