//! Stars for characters: of all but the ends, or of every one.

/// Keeps both ends where something lies between them, and else nothing.
pub(super) fn ends(value: &[u8], first: usize, last: usize, out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(value);
    let count = text.chars().count();
    let (first, last) = if first + last < count { (first, last) } else { (0, 0) };
    for (index, c) in text.chars().enumerate() {
        let kept = index < first || index + last >= count;
        out.extend_from_slice(if kept { c } else { '*' }.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// A star for each character.
pub(super) fn stars(value: &[u8], out: &mut Vec<u8>) {
    out.resize(out.len() + String::from_utf8_lossy(value).chars().count(), b'*');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_keeps_ends_only() {
        for (value, first, last, expected) in [
            ("4111111111111111", 6, 4, "411111******1111"),
            ("ab", 1, 1, "**"),
            ("añb", 1, 1, "a*b"),
            ("", 1, 1, ""),
            ("secret", 0, 0, "******"),
        ] {
            let mut out = Vec::new();
            ends(value.as_bytes(), first, last, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_star_for_each_character() {
        let mut out = Vec::new();
        stars("añ b".as_bytes(), &mut out);
        assert_eq!(out, b"****");
    }
}
