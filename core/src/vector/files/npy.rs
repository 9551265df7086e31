//! The header of a NumPy array (`numpy.lib.format`, versions 1 to 3): a dictionary as Python writes it.

use super::Array;

/// What the header says, and how long it is; `None` where it is not complete, an error where it is none.
pub(super) fn header(bytes: &[u8]) -> Result<Option<(usize, Array)>, ()> {
    let (Some(major), Some(sizes)) = (bytes.get(6), bytes.get(8..12)) else { return Ok(None) };
    let (start, length) = match (major, sizes) {
        (1, [low, high, ..]) => (10, usize::from(u16::from_le_bytes([*low, *high]))),
        (2 | 3, sizes) => {
            let sizes = sizes.first_chunk::<4>().ok_or(())?;
            (12, usize::try_from(u32::from_le_bytes(*sizes)).map_err(|_| ())?)
        }
        _ => return Err(()),
    };
    let end = start + length;
    if end > super::MAX_HEADER {
        return Err(());
    }
    let Some(text) = bytes.get(start..end) else { return Ok(None) };
    let text = std::str::from_utf8(text).map_err(|_| ())?;
    let kind = between(text, "'descr':", '\'', '\'').ok_or(())?;
    let shape = between(text, "'shape':", '(', ')').ok_or(())?;
    let shape = shape.split(',').map(str::trim).filter(|dimension| !dimension.is_empty());
    let shape = shape.map(|dimension| dimension.parse().map_err(|_| ())).collect::<Result<_, _>>()?;
    let vectors = matches!(kind.trim_start_matches(['<', '>', '|', '=']), "f2" | "f4" | "f8" | "i1" | "u1");
    Ok(Some((end, Array { vectors, shape })))
}

/// What stands between two marks behind a name.
fn between<'t>(text: &'t str, name: &str, open: char, close: char) -> Option<&'t str> {
    let (_, value) = text.split_once(name)?;
    Some(value.trim_start().strip_prefix(open)?.split_once(close)?.0)
}
