//! The library's errors as JavaScript errors with a stable `code`, and `diagnostics` where a policy is wrong.

use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::{JsObjectValue, Unknown};
use napi::{Env, Error, JsValue, Status};
use wardline::ErrorKind;

/// The error to throw, or to reject with.
pub(crate) fn thrown(env: &Env, error: &wardline::Error) -> Error {
    object(env, error).unwrap_or_else(|failure| failure)
}

fn object(env: &Env, error: &wardline::Error) -> napi::Result<Error> {
    let mut object = env.create_error(Error::new(Status::GenericFailure, error.to_string()))?;
    object.set_named_property("code", error.code())?;
    if !error.diagnostics().is_empty() {
        let mut list = env.create_array(0)?;
        for finding in error.diagnostics() {
            let mut row = napi::bindgen_prelude::Object::new(env)?;
            row.set_named_property("file", finding.file.as_str())?;
            row.set_named_property("line", u32::try_from(finding.line).unwrap_or(u32::MAX))?;
            row.set_named_property("column", u32::try_from(finding.column).unwrap_or(u32::MAX))?;
            row.set_named_property("code", finding.code)?;
            row.set_named_property("message", finding.message.as_str())?;
            row.set_named_property("severity", finding.severity.name())?;
            list.insert(row)?;
        }
        object.set_named_property("diagnostics", list)?;
    }
    let value: Unknown<'_> = object.to_unknown();
    Ok(Error::from(value))
}

/// Input that is not what was expected.
pub(crate) fn input(message: &'static str) -> wardline::Error {
    wardline::Error::new(ErrorKind::Input, message)
}

/// A panic of our own is a defect, and must become an error rather than the end of the process.
pub(crate) fn sealed<T>(work: impl FnOnce() -> Result<T, wardline::Error>) -> Result<T, wardline::Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(wardline::Error::new(ErrorKind::Internal, "the guard failed; this is a defect"))
    })
}
