//! What a request does: a subject becomes [`Act`]s.
//!
//! Each system has a catalogue: one readable YAML file in `data/catalogue`, an entry for each of its public operations,
//! turned into static tables at build time. A request is routed to its entry; where the entry says that fields of the
//! body decide, the caller is asked for the body. **What no entry matches is `unknown`, never a read.** The answer is the
//! same every time: it knows the request and nothing else.
//!
//! ```
//! use wardline::classify::{self, Body, Outcome};
//! use wardline::model::{HttpHead, Operation};
//!
//! let qdrant = classify::system("qdrant").unwrap();
//! let head = HttpHead {
//!     method: http::Method::POST,
//!     target: "/collections/staff/points/scroll".into(),
//!     host: "db".into(),
//!     headers: http::HeaderMap::new(),
//! };
//! let Outcome::NeedBody(pending) = classify::http(qdrant, &head, "") else { panic!() };
//! let done = pending.finish(Body::Whole(br#"{"limit": 5000, "with_vector": true}"#)).unwrap();
//! assert_eq!(done.acts[0].operation, Operation::VectorExport);
//! assert_eq!(done.acts[0].resource, "staff");
//! assert_eq!(done.acts[0].magnitude.count, Some(5_000));
//! ```

mod acts;
mod body;
mod catalogue;
mod command;
mod entries;
pub mod explain;
mod graphql;
mod grpc;
mod names;
mod piped;
mod refusals;
mod risk;
mod router;
mod said;
pub mod shell;
mod sql;
mod target;
mod token;
mod wire;
mod yql;

pub use catalogue::{Entry, System};
pub use command::command;
pub(crate) use entries::system as own_system;
pub(crate) use grpc::{is_protobuf, packing, without_vectors};
pub(crate) use refusals::Cause;
pub use refusals::Refusals;
pub use risk::raised;
pub use said::{said, statement};
pub use sql::{Dialect, Statements, sql, sql_with};

use acts::Facts;
use body::Record;
use explain::Trace;
use router::Params;
use target::Target;

use crate::coding::Packing;
use crate::model::{Act, HttpHead, Operation, Unit};
use crate::vector::Paths;

/// Every system of the catalogue, by name.
pub fn systems() -> &'static [System] {
    &catalogue::SYSTEMS
}

/// The system of a name, e.g. `qdrant`.
pub fn system(name: &str) -> Option<&'static System> {
    systems().iter().find(|system| system.name == name)
}

/// The table of operations as Markdown: name, base risk, unit, meaning. `OPERATIONS.md` is this text.
pub fn operations_table() -> String {
    let rows = Operation::ALL.iter().map(|operation| {
        let unit = operation.unit().map_or("-", Unit::name);
        format!("| `{operation}` | {} | {unit} | {} |\n", operation.base_risk(), operation.meaning())
    });
    let head = "| operation | base risk | counted in | what it does |\n|---|---|---|---|\n";
    std::iter::once(head.to_owned()).chain(rows).collect()
}

/// What a request does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// One act for each operation and resource; every one must pass. Never empty.
    pub acts: Vec<Act>,
    /// The route of the entry, as its specification writes it; `None` where no entry matches.
    pub entry: Option<&'static str>,
    /// Where the response carries vectors, rows and ids.
    pub census: Option<&'static Paths>,
    /// Where the request carries them.
    pub request_census: Option<&'static Paths>,
    /// Whether the body would have decided but could not be read, so that the worst case stands.
    pub worst_case: bool,
}

impl Classified {
    fn of(entry: &'static Entry, acts: Vec<Act>, worst_case: bool) -> Self {
        let (census, request_census) = (entry.response_census(), entry.request_census());
        Self { acts, entry: Some(entry.route), census, request_census, worst_case }
    }

    fn plain(act: Act) -> Self {
        Self::of_acts(vec![act])
    }

    fn of_acts(acts: Vec<Act>) -> Self {
        Self { acts, entry: None, census: None, request_census: None, worst_case: false }
    }

    /// What nothing is known of.
    pub(crate) fn unknown() -> Self {
        Self::plain(Act::unknown())
    }
}

/// A request that has no one reading, and so must not go on. Names the field, quotes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// `repeated_key`, `wrong_type`, `malformed_json`, `malformed_query`, `malformed_graphql`, `malformed_statement`, `malformed_yql`,
    /// `malformed_protobuf`, `too_many_acts` or `too_many_elements`.
    pub code: &'static str,
    /// The deciding field, as the catalogue names it, or `body`.
    pub at: &'static str,
}

/// What the head of a request tells.
#[derive(Debug)]
pub enum Outcome {
    /// All there is to know.
    Done(Classified),
    /// The body decides.
    NeedBody(Pending),
    /// It has no one reading.
    Refused(Refusal),
}

/// A decoded request body.
#[derive(Debug, Clone, Copy)]
pub enum Body<'b> {
    /// All of it.
    Whole(&'b [u8]),
    /// It exceeds what is buffered for one exchange.
    TooLarge,
    /// Its content coding is unknown or damaged.
    Undecodable,
}

/// Classifies a request by its head, below `base_path` (a prefix that the service is mounted under, or "").
///
/// * `HEAD` is what `GET` is.
/// * `OPTIONS` is `none` where it is a CORS preflight (it has `Access-Control-Request-Method`) for a listed path; any
///   other is what its entry says.
/// * Method overrides (`X-HTTP-Method-Override` and its kin, `?_method=`) are `unknown`, and so are a target with two
///   readings, a `GET` or `HEAD` with a body where the entry knows none, and whatever else no entry matches.
/// * `POST` with `Content-Type: application/grpc` is a gRPC call: its path is looked up as it is, its messages decide.
pub fn http(system: &'static System, head: &HttpHead, base_path: &str) -> Outcome {
    traced(system, head, base_path, None)
}

/// How whoever sent this request is told of a refusal; `None` where by a problem document alone.
pub(crate) fn refusals(
    system: &'static System,
    head: &HttpHead,
    base_path: &str,
) -> Option<&'static Refusals> {
    let target =
        Target::read(&head.target, system.encoded_slashes).and_then(|target| target.below(base_path));
    let path = target.as_ref().map_or("", |target| &target.path);
    system.refusals.iter().find(|form| path.starts_with(form.under))
}

fn traced(system: &'static System, head: &HttpHead, base_path: &str, trace: Option<&Trace>) -> Outcome {
    let told = Told::by(&head.headers);
    if let Some(codec) = grpc::codec(told.content_type) {
        return grpc::classify(system, head, base_path, (codec, told.packing), trace);
    }
    let unknown = || Outcome::Done(Classified::unknown());
    let Some(mut target) =
        Target::read(&head.target, system.encoded_slashes).and_then(|target| target.below(base_path))
    else {
        return unknown();
    };
    if told.method || names_method(&target) {
        return unknown();
    }
    if system.trailing_slash {
        target = target.without_trailing_slash();
    }
    for (from, to) in system.prefixes {
        if let Some(rest) = target.path.strip_prefix(from) {
            target.path = format!("{to}{rest}").into();
            break;
        }
    }
    let Some(path) = router::addressed(system, &head.headers, &target) else { return unknown() };
    target.path = path;
    if head.method == http::Method::OPTIONS {
        let preflight = head.headers.contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD);
        if preflight && system.router().knows(&target.path) {
            return Outcome::Done(Classified::plain(Act::new(Operation::None, "")));
        }
        if preflight {
            return unknown();
        }
    }
    let Some((entry, params)) = system.router().find(head.method.as_str(), &target.path) else {
        return unknown();
    };
    let reads = matches!(head.method, http::Method::GET | http::Method::HEAD);
    if reads && declares_body(head) && !entry.reads_body() && !system.get_bodies {
        return unknown();
    }
    let waits = entry.reads_body() && (!reads || declares_body(head));
    if waits && !is_multipart(told.content_type) && !told.tensors {
        let (path, query) = (target.path.into_owned(), target.query.map(str::to_owned));
        let headers = entry.headers_of(&head.headers);
        let packing = Packing::Plain;
        return Outcome::NeedBody(Pending { system, entry, path, params, query, headers, packing });
    }
    let facts = Facts {
        system,
        path: &target.path,
        params: &params,
        query: target.query,
        headers: Some(&head.headers),
        arguments: &[],
        trace,
    };
    if waits {
        // Fields of a form, and of what only begins with JSON, are not read: the worst of the entry stands.
        return done(acts::worst(entry, &facts).map(|acts| Classified::of(entry, acts, true)));
    }
    let values = match body::read_query(system, entry, target.query) {
        Ok(values) => values,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    let nothing = &mut [Record { entry: Some(entry), values }];
    done(acts::judge(entry, &facts, nothing).map(|acts| Classified::of(entry, acts, false)))
}

fn done(result: Result<Classified, Refusal>) -> Outcome {
    match result {
        Ok(classified) => Outcome::Done(classified),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// What headers of a request say, read in one pass.
struct Told<'h> {
    content_type: &'h [u8],
    /// Another method than that of its line.
    method: bool,
    /// Tensors follow the JSON of the body, as inference servers take them.
    tensors: bool,
    /// How messages of gRPC are packed; `None` where a coding is named twice.
    packing: Option<Packing>,
}

impl<'h> Told<'h> {
    fn by(headers: &'h http::HeaderMap) -> Self {
        let (mut kind, mut coding) = (None, None);
        let mut told =
            Self { content_type: b"", method: false, tensors: false, packing: Some(Packing::Plain) };
        for (name, value) in headers {
            if *name == http::header::CONTENT_TYPE {
                kind = kind.or(Some(value.as_bytes()));
                continue;
            }
            match name.as_str() {
                "x-http-method-override" | "x-http-method" | "x-method-override" => told.method = true,
                "inference-header-content-length" => told.tensors = true,
                grpc::ENCODING => {
                    let first = coding.replace(value).is_none();
                    told.packing = first.then(|| grpc::named(value));
                }
                _ => {}
            }
        }
        told.content_type = kind.unwrap_or_default();
        told
    }
}

/// Whether the query says another method than the line of the request.
fn names_method(target: &Target<'_>) -> bool {
    target.query.is_some_and(|query| {
        // An encoded spelling of the key needs a `%`; without either there is nothing to look for.
        query.contains(['%', '_'])
            && target::parameter(Some(query), "_method").is_none_or(|found| !found.is_empty())
    })
}

fn declares_body(head: &HttpHead) -> bool {
    let length = head.headers.get(http::header::CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || head.headers.contains_key(http::header::TRANSFER_ENCODING)
}

fn is_multipart(content_type: &[u8]) -> bool {
    content_type.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/"))
}

/// A request whose body decides.
#[derive(Debug)]
pub struct Pending {
    system: &'static System,
    entry: &'static Entry,
    path: String,
    params: Params,
    query: Option<String>,
    /// Those that decide.
    headers: Option<Box<http::HeaderMap>>,
    /// Of a gRPC call: how its messages are packed.
    packing: Packing,
}

impl Pending {
    /// The entry that waits for the body.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Classifies the request by its body. What cannot be read has the entry's worst case.
    ///
    /// # Errors
    /// A body without one reading: not JSON, a deciding key that comes twice, a deciding field of a wrong type.
    pub fn finish(self, body: Body<'_>) -> Result<Classified, Refusal> {
        self.traced(body, None)
    }

    fn traced(&self, body: Body<'_>, trace: Option<&Trace>) -> Result<Classified, Refusal> {
        if self.entry.method == router::RPC {
            return grpc::finish(self, body, trace);
        }
        let facts = Facts {
            system: self.system,
            path: &self.path,
            params: &self.params,
            query: self.query.as_deref(),
            headers: self.headers.as_deref(),
            arguments: &[],
            trace,
        };
        match body {
            Body::Whole(bytes) => {
                let mut records = body::read(self.system, self.entry, bytes)?;
                if let Some(record) = records.first_mut() {
                    record.values.extend(body::read_query(self.system, self.entry, self.query.as_deref())?);
                }
                Ok(Classified::of(self.entry, acts::judge(self.entry, &facts, &mut records)?, false))
            }
            Body::TooLarge | Body::Undecodable => {
                Ok(Classified::of(self.entry, acts::worst(self.entry, &facts)?, true))
            }
        }
    }
}

#[cfg(test)]
mod tests;
