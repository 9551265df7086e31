//! Times as people type them to look back: an instant, a day, or how long ago.

use wardline::clock::{Clock, SystemClock, Timestamp, parse_duration};

use crate::Failure;

/// What an option says: `2026-11-25T06:25:00Z`, `2026-11-25` (where that day begins, UTC) or `7d` (so long before now).
pub(crate) fn time(option: &str, text: &str) -> Result<Timestamp, Failure> {
    read(text, SystemClock.now()).ok_or_else(|| {
        let forms =
            "2026-11-25T06:25:00Z (RFC 3339), a day such as 2026-11-25 (UTC), or how long ago, such as 7d";
        Failure::Usage(format!("--{option}: expected a time such as {forms}"))
    })
}

/// The two ends of a span, either of which may be open.
pub(crate) fn span(
    (from, begins): (&str, Option<&str>),
    (until, ends): (&str, Option<&str>),
) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
    let begins = begins.map(|text| time(from, text)).transpose()?;
    let ends = ends.map(|text| time(until, text)).transpose()?;
    match (begins, ends) {
        (Some(begins), Some(ends)) if begins > ends => {
            Err(Failure::Usage(format!("--{from} {begins} lies after --{until} {ends}")))
        }
        both => Ok(both),
    }
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(ago) = parse_duration(text) {
        return Some(now - ago);
    }
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    // What many write for "no end" lies behind the last instant that there is.
    if text.starts_with("9999-12-31") {
        return Some(Timestamp::MAX);
    }
    // Nothing but a day has so many characters.
    if text.len() == "2026-11-25".len() { format!("{text}T00:00:00Z").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_a_day_and_how_long_ago() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-25T06:25:00Z", "2026-11-25T06:25:00Z"),
            ("2026-11-25T06:25:00+02:00", "2026-11-25T04:25:00Z"),
            ("2026-11-25 06:25:00Z", "2026-11-25T06:25:00Z"),
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("7d", "2026-11-23T12:00:00Z"),
            (" 1h30m ", "2026-11-30T10:30:00Z"),
            ("0s", "2026-11-30T12:00:00Z"),
        ] {
            assert_eq!(read(text, now).map(|at| at.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(read("9999-12-31T23:59:59Z", now), Some(Timestamp::MAX));
        for wrong in [
            "",
            "yesterday",
            "2026-11-31",
            "2026-13-01",
            "25.11.2026",
            "11/25/2026",
            "1764000000",
            "06:25",
            "2026-11-25T06:25:00",
            "-7d",
        ] {
            assert_eq!(read(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn a_span_does_not_end_before_it_begins() {
        let (from, until) = (("from", Some("2026-11-25")), ("until", Some("2026-11-24")));
        let Err(Failure::Usage(told)) = span(from, until) else {
            panic!("a span that ends before it begins")
        };
        assert_eq!(told, "--from 2026-11-25T00:00:00Z lies after --until 2026-11-24T00:00:00Z");
        assert_eq!(span(("from", None), ("until", None)).ok(), Some((None, None)));
        assert!(matches!(span(("from", from.1), ("until", from.1)), Ok((Some(a), Some(b))) if a == b));
    }
}
