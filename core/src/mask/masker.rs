//! One body on its way: bytes in, masked bytes out.

use std::sync::Arc;

use crate::json::{Fault, FaultCode};
use crate::keys::Keys;
use crate::model::Census;
use crate::vector::Counter;

use super::form::FormDriver;
use super::json::JsonDriver;
use super::marker::Marker;
use super::splice::Splice;
use super::sse::SseDriver;
use super::text::{Progress, TextDriver};
use super::{Format, Plan, Report, Scopes};

/// What is wrong with a body that had to be masked, and at which byte.
pub type MaskError = Fault;

/// What [`Masker::push`] did with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// Exactly the input goes on: nothing was held back before it and nothing is now. `out` is untouched.
    Unchanged,
    /// What goes on now (perhaps nothing) was appended to `out`.
    Changed,
}

/// Masks one body by a plan, as its bytes come.
///
/// What comes out is the same however the input is cut. No byte leaves before every rule that reads it has
/// answered. After an error nothing more comes out: the body must not be finished as if it were whole.
///
/// ```
/// use std::sync::Arc;
/// use wardline::{detect::entity, json::Path, keys::Keys};
/// use wardline::mask::{Format, Masker, Plan, PlanSpec, Transform};
///
/// let plan = Plan::compile(PlanSpec {
///     entities: vec![(entity("email").unwrap(), Transform::Redact)],
///     fields: vec![(Path::parse("ssn").unwrap(), Transform::Drop)],
/// }).unwrap();
/// let mut masker = Masker::new(Arc::new(plan), Format::Json, Keys::from_root([7; 32]), None);
/// let mut out = Vec::new();
/// masker.push(br#"{"note": "ask ada@exam"#, &mut out).unwrap();
/// masker.push(br#"ple.org", "ssn": 123456789}"#, &mut out).unwrap();
/// masker.finish(&mut out).unwrap();
/// assert_eq!(out, br#"{"note": "ask [EMAIL]"}"#);
/// ```
#[derive(Debug)]
pub struct Masker {
    marker: Marker,
    driver: Driver,
    /// Bytes that the driver still needs; of them, the first `sent` have gone out.
    held: Vec<u8>,
    sent: usize,
    empty: bool,
    failed: Option<MaskError>,
    /// How many bytes came before the piece at hand.
    taken: u64,
    /// Whether what must not pass at all is only noted.
    observes: bool,
}

#[derive(Debug)]
enum Driver {
    /// Nothing to change and nothing to count.
    Nothing,
    Json(Box<JsonDriver>),
    Sse(SseDriver),
    Text(TextDriver),
    Form(FormDriver),
}

impl Masker {
    /// For one body. A plan may be empty: then the body is only counted.
    pub fn new(plan: Arc<Plan>, format: Format, keys: Keys, counter: Option<Counter>) -> Self {
        let marker = Marker::new(plan, keys, counter);
        let driver = match format {
            _ if marker.plan.is_empty() && marker.counter.is_none() => Driver::Nothing,
            Format::Json => Driver::Json(Box::new(JsonDriver::document(&marker))),
            Format::Ndjson => Driver::Json(Box::new(JsonDriver::series(&marker))),
            Format::Sse => Driver::Sse(SseDriver::default()),
            Format::Text if marker.detects() => Driver::Text(TextDriver::default()),
            Format::Form if !marker.plan.is_empty() => Driver::Form(FormDriver::default()),
            // No field and no vector stands in a plain text, and no vector in a form.
            Format::Text | Format::Form => Driver::Nothing,
        };
        Self {
            marker,
            driver,
            held: Vec::new(),
            sent: 0,
            empty: true,
            failed: None,
            taken: 0,
            observes: false,
        }
    }

    /// The same body, as one of this exchange, session and tenant; without it, of none that has a name.
    #[must_use]
    pub fn within(mut self, scopes: Scopes) -> Self {
        self.marker.keyring.rescope(scopes);
        self
    }

    /// The same body, read to know what it holds: what must not pass at all is noted and no error.
    #[must_use]
    pub fn observing(mut self) -> Self {
        self.observes = true;
        self
    }

    /// Takes the next bytes; what may go on now is `input` itself or is appended to `out`.
    ///
    /// # Errors
    /// Where the body is not of its format, so that masking cannot be vouched for, or holds a value that must not pass at all.
    /// Nothing of `input` went to `out`.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Release, MaskError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        if matches!(self.driver, Driver::Nothing) {
            return Ok(Release::Unchanged);
        }
        self.empty &= input.is_empty();
        self.step(input, false, out)
    }

    /// The body is complete: appends what was held back.
    ///
    /// # Errors
    /// Where it ends too early.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), MaskError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        // A body without a byte has nothing to mask, whatever its format asks for.
        if !self.empty {
            self.step(&[], true, out)?;
        }
        Ok(())
    }

    /// What was masked so far.
    pub fn report(&self) -> &Report {
        &self.marker.report
    }

    /// What was masked and counted in all.
    pub fn into_report(self) -> Report {
        let census = self.marker.counter.map(Counter::into_census);
        Report { census, ..self.marker.report }
    }

    /// What was counted so far, bytes that are held back included.
    pub fn census(&self) -> Option<&Census> {
        self.marker.counter.as_ref().map(Counter::census)
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        let texts = if let Driver::Sse(driver) = &self.driver { driver.held() } else { 0 };
        self.held.len() - self.sent + texts
    }

    fn step(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<Release, MaskError> {
        let mut held = std::mem::take(&mut self.held);
        let direct = held.is_empty();
        let nothing_held = self.sent == held.len();
        if !direct {
            held.extend_from_slice(input);
        }
        let window = if direct { input } else { held.as_slice() };
        let before = out.len();
        let mut splice = Splice::new(window, self.sent, out);
        let marker = &mut self.marker;
        let progress = match &mut self.driver {
            Driver::Nothing => Ok(Progress { released: window.len(), keep: window.len() }),
            Driver::Json(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Sse(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Text(driver) => driver.read(marker, window, last, &mut splice),
            Driver::Form(driver) => driver.read(marker, window, last, &mut splice),
        };
        let denied = Fault { code: FaultCode::Denied, at: self.taken };
        self.taken += input.len() as u64;
        let progress = progress.and_then(|progress| match marker.denied && !self.observes {
            true => Err(denied),
            false => Ok(progress),
        });
        let Progress { released, keep } = match progress {
            Ok(progress) => progress,
            Err(fault) => {
                out.truncate(before);
                self.failed = Some(fault);
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
