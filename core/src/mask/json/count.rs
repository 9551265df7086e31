//! JSON of which nothing is to be found or changed: it is only counted.
//!
//! What a guard without masks, or a request whose answer alone is masked, asks of a body is how many vectors, rows and ids pass.
//! Then no place is named and no value kept, and what no path of the census leads to is passed unread.

use crate::json::{Decoded, Fault, Kind, Runs, Scanner, Step, Token};
use crate::vector::{Counter, Scalar};

use super::{LONG_START, text_of};
use crate::mask::marker::Marker;
use crate::mask::text::Progress;

/// Counts JSON documents.
#[derive(Debug)]
pub(in crate::mask) struct CountDriver {
    scanner: Scanner,
    /// For each open container: of an array, how many elements began.
    elements: Vec<Option<u64>>,
    /// The last text with escapes; its memory is used again.
    decoded: Option<Box<Decoded>>,
}

/// How deep most documents are nested.
const ORDINARY_DEPTH: usize = 8;

impl CountDriver {
    /// For one document.
    pub(in crate::mask) fn document() -> Self {
        Self::with(Scanner::new())
    }

    /// For documents on lines.
    pub(in crate::mask) fn series() -> Self {
        Self::with(Scanner::series())
    }

    fn with(scanner: Scanner) -> Self {
        let elements = Vec::with_capacity(ORDINARY_DEPTH);
        Self { scanner: scanner.without_commas(), elements, decoded: None }
    }

    pub(in crate::mask) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
    ) -> Result<Progress, Fault> {
        if let Some(counter) = &mut marker.counter {
            while self.scanner.next(window, last, || runs(counter))? == Step::Token {
                self.token(counter, window, &self.scanner.token());
            }
        }
        let released = self.scanner.position();
        self.scanner.shift(released);
        Ok(Progress { released, keep: released })
    }

    fn token(&mut self, counter: &mut Counter, window: &[u8], token: &Token) {
        match token.kind {
            Kind::Key => {
                let raw = window.get(token.span.start + 1..token.span.end - 1).unwrap_or_default();
                let name = text_of(raw, token.escaped, &mut self.decoded);
                if !counter.key(name, name) {
                    self.scanner.pass_value(window);
                }
            }
            Kind::ObjectEnd | Kind::ArrayEnd => {
                self.elements.pop();
                counter.close();
            }
            // How it began was enough.
            Kind::LongPart | Kind::LongEnd => {}
            _ => self.value(counter, window, token),
        }
    }

    fn value(&mut self, counter: &mut Counter, window: &[u8], token: &Token) {
        match self.elements.last_mut() {
            None => counter.root(),
            Some(None) => {}
            Some(Some(index)) => {
                counter.element(*index);
                *index += token.count;
            }
        }
        let text = window.get(token.span.clone()).unwrap_or_default();
        match token.kind {
            Kind::ObjectStart => {
                self.elements.push(None);
                counter.open(true);
            }
            Kind::ArrayStart => {
                self.elements.push(Some(0));
                counter.open(false);
            }
            Kind::String => {
                let raw = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
                let text = text_of(raw, token.escaped, &mut self.decoded);
                counter.scalar(Scalar::Text(text, text));
            }
            Kind::Number => counter.scalar(Scalar::Number(text, text)),
            Kind::Numbers => counter.numbers(token.count, text),
            Kind::LongStart => {
                let start = window.get(token.span.end..).unwrap_or_default();
                counter.scalar(Scalar::Long(start.get(..LONG_START).unwrap_or_default()));
            }
            _ => counter.scalar(Scalar::Literal),
        }
    }
}

/// How closely the numbers of the innermost array are looked at.
fn runs(counter: &Counter) -> Runs {
    match counter {
        _ if counter.skips() => Runs::Skipped,
        _ if counter.wants_elements() => Runs::Single,
        _ => Runs::Read,
    }
}
