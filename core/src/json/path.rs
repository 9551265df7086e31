//! Patterns for places in a JSON document, as policies and catalogues write them.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A pattern for places in a JSON document.
///
/// | written | stands for |
/// |---|---|
/// | `a.b`, `$.a.b` | member `b` of member `a` of the document |
/// | `a[*]`, `a[3]` | each element, the element with index 3 |
/// | `a.*` | each member |
/// | `a["x.y"]` | a member whose name holds odd characters (JSON escapes allowed) |
/// | `**.email` | `email` at any depth |
/// | `$` | the document itself |
///
/// ```
/// use wardline::json::Path;
/// assert!(Path::parse("results[*].payload.ssn").is_ok());
/// assert!(Path::parse("results[].x").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Path {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Segment {
    /// The member of this name.
    Key(Box<str>),
    /// Each member.
    AnyKey,
    /// The element with this index, from 0.
    Index(u64),
    /// Each element.
    AnyIndex,
    /// Any number of members and elements, none included.
    AnyDepth,
}

impl Path {
    /// How many steps a path may have.
    pub const MAX_SEGMENTS: usize = 64;

    /// Reads a pattern.
    ///
    /// # Errors
    /// Where it is empty, does not follow the table above, ends in `**`, or has more than
    /// [`MAX_SEGMENTS`](Self::MAX_SEGMENTS) steps.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Input, format!("in a path, {what}")));
        let mut segments = Vec::new();
        let mut rest = match text.strip_prefix('$') {
            Some(after) if after.is_empty() || after.starts_with(['.', '[']) => after,
            _ if text.is_empty() => return wrong("expected a member name, $ or **"),
            _ => text,
        };
        // Only the first member may stand without its dot.
        let mut bare = rest.len() == text.len() && !rest.starts_with('[');
        while !rest.is_empty() {
            if segments.len() == Self::MAX_SEGMENTS {
                return wrong("expected at most 64 steps");
            }
            if let Some(inside) = rest.strip_prefix('[') {
                let (segment, after) = bracket(inside)?;
                segments.push(segment);
                rest = after;
                continue;
            }
            let step = match rest.strip_prefix('.') {
                Some(after) if !bare => after,
                None if bare => rest,
                _ => return wrong("expected . or [ between steps"),
            };
            bare = false;
            let end = step.find(['.', '[']).unwrap_or(step.len());
            let (name, after) = step.split_at_checked(end).unwrap_or((step, ""));
            segments.push(member(name)?);
            rest = after;
        }
        if segments.last() == Some(&Segment::AnyDepth) {
            return wrong("expected a member or element after **");
        }
        Ok(Self { text: text.into(), segments: segments.into() })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its steps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether some place that `other` stands for may lie at or beneath a place of this, or above one.
    pub fn reaches(&self, other: &Self) -> bool {
        meet(&self.segments, &other.segments)
    }
}

/// Whether one of two patterns may name a place on the way to one of the other.
fn meet(a: &[Segment], b: &[Segment]) -> bool {
    let member = |step: &Segment| matches!(step, Segment::Key(_) | Segment::AnyKey);
    match (a, b) {
        ([], _) | (_, []) | ([Segment::AnyDepth], _) | (_, [Segment::AnyDepth]) => true,
        ([Segment::AnyDepth, rest @ ..], [_, below @ ..]) => meet(rest, b) || meet(a, below),
        ([_, below @ ..], [Segment::AnyDepth, rest @ ..]) => meet(a, rest) || meet(below, b),
        ([first, rest @ ..], [other, below @ ..]) => {
            let same = match (first, other) {
                (Segment::Key(one), Segment::Key(two)) => one == two,
                (Segment::Index(one), Segment::Index(two)) => one == two,
                _ => member(first) == member(other),
            };
            same && meet(rest, below)
        }
    }
}

fn member(name: &str) -> Result<Segment, Error> {
    match name {
        "*" => Ok(Segment::AnyKey),
        "**" => Ok(Segment::AnyDepth),
        "" => Err(Error::new(ErrorKind::Input, "in a path, expected a member name after .")),
        _ if name.contains(|c: char| c.is_control() || c.is_whitespace() || "]\"*'".contains(c)) => Err(
            Error::new(ErrorKind::Input, "in a path, a member name with odd characters is written [\"...\"]"),
        ),
        _ => Ok(Segment::Key(name.into())),
    }
}

/// What stands after `[`, with the rest after `]`.
fn bracket(inside: &str) -> Result<(Segment, &str), Error> {
    let wrong = || Error::new(ErrorKind::Input, "in a path, expected [*], [number] or [\"member\"]");
    if inside.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(inside).into_iter::<String>();
        let name = values.next().and_then(Result::ok).ok_or_else(wrong)?;
        let after = inside.get(values.byte_offset()..).and_then(|rest| rest.strip_prefix(']'));
        return Ok((Segment::Key(name.into()), after.ok_or_else(wrong)?));
    }
    let (index, after) = inside.split_once(']').ok_or_else(wrong)?;
    match index {
        "*" => Ok((Segment::AnyIndex, after)),
        _ if index.bytes().all(|b| b.is_ascii_digit()) => {
            Ok((Segment::Index(index.parse().map_err(|_| wrong())?), after))
        }
        _ => Err(wrong()),
    }
}

impl FromStr for Path {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Path({})", self.text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        Path::parse(text).unwrap().segments().to_vec()
    }

    #[test]
    fn every_form_reads() {
        let key = |name: &str| Segment::Key(name.into());
        assert_eq!(segments("$.a.b"), segments("a.b"));
        assert_eq!(segments("a[*].b"), [key("a"), Segment::AnyIndex, key("b")]);
        assert_eq!(segments("[2].*"), [Segment::Index(2), Segment::AnyKey]);
        assert_eq!(segments("$[*]"), [Segment::AnyIndex]);
        assert_eq!(segments(r#"a["x.\"y"].b"#), [key("a"), key("x.\"y"), key("b")]);
        assert_eq!(segments("**.email"), [Segment::AnyDepth, key("email")]);
        assert_eq!(segments("a.**[0]"), [key("a"), Segment::AnyDepth, Segment::Index(0)]);
        assert_eq!(segments("$ref.x-y"), [key("$ref"), key("x-y")]);
        assert_eq!(segments("$"), []);
    }

    #[test]
    fn one_may_lie_on_the_way_to_another() {
        for (a, b, meets) in [
            ("a[*].b", "a[3].b.c", true),
            ("a[*].b.c", "a[*]", true),
            ("a.*", "a.b", true),
            ("a[2]", "a[1].b", false),
            ("a.*", "a[*]", false),
            ("a.b", "a.c", false),
            ("**.c", "a.b", true),
            ("$", "a", true),
        ] {
            let (a, b) = (Path::parse(a).unwrap(), Path::parse(b).unwrap());
            assert_eq!((a.reaches(&b), b.reaches(&a)), (meets, meets), "{a} {b}");
        }
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for text in
            ["", ".", "a.", ".a", "a..b", "a[]", "a[-1]", "a[*", "a[\"x]", "a b", "a*", "**", "a.**", "a]b"]
        {
            assert!(Path::parse(text).is_err(), "{text}");
        }
        assert!(Path::parse(&["a"; 65].join(".")).is_err());
    }
}
