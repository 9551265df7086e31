//! JSON: token by token, every value under the rules of its place.

mod count;
mod long;
pub(super) mod place;
mod swallow;

use crate::json::{
    Decoded, Fault, FaultCode, Kind, LONG_DIGITS, LONG_STRING, Matcher, Runs, Scanner, Step, Token,
};
use crate::vector::{Counter, Scalar};

pub(super) use self::count::CountDriver;
use self::long::LongText;
use self::place::Place;
use self::swallow::Swallow;
use super::marker::{Marker, Role};
use super::splice::Splice;
use super::text::Progress;
use super::within::Standing;

/// How many documents may stand in each other's strings.
const MAX_NESTING: u8 = 4;

/// From how many digits on a number under a name is read.
const SOME_DIGITS: usize = 6;

/// How much of a long string tells whether it is a vector; so much of it is there when it begins.
const LONG_START: usize = 1_024;

/// Room for what stands in place of most values.
const ORDINARY_MARK: usize = 32;

/// Shorter base64 is read as text: a token may look like it.
const BASE64_VECTOR: usize = 64;

/// Reads JSON documents.
#[derive(Debug)]
pub(super) struct JsonDriver {
    scanner: Scanner,
    fields: Matcher,
    /// Where one stands as to entities that count in some fields only.
    standing: Option<Standing>,
    place: Place,
    /// A comma that waits: it goes where the member after it is dropped.
    comma: Option<usize>,
    /// A value that a field rule covers, on its way to be replaced.
    swallow: Option<Swallow>,
    /// A long string on its way.
    long: Option<LongText>,
    /// In how many strings this document stands; only the outermost is counted.
    nesting: u8,
    /// The last text with escapes; its memory is used again.
    decoded: Option<Box<Decoded>>,
    escaped: Vec<u8>,
    /// Strings that were read elsewhere, the next one last.
    given: Vec<Given>,
}

/// A string that was read as part of something longer.
#[derive(Debug)]
pub(super) struct Given {
    /// Where its opening quote stands.
    pub(super) at: usize,
    /// What stands in its place, `None` where it stays.
    pub(super) new: Option<Vec<u8>>,
}

impl JsonDriver {
    /// For one document.
    pub(super) fn document(marker: &Marker) -> Self {
        Self::at_root(marker, Scanner::new(), Place::default(), 0)
    }

    /// For documents on lines.
    pub(super) fn series(marker: &Marker) -> Self {
        Self::at_root(marker, Scanner::series(), Place::default(), 0)
    }

    fn at_root(marker: &Marker, scanner: Scanner, place: Place, nesting: u8) -> Self {
        let standing = Standing::document(marker);
        Self::with(marker, scanner, (Matcher::new(&marker.plan.paths), standing), place, nesting)
    }

    fn with(
        marker: &Marker,
        scanner: Scanner,
        (fields, standing): (Matcher, Option<Standing>),
        place: Place,
        nesting: u8,
    ) -> Self {
        Self {
            // A comma goes with the member that it stands before.
            scanner: if marker.plan.drops { scanner } else { scanner.without_commas() },
            fields,
            standing,
            place,
            comma: None,
            swallow: None,
            long: None,
            nesting,
            decoded: None,
            escaped: Vec::new(),
            given: Vec::new(),
        }
    }

    /// A whole document in `text`, which stands where `key` says and is not counted: its masked form, `None` where nothing was
    /// changed; `Err` where it is not JSON, and then nothing was noted.
    pub(super) fn inside(marker: &mut Marker, text: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        check(text)?;
        Self::at_root(marker, Scanner::new(), Place::inside(String::new(), key), 1).whole(marker, text)
    }

    /// The same for a document that is the whole of a message, which is counted.
    pub(super) fn message(marker: &mut Marker, text: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        check(text)?;
        Self::document(marker).whole(marker, text)
    }

    /// The same for a message that is known to be a document, of which some strings were read elsewhere.
    pub(super) fn given(
        marker: &mut Marker,
        text: &[u8],
        mut given: Vec<Given>,
        counted: bool,
    ) -> Result<Option<Vec<u8>>, Fault> {
        given.reverse();
        let driver = Self { given, nesting: u8::from(!counted), ..Self::document(marker) };
        driver.whole(marker, text)
    }

    fn whole(mut self, marker: &mut Marker, text: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let mut out = Vec::new();
        let mut splice = Splice::new(text, 0, &mut out);
        self.read(marker, text, true, &mut splice)?;
        if !splice.changed() {
            return Ok(None);
        }
        splice.pass(text.len());
        Ok(Some(out))
    }

    pub(super) fn read(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        last: bool,
        splice: &mut Splice<'_>,
    ) -> Result<Progress, Fault> {
        loop {
            let Self { scanner, swallow, fields, standing, nesting, .. } = self;
            let depth = scanner.depth();
            let runs = || match &*swallow {
                Some(swallow) if swallow.is_around(depth) => Runs::Read,
                Some(_) => Runs::Single,
                None => runs(marker, fields, standing.as_ref(), *nesting),
            };
            match scanner.next(window, last, runs)? {
                Step::Token => self.token(marker, window, &self.scanner.token(), splice)?,
                Step::More | Step::End => break,
            }
        }
        let position = self.scanner.position();
        if let Some(swallow) = &mut self.swallow {
            swallow.feed(window, position);
            swallow.cut(splice, position);
        }
        self.check_comma(position)?;
        let long = self.long.as_ref().map_or(position, LongText::hold);
        let released = position.min(long).min(self.comma.unwrap_or(position));
        self.scanner.shift(released);
        self.comma = self.comma.map(|comma| comma - released);
        if let Some(long) = &mut self.long {
            long.shift(released);
        }
        if let Some(swallow) = &mut self.swallow {
            swallow.shift(released);
        }
        Ok(Progress { released, keep: released })
    }

    fn counts(&self, marker: &Marker) -> bool {
        self.nesting == 0 && marker.counter.is_some()
    }

    /// White space after a comma that waits is bounded, since it is kept.
    fn check_comma(&self, at: usize) -> Result<(), Fault> {
        match self.comma {
            Some(comma) if at - comma > LONG_STRING => {
                Err(Fault { code: FaultCode::TooLong, at: self.scanner.offset(comma) })
            }
            _ => Ok(()),
        }
    }

    fn token(
        &mut self,
        marker: &mut Marker,
        window: &[u8],
        token: &Token,
        splice: &mut Splice<'_>,
    ) -> Result<(), Fault> {
        if self.swallow.is_some() {
            self.swallowed(marker, window, token, splice);
            return Ok(());
        }
        self.check_comma(token.span.start)?;
        match token.kind {
            Kind::Comma => self.comma = Some(token.span.start),
            Kind::Key => self.name(marker, window, token, splice),
            Kind::ObjectEnd | Kind::ArrayEnd => {
                self.place.close();
                self.fields.close();
                if let Some(standing) = &mut self.standing {
                    standing.close();
                }
                if let (0, Some(counter)) = (self.nesting, &mut marker.counter) {
                    counter.close();
                }
            }
            Kind::LongPart => self.long_part(marker, window, token, splice),
            Kind::LongEnd => self.long_end(marker, splice),
            _ => self.value(marker, window, token, splice),
        }
        Ok(())
    }

    /// The member or element that begins at `at` stays: so does the comma before it, unless all before it went.
    fn stays(&mut self, at: usize, splice: &mut Splice<'_>) {
        let first = self.place.keep();
        if let Some(comma) = self.comma.take()
            && first
        {
            splice.cut(comma..at);
        }
    }

    /// The member or element that begins at `at` goes, with the comma before it.
    fn goes(&mut self, at: usize) -> usize {
        self.comma.take().unwrap_or(at)
    }

    fn name(&mut self, marker: &mut Marker, window: &[u8], token: &Token, splice: &mut Splice<'_>) {
        let inside = token.span.start + 1..token.span.end - 1;
        let raw = window.get(inside.clone()).unwrap_or_default();
        let mut decoded = std::mem::take(&mut self.decoded);
        let name = text_of(raw, token.escaped, &mut decoded);
        self.place.name(name);
        self.fields.key(&marker.plan.paths, name);
        if let (Some(standing), Some(within)) = (&mut self.standing, &marker.plan.within) {
            standing.key(within, name);
            let outside = standing.outside();
            marker.stand(outside);
        }
        let rule = self.fields.first(&marker.plan.paths);
        if let Some(rule) = rule
            && marker.plan.field(rule).is_some_and(|rule| rule.drops())
        {
            let from = self.goes(token.span.start);
            self.swallow = Some(Swallow::new(marker, rule, self.scanner.depth(), from));
        } else {
            self.stays(token.span.start, splice);
            let mut shown = None;
            if marker.detects()
                && let Some(found) = marker.find_in_name(name, || self.place.path_above())
            {
                let mut new = Vec::new();
                let mut from = 0;
                for finding in &found {
                    new.extend_from_slice(name.get(from..finding.span.start).unwrap_or_default());
                    let place = &self.place;
                    marker.mark(name, finding, Role::Name, || place.path_above(), &mut new);
                    from = finding.span.end;
                }
                new.extend_from_slice(name.get(from..).unwrap_or_default());
                splice.cut(inside);
                crate::json::escape_into(&new, splice.out());
                self.place.show(&new);
                marker.done(found);
                shown = Some(new);
            }
            if let (0, Some(counter)) = (self.nesting, &mut marker.counter) {
                counter.key(name, shown.as_deref().unwrap_or(name));
            }
        }
        self.decoded = decoded;
    }

    fn value(&mut self, marker: &mut Marker, window: &[u8], token: &Token, splice: &mut Splice<'_>) {
        let counts = self.counts(marker);
        match self.place.element(token.count) {
            Some(index) => {
                self.fields.element(&marker.plan.paths, index);
                if let (Some(standing), Some(within)) = (&mut self.standing, &marker.plan.within) {
                    standing.element(within, index);
                }
                if let (true, Some(counter)) = (counts, &mut marker.counter) {
                    counter.element(index);
                }
            }
            None if self.place.is_root() && self.nesting == 0 => {
                self.fields.root(&marker.plan.paths);
                if let (Some(standing), Some(within)) = (&mut self.standing, &marker.plan.within) {
                    standing.root(within);
                }
                if let Some(counter) = &mut marker.counter {
                    counter.root();
                }
            }
            None => {}
        }
        if let Some(standing) = &self.standing {
            marker.stand(standing.here());
        }
        if let Some(rule) = self.fields.first(&marker.plan.paths) {
            let at = token.span.start;
            let from = if marker.plan.field(rule).is_some_and(|rule| rule.drops()) {
                self.goes(at)
            } else {
                self.stays(at, splice);
                at
            };
            let opened = matches!(token.kind, Kind::ObjectStart | Kind::ArrayStart);
            let depth = self.scanner.depth() - usize::from(opened);
            self.swallow = Some(Swallow::new(marker, rule, depth, from));
            self.swallowed(marker, window, token, splice);
            return;
        }
        self.stays(token.span.start, splice);
        match token.kind {
            Kind::ObjectStart | Kind::ArrayStart => {
                let object = token.kind == Kind::ObjectStart;
                self.place.open(object);
                self.fields.open();
                if let Some(standing) = &mut self.standing {
                    standing.open();
                }
                if let (true, Some(counter)) = (counts, &mut marker.counter) {
                    counter.open(object);
                }
            }
            Kind::String => self.string(marker, window, token, splice),
            Kind::Number => self.number(marker, window, token, splice),
            Kind::Numbers => {
                if let (true, Some(counter)) = (counts, &mut marker.counter) {
                    counter.numbers(token.count, window.get(token.span.clone()).unwrap_or_default());
                }
                if marker.detects() && (token.long || marker.sought.detectors.names(self.place.key())) {
                    self.numbers(marker, window, token, splice);
                }
            }
            Kind::LongStart => {
                if let (true, Some(counter)) = (counts, &mut marker.counter) {
                    let start = window.get(token.span.end..).unwrap_or_default();
                    counter.scalar(Scalar::Long(start.get(..LONG_START).unwrap_or_default()));
                }
                if marker.detects() {
                    self.long = Some(LongText::new(token.span.end));
                }
            }
            _ => {
                if let (true, Some(counter)) = (counts, &mut marker.counter) {
                    counter.scalar(Scalar::Literal);
                }
            }
        }
    }

    fn string(&mut self, marker: &mut Marker, window: &[u8], token: &Token, splice: &mut Splice<'_>) {
        let counts = self.counts(marker);
        if !counts && marker.plan.is_empty() {
            return;
        }
        let inside = token.span.start + 1..token.span.end - 1;
        while let Some(given) = self.given.pop_if(|given| given.at <= token.span.start) {
            if given.at < token.span.start {
                // A rule about fields had it.
                continue;
            }
            if let Some(new) = given.new {
                splice.cut(inside);
                crate::json::escape_into(&new, splice.out());
            }
            if let (true, Some(counter)) = (counts, &mut marker.counter) {
                // No id is told in pieces.
                counter.scalar(Scalar::Long(b""));
            }
            return;
        }
        let raw = window.get(inside.clone()).unwrap_or_default();
        let mut decoded = std::mem::take(&mut self.decoded);
        if token.escaped {
            let decoded = decoded.get_or_insert_default();
            decoded.clear();
            decoded.push(raw);
        }
        let unescaped = decoded.as_deref().filter(|_| token.escaped);
        let text = unescaped.map_or(raw, |decoded| decoded.text.as_slice());
        let vector = counts && marker.counter.as_ref().is_some_and(|c| c.is_vector()) && is_base64(text);
        let mut shown = None;
        if !vector && let Some(nested) = self.nested(marker, text) {
            if let Some(new) = nested {
                splice.cut(inside);
                crate::json::escape_into(&new, splice.out());
            }
        } else if !vector
            && marker.detects()
            && let Some(found) = marker.find(text, self.key(marker), || self.place.path())
        {
            let mut new = std::mem::take(&mut self.escaped);
            let mut from = 0;
            let mut whole = Vec::with_capacity(if counts { text.len() } else { 0 });
            for finding in &found {
                let span = match unescaped {
                    Some(decoded) => decoded.raw_start(finding.span.start)..decoded.raw_end(finding.span.end),
                    None => finding.span.clone(),
                };
                splice.cut(inside.start + span.start..inside.start + span.end);
                new.clear();
                new.reserve(ORDINARY_MARK);
                let place = &self.place;
                marker.mark(text, finding, Role::Value, || place.path(), &mut new);
                crate::json::escape_into(&new, splice.out());
                if counts {
                    whole.extend_from_slice(text.get(from..finding.span.start).unwrap_or_default());
                    whole.extend_from_slice(&new);
                    from = finding.span.end;
                }
            }
            if counts {
                whole.extend_from_slice(text.get(from..).unwrap_or_default());
                shown = Some(whole);
            }
            self.escaped = new;
            marker.done(found);
        }
        if let (true, Some(counter)) = (counts, &mut marker.counter) {
            counter.scalar(Scalar::Text(text, shown.as_deref().unwrap_or(text)));
        }
        if marker.detects() {
            self.place.tell(text);
        }
        self.decoded = decoded;
    }

    /// What tells of a value here. A name that the policy itself looks for counts as it is.
    fn key(&self, marker: &Marker) -> Option<&str> {
        let key = self.place.key();
        if marker.sought.detectors.names(key) { key } else { self.place.told() }
    }

    /// The masked form of the document that a string holds, if it holds one.
    fn nested(&self, marker: &mut Marker, text: &[u8]) -> Option<Option<Vec<u8>>> {
        if self.nesting >= MAX_NESTING || !looks_like_json(text) || check(text).is_err() {
            return None;
        }
        let place = Place::inside(self.place.path(), self.key(marker).unwrap_or("").as_bytes());
        let standing = self.standing.as_ref().map(Standing::inside);
        Self::with(marker, Scanner::new(), (self.fields.inside(), standing), place, self.nesting + 1)
            .whole(marker, text)
            .ok()
    }

    fn number(&mut self, marker: &mut Marker, window: &[u8], token: &Token, splice: &mut Splice<'_>) {
        let text = window.get(token.span.clone()).unwrap_or_default();
        let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let whole =
            text.iter().skip_while(|byte| **byte == b'-').take_while(|byte| byte.is_ascii_digit()).count();
        let place = &self.place;
        let long = if place.in_array() { whole >= LONG_DIGITS } else { digits >= SOME_DIGITS };
        let read = long || marker.sought.detectors.names(place.key());
        let shown = match read && marker.detects() {
            true => marker.text(text, self.key(marker), Role::Value, || place.path()),
            false => None,
        };
        if let Some(new) = &shown {
            splice.cut(token.span.clone());
            add_string(new, splice.out());
        }
        if let (true, Some(counter)) = (self.counts(marker), &mut marker.counter) {
            counter.scalar(Scalar::Number(text, shown.as_deref().unwrap_or(text)));
        }
    }

    /// A run of numbers of which some may be more than a quantity.
    fn numbers(&mut self, marker: &mut Marker, window: &[u8], token: &Token, splice: &mut Splice<'_>) {
        let run = window.get(token.span.clone()).unwrap_or_default();
        let named = marker.sought.detectors.names(self.place.key());
        let mut start = token.span.start;
        for (n, number) in run.split(|byte| *byte == b',').enumerate() {
            let text = number.trim_ascii();
            let whole = text
                .iter()
                .skip_while(|byte| **byte == b'-')
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if named || whole >= LONG_DIGITS {
                let place = &self.place;
                let path = || place.path_of(token.count.saturating_sub(n as u64));
                if let Some(new) = marker.text(text, self.key(marker), Role::Value, path) {
                    let at = start + (number.len() - number.trim_ascii_start().len());
                    splice.cut(at..at + text.len());
                    add_string(&new, splice.out());
                }
            }
            start += number.len() + 1;
        }
    }
}

/// How closely the numbers of the innermost array are looked at.
fn runs(marker: &Marker, fields: &Matcher, standing: Option<&Standing>, nesting: u8) -> Runs {
    let counter = marker.counter.as_ref().filter(|_| nesting == 0);
    if marker.plan.is_empty() && counter.is_some_and(Counter::skips) {
        // Nothing in it is to be found or changed.
        return Runs::Skipped;
    }
    let bounds = standing.zip(marker.plan.within.as_ref());
    let elements = counter.is_some_and(Counter::wants_elements)
        || fields.wants_elements(&marker.plan.paths)
        || bounds.is_some_and(|(standing, within)| standing.wants_elements(within));
    if elements { Runs::Single } else { Runs::Read }
}

/// The inside of a string, decoded where it must be.
pub(super) fn text_of<'a>(raw: &'a [u8], escaped: bool, decoded: &'a mut Option<Box<Decoded>>) -> &'a [u8] {
    if !escaped {
        return raw;
    }
    let decoded = decoded.get_or_insert_default();
    decoded.clear();
    decoded.push(raw);
    &decoded.text
}

/// Appends text as a JSON string.
fn add_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    crate::json::escape_into(text, out);
    out.push(b'"');
}

pub(super) fn looks_like_json(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    matches!((text.first(), text.last()), (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')))
        && text.len() > 1
}

/// Whether a text is one JSON document.
fn check(text: &[u8]) -> Result<(), Fault> {
    let mut scanner = Scanner::new();
    while scanner.next(text, true, || Runs::Read)? == Step::Token {}
    Ok(())
}

fn is_base64(text: &[u8]) -> bool {
    text.len() >= BASE64_VECTOR
        && text.len().is_multiple_of(4)
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}
