//! Private keys in PEM and OpenPGP armour (RFC 7468, RFC 9580 section 6.2).

use super::is_base64;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// How many characters of a key make it certain; documentation shows headers with `...` between.
const CERTAIN: usize = 16;
/// How many bytes of header lines may come before it.
const HEADERS: usize = 512;

pub(in crate::detect) fn attempt(input: &Input<'_>, start: usize) -> Attempt {
    Attempt { low: start, hit: read(input, start) }
}

fn read(input: &Input<'_>, start: usize) -> Option<Hit> {
    if input.before(start) == Some(b'-') || !input.starts(start, b"-----BEGIN ") {
        return None;
    }
    let label = start + 11;
    let label_end = label_end(input, label);
    if !is_private(input.slice(label, label_end)) || !input.starts(label_end, b"-----") {
        return None;
    }
    let body = label_end + 5;
    // Somewhere in the first lines a run of the key itself.
    let (mut at, mut run) = (body, 0);
    while run < CERTAIN {
        let byte = input.at(at)?;
        let marker = byte == b'-' && input.at(at + 1) == Some(b'-');
        if marker || !is_inside(byte) || at - body > HEADERS {
            return None;
        }
        run = if is_base64(byte) { run + 1 } else { 0 };
        at += 1;
    }
    let (end, open) = end(input, body);
    Some(Hit { start, end, score: 99, open })
}

/// The longest private part of a PuTTY key that is read: an RSA key of 16 Kibit has some 6,000 bytes.
const PUTTY: usize = 8 * 1024;

/// The private part of a PuTTY key: the lines of base64 behind `Private-Lines: n` (PuTTY manual, appendix C).
pub(in crate::detect) fn attempt_putty(input: &Input<'_>, anchor: usize) -> Attempt {
    Attempt { low: anchor, hit: read_putty(input, anchor) }
}

fn read_putty(input: &Input<'_>, anchor: usize) -> Option<Hit> {
    let count = anchor + PRIVATE_LINES.len();
    let number = input.run(count, 1, |b| b == b' ');
    let number_end = input.run(number, 4, |b| b.is_ascii_digit());
    let start = line_end(input, number_end)?;
    if !input.starts(anchor, PRIVATE_LINES.as_bytes()) || number_end == number {
        return None;
    }
    let mut end = start;
    loop {
        let line = input.run(end, 65, is_base64);
        let Some(next) = line_end(input, line)
            .filter(|_| (line - end).is_multiple_of(4) && line - end <= 64 && line > end)
        else {
            // The last line may end with the text.
            let last = if line - end <= 64 && (line - end).is_multiple_of(4) { line } else { end };
            return (last >= start + CERTAIN).then_some(Hit {
                start,
                end: trimmed(input, start, last),
                score: 99,
                open: false,
            });
        };
        end = next;
        if end - start > PUTTY {
            return None;
        }
    }
}

/// What wakes it.
pub(in crate::detect) const PRIVATE_LINES: &str = "Private-Lines:";

/// Behind the end of a line, raw or as JSON writes it.
fn line_end(input: &Input<'_>, at: usize) -> Option<usize> {
    [&b"\r\n"[..], b"\n", b"\\r\\n", b"\\n"]
        .iter()
        .find(|end| input.starts(at, end))
        .map(|end| at + end.len())
}

/// Without the end of the last line.
fn trimmed(input: &Input<'_>, start: usize, end: usize) -> usize {
    let ends: [&[u8]; 4] = [b"\r\n", b"\\r\\n", b"\\n", b"\n"];
    ends.iter().find(|line| input.slice(start, end).ends_with(line)).map_or(end, |line| end - line.len())
}

fn label_end(input: &Input<'_>, label: usize) -> usize {
    input.run(label, 48, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ')
}

fn is_private(label: &[u8]) -> bool {
    label.ends_with(b"PRIVATE KEY") || label == b"PGP PRIVATE KEY BLOCK"
}

/// Reads the body on to its end marker, or to the first byte that no key holds.
pub(in crate::detect) fn end(input: &Input<'_>, from: usize) -> (usize, bool) {
    let mut at = from;
    loop {
        let Some(byte) = input.at(at) else { return (at, true) };
        if byte == b'-' && input.at(at + 1) == Some(b'-') {
            let marker = at;
            if input.starts(at, b"-----END ") {
                let label_end = label_end(input, at + 9);
                if input.starts(label_end, b"-----") {
                    return (label_end + 5, false);
                }
            }
            // Unfinished: it may still become the marker.
            let open =
                input.len() - marker < 64 && input.slice(marker, input.len()).iter().all(|b| is_marker(*b));
            return (marker, open);
        }
        // A space belongs to a header line, to indentation, or to a key whose lines were joined.
        let spaced = byte != b' '
            || input.before(at).is_some_and(|b| matches!(b, b':' | b',' | b'\n' | b' ' | b'-'))
            || is_header(input, at)
            || input.run(at + 1, CERTAIN, is_base64) - at > CERTAIN
            || input.at(at + 1) == Some(b'-');
        if !is_inside(byte) || !spaced {
            // Whether the space belongs may be open.
            return (at, byte == b' ' && input.run(at + 1, CERTAIN, is_base64) == input.len());
        }
        at += 1;
    }
}

/// Whether a line such as `Version: …` runs up to here.
fn is_header(input: &Input<'_>, at: usize) -> bool {
    let value = input.run_back(at, 76, |b| !matches!(b, b':' | b'\n' | b'\\'));
    input.before(value) == Some(b':')
}

fn is_marker(byte: u8) -> bool {
    byte == b'-' || byte == b' ' || byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Base64, line ends (raw or as JSON writes them) and the header lines of old formats.
fn is_inside(byte: u8) -> bool {
    is_base64(byte) || b"\r\n\t \\:,-.()@".contains(&byte)
}
