//! Reading patterns as the data files write them.

use super::{AHEAD, BEFORE, Part, Pattern};
use crate::detect::bytes::Bytes;

/// The patterns of a line: one for each choice of alternatives. `None` where it cannot be read, or has no anchor that
/// tells it from other text.
pub(in crate::detect::secrets) fn patterns(line: &str) -> Option<Vec<Pattern>> {
    let line = line.replace("<uuid>", "<hex 8>-<hex 4>-<hex 4>-<hex 4>-<hex 12>");
    alternatives(&line)?.iter().map(|line| pattern(line)).collect()
}

/// Every choice of one text of each `(a|b)`.
fn alternatives(line: &str) -> Option<Vec<String>> {
    let Some((before, rest)) = line.split_once('(') else { return Some(vec![line.to_owned()]) };
    let (choices, after) = rest.split_once(')')?;
    let after = alternatives(after)?;
    let mut all = Vec::new();
    for choice in choices.split('|') {
        all.extend(after.iter().map(|after| format!("{before}{choice}{after}")));
    }
    Some(all)
}

fn pattern(line: &str) -> Option<Pattern> {
    let (mut parts, mut start, mut end) = (Vec::new(), None, None);
    let mut text = Vec::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if matches!(c, '<' | '«' | '»') && !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text)));
        }
        match c {
            '«' => start = Some(parts.len()),
            '»' => end = Some(parts.len()),
            '<' => {
                let (inside, rest) = chars.as_str().split_once('>')?;
                chars = rest.chars();
                parts.push(run(inside)?);
            }
            c => text.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    let value = (start.unwrap_or(0), end.unwrap_or(parts.len()));
    let anchor = anchor(&parts)?;
    let pattern = Pattern { parts, anchor, value };
    (pattern.parts.len() <= Pattern::PARTS && pattern.lead().is_rare()).then_some(pattern)
}

/// The part to look for: of the texts before which all has a fixed length, or one run stands, the longest; or the
/// beginning, if that is near. `None` if there is none, or it lies beyond reach.
fn anchor(parts: &[Part]) -> Option<usize> {
    let is_text = |part: &Part| matches!(part, Part::Text(_));
    let fixed = parts.iter().take_while(|part| part.least() == part.most()).count();
    // A run of any length may end where the first text begins.
    let reached = if fixed == 0 { 2 } else { fixed };
    let texts = parts.iter().enumerate().take(reached).filter(|(_, part)| is_text(part));
    let longest = texts.reduce(|best, next| if next.1.most() > best.1.most() { next } else { best });
    // Without a text, what it begins with must be rare enough.
    let Some((at, _)) = longest else { return (fixed > 0).then_some(0) };
    let before: usize = parts.iter().take(at).map(Part::most).sum();
    match before {
        0..=AHEAD if fixed > 0 => Some(0),
        0..=BEFORE => Some(at),
        _ => None,
    }
}

/// `alnum 36`, `[A-Z2-7] 16-52`.
fn run(inside: &str) -> Option<Part> {
    let (name, length) = inside.rsplit_once(' ')?;
    let (least, most) = length.split_once('-').unwrap_or((length, length));
    Some(Part::Run { class: class(name)?, least: least.parse().ok()?, most: most.parse().ok()? })
}

/// A class by its name, or a set such as `[A-Za-z0-9+/]`; a `-` that stands for itself comes last.
pub(in crate::detect::secrets) fn class(name: &str) -> Option<Bytes> {
    let set = match name {
        "digit" => "0-9",
        "hex" => "0-9a-f",
        "HEX" => "0-9A-F",
        "anyhex" => "0-9a-fA-F",
        "alpha" => "a-zA-Z",
        "lower" => "a-z0-9",
        "upper" => "A-Z0-9",
        "alnum" => "a-zA-Z0-9",
        "word" => "a-zA-Z0-9_",
        // RFC 4648, base64url, base64, base32
        "url" => "a-zA-Z0-9_-",
        "base64" => "a-zA-Z0-9+/=",
        "base32" => "A-Z2-7",
        _ => name.strip_prefix('[')?.strip_suffix(']')?,
    };
    let mut bytes = Bytes::default();
    let mut rest = set.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match after {
            [b'-', last, after @ ..] => {
                bytes = bytes.and(Bytes::range(first, *last));
                rest = after;
            }
            _ => {
                bytes = bytes.with(first);
                rest = after;
            }
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::input::Input;

    fn value<'t>(line: &str, text: &'t str, anchor: usize) -> Option<&'t str> {
        let input = Input::new(text.as_bytes());
        let place = patterns(line).unwrap().iter().find_map(|pattern| pattern.read(&input, anchor))?;
        text.get(place.value.0..place.value.1)
    }

    #[test]
    fn parts_follow_each_other() {
        assert_eq!(value("ghp_<alnum 3>", "ghp_a1B.", 0), Some("ghp_a1B"));
        assert_eq!(value("ghp_<alnum 3>", "ghp_a1Bc", 0), None);
        assert_eq!(value("(sk|rk)_(live|test)_<alnum 2-4>", "rk_test_abc", 0), Some("rk_test_abc"));
        assert_eq!(value("ab-<url 1-9>-<hex 2>", "ab-x-y-0f", 0), Some("ab-x-y-0f"));
    }

    #[test]
    fn a_run_gives_back_what_the_next_text_needs() {
        assert_eq!(value("sk-<alnum 2-20>T3B<alnum 2>", "sk-abT3BT3Bxy", 0), Some("sk-abT3BT3Bxy"));
        assert_eq!(value("sk-<alnum 2-20>T3B<alnum 2>", "sk-abT3Bxyz", 0), None);
    }

    #[test]
    fn a_run_may_stand_before_the_anchor() {
        assert_eq!(value("<alnum 3>.atlasv1.<url 2>", "key=a1b.atlasv1.cd", 4), Some("a1b.atlasv1.cd"));
        assert_eq!(value("<digit 2-4>:AA<url 2>", "=123:AAcd", 4), Some("123:AAcd"));
        assert_eq!(value("<digit 2-4>:AA<url 2>", "=1:AAcd", 2), None);
    }

    #[test]
    fn marks_bound_the_value() {
        assert_eq!(value("sig=«<alnum 3>»&", "sig=abc&", 0), Some("abc"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for line in ["a<b 1>", "a<alnum>", "a(b", "<alnum 1-2><hex 3-4>x"] {
            assert!(patterns(line).is_none(), "{line}");
        }
    }
}
