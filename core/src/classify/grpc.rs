//! gRPC calls: the path names the method, fields of its messages decide.
//!
//! A body is a row of messages, each behind five bytes: whether it is compressed, and its length. The doors hand it over
//! whole, however it was cut on the wire; each message is read by [`super::wire`]. A call that stays open in both
//! directions cannot wait for its body: the worst of its entry stands.

use http::{HeaderMap, HeaderValue, Method};

use super::acts::{self, Facts};
use super::body::{Record, Records};
use super::catalogue::{Entry, Step, System};
use super::explain::Trace;
use super::router::Params;
use super::{Body, Classified, Outcome, Pending, Refusal, done, wire};
use crate::coding::Packing;
use crate::model::HttpHead;
use crate::protobuf::frame;

/// The most that one message may decompress to: what gRPC servers take unless told otherwise.
const MESSAGE_LIMIT: usize = 4 << 20;

/// The header that names how messages are packed.
pub(super) const ENCODING: &str = "grpc-encoding";

/// How the messages of a call are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Protobuf,
    /// JSON, base64 and others.
    Other,
}

/// Whether a body of this content type is messages of protobuf.
pub(crate) fn is_protobuf(content_type: &str) -> bool {
    codec(content_type.as_bytes()) == Some(Codec::Protobuf)
}

/// How the messages of a request of this content type are written, where it is a gRPC call or one of gRPC-Web.
pub(super) fn codec(given: &[u8]) -> Option<Codec> {
    // What clients of gRPC send.
    if given == b"application/grpc" || given == b"application/grpc+proto" {
        return Some(Codec::Protobuf);
    }
    let (kind, rest) = given.split_at_checked("application/grpc".len())?;
    if !kind.eq_ignore_ascii_case(b"application/grpc") {
        return None;
    }
    let rest = rest.split(|byte| matches!(byte, b';' | b' ')).next().unwrap_or_default();
    let protobuf = [&b""[..], b"+proto", b"-web", b"-web+proto"];
    let known = protobuf.iter().any(|known| rest.eq_ignore_ascii_case(known));
    Some(if known { Codec::Protobuf } else { Codec::Other })
}

/// Classifies a call by its head. Paths of methods have one spelling: they are compared byte for byte.
pub(super) fn classify(
    system: &'static System,
    head: &HttpHead,
    base_path: &str,
    (codec, packing): (Codec, Option<Packing>),
    trace: Option<&Trace>,
) -> Outcome {
    let unknown = || Outcome::Done(Classified::unknown());
    let Some(path) = head.target.strip_prefix(base_path.trim_end_matches('/')) else { return unknown() };
    let Some(entry) = system.router().method(path) else { return unknown() };
    let Some(packing) = packing.filter(|_| head.method == Method::POST) else {
        return unknown();
    };
    if entry.stream || codec != Codec::Protobuf {
        let worst = acts::worst(entry, &facts(system, trace));
        return done(worst.map(|acts| Classified::of(entry, acts, entry.reads_body())));
    }
    if !entry.reads_body() {
        return done(judge(system, entry, &mut [Record::of(entry)], trace));
    }
    let (path, params) = (String::new(), Params::new());
    Outcome::NeedBody(Pending { system, entry, path, params, query: None, headers: None, packing })
}

/// Classifies a call by its messages.
pub(super) fn finish(
    pending: &Pending,
    body: Body<'_>,
    trace: Option<&Trace>,
) -> Result<Classified, Refusal> {
    let (system, entry) = (pending.system, pending.entry);
    let mut records = Records::new();
    let read = match body {
        Body::Whole(bytes) => messages(entry, bytes, pending.packing, &mut records)?,
        Body::TooLarge | Body::Undecodable => false,
    };
    if read {
        return judge(system, entry, &mut records, trace);
    }
    Ok(Classified::of(entry, acts::worst(entry, &facts(system, trace))?, true))
}

fn judge(
    system: &'static System,
    entry: &'static Entry,
    records: &mut [Record],
    trace: Option<&Trace>,
) -> Result<Classified, Refusal> {
    Ok(Classified::of(entry, acts::judge(entry, &facts(system, trace), records)?, false))
}

fn facts<'f>(system: &'static System, trace: Option<&'f Trace>) -> Facts<'f> {
    Facts { system, path: "", params: &[], query: None, headers: None, arguments: &[], trace }
}

/// Adds what decides in the messages of a body; false where one is compressed in a way that cannot be undone here.
fn messages(
    entry: &'static Entry,
    mut body: &[u8],
    packing: Packing,
    records: &mut Records,
) -> Result<bool, Refusal> {
    let mut reader = wire::Reader::new(entry, records);
    let mut unpacked = Vec::new();
    while !body.is_empty() {
        let (compressed, length, rest) = frame::head(body).ok_or(wire::MALFORMED)?;
        let (message, rest) = rest.split_at_checked(length).ok_or(wire::MALFORMED)?;
        body = rest;
        match compressed {
            0 => reader.message(message)?,
            1 => {
                unpacked.clear();
                if !packing.unpack(message, MESSAGE_LIMIT, &mut unpacked) {
                    return Ok(false);
                }
                reader.message(&unpacked)?;
            }
            _ => return Err(wire::MALFORMED),
        }
    }
    reader.finish();
    Ok(true)
}

/// The messages of a call without what asks for vectors in them, and how many fields that were; `None` where that cannot be told, or
/// they are none.
pub(crate) fn without_vectors(entry: &Entry, mut body: &[u8], packing: Packing) -> Option<(Vec<u8>, u64)> {
    let asking: Vec<&[Step]> = entry.asking().collect();
    let (mut out, mut cleared) = (Vec::with_capacity(body.len()), 0);
    let mut unpacked = Vec::new();
    while !body.is_empty() {
        let (flag, length, rest) = frame::head(body)?;
        let (mut message, rest) = rest.split_at_checked(length)?;
        body = rest;
        if flag != 0 {
            unpacked.clear();
            let read = flag == 1 && packing.unpack(message, MESSAGE_LIMIT, &mut unpacked);
            message = read.then_some(unpacked.as_slice())?;
        }
        let mut less = Vec::with_capacity(message.len());
        cleared += wire::without(&asking, message, &mut less)?;
        frame::write(&less, &mut out)?;
    }
    Some((out, cleared))
}

/// How the messages of a call are packed, as its head says; a coding that is named twice is none that anybody undoes.
pub(crate) fn packing(headers: &HeaderMap) -> Packing {
    let mut given = headers.get_all(ENCODING).iter();
    let Some(name) = given.next() else { return Packing::Plain };
    if given.next().is_none() { named(name) } else { Packing::Unknown }
}

/// The coding that a header names.
pub(super) fn named(value: &HeaderValue) -> Packing {
    value.to_str().map_or(Packing::Unknown, Packing::of)
}
