//! Detectors that Python brings: any callable, such as one over a spaCy or GLiNER model.

use std::error::Error;

use pyo3::prelude::*;
use wardline::detect::{Detector, Spotted};

/// A callable that takes a text and the key it stands under (or `None`) and answers with `(start, end, label)`, in characters.
pub(crate) struct Callable(pub(crate) Py<PyAny>);

impl Detector for Callable {
    fn detect(&self, text: &str, key: Option<&str>) -> Result<Vec<Spotted>, Box<dyn Error + Send + Sync>> {
        // The interpreter is taken here whether or not the caller let go of it. What was raised may quote the text.
        let seen: Vec<(usize, usize, String)> = Python::attach(|py| {
            self.0.bind(py).call1((text, key))?.try_iter()?.map(|one| one?.extract()).collect::<PyResult<_>>()
        })
        .map_err(
            |_| "the detector raised an exception, or answered with something else than (start, end, label)",
        )?;
        let offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let byte =
            |at: usize| offsets.get(at).copied().ok_or("the detector answered with a span beyond the text");
        let spotted = seen
            .into_iter()
            .map(|(start, end, label)| Ok::<_, &str>(Spotted { span: byte(start)?..byte(end)?, label }));
        Ok(spotted.collect::<Result<_, _>>()?)
    }
}
