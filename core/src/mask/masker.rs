//! One body on its way: bytes in, masked bytes out.

use std::sync::Arc;

use crate::json::{Fault, FaultCode};
use crate::keys::Keys;
use crate::model::Census;
use crate::vector::Counter;

use super::marker::Marker;
use super::pipe::Pipe;
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
///     ..PlanSpec::default()
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
    pipe: Pipe,
    empty: bool,
    failed: Option<MaskError>,
    /// How many bytes came before the piece at hand.
    taken: u64,
    /// Whether what must not pass at all is only noted.
    observes: bool,
}

impl Masker {
    /// For one body. A plan may be empty: then the body is only counted.
    pub fn new(plan: Arc<Plan>, format: Format, keys: Keys, counter: Option<Counter>) -> Self {
        let marker = Marker::new(plan, keys, counter);
        let pipe = Pipe::new(&marker, format, None);
        Self { marker, pipe, empty: true, failed: None, taken: 0, observes: false }
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
        if self.pipe.reads_nothing() {
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

    /// Takes a whole body, in these pieces: what goes on, and what was masked.
    ///
    /// # Errors
    /// As [`push`](Self::push) and [`finish`](Self::finish).
    pub fn whole<'b>(
        mut self,
        pieces: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<(Vec<u8>, Report), MaskError> {
        let mut out = Vec::new();
        for piece in pieces {
            if self.push(piece, &mut out)? == Release::Unchanged {
                out.extend_from_slice(piece);
            }
        }
        self.finish(&mut out)?;
        Ok((out, self.into_report()))
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

    /// What counts along, where anything does.
    pub fn counter(&mut self) -> Option<&mut Counter> {
        self.marker.counter.as_mut()
    }

    /// What was counted so far, bytes that are held back included.
    pub fn census(&self) -> Option<&Census> {
        self.marker.counter.as_ref().map(Counter::census)
    }

    /// Whether an id came that its counter looks for.
    pub fn met(&self) -> bool {
        self.marker.counter.as_ref().is_some_and(Counter::met)
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.pipe.held()
    }

    fn step(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> Result<Release, MaskError> {
        let before = out.len();
        let (denied, failed) = (FaultCode::Denied, FaultCode::Failed);
        let fault = |code| Fault { code, at: self.taken };
        let (denied, failed) = (fault(denied), fault(failed));
        self.taken += input.len() as u64;
        let done = self.pipe.push(&mut self.marker, input, last, out).and_then(|release| {
            match self.marker.denied && !self.observes {
                // What was not read may hold anything, whoever only observes.
                _ if self.marker.failed => Err(failed),
                true => Err(denied),
                false => Ok(release),
            }
        });
        if let Err(fault) = done {
            out.truncate(before);
            self.failed = Some(fault);
        }
        done
    }
}
