//! Headers as ASGI has them, `[(name, value), ...]` of bytes, to and from those of the engine.

use http::{HeaderMap, HeaderName, HeaderValue};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use wardline::guard::{Answer, HeaderEdits};

/// What any iterable of headers holds, as a list that can be read more than once.
pub(crate) fn list<'py>(headers: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    match headers.cast_exact::<PyList>() {
        Ok(list) => Ok(list.clone()),
        Err(_) => PyList::new(headers.py(), headers.try_iter()?.collect::<PyResult<Vec<_>>>()?),
    }
}

/// Reads a list of headers; `None` where one of them is no header, or they are more than a map can hold.
pub(crate) fn read(headers: &Bound<'_, PyList>) -> PyResult<Option<HeaderMap>> {
    let mut map = HeaderMap::with_capacity(headers.len().min(64));
    for pair in headers {
        let (name, value) = (at(&pair, 0)?, at(&pair, 1)?);
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else { return Ok(None) };
        if map.try_append(name, value).is_err() {
            return Ok(None);
        }
    }
    Ok(Some(map))
}

/// The list with the changes carried out, `None` where there are none. What is put in replaces.
pub(crate) fn edited<'py>(
    headers: &Bound<'py, PyList>,
    edits: &HeaderEdits,
) -> PyResult<Option<Bound<'py, PyList>>> {
    if edits.is_empty() {
        return Ok(None);
    }
    let kept = PyList::empty(headers.py());
    for pair in headers {
        let name = at(&pair, 0)?;
        let mut gone = edits.remove.iter().chain(edits.set.iter().map(|(name, _)| name));
        if !gone.any(|gone| gone.as_str().as_bytes().eq_ignore_ascii_case(name.as_bytes())) {
            kept.append(pair)?;
        }
    }
    for (name, value) in &edits.set {
        kept.append(pair(headers.py(), name, value)?)?;
    }
    Ok(Some(kept))
}

/// An answer as `(status, headers, body, code)`; its length is among the headers.
pub(crate) fn answer<'py>(py: Python<'py>, answer: &Answer) -> PyResult<Bound<'py, PyTuple>> {
    let body = answer.body();
    let mut headers = answer.headers();
    headers.push((http::header::CONTENT_LENGTH, HeaderValue::from(body.len())));
    let headers = headers.iter().map(|(name, value)| pair(py, name, value)).collect::<PyResult<Vec<_>>>()?;
    (answer.status.as_u16(), PyList::new(py, headers)?, PyBytes::new(py, &body), answer.code)
        .into_pyobject(py)
}

fn pair<'py>(py: Python<'py>, name: &HeaderName, value: &HeaderValue) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, [PyBytes::new(py, name.as_str().as_bytes()), PyBytes::new(py, value.as_bytes())])
}

/// The name or the value of a pair, which servers make as tuples and applications as anything.
fn at<'py>(pair: &Bound<'py, PyAny>, place: usize) -> PyResult<Bound<'py, PyBytes>> {
    // A tuple's items are read without a number being made for their place.
    let item = pair.cast::<PyTuple>().map_or_else(|_| pair.get_item(place), |pair| pair.get_item(place))?;
    Ok(item.cast_into()?)
}
