//! The border: where the interpreter is let go for real work, where errors become exceptions, and where results
//! become Python's values.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyType};
use serde::Serialize;

/// From this many bytes on the interpreter is let go: some 70 us of work. Whoever takes it meanwhile may keep it for
/// its switch interval (5 ms), which an exchange with less to do should not wait for; and nobody misses it for so long.
const HEAVY: usize = 64 * 1024;

/// Does what may wait for the store or the log, without the interpreter.
pub(crate) fn working<T: Send>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, wardline::Error> + Send,
) -> PyResult<T> {
    passing(py, usize::MAX, work).map_err(|error| exception(py, &error))
}

/// Does what takes time by the number of bytes, without the interpreter where they are many.
pub(crate) fn passing<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    if bytes < HEAVY { work() } else { py.detach(work) }
}

/// The exception of an error: its message, its stable code, and each finding where it is a policy's.
pub(crate) fn exception(py: Python<'_>, error: &wardline::Error) -> PyErr {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let made = TYPE.import(py, "wardline._errors", "WardlineError").and_then(|class| {
        class.call1((error.to_string(), error.code(), to_python(py, &error.diagnostics())?))
    });
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(other) => other,
    }
}

/// A value as the dicts, lists and scalars of its JSON form. Not for the path of a request.
pub(crate) fn to_python<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let text = serde_json::to_string(value)
        .map_err(|_| pyo3::exceptions::PyValueError::new_err("the value has no JSON form"))?;
    LOADS.import(py, "json", "loads")?.call1((text,))
}

/// The bytes of a `bytes`, or of a `str` in UTF-8; `true` for the latter.
pub(crate) fn text_or_bytes<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<(Cow<'a, [u8]>, bool)> {
    let Ok(text) = value.cast::<PyString>() else {
        return Ok((Cow::Borrowed(value.cast::<PyBytes>()?.as_bytes()), false));
    };
    // Python's own error would carry the text with it.
    let utf8 = text.to_cow().map_err(|_| {
        let wanted = "the text holds half of a surrogate pair, which has no form in UTF-8";
        exception(value.py(), &wardline::Error::new(wardline::ErrorKind::Input, wanted))
    })?;
    Ok(match utf8 {
        Cow::Borrowed(text) => (Cow::Borrowed(text.as_bytes()), true),
        Cow::Owned(text) => (Cow::Owned(text.into_bytes()), true),
    })
}
