//! The request target, read as the target system reads it, or not at all: whatever two readers could take for two
//! different paths is `unknown`.
//!
//! Percent signs are decoded once. Refused are: an encoded `/` (unless the system takes it for a letter of a name) or `\`, double encoding, `.` and `..` segments, empty
//! segments, `;` parameters, control characters, a fragment, bytes that are not UTF-8. An absolute-form target
//! (RFC 9112, 3.2.2) is routed by its path. Case matters, as it does in every system of the catalogue.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The longest target: beyond it servers and the HTTP libraries in front of them differ or refuse.
const LONGEST: usize = 65_535;

/// What an encoded `/` is kept as until its name is told: no path holds a control character otherwise.
pub(super) const SLASH: char = '\u{1}';

/// A target whose path has one reading.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'t> {
    pub(super) path: Cow<'t, str>,
    pub(super) query: Option<&'t str>,
}

impl<'t> Target<'t> {
    /// Reads a target as it was received. With `slashes`, an encoded `/` is a letter of a name, kept as [`SLASH`].
    pub(super) fn read(raw: &'t str, slashes: bool) -> Option<Self> {
        let raw =
            Some(raw).filter(|raw| raw.len() <= LONGEST && memchr::memchr(b'#', raw.as_bytes()).is_none())?;
        let origin = origin_form(raw)?;
        let (path, query) = match memchr::memchr(b'?', origin.as_bytes()) {
            Some(at) => (origin.get(..at)?, origin.get(at + 1..)),
            None => (origin, None),
        };
        let held = held(path);
        if held & ODD != 0 {
            return None;
        }
        let path =
            if held & PERCENT == 0 { Cow::Borrowed(path) } else { Cow::Owned(decoded(path, slashes)?) };
        let plain = held == 0 || segments_are_plain(&path);
        plain.then_some(Self { path, query })
    }

    /// The same below `base`, a prefix that ends where a segment ends.
    pub(super) fn below(self, base: &str) -> Option<Self> {
        let base = base.trim_end_matches('/');
        if base.is_empty() {
            return Some(self);
        }
        let path = self.path.strip_prefix(base)?;
        let path = match path {
            "" => "/",
            rest if rest.starts_with('/') => rest,
            _ => return None,
        };
        Some(Self { path: Cow::Owned(path.to_owned()), query: self.query })
    }

    /// The same without a last `/`, for systems that take both for one.
    pub(super) fn without_trailing_slash(mut self) -> Self {
        if self.path.len() > 1
            && let Some(shorter) = self.path.strip_suffix('/')
        {
            self.path = Cow::Owned(shorter.to_owned());
        }
        self
    }
}

/// `http://host/path` and `/path` alike.
fn origin_form(raw: &str) -> Option<&str> {
    if raw.starts_with('/') {
        return Some(raw);
    }
    let (scheme, rest) = raw.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    match rest.find(['/', '?']) {
        Some(at) => rest.split_at_checked(at).map(|(_, path)| path).filter(|path| path.starts_with('/')),
        None => Some("/"),
    }
}

/// Some byte may not stand in a path before decoding: only visible ASCII may, without what some readers cut or rewrite.
const ODD: u8 = 1;
/// Some byte is encoded.
const PERCENT: u8 = 2;
/// A segment may be `.` or `..`.
const DOT: u8 = 4;
/// A segment may be empty.
const DOUBLE: u8 = 8;

/// What a path holds beside ordinary segments, before decoding.
fn held(path: &str) -> u8 {
    // Without branches, so that it goes through many bytes at once.
    let (bytes, mark) = (path.as_bytes(), |is: bool, mark: u8| if is { mark } else { 0 });
    let held = bytes.iter().fold(0, |held, &byte| {
        let odd = !matches!(byte, 0x21..=0x7e) | (byte == b';') | (byte == b'\\');
        held | mark(odd, ODD) | mark(byte == b'%', PERCENT) | mark(byte == b'.', DOT)
    });
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let double = pairs.fold(false, |double, (a, b)| double | ((*a == b'/') & (*b == b'/')));
    held | mark(double, DOUBLE)
}

fn decoded(path: &str, slashes: bool) -> Option<String> {
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('%') {
        if !after.bytes().take(2).filter(u8::is_ascii_hexdigit).count().eq(&2) {
            return None;
        }
        rest = after;
    }
    // What an encoded byte may stand for is less than what may stand there in clear: no `/`, no further `%xx`.
    let segments = path.split('/').map(|segment| {
        let text = percent_decode_str(segment).decode_utf8().ok()?;
        let odd = |c: char| c.is_control() || matches!(c, '\\' | ';') || (c == '/' && !slashes);
        let plain = !text.contains(odd) && !holds_escape(&text) && text.split('/').all(|part| !dots(part));
        plain.then(|| {
            if text.contains('/') { text.replace('/', SLASH.encode_utf8(&mut [0; 4])).into() } else { text }
        })
    });
    let segments: Option<Vec<Cow<'_, str>>> = segments.collect();
    Some(segments?.join("/"))
}

fn holds_escape(text: &str) -> bool {
    text.split('%').skip(1).any(|after| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2)
}

/// No empty segment but a last one, no `.` and no `..`.
fn segments_are_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        if dots(segment) || (segment.is_empty() && segments.peek().is_some()) {
            return false;
        }
    }
    true
}

fn dots(segment: &str) -> bool {
    segment == "." || segment == ".."
}

/// The container in a header that names a source as `/bucket/key`, encoded or not.
pub(super) fn first_segment(path: &str) -> Option<String> {
    let text = percent_decode_str(path).decode_utf8().ok()?;
    text.trim_start_matches('/').split('/').next().map(str::to_owned)
}

/// The values of a query parameter; `None` where the query cannot be read.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if form_decoded(key)? == name {
            found.push(form_decoded(value)?.into_owned());
        }
    }
    Some(found)
}

/// The keys of a query, in order; `None` for one that cannot be read.
pub(super) fn keys(query: Option<&str>) -> impl Iterator<Item = Option<Cow<'_, str>>> {
    let pairs = query.unwrap_or("").split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| form_decoded(pair.split_once('=').map_or(pair, |(key, _)| key)))
}

fn form_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    Some(Cow::Owned(percent_decode_str(&spaced).decode_utf8().ok()?.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> Option<String> {
        Target::read(raw, false).map(|target| target.path.into_owned())
    }

    #[test]
    fn one_reading_or_none() {
        assert_eq!(path("/a/b?x=1").as_deref(), Some("/a/b"));
        assert_eq!(path("/a/b%20c/d%C3%A9").as_deref(), Some("/a/b c/dé"));
        assert_eq!(path("http://host:1/a/b").as_deref(), Some("/a/b"));
        assert_eq!(path("HTTPS://host").as_deref(), Some("/"));
        assert_eq!(path("/poin%74s").as_deref(), Some("/points"));
        for odd in [
            "",
            "*",
            "a/b",
            "host:443",
            "ftp://h/a",
            "http://h?x",
            "/a//b",
            "//a",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/a/%2e%2e/b",
            "/a/%2E",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a;x=1/b",
            "/a%3Bx",
            "/a%00",
            "/a%0a",
            "/a b",
            "/a%252e",
            "/a%25%32%65",
            "/a%2",
            "/a%zz",
            "/a%ff",
            "/a#b",
            "/é",
            "/a\u{0}",
        ] {
            assert_eq!(path(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn an_encoded_slash_may_be_a_letter() {
        let path = |raw| Target::read(raw, true).map(|target| target.path.replace(SLASH, "|"));
        assert_eq!(path("/b/x%2Fy%2fz/acl").as_deref(), Some("/b/x|y|z/acl"));
        for odd in ["/b/x%2F..%2Fy", "/b/%2E%2E%2Fy", "/b/x%01y", "/b/x%252Fy"] {
            assert_eq!(path(odd), None, "{odd}");
        }
        assert_eq!(first_segment("/other/a/b").as_deref(), Some("other"));
        assert_eq!(first_segment("other%2Fa").as_deref(), Some("other"));
    }

    #[test]
    fn a_base_path_ends_with_a_segment() {
        let below = |raw, base| Target::read(raw, false).unwrap().below(base).map(|t| t.path.into_owned());
        assert_eq!(below("/qdrant/collections", "/qdrant").as_deref(), Some("/collections"));
        assert_eq!(below("/qdrant", "/qdrant/").as_deref(), Some("/"));
        assert_eq!(below("/qdrantx/collections", "/qdrant"), None);
        assert_eq!(below("/collections", ""), Some("/collections".into()));
    }

    #[test]
    fn query_parameters_are_decoded_and_counted() {
        assert_eq!(parameter(Some("a=1&b=x+y&%61=2"), "a").unwrap(), ["1", "2"]);
        assert_eq!(parameter(Some("b=x+y"), "b").unwrap(), ["x y"]);
        assert_eq!(parameter(None, "b").unwrap(), [] as [&str; 0]);
        assert_eq!(parameter(Some("b=%ff"), "b"), None);
    }
}
