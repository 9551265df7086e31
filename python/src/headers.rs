//! Headers as ASGI has them, `[(name, value), ...]` of bytes, to and from those of the engine.

use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use wardline::guard::{Answer, HeaderEdits};

/// Reads a list of headers; `None` where one of them is no header, or they are more than a map can hold.
pub(crate) fn read(headers: &Bound<'_, PyAny>) -> PyResult<Option<HeaderMap>> {
    let mut map = HeaderMap::with_capacity(headers.len().unwrap_or(16).min(64));
    for pair in headers.try_iter()? {
        let pair = pair?;
        let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
        let name = HeaderName::from_bytes(name.cast::<PyBytes>()?.as_bytes());
        let value = HeaderValue::from_bytes(value.cast::<PyBytes>()?.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else { return Ok(None) };
        if map.try_append(name, value).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(map))
}

/// Changes as `(names to remove, headers to put in)`, `None` where there are none. What is put in replaces.
pub(crate) fn edits<'py>(py: Python<'py>, edits: &HeaderEdits) -> PyResult<Option<Bound<'py, PyTuple>>> {
    if edits.is_empty() {
        return Ok(None);
    }
    let names = edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name));
    let names: Vec<_> = names.map(|name| PyBytes::new(py, name.as_str().as_bytes())).collect();
    let remove = PyTuple::new(py, names)?;
    let set = pairs(py, &edits.set)?;
    (remove, set).into_pyobject(py).map(Some)
}

/// An answer as `(status, headers, body, code)`; its length is among the headers.
pub(crate) fn answer<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyTuple>> {
    let body = answer.body();
    let mut headers = answer.headers();
    headers.push((http::header::CONTENT_LENGTH, HeaderValue::from(body.len())));
    (answer.status.as_u16(), pairs(py, &headers)?, PyBytes::new(py, &body), answer.code).into_pyobject(py)
}

fn pairs<'py>(py: Python<'py>, headers: &[(HeaderName, HeaderValue)]) -> PyResult<Bound<'py, PyList>> {
    let pair = |(name, value): &(HeaderName, HeaderValue)| {
        PyTuple::new(py, [PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes())])
    };
    PyList::new(py, headers.iter().map(pair).collect::<PyResult<Vec<_>>>()?)
}
