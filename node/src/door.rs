//! What a door calls: exchanges by number, because an object for each, which the collector has to look after, would
//! cost more than what the guard does with a small body.
//!
//! Each thread of JavaScript has its own table. Bytes that go on come as text of one byte a character where they are
//! few, or else are copied by [`take`] to where the door wants them.

use std::cell::RefCell;
use std::collections::HashMap;

use http::StatusCode;
use napi::bindgen_prelude::{Buffer, BufferSlice, Either, Object, Uint8Array};
use napi::{Env, JsString};
use napi_derive::napi;
use wardline::guard::Answer;
use wardline::model::{Census, Line};

use crate::exchange::{Became, Exchange, Side, Told, passage, step};
use crate::guard::Guard;
use crate::heads::{self, Known};
use crate::wait::Wait;
use crate::{errors, text};

/// What became of a piece where no text goes on; any other number is how many bytes wait for `take`.
mod flow {
    pub(super) const UNCHANGED: f64 = -1.0;
    pub(super) const EFFECT: f64 = -2.0;
    pub(super) const ABORT: f64 = -3.0;
    /// So much waits for `take`, and is the last that goes on.
    pub(super) const LAST: f64 = -4.0;
}

/// Up to so many bytes go on as text. Node writes that much to a socket without a copy of its own.
const TEXT: usize = 16_000;
/// Room above this is given back.
const ROOM: usize = 1 << 20;
/// Numbers of exchanges start again here: with a step and the number of its edits they are one small integer.
const NUMBERS: u32 = 1 << 21;

thread_local! {
    static TABLE: RefCell<Table> = RefCell::default();
}

/// The exchanges of one thread, and what they share.
#[derive(Default)]
struct Table {
    exchanges: HashMap<u32, Box<Exchange>>,
    last: u32,
    known: Known,
    read: Vec<u8>,
    /// What goes on now, and of which exchange.
    out: Vec<u8>,
    of: u32,
    /// Whether the thread's end is known to end them all.
    ends: bool,
}

impl Table {
    fn add(&mut self, env: Env, exchange: Exchange) -> napi::Result<u32> {
        if !self.ends {
            // Exchanges end before the thread does, while what they wait for can still be told so.
            env.add_env_cleanup_hook((), |()| drop(TABLE.take()))?;
            self.ends = true;
        }
        loop {
            self.last = self.last % (NUMBERS - 1) + 1;
            if let std::collections::hash_map::Entry::Vacant(place) = self.exchanges.entry(self.last) {
                place.insert(Box::new(exchange));
                return Ok(self.last);
            }
        }
    }

    /// What comes next, with the number of its edits and that of the exchange.
    fn step(&mut self, number: u32) -> u32 {
        self.of = number;
        let Some(exchange) = self.exchanges.get_mut(&number) else { return number << 10 | step::ANSWER };
        let code = exchange.step(&mut self.out);
        number << 10 | self.known.number(exchange.edits()) << 3 | code
    }

    fn became<'env>(&mut self, env: &'env Env, became: Became) -> napi::Result<Flow<'env>> {
        let number = match became {
            Became::Unchanged => flow::UNCHANGED,
            Became::Effect => flow::EFFECT,
            Became::Abort => flow::ABORT,
            Became::Last => flow::LAST,
            Became::Changed if (1..=TEXT).contains(&self.out.len()) => {
                return env.create_string_latin1(&self.out).map(Either::B);
            }
            Became::Changed => as_number(self.out.len()),
        };
        Ok(Either::A(number))
    }
}

type Flow<'env> = Either<f64, JsString<'env>>;

fn with<T>(work: impl FnOnce(&mut Table) -> T) -> T {
    TABLE.with_borrow_mut(work)
}

/// Begins an exchange and steps. `head` is the method, the target and the address of the socket, which counts where
/// there is no `identity` (the JSON of a verified one), then `rawHeaders`, `count` of them: all joined by line feeds. `door` is the
/// number of the door that it came to.
#[napi(catch_unwind)]
pub fn begin(
    env: &Env,
    guard: &Guard,
    head: JsString<'_>,
    count: u32,
    identity: Option<String>,
    door: u32,
) -> napi::Result<u32> {
    with(|table| {
        text::read(&head, &mut table.read)?;
        let inner = guard
            .begin(text::of(&table.read), count, identity.as_deref(), door)
            .map_err(|error| errors::thrown(env, &error))?;
        let number = table.add(*env, Exchange::new(inner))?;
        Ok(table.step(number))
    })
}

/// The caller that an exchange is judged by, as JSON with the seal that it came with: for whoever acts on their behalf.
/// `null` while that is not known, and once the exchange has ended.
#[napi(catch_unwind)]
pub fn caller(number: u32) -> Option<String> {
    with(|table| table.exchanges.get(&number).and_then(|exchange| exchange.caller()))
}

/// What is bound to a statement.
#[napi(object)]
pub struct Values {
    /// The values, in any form that is the same for the same values only.
    pub parameters: Option<Uint8Array>,
    /// Those of them that are whole numbers, by place.
    pub numbers: Vec<Option<i64>>,
}

/// Begins a statement: its number, for `step`. `identity` is the JSON of a verified one.
#[napi(catch_unwind)]
pub fn begin_statement(
    env: &Env,
    guard: &Guard,
    text: String,
    service: String,
    identity: Option<String>,
    dialect: Option<String>,
    bound: Values,
) -> napi::Result<u32> {
    let begun = guard.begin_statement((service, text), identity.as_deref(), dialect.as_deref(), bound);
    add(env, begun)
}

/// Begins a command, text of a shell or words: its number, for `step`.
#[napi(catch_unwind)]
pub fn begin_command(
    env: &Env,
    guard: &Guard,
    line: Either<String, Vec<Buffer>>,
    service: String,
    identity: Option<String>,
) -> napi::Result<u32> {
    let line = match line {
        Either::A(text) => Line::Script(text),
        Either::B(words) => {
            Line::Words(words.iter().map(|word| bytes::Bytes::copy_from_slice(word)).collect())
        }
    };
    add(env, guard.begin_command(service, line, identity.as_deref()))
}

fn add(env: &Env, begun: Result<wardline::guard::Exchange, wardline::Error>) -> napi::Result<u32> {
    let inner = begun.map_err(|error| errors::thrown(env, &error))?;
    with(|table| table.add(*env, Exchange::new(inner)))
}

/// So much of what a statement or a command gave is about to be handed on.
#[napi(catch_unwind)]
pub fn returned(number: u32, rows: f64, vectors: f64) -> f64 {
    let census = Census { rows: whole(rows), vectors: whole(vectors), ..Census::default() };
    told(number, Told::Returned(census))
}

/// So many rows were written, changed or deleted.
#[napi(catch_unwind)]
pub fn touched(number: u32, rows: f64) -> f64 {
    told(number, Told::Touched(whole(rows)))
}

fn told(number: u32, part: Told) -> f64 {
    with(|table| {
        table.of = number;
        let exchange = table.exchanges.get_mut(&number);
        let became = exchange.map_or(Became::Abort, |exchange| exchange.told(part, &mut table.out));
        waiting(became, &table.out)
    })
}

/// A piece of what a statement or a command gave, as it may be handed on; with `last` also its end. What goes on waits for `take`.
#[napi(catch_unwind)]
pub fn result(number: u32, piece: &[u8], content_type: String, last: bool) -> f64 {
    with(|table| {
        table.of = number;
        let exchange = table.exchanges.get_mut(&number);
        let became = exchange
            .map_or(Became::Abort, |exchange| exchange.result(piece, &content_type, last, &mut table.out));
        waiting(became, &table.out)
    })
}

/// What comes next.
#[napi(catch_unwind)]
pub fn step(number: u32) -> u32 {
    with(|table| table.step(number))
}

/// Hands over the next piece of the request body, `null` at its end, and steps.
#[napi(catch_unwind)]
pub fn read(number: u32, piece: Option<&[u8]>) -> u32 {
    with(|table| {
        if let Some(exchange) = table.exchanges.get_mut(&number) {
            exchange.read(piece);
        }
        table.step(number)
    })
}

/// Has the effect carried out that a step or a flow asked for; then ask `step` or `resume`.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn carry_out(env: &Env, number: u32) -> napi::Result<Object<'_>> {
    let (deferred, promise) = env.create_deferred::<(), fn(Env) -> napi::Result<()>>()?;
    with(|table| {
        let exchange = table.exchanges.get_mut(&number);
        match exchange.and_then(|exchange| Some((exchange.carry_out()?, exchange))) {
            Some((carrying, exchange)) => exchange.wait(Wait::begin(carrying, deferred)),
            None => deferred.resolve(|_| Ok(())),
        }
    });
    Ok(promise)
}

/// The edits of the head that goes on now, as `-name` and `+name: value` lines.
#[napi(catch_unwind)]
pub fn edits(number: u32) -> String {
    with(|table| {
        table.exchanges.get(&number).map(|exchange| heads::lines(exchange.edits())).unwrap_or_default()
    })
}

/// How many bytes wait for `take`.
#[napi(catch_unwind)]
pub fn length(number: u32) -> f64 {
    with(|table| if table.of == number { as_number(table.out.len()) } else { 0.0 })
}

/// Copies what goes on now to the start of `into`, and forgets it.
#[napi(catch_unwind)]
pub fn take(number: u32, mut into: BufferSlice<'_>) {
    with(|table| {
        if table.of != number {
            return;
        }
        let length = into.len().min(table.out.len());
        if let (Some(to), Some(from)) = (into.get_mut(..length), table.out.get(..length)) {
            to.copy_from_slice(from);
        }
        table.out.clear();
        table.out.shrink_to(ROOM);
    });
}

/// A piece of a request body that is fed; with `last` also its end. What goes on waits for `take`.
#[napi(catch_unwind)]
pub fn request(number: u32, piece: Option<&[u8]>, last: bool) -> f64 {
    with(|table| {
        let became = feed(table, number, Side::Request, piece, last);
        waiting(became, &table.out)
    })
}

/// The head of the response, `count` lines of names and values: how it passes, with the number of its edits.
#[napi(catch_unwind)]
pub fn response_head(
    env: &Env,
    number: u32,
    status: u16,
    head: JsString<'_>,
    count: u32,
) -> napi::Result<u32> {
    with(|table| {
        text::read(&head, &mut table.read)?;
        let status = StatusCode::from_u16(status).map_err(|_| errors::input("expected an HTTP status"));
        let head = status.and_then(|status| Ok((status, heads::parse(text::of(&table.read), count)?)));
        let (status, headers) = head.map_err(|error| errors::thrown(env, &error))?;
        let Some(exchange) = table.exchanges.get_mut(&number) else { return Ok(passage::REFUSE) };
        let passage = exchange.response_head(status, &headers);
        Ok(table.known.number(exchange.edits()) << 3 | passage)
    })
}

/// A piece of the response body; with `last` also its end.
#[napi(catch_unwind)]
pub fn response<'env>(
    env: &'env Env,
    number: u32,
    piece: Option<&[u8]>,
    last: bool,
) -> napi::Result<Flow<'env>> {
    with(|table| {
        let became = feed(table, number, Side::Response, piece, last);
        table.became(env, became)
    })
}

/// The same where the piece is text, which goes on as UTF-8.
#[napi(catch_unwind)]
pub fn response_text<'env>(
    env: &'env Env,
    number: u32,
    piece: JsString<'_>,
    last: bool,
) -> napi::Result<Flow<'env>> {
    with(|table| {
        let mut read = std::mem::take(&mut table.read);
        text::read(&piece, &mut read)?;
        let became = feed(table, number, Side::Response, Some(&read), last);
        table.read = read;
        table.became(env, became)
    })
}

/// What became of the piece that waited for an effect. What goes on waits for `take`.
#[napi(catch_unwind)]
pub fn resume(number: u32) -> f64 {
    with(|table| {
        table.of = number;
        let became = table.exchanges.get_mut(&number).map(|exchange| exchange.resume(&mut table.out));
        waiting(became.unwrap_or(Became::Abort), &table.out)
    })
}

/// The answer that the caller gets instead of the service's.
#[napi(catch_unwind)]
pub fn answer(number: u32) -> Reply {
    with(|table| {
        Reply::of(&match table.exchanges.get_mut(&number) {
            Some(exchange) => exchange.answer(),
            None => Answer::of("guard_unavailable"),
        })
    })
}

/// Ends the exchange: 0 complete, 1 the caller went away, 2 the service failed. Only the first call counts.
#[napi(catch_unwind)]
pub fn finish(number: u32, how: u8) {
    if let Some(exchange) = with(|table| table.exchanges.remove(&number)) {
        exchange.finish(how);
    }
}

/// What a caller gets where not even an exchange could begin.
#[napi(catch_unwind)]
pub fn unavailable() -> Reply {
    Reply::of(&Answer::of("guard_unavailable"))
}

/// An answer of the guard's own.
#[napi(object)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in turn.
    pub headers: Vec<String>,
    /// The problem document.
    pub body: String,
}

impl Reply {
    fn of(answer: &Answer) -> Self {
        let headers = answer.headers();
        let headers = headers.iter().flat_map(|(name, value)| {
            [name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()]
        });
        Self {
            status: answer.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&answer.body()).into_owned(),
        }
    }
}

fn feed(table: &mut Table, number: u32, side: Side, piece: Option<&[u8]>, last: bool) -> Became {
    table.of = number;
    match table.exchanges.get_mut(&number) {
        Some(exchange) => exchange.feed(side, piece, last, &mut table.out),
        None => Became::Abort,
    }
}

/// What became of a piece where all that goes on waits for `take`.
fn waiting(became: Became, out: &[u8]) -> f64 {
    match became {
        Became::Unchanged => flow::UNCHANGED,
        Became::Effect => flow::EFFECT,
        Became::Abort => flow::ABORT,
        Became::Last => flow::LAST,
        Became::Changed => as_number(out.len()),
    }
}

/// A count of JavaScript's; what is none counts as all there can be.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole and not below zero")]
fn whole(count: f64) -> u64 {
    if count >= 0.0 { count.ceil() as u64 } else { u64::MAX }
}

/// A length as JavaScript's number: exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "no buffer is that long")]
fn as_number(length: usize) -> f64 {
    length as f64
}
