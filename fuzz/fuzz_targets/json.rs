//! A document gives the same tokens however it arrives, and is accepted exactly where it is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wardline::json::{Kind, MAX_NUMBER, Runs, Scanner, Step};

fuzz_target!(|input: &[u8]| {
    let Some((&[chunk], text)) = input.split_first_chunk() else { return };
    let whole = tokens(text, text.len().max(1));
    assert_eq!(tokens(text, usize::from(chunk % 32) + 1), whole);
    // Deeper documents and longer numbers are refused, whatever else they are.
    if deep(text) < 100 && longest_number(text) <= MAX_NUMBER {
        let known = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok() && std::str::from_utf8(text).is_ok();
        assert_eq!(whole.is_some(), known);
    }
});

fn deep(text: &[u8]) -> usize {
    text.iter().filter(|byte| matches!(byte, b'[' | b'{')).count()
}

fn longest_number(text: &[u8]) -> usize {
    let numbers = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    numbers.map(<[u8]>::len).max().unwrap_or(0)
}

/// Kinds and places of the tokens, those of numbers in arrays put together; `None` where it is no document.
fn tokens(text: &[u8], chunk: usize) -> Option<Vec<(String, u64)>> {
    let (mut scanner, mut window, mut found) = (Scanner::new(), Vec::new(), Vec::new());
    let mut arriving = text.chunks(chunk).peekable();
    loop {
        let last = match arriving.next() {
            Some(piece) => {
                window.extend_from_slice(piece);
                arriving.peek().is_none()
            }
            None => true,
        };
        loop {
            match scanner.next(&window, last, || Runs::Read).ok()? {
                Step::Token => {
                    let token = scanner.token();
                    if !matches!(token.kind, Kind::Number | Kind::Numbers | Kind::Comma) {
                        found.push((format!("{:?} {}", token.kind, token.escaped), scanner.offset(token.span.start)));
                    }
                }
                Step::More | Step::End => break,
            }
        }
        let read = scanner.position();
        window.drain(..read);
        scanner.shift(read);
        if last {
            return Some(found);
        }
    }
}
