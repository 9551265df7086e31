//! Text that comes from JavaScript, in room that is used again.

use napi::{Error, JsString, JsValue, Status, sys};

/// Reads a JavaScript string as UTF-8 into `room`; what is no Unicode reads as U+FFFD, as Node's own writes do.
///
/// Asking first how many bytes it takes would read it twice; three bytes a unit hold any text.
///
/// # Errors
/// What is no string.
pub(crate) fn read(text: &JsString<'_>, room: &mut Vec<u8>) -> napi::Result<()> {
    let units = text.latin1_len()?;
    room.clear();
    room.reserve(units.saturating_mul(3).saturating_add(1));
    let mut written = 0;
    let value = text.value();
    // SAFETY: the room holds as many bytes as are said to be writable, and Node says how many of them it wrote.
    unsafe {
        let status = sys::napi_get_value_string_utf8(
            value.env,
            value.value,
            room.as_mut_ptr().cast(),
            room.capacity(),
            &raw mut written,
        );
        if status != sys::Status::napi_ok {
            return Err(Error::new(Status::StringExpected, "expected text".to_owned()));
        }
        room.set_len(written);
    }
    Ok(())
}

/// What was read. Node writes whole characters only, so that what is no text is a defect: it reads as none.
pub(crate) fn of(room: &[u8]) -> &str {
    std::str::from_utf8(room).unwrap_or_default()
}
