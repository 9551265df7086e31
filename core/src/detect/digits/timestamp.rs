//! Timestamps: `2026-11-04T09:12:33.120Z`. Logs and answers are full of them, and but for the date no value begins there.

use super::word::Word;
use crate::detect::input::Input;

/// The longest, with a fraction and an offset.
const LONGEST: usize = 40;

/// The end of the timestamp (RFC 3339, or ISO 8601 without a zone) that begins with the word, up to the offset.
pub(in crate::detect) fn end(input: &Input<'_>, word: &Word) -> Option<usize> {
    if word.next != Some(b'-') || !word.is_number() || word.length() != 4 {
        return None;
    }
    let shape = b"dd-dd_dd:dd";
    let fits = |(n, &class): (usize, &u8)| {
        let byte = input.at(word.end + 1 + n);
        byte.is_some_and(|b| match class {
            b'd' => b.is_ascii_digit(),
            b'_' => matches!(b, b'T' | b't' | b' '),
            _ => b == class,
        })
    };
    shape.iter().enumerate().all(fits).then_some(())?;
    let minute = word.end + 1 + shape.len();
    let end = input.run(minute, LONGEST, |b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b','));
    (end - minute < LONGEST && !input.at(minute).is_some_and(|b| b.is_ascii_digit())).then_some(())?;
    // A comma or a point may end the sentence.
    let last = input.run_back(end, LONGEST, |b| !b.is_ascii_digit());
    Some(last.max(minute))
}
