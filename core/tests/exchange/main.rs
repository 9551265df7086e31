//! The flow without any door: the corpus of exchanges, and what no single exchange can show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable
)]

mod bound;
mod budgets;
mod callers;
mod captured;
mod census;
mod corpus;
mod decided;
mod detectors;
mod digests;
mod field;
mod flow;
#[cfg(feature = "key-urls")]
mod key_urls;
mod lost;
mod messages;
mod metrics;
mod people;
mod reload;
mod said;
mod spans;
mod strip;
mod transforms;
mod watch;

use std::path::Path;

use wardline::audit::{Ending, Entry, Filter, Kind, query};
use wardline::guard::{Answer, Caller, Exchange, Flow, Guard, RequestBody, ResponseBody, Step};
use wardline::model::{HttpHead, Subject};

/// What a caller saw, and what the service saw.
#[derive(Debug, Default)]
struct Seen {
    status: u16,
    headers: http::HeaderMap,
    body: Vec<u8>,
    aborted: Option<&'static str>,
    answer: Option<Answer>,
    service: Option<(http::HeaderMap, Vec<u8>)>,
}

/// A service of the tests: what it answers to any request.
#[derive(Debug, Clone, Default)]
struct Service {
    status: u16,
    headers: http::HeaderMap,
    chunks: Vec<Vec<u8>>,
}

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> HttpHead {
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    HttpHead {
        method: method.parse().unwrap(),
        target: target.into(),
        host: "localhost".into(),
        headers: map,
    }
}

/// One exchange from end to end, as a blocking door would run it.
fn exchange(guard: &Guard, head: HttpHead, body: &[u8], service: &Service) -> Seen {
    let mut headers = head.headers.clone();
    let mut exchange = guard.begin(Subject::Http(head), Caller::peer("127.0.0.1".parse().ok()), "test");
    let mut seen = Seen::default();
    let (mut pieces, mut read) = (body.chunks(7), 0);
    let forward = loop {
        match exchange.next_blocking() {
            Step::NeedBody => match pieces.next() {
                Some(piece) => {
                    read += piece.len();
                    exchange.push_request(bytes::Bytes::copy_from_slice(piece));
                }
                None => exchange.end_request(),
            },
            Step::Forward(forward) => break forward,
            Step::Answer(answer) => {
                answered(&mut seen, &answer);
                exchange.finish(Ending::Complete);
                return seen;
            }
            _ => unreachable!(),
        }
    };
    forward.edits.apply(&mut headers);
    let reached = match forward.body {
        RequestBody::Unchanged => body.to_vec(),
        RequestBody::Whole(bytes) => bytes.to_vec(),
        RequestBody::Feed(first) => {
            let mut reached = first.to_vec();
            for piece in body[read..].chunks(7) {
                let mut out = Vec::new();
                let flow = exchange.request(piece, &mut out);
                reached.extend(passed(&mut exchange, flow, piece, &mut out).expect("a request that passes"));
            }
            let mut out = Vec::new();
            let flow = exchange.request_end(&mut out);
            reached.extend(passed(&mut exchange, flow, &[], &mut out).expect("a request that passes"));
            reached
        }
        _ => unreachable!(),
    };
    seen.service = Some((headers, reached));
    respond(&mut exchange, service, &mut seen);
    seen
}

fn respond(exchange: &mut Exchange, service: &Service, seen: &mut Seen) {
    let passage =
        exchange.response_head(http::StatusCode::from_u16(service.status).unwrap(), &service.headers);
    seen.status = service.status;
    seen.headers = service.headers.clone();
    passage.edits.apply(&mut seen.headers);
    let whole = match passage.body {
        ResponseBody::Refuse(answer) => {
            answered(seen, &answer);
            exchange.finish(Ending::Complete);
            return;
        }
        body => matches!(body, ResponseBody::Whole),
    };
    let pieces = if whole { vec![service.chunks.concat()] } else { service.chunks.clone() };
    for piece in pieces.iter().map(Some).chain([None]) {
        let mut out = Vec::new();
        let flow = match piece {
            Some(piece) => exchange.response(piece, &mut out),
            None => exchange.response_end(&mut out),
        };
        match passed(exchange, flow, piece.map_or(&[], Vec::as_slice), &mut out) {
            Ok(bytes) => seen.body.extend(bytes),
            Err(cut) if whole => {
                answered(seen, &cut.1.answer);
                exchange.finish(Ending::Complete);
                return;
            }
            Err(cut) => {
                let (last, abort) = *cut;
                seen.body.extend(last);
                seen.aborted = Some(abort.code);
                exchange.finish(Ending::Complete);
                return;
            }
        }
    }
    exchange.finish(Ending::Complete);
}

/// What goes on, or with the reason for the cut the last that does.
fn passed(
    exchange: &mut Exchange,
    flow: Flow,
    piece: &[u8],
    out: &mut Vec<u8>,
) -> Result<Vec<u8>, Box<(Vec<u8>, wardline::guard::Abort)>> {
    match exchange.settle_blocking(flow, out) {
        Flow::Unchanged => Ok(piece.to_vec()),
        Flow::Changed => Ok(std::mem::take(out)),
        Flow::Abort(abort) => Err(Box::new((Vec::new(), abort))),
        Flow::Last(abort) => Err(Box::new((std::mem::take(out), abort))),
        _ => unreachable!(),
    }
}

fn answered(seen: &mut Seen, answer: &Answer) {
    seen.status = answer.status.as_u16();
    seen.headers = answer.headers().into_iter().collect();
    seen.body = answer.body();
    seen.answer = Some(answer.clone());
}

/// All that the log of a state folder holds, oldest first.
fn entries(state: &Path) -> Vec<Entry> {
    query(state, &Filter::default()).unwrap().into_iter().map(Result::unwrap).collect()
}

/// The exchanges that the log of a state folder holds, oldest first.
fn exchanges(state: &Path) -> Vec<Entry> {
    let filter = Filter { kind: Some(Kind::Exchange), ..Filter::default() };
    query(state, &filter).unwrap().into_iter().map(Result::unwrap).collect()
}
