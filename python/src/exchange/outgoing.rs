//! A response's body as its service hands it out: whether there is one at all, whether it is as long as announced,
//! and what is kept of it where it goes on as one.

use http::{HeaderMap, StatusCode, header};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[derive(Default)]
pub(super) struct Outgoing {
    /// By its head, so that whatever the service hands out for it is nothing.
    bodiless: bool,
    /// What is still to come of the announced length. A server compares the two; where the length is taken out of
    /// the head that is ours to do.
    left: Option<usize>,
    /// Pieces of a body that is fed once.
    collected: Option<Vec<u8>>,
}

impl Outgoing {
    /// Of a request for the head alone, or not.
    pub(super) fn of(head_only: bool) -> Self {
        Self { bodiless: head_only, ..Self::default() }
    }

    /// The head is known: `edited` where its length does not stand in it any more, `collect` where the body goes on
    /// as one.
    pub(super) fn begin(&mut self, status: StatusCode, headers: &HeaderMap, edited: bool, collect: bool) {
        self.bodiless |= status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304);
        if edited && !self.bodiless {
            let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
            self.left = length.and_then(|length| length.parse().ok());
        }
        self.collected = collect.then(Vec::new);
    }

    /// What of a piece goes through the engine now; `None` where it is kept until the last one.
    pub(super) fn take<'py>(
        &mut self,
        piece: &Bound<'py, PyBytes>,
        more: bool,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        if self.bodiless {
            return Ok(Some(PyBytes::new(piece.py(), b"")));
        }
        let data = piece.as_bytes();
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(data.len()).filter(|left| more || *left == 0).ok_or_else(|| {
                PyRuntimeError::new_err("the response's body and its Content-Length differ")
            })?;
        }
        Ok(match &mut self.collected {
            Some(collected) if more => {
                collected.extend_from_slice(data);
                None
            }
            Some(collected) if !collected.is_empty() => {
                collected.extend_from_slice(data);
                Some(PyBytes::new(piece.py(), &std::mem::take(collected)))
            }
            _ => Some(piece.clone()),
        })
    }
}
