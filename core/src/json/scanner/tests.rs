use proptest::prelude::*;

use super::*;

/// Reads a document in pieces as a driver does: drops what is read, keeps the rest. Long strings and runs of
/// numbers are joined, so that documents compare however they were cut.
fn read(document: &[u8], cuts: &[usize], runs: bool, series: bool) -> Result<Vec<(Kind, String)>, Fault> {
    let mut scanner = if series { Scanner::series() } else { Scanner::new() };
    let mut window = Vec::new();
    let mut tokens: Vec<(Kind, String)> = Vec::new();
    let mut pieces: Vec<&[u8]> = Vec::new();
    let mut from = 0;
    for &cut in cuts {
        pieces.push(&document[from..cut]);
        from = cut;
    }
    pieces.push(&document[from..]);
    for (index, piece) in pieces.iter().enumerate() {
        window.extend_from_slice(piece);
        let last = index + 1 == pieces.len();
        loop {
            match scanner.next(&window, last, || if runs { Runs::Read } else { Runs::Single })? {
                Step::Token => {
                    let token = scanner.token();
                    let text = String::from_utf8(window[token.span.clone()].to_vec()).unwrap();
                    match (token.kind, tokens.last_mut()) {
                        (Kind::LongPart, Some((Kind::LongPart, before))) => before.push_str(&text),
                        (Kind::Numbers, _) => {
                            for (i, number) in text.split(',').enumerate() {
                                if i > 0 {
                                    tokens.push((Kind::Comma, ",".into()));
                                }
                                tokens.push((Kind::Number, number.trim().into()));
                            }
                        }
                        (kind, _) => tokens.push((kind, text)),
                    }
                }
                Step::More => break,
                Step::End => return Ok(tokens),
            }
        }
        let read = scanner.position();
        window.drain(..read);
        scanner.shift(read);
    }
    panic!("neither an end nor a fault");
}

fn code(document: &str) -> Option<(FaultCode, u64)> {
    read(document.as_bytes(), &[], true, false).err().map(|fault| (fault.code, fault.at))
}

#[test]
fn every_cut_gives_the_same_tokens() {
    let document = r#" {"a": [1, -2.5e3,0.25 , 7], "b\n": "x\ud83d\ude00\\\"é", "c": [true,false,null,[],{}], "d":
        {"e": [[0.1,0.2],["x", 3, 4]]} } "#;
    let whole = read(document.as_bytes(), &[], false, false).unwrap();
    for runs in [false, true] {
        for cut in 0..=document.len() {
            assert_eq!(read(document.as_bytes(), &[cut], runs, false).unwrap(), whole, "{cut}");
        }
    }
    let each: Vec<usize> = (0..document.len()).collect();
    assert_eq!(read(document.as_bytes(), &each, true, false).unwrap(), whole);
}

#[test]
fn strict() {
    use FaultCode::{Malformed, TooDeep, TooLong, Truncated};
    for (document, expected) in [
        ("{\"a\":1,}", (Malformed, 7)),
        ("[1,]", (Malformed, 3)),
        ("[1 2]", (Malformed, 3)),
        ("[01]", (Malformed, 1)),
        ("{a:1}", (Malformed, 1)),
        ("{\"a\" 1}", (Malformed, 5)),
        ("[1}", (Malformed, 2)),
        ("nul", (Truncated, 3)),
        ("nulx", (Malformed, 0)),
        ("1 2", (Malformed, 2)),
        ("[1", (Truncated, 2)),
        ("\"a", (Truncated, 2)),
        ("\"\u{1}\"", (Malformed, 1)),
        ("\"\\x\"", (Malformed, 1)),
        ("\"\\u12\"", (Malformed, 1)),
        ("", (Truncated, 0)),
        ("\u{feff}{}", (Malformed, 0)),
        ("[NaN]", (Malformed, 1)),
        ("'a'", (Malformed, 0)),
        ("{}{}", (Malformed, 2)),
    ] {
        assert_eq!(code(document), Some(expected), "{document}");
    }
    assert_eq!(code(&"[".repeat(1_000)), Some((TooDeep, 128)));
    assert_eq!(code(&format!("{}{}", "[".repeat(128), "]".repeat(128))), None);
    assert_eq!(code(&"9".repeat(2_000)), Some((TooLong, 0)));
    assert_eq!(code(&format!("[{}]", "9".repeat(900))), None);
    assert_eq!(code(&format!("{{\"{}\":1}}", "k".repeat(LONG_STRING + 1))), Some((TooLong, 1)));
    let bad = read(b"[\"ok\", \"\xff\"]", &[], true, false).unwrap_err();
    assert_eq!(bad, Fault { code: FaultCode::InvalidUtf8, at: 8 });
}

#[test]
fn long_strings_come_in_parts() {
    let inside = r"é\n\ud83d\ude00\ud800x€".repeat(6_000);
    let document = format!("[\"{inside}\",1]");
    let whole = read(document.as_bytes(), &[], true, false).unwrap();
    assert_eq!(whole[2], (Kind::LongPart, inside));
    for step in [1, 7, 1_000] {
        let cuts: Vec<usize> = (0..document.len()).step_by(step).collect();
        assert_eq!(read(document.as_bytes(), &cuts, true, false).unwrap(), whole);
    }
}

#[test]
fn a_series_needs_lines() {
    let read = |text: &str| read(text.as_bytes(), &[], true, true).map(|tokens| tokens.len());
    assert_eq!(read(""), Ok(0));
    assert_eq!(read("1\n\"a\"\r\n\n[]\n"), Ok(4));
    assert!(read("1 2").is_err());
    assert!(read("1\n[").is_err());
}

proptest! {
    #[test]
    fn agrees_with_serde_json(document in "[\\[\\]{}:,\"\\\\a-c0-3.eE+\\- tu]{0,24}") {
        let ours = read(document.as_bytes(), &[], true, false).is_ok();
        let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&document).is_ok();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0usize..64) {
        let cut = cut.min(bytes.len());
        let whole = read(&bytes, &[], true, false).map_err(|f| f.code);
        prop_assert_eq!(read(&bytes, &[cut], true, false).map_err(|f| f.code).is_ok(), whole.is_ok());
    }
}

#[test]
fn skipped_numbers_leave_the_rest_as_it_is() {
    let kinds = |document: &str, cut: usize| {
        let mut scanner = Scanner::new();
        let (mut window, mut kinds) = (Vec::new(), Vec::new());
        let (before, after) = document.as_bytes().split_at(cut);
        for (piece, last) in [(before, false), (after, true)] {
            window.extend_from_slice(piece);
            while scanner.next(&window, last, || Runs::Skipped)? == Step::Token {
                kinds.push(scanner.token().kind);
            }
            window.drain(..scanner.position());
            scanner.shift(scanner.position());
        }
        Ok::<_, Fault>(kinds)
    };
    let (numbers, string) = (Kind::Numbers, Kind::String);
    let document = r#"[[0.1, -2e5 ,3], [], [7,{"a":[1,2]},"x",8], "y"]"#;
    let whole = kinds(document, 0).unwrap();
    let expected = [
        vec![Kind::ArrayStart, Kind::ArrayStart, numbers, Kind::ArrayEnd, Kind::Comma],
        vec![Kind::ArrayStart, Kind::ArrayEnd, Kind::Comma, Kind::ArrayStart, numbers],
        vec![Kind::ObjectStart, Kind::Key, Kind::ArrayStart, numbers, Kind::ArrayEnd],
        vec![Kind::ObjectEnd, Kind::Comma, string, Kind::Comma, numbers, Kind::ArrayEnd],
        vec![Kind::Comma, string, Kind::ArrayEnd],
    ];
    assert_eq!(whole, expected.concat());
    for cut in 0..=document.len() {
        assert_eq!(kinds(document, cut).unwrap(), whole, "{cut}");
    }
    assert_eq!(kinds("[1, 2", 3).unwrap_err().code, FaultCode::Truncated);
    assert_eq!(kinds("[1}", 0).unwrap_err().code, FaultCode::Truncated);
}

#[test]
fn strings_read_the_same_by_the_block_and_by_the_byte() {
    // Room behind the string: it is read as a block where all of it has come.
    let room = " ".repeat(80);
    for stop in ["\"", "\\\"", "\\u00e9", "\\x", "\u{1}", "\u{7f}", "é", "€"] {
        for before in [0, 1, 31, 62, 63, 64, 65, 100] {
            let document = format!("[\"{}{stop}b\"{room}]", "a".repeat(before));
            let each: Vec<usize> = (0..document.len()).filter(|at| document.is_char_boundary(*at)).collect();
            let [whole, cut] = [&[][..], &each].map(|cuts| read(document.as_bytes(), cuts, true, false));
            assert_eq!(whole, cut, "{stop:?} behind {before}");
        }
    }
}

#[test]
fn commas_are_told_to_who_drops_members() {
    let document = r#"{"a": [1, "x" ,true], "b": {}, "c": [[], []]}"#;
    let kinds = |mut scanner: Scanner| {
        std::iter::from_fn(|| {
            let step = scanner.next(document.as_bytes(), true, || Runs::Read).unwrap();
            (step == Step::Token).then(|| (scanner.token().kind, scanner.token().span))
        })
        .collect::<Vec<_>>()
    };
    let mut told = kinds(Scanner::new());
    told.retain(|(kind, _)| *kind != Kind::Comma);
    assert_eq!(kinds(Scanner::new().without_commas()), told);
}
