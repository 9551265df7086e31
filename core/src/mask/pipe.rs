//! The reader of one format, and the bytes that it still needs.

use crate::json::Fault;

use super::csv::CsvDriver;
use super::form::FormDriver;
use super::grpc::GrpcDriver;
use super::json::{CountDriver, JsonDriver};
use super::lines::LinesDriver;
use super::marker::Marker;
use super::multipart::MultipartDriver;
use super::splice::Splice;
use super::sse::SseDriver;
use super::text::{Progress, TextDriver};
use super::{Format, Release};

/// Carries the bytes of one body, or of one part of a body, through the driver of its format.
#[derive(Debug)]
pub(super) struct Pipe {
    driver: Driver,
    /// Bytes that the driver still needs; of them, the first `sent` have gone out.
    held: Vec<u8>,
    sent: usize,
}

#[derive(Debug)]
enum Driver {
    /// Nothing to change and nothing to count.
    Nothing,
    /// Nothing to change.
    Count(Box<CountDriver>),
    Csv(Box<CsvDriver>),
    Form(Box<FormDriver>),
    Grpc(Box<GrpcDriver>),
    Json(Box<JsonDriver>),
    Lines(Box<LinesDriver>),
    Multipart(Box<MultipartDriver>),
    Sse(Box<SseDriver>),
    Text(Box<TextDriver>),
}

impl Pipe {
    /// `key` names the form field or member that the bytes stand in.
    pub(super) fn new(marker: &Marker, format: Format, key: Option<&str>) -> Self {
        let driver = match format {
            _ if marker.plan.is_empty() && marker.counter.is_none() => Driver::Nothing,
            Format::Json if marker.plan.is_empty() => Driver::Count(Box::new(CountDriver::document())),
            Format::Ndjson if marker.plan.is_empty() => Driver::Count(Box::new(CountDriver::series())),
            Format::Json => Driver::Json(Box::new(JsonDriver::document(marker))),
            Format::Ndjson => Driver::Lines(Box::new(LinesDriver::new())),
            Format::Sse => Driver::Sse(Box::default()),
            Format::Grpc(schema, packing) => Driver::Grpc(Box::new(GrpcDriver::new(schema, packing))),
            Format::Text if marker.plan.detects() => Driver::Text(Box::new(TextDriver::under(key))),
            Format::Form if !marker.plan.is_empty() => Driver::Form(Box::default()),
            Format::Csv { separator } if !marker.plan.is_empty() => {
                Driver::Csv(Box::new(CsvDriver::new(separator)))
            }
            Format::Multipart(boundary) if !marker.plan.is_empty() => {
                Driver::Multipart(Box::new(MultipartDriver::new(boundary)))
            }
            // No field and no vector stands in a plain text, and no vector in a form; files and tables are counted beside this.
            Format::Text | Format::Form | Format::Csv { .. } | Format::Multipart(_) => Driver::Nothing,
        };
        Self { driver, held: Vec::new(), sent: 0 }
    }

    /// Whether nothing is read at all.
    pub(super) fn reads_nothing(&self) -> bool {
        matches!(self.driver, Driver::Nothing)
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        let inside = match &self.driver {
            Driver::Lines(driver) => driver.held(),
            Driver::Sse(driver) => driver.held(),
            Driver::Multipart(driver) => driver.held(),
            _ => 0,
        };
        self.held.len() - self.sent + inside
    }

    /// Takes the next bytes, or with `last` the end; what may go on is `input` itself or is appended to `out`.
    pub(super) fn push(
        &mut self,
        marker: &mut Marker,
        input: &[u8],
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<Release, Fault> {
        let mut held = std::mem::take(&mut self.held);
        let direct = held.is_empty();
        let nothing_held = self.sent == held.len();
        if !direct {
            held.extend_from_slice(input);
        }
        let window = if direct { input } else { held.as_slice() };
        let before = out.len();
        let mut splice = Splice::new(window, self.sent, out);
        let progress = match &mut self.driver {
            Driver::Nothing => Ok(Progress { released: window.len(), keep: window.len() }),
            Driver::Count(driver) => driver.read(marker, window, last),
            Driver::Csv(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Form(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Grpc(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Json(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Lines(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Multipart(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Sse(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Text(driver) => driver.read(marker, window, last, &mut splice),
        };
        let Progress { released, keep } = match progress {
            Ok(progress) => progress,
            Err(fault) => {
                out.truncate(before);
                return Err(fault);
            }
        };
        let unchanged = nothing_held && released == window.len() && !splice.changed();
        if !unchanged {
            splice.pass(released);
        }
        if direct {
            held.extend_from_slice(input.get(keep..).unwrap_or_default());
        } else {
            held.drain(..keep.min(held.len()));
        }
        self.held = held;
        self.sent = released - keep;
        Ok(if unchanged { Release::Unchanged } else { Release::Changed })
    }
}
