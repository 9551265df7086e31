//! `application/x-www-form-urlencoded` (WHATWG URL, section 5): read pair by pair, decoded, and written again only
//! where something was found.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::json::{Fault, FaultCode, Matcher};

use super::json::JsonDriver;
use super::marker::{Marker, Role};
use super::splice::Splice;
use super::text::Progress;
use super::within::Standing;

/// The most bytes of one pair.
const MAX_PAIR: usize = 8 * 1024 * 1024;

/// What the standard leaves as it is, beside letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// Reads forms.
#[derive(Debug, Default)]
pub(super) struct FormDriver {
    /// How far the pair at hand was searched for its end.
    searched: usize,
    /// Whether some pair was read: the next has an & before it.
    begun: bool,
    /// Whether some pair stayed.
    kept: bool,
    base: u64,
}

impl FormDriver {
    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        // A pair is read with the & before it: both go where it is dropped.
        let mut start = 0;
        loop {
            let from = self.searched.max(start + usize::from(self.begun));
            let rest = window.get(from..).unwrap_or_default();
            let end = match memchr::memchr(b'&', rest) {
                Some(at) => from + at,
                None if last => window.len(),
                None => {
                    self.searched = window.len();
                    break;
                }
            };
            self.searched = 0;
            self.pair(marker, window, start, end, splice)?;
            self.begun = true;
            start = end;
            if end == window.len() {
                break;
            }
        }
        if window.len() - start > MAX_PAIR {
            return Err(Fault { code: FaultCode::TooLong, at: self.base + start as u64 });
        }
        self.searched = self.searched.saturating_sub(start);
        self.base += start as u64;
        Ok(Progress { released: start, keep: start })
    }

    fn pair(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        start: usize,
        end: usize,
        splice: &mut Splice<'_>,
    ) -> Result<(), Fault> {
        let separated = self.begun;
        let name_at = start + usize::from(separated);
        let pair = window.get(name_at..end).unwrap_or_default();
        let equals = memchr::memchr(b'=', pair);
        let value_at = name_at + equals.map_or(pair.len(), |at| at + 1);
        let raw_name = pair.get(..equals.unwrap_or(pair.len())).unwrap_or_default();
        let name = self.decode(raw_name, name_at)?;
        let value = self.decode(window.get(value_at..end).unwrap_or_default(), value_at)?;

        let plan = marker.plan.clone();
        let mut fields = Matcher::new(&plan.paths);
        fields.open();
        fields.key(&plan.paths, name.as_bytes());
        let rule = fields.first(&plan.paths).and_then(|rule| plan.field(rule));
        if let Some(rule) = rule
            && rule.drops()
        {
            marker.field(rule, value.as_bytes(), || name.clone().into_owned(), &mut Vec::new());
            splice.cut(start..end);
            return Ok(());
        }
        if separated && !self.kept {
            splice.cut(start..name_at);
        }
        self.kept = true;
        let mut shown = None;
        marker.stand(marker.around);
        if marker.detects()
            && let Some(new) = marker.text(name.as_bytes(), None, Role::Name, String::new)
        {
            splice.cut(name_at..name_at + raw_name.len());
            encode(&new, splice.out());
            shown = Some(String::from_utf8_lossy(&new).into_owned());
        }
        let path = || shown.clone().unwrap_or_else(|| name.clone().into_owned());
        let (around, bare) = (marker.around, marker.bare);
        let here = Standing::member(marker, None, name.as_bytes());
        marker.stand(here);
        marker.enter(here, here);
        let new = match rule {
            Some(rule) => {
                let mut new = Vec::new();
                marker.field(rule, value.as_bytes(), path, &mut new);
                Some(new)
            }
            None if value.starts_with(['{', '[']) => {
                match JsonDriver::inside(marker, value.as_bytes(), name.as_bytes()) {
                    Ok(new) => new,
                    Err(_) => {
                        marker.stand(here);
                        marker.text(value.as_bytes(), Some(&name), Role::Value, path)
                    }
                }
            }
            None => marker.text(value.as_bytes(), Some(&name), Role::Value, path),
        };
        marker.enter(around, bare);
        if let Some(new) = new {
            splice.cut(value_at..end);
            if equals.is_none() {
                splice.add(b"=");
            }
            encode(&new, splice.out());
        }
        Ok(())
    }

    fn decode<'a>(&self, raw: &'a [u8], at: usize) -> Result<Cow<'a, str>, Fault> {
        let wrong = |_| Fault { code: FaultCode::InvalidUtf8, at: self.base + at as u64 };
        if memchr::memchr2(b'%', b'+', raw).is_none() {
            return std::str::from_utf8(raw).map(Cow::Borrowed).map_err(wrong);
        }
        let spaced: Vec<u8> = raw.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        percent_decode(&spaced).decode_utf8().map(|text| Cow::Owned(text.into_owned())).map_err(wrong)
    }
}

fn encode(text: &[u8], out: &mut Vec<u8>) {
    for part in percent_encode(text, ENCODED) {
        out.extend(part.bytes().map(|byte| if byte == b' ' { b'+' } else { byte }));
    }
}
