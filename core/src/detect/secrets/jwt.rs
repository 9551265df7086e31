//! JSON Web Tokens in compact form (RFC 7519, RFC 7515, RFC 7516).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{is_url, stands_free};
use crate::detect::MAX_OPEN;
use crate::detect::find::{Attempt, Hit};
use crate::detect::input::Input;

/// The longest header that is decoded, in base64url characters.
const HEADER: usize = 1024;

pub(in crate::detect) fn attempt(input: &Input<'_>, start: usize) -> Attempt {
    Attempt { low: start, hit: read(input, start) }
}

/// A header with `alg`, a dot and some of the second part make it certain, whatever follows.
fn read(input: &Input<'_>, start: usize) -> Option<Hit> {
    if !stands_free(input, start, b"_-.") {
        return None;
    }
    let header_end = input.run(start, HEADER, is_url);
    if input.at(header_end) != Some(b'.') || !is_header(input.slice(start, header_end)) {
        return None;
    }
    let certain = input.run(header_end + 1, 8, is_url);
    if certain - header_end - 1 < 8 {
        return None;
    }
    // At most five parts (a JWE), of which some may be empty; a dot at the end is the sentence's.
    let (mut end, mut at) = (certain, certain);
    for _ in 0..4 {
        at = input.run(at, MAX_OPEN, is_url);
        if input.before(at) != Some(b'.') {
            end = at;
        }
        if input.at(at) != Some(b'.') {
            break;
        }
        at += 1;
    }
    Some(Hit { start, end, score: 99, open: at == input.len() })
}

/// What a longer one is made of.
pub(in crate::detect) fn is_inside(byte: u8) -> bool {
    is_url(byte) || byte == b'.'
}

/// RFC 7515 section 4.1.1: the header is a JSON object, and `alg` must be in it.
fn is_header(part: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "alg")]
        _alg: IgnoredAny,
    }
    let mut decoded = [0; HEADER];
    let length = URL_SAFE_NO_PAD.decode_slice(part, &mut decoded).unwrap_or(0);
    decoded.get(..length).is_some_and(|json| serde_json::from_slice::<Header>(json).is_ok())
}
