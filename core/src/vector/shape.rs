//! Vectors told by their shape, where only a schema that we do not know names the fields: texts of PostgreSQL's vector
//! types, base64 of floats, and the vectors that are written in a query.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How many numbers make a vector where some are measured: two are a point on a map.
pub(super) const SHORTEST: u64 = 3;

/// How many do where all could be labels, ids or counts.
pub(super) const SHORTEST_WHOLE: u64 = 16;

/// How much of a text in base64 is looked at, and how many floats it must hold.
const SAMPLE: usize = 256;
const FEWEST: usize = 4;

/// Whether some number of a list is measured: it has a fraction or a sign, which no label and no count has.
pub(super) fn is_measured(numbers: &[u8]) -> bool {
    memchr::memchr3(b'.', b'e', b'-', numbers).is_some()
}

/// Whether a field of this name holds vectors: whoever names it so says it.
pub(super) fn names_vector(name: &[u8]) -> bool {
    let ends = |end: &[u8]| {
        name.len()
            .checked_sub(end.len())
            .and_then(|at| name.get(at..))
            .is_some_and(|last| last.eq_ignore_ascii_case(end))
    };
    [b"vector".as_slice(), b"vectors", b"embedding", b"embeddings", b"_vec", b"_emb"]
        .iter()
        .any(|end| ends(end))
}

/// Whether a text is bytes in hexadecimal, so many that they are no word.
pub(super) fn is_hexadecimal(text: &[u8]) -> bool {
    text.len() >= 2 * FEWEST && text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a whole text is a vector.
pub(super) fn is_vector(text: &[u8]) -> bool {
    match text {
        [b'[', inside @ .., b']'] => listed(inside) > 1,
        [b'{', ..] => is_sparse(text),
        _ => text.len().is_multiple_of(4) && is_floats(text, true),
    }
}

/// Whether a cell of a table is a vector; `longer`: the text goes on, `told`: its column's name says so.
pub(super) fn is_cell_vector(text: &[u8], longer: bool, told: bool) -> bool {
    let list = match text {
        [b'[', inside @ .., b']'] => inside,
        [b'[', inside @ ..] if longer => inside,
        _ if longer => return begins_vector(text),
        _ => return (told && is_hexadecimal(text)) || is_vector(text),
    };
    let count = listed(list);
    count > 0 && (told || count >= SHORTEST)
}

/// Whether a text that begins so, and is longer, is one.
pub(super) fn begins_vector(text: &[u8]) -> bool {
    match text {
        [b'[', inside @ ..] => listed(inside) > 1,
        [b'{', inside @ ..] => inside.iter().all(|byte| is_of_number(*byte) || *byte == b':'),
        _ => is_floats(text, false),
    }
}

/// How many vectors are written in a query: lists of numbers in quotes, of a type or under a name that says so, or with fractions.
pub(super) fn in_query(text: &[u8]) -> u64 {
    let mut found = 0;
    let mut from = 0;
    while let Some(rest) = text.get(from..)
        && let Some(at) = memchr::memchr2(b'[', b'{', rest)
    {
        let (before, list) = text.split_at_checked(from + at).unwrap_or_default();
        found += u64::from(is_written(before.trim_ascii_end(), list));
        from += at + 1;
    }
    found
}

/// Whether the list that begins here, behind `before`, is a vector.
fn is_written(before: &[u8], list: &[u8]) -> bool {
    if list.starts_with(b"{") {
        let end = memchr::memchr(b'\'', list).unwrap_or(0);
        return before.ends_with(b"'") && list.get(..end).is_some_and(is_sparse);
    }
    let Some(end) = memchr::memchr(b']', list) else { return false };
    let (inside, behind) = (list.get(1..end).unwrap_or_default(), list.get(end + 1..).unwrap_or_default());
    let count = listed(inside);
    let typed = [b"::vector".as_slice(), b"::halfvec"].iter().any(|name| behind.starts_with(name));
    match before.last() {
        _ if typed => count > 0,
        Some(b'\'') => count >= SHORTEST,
        Some(b':') if says_vector(before) => count > 0,
        _ => count >= SHORTEST && is_measured(inside),
    }
}

/// Whether the name before a colon speaks of vectors.
fn says_vector(before: &[u8]) -> bool {
    let name = before.get(..before.len().saturating_sub(1)).unwrap_or_default().trim_ascii_end();
    let start =
        name.iter().rposition(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').map_or(0, |at| at + 1);
    name.get(start..).is_some_and(|name| {
        name.len() >= 6 && name.windows(6).any(|part| part.eq_ignore_ascii_case(b"vector"))
    })
}

/// How many numbers are listed, 0 where it is no list of numbers.
fn listed(inside: &[u8]) -> u64 {
    if !inside.iter().all(|byte| is_of_number(*byte)) || !inside.iter().any(u8::is_ascii_digit) {
        return 0;
    }
    1 + memchr::memchr_iter(b',', inside).count() as u64
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit()
        || byte.is_ascii_whitespace()
        || matches!(byte, b',' | b'.' | b'-' | b'+' | b'e' | b'E')
}

/// `{1:0.4,3:0.2}/5`.
fn is_sparse(text: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'}', text) else { return false };
    let (Some(inside), Some([b'/', dimensions @ ..])) = (text.get(1..end), text.get(end + 1..)) else {
        return false;
    };
    !dimensions.is_empty()
        && dimensions.iter().all(u8::is_ascii_digit)
        && inside.iter().all(|byte| is_of_number(*byte) || *byte == b':')
}

/// Whether a text is base64 of floats in little-endian order, such as embeddings hold: four in a row that could be one are no
/// accident.
fn is_floats(text: &[u8], whole: bool) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let bytes = (text.len() / 4 * 3).saturating_sub(padding);
    if bytes < FEWEST * 4 || (whole && !bytes.is_multiple_of(4)) {
        return false;
    }
    let mut decoded = [0; SAMPLE / 4 * 3];
    let sample = text.get(..SAMPLE.min(text.len() / 4 * 4)).unwrap_or_default();
    let Ok(length) = STANDARD.decode_slice(sample, &mut decoded) else { return false };
    let (floats, _) = decoded.get(..length).unwrap_or_default().as_chunks::<4>();
    floats.len() >= FEWEST && floats.iter().all(|float| is_component(f32::from_le_bytes(*float)))
}

/// A number as embeddings are made of.
fn is_component(float: f32) -> bool {
    let size = float.abs();
    size == 0.0 || (6e-8..64.0).contains(&size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_vectors() {
        for text in ["[1,2,3]", "[ 0.1 , -2e-3 ]", "{1:0.4,3:0.2}/5", "{}/5", FLOATS] {
            assert!(is_vector(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "[]",
            "[1]",
            "[a, b]",
            "[\"1\",\"2\"]",
            "{\"a\":1}",
            "{1:2}",
            "{1:2}/",
            "hello world, this is some text",
            "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd",
            "Tm90aGluZyB0byBzZWUgaGVyZSwgcGxlYXNlIG1vdmUgb24u",
            "AAAA",
            "7a9d3c10-1b2e-4f5a-9c8d-0e1f2a3b4c5d",
        ] {
            assert!(!is_vector(text.as_bytes()), "{text}");
        }
        assert!(begins_vector(b"[0.25,-0.5,0.12") && begins_vector("AAAAPwAAgL4AAAA+".repeat(4).as_bytes()));
        assert!(
            !begins_vector(b"[0.25, \"a\"")
                && !begins_vector(b"Once upon a time there was a text, and it was long")
        );
    }

    /// 0.5, -0.25, 0.125, 1, -1, 2, 0, 0.75
    const FLOATS: &str = "AAAAPwAAgL4AAAA+AACAPwAAgL8AAABAAAAAAAAAQD8=";

    #[test]
    fn vectors_in_queries() {
        for (query, count) in [
            ("SELECT * FROM items ORDER BY embedding <-> '[3,1,2]' LIMIT 5", 1),
            ("SELECT 1 WHERE id = ANY(ARRAY[1,2,3]) AND x <=> ARRAY[0.1, 0.2]::vector", 1),
            ("INSERT INTO t VALUES (1, [0.1, 0.2, 0.3])", 1),
            ("INSERT INTO items (e, s) VALUES ('[1,2,3]', '{1:1,3:2}/5'), ('[4,5,6]', NULL)", 3),
            ("SELECT tags['a'], '[1,10]'::int4range, '[\"a\",1,2]'::jsonb, '{1,2,3}'::int[]", 0),
            ("{ Get { Doc(nearVector: {vector: [0.1, 0.2]}, where: {valueInt: [1, 2, 3]}) { title } } }", 1),
            (
                "{ Get { Doc(nearVector: {vectorPerTarget: {a: [0.1, 0.2, 0.3], b: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}}) { title } } }",
                3,
            ),
            ("{ Get { Doc(limit: 2) { _additional { vector } } } }", 0),
        ] {
            assert_eq!(in_query(query.as_bytes()), count, "{query}");
        }
    }
}
