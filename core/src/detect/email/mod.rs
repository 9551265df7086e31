//! E-mail addresses, from their `@`, or from the words that stand for it.

mod spelled;

use super::find::{Attempt, Hit};
use super::input::{Input, is_word};
use super::literals::Lead;

/// Settings of the data row.
#[derive(Debug, Clone)]
pub(super) struct Email {
    /// Last labels that are file names, not domains.
    pub not_tlds: Vec<&'static str>,
    /// Last labels that count where words stand for the separators.
    pub spelled_tlds: Vec<&'static str>,
    /// What must stand before them where they are words alone, in any word.
    pub spelled_near: Vec<&'static str>,
    /// Words before `at` that are no mailbox.
    pub not_locals: Vec<&'static str>,
}

/// What wakes the reader besides `@`.
pub(super) fn leads() -> Vec<Lead> {
    spelled::ANCHORS.iter().map(|anchor| Lead::text(anchor)).collect()
}

/// RFC 5321 section 4.5.3.1 lets a local part have 64 octets; some systems let it have more, as long as the whole path
/// (256 with its brackets). Of a longer one the end is found.
pub(super) const LOCAL: usize = 254;
/// What stands between quotes, with them.
const QUOTED: usize = 66;
const DOMAIN: usize = 255;

pub(super) fn attempt(input: &Input<'_>, at: usize, settings: &Email) -> Attempt {
    if input.at(at) != Some(b'@') {
        return spelled::attempt(input, at, settings);
    }
    let quoted = quoted_start(input, at);
    let start = quoted.unwrap_or_else(|| trimmed(input, local_start(input, at), at));
    let local = input.slice(start, at);
    let odd = local.ends_with(b".") || local.windows(2).any(|pair| pair == b"..");
    if local.is_empty() || (odd && quoted.is_none()) {
        return Attempt::none(start);
    }
    let end = match input.at(at + 1) {
        Some(b'[') => literal_end(input, at + 2),
        _ => domain_end(input, at + 1, settings),
    };
    let Some(end) = end else { return Attempt::none(start) };
    // `git@host.example:group/repository` is a place, not a person.
    let is_place = local == b"git" && input.at(end) == Some(b':');
    Attempt { low: start, hit: (!is_place).then_some(Hit { start, end, score: 95, open: false }) }
}

/// RFC 5322 atext and the dot, and anything beyond ASCII (RFC 6531).
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) || byte >= 0x80
}

/// The start of the run before the `@`; `\u00fc`, as JSON writes it, is one letter.
fn local_start(input: &Input<'_>, at: usize) -> usize {
    let mut start = at;
    loop {
        start = input.run_back(start, LOCAL - (at - start), is_local);
        let escape = input.slice(start.saturating_sub(1), start + 5);
        if at - start < LOCAL && is_escape(escape) {
            start -= 1;
        } else {
            return start;
        }
    }
}

/// The start of a quoted local part (RFC 5321 section 4.1.2), `"ada lovelace"@`, also where JSON escapes its quotes.
fn quoted_start(input: &Input<'_>, at: usize) -> Option<usize> {
    (input.before(at) == Some(b'"')).then_some(())?;
    let escaped = usize::from(input.before(at - 1) == Some(b'\\'));
    let end = at - 1 - escaped;
    let mut start = end;
    loop {
        start = input.run_back(start, QUOTED - (at - start).min(QUOTED), |b| b >= b' ' && b != b'"');
        let is_quote = input.before(start) == Some(b'"') && at - start < QUOTED;
        is_quote.then_some(())?;
        start -= 1;
        if usize::from(input.before(start) == Some(b'\\')) == escaped {
            break;
        }
    }
    let start = start - escaped;
    let free = !input.before(start).is_some_and(|b| is_word(b) || b == b'\\' || (b == b'"' && escaped == 0));
    (start + 1 + escaped < end && free).then_some(start)
}

/// Where an address may have begun whose `@` has not come: a quoted local part, or words.
pub(super) fn tail(input: &Input<'_>, settings: &Email) -> usize {
    let length = input.len();
    let reach = input.run_back(length, QUOTED + 1, |b| b >= b' ');
    let quote = input.slice(reach, length).iter().position(|&b| b == b'"');
    quote.map_or(length, |at| (reach + at).saturating_sub(1)).min(spelled::tail(input, settings))
}

fn is_escape(text: &[u8]) -> bool {
    text.len() == 6 && text.starts_with(b"\\u") && text.iter().skip(2).all(u8::is_ascii_hexdigit)
}

/// Leaves out what belongs to the surroundings: quotes, paths, `name=`, `?name=`, the letter of an escape.
fn trimmed(input: &Input<'_>, run: usize, at: usize) -> usize {
    let mut start = run;
    let is_escape_letter = input.before(run) == Some(b'\\') && !is_escape(input.slice(run - 1, run + 5));
    if is_escape_letter && run < at {
        start += 1;
    }
    loop {
        let text = input.slice(start, at);
        let skip = match text {
            [
                b'.' | b'\'' | b'`' | b'*' | b'|' | b'{' | b'}' | b'/' | b'=' | b'?' | b'&' | b'#' | b'~'
                | b'^',
                ..,
            ] => 1,
            _ => match text.iter().position(|&b| b == b'=') {
                Some(sign) if text.iter().take(sign).all(|&b| is_word(b) || b"-.?&/".contains(&b)) => {
                    let named = text.get(..sign).unwrap_or_default();
                    if named.contains(&b'/') && !named.contains(&b'?') { 0 } else { sign + 1 }
                }
                _ => 0,
            },
        };
        if skip == 0 {
            return start;
        }
        start += skip;
    }
}

/// `[192.0.2.1]` or `[IPv6:…]`, RFC 5321 section 4.1.3.
fn literal_end(input: &Input<'_>, start: usize) -> Option<usize> {
    let end = input.run(start, 46, |b| b.is_ascii_hexdigit() || b".:IPv".contains(&b));
    (end - start >= 7 && input.at(end) == Some(b']')).then_some(end + 1)
}

/// The end of the longest domain that ends in a possible top level.
fn domain_end(input: &Input<'_>, start: usize, settings: &Email) -> Option<usize> {
    let mut labels = 0;
    let mut numbers = 0;
    let mut at = start;
    let mut best = None;
    while at - start < DOMAIN {
        let end = label_end(input, at);
        let label = input.slice(at, end);
        if label.is_empty() || label.starts_with(b"-") {
            break;
        }
        let label_stop = if label.ends_with(b"-") { end - 1 } else { end };
        numbers += usize::from(labels < 2 && label.iter().all(u8::is_ascii_digit));
        labels += 1;
        if labels > 1 && numbers < 2 && is_top_level(input.slice(at, label_stop), settings) {
            best = Some(label_stop);
        }
        if label_stop != end || input.at(end) != Some(b'.') {
            break;
        }
        at = end + 1;
    }
    best
}

fn label_end(input: &Input<'_>, start: usize) -> usize {
    let mut end = start;
    loop {
        end = input.run(end, 64, |b| b.is_ascii_alphanumeric() || b == b'-' || b >= 0x80);
        let escaped = end - start < 64
            && input.at(end) == Some(b'\\')
            && input.at(end + 1) == Some(b'u')
            && (2..6).all(|n| input.at(end + n).is_some_and(|b| b.is_ascii_hexdigit()));
        if !escaped {
            return end;
        }
        end += 6;
    }
}

fn is_top_level(label: &[u8], settings: &Email) -> bool {
    let letters = label.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80) && label.len() >= 2;
    let puny = label.len() > 4 && label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"xn--"));
    (letters || puny) && !settings.not_tlds.iter().any(|not| label.eq_ignore_ascii_case(not.as_bytes()))
}
