//! Name patterns as policies write them: `*` stands for any run of characters, everything else for itself.
//!
//! The one pattern language of the whole policy (hosts, identities, operations, resources), so a reviewer
//! learns it once. Matching is linear, allocates nothing and cannot backtrack exponentially.
//!
//! ```
//! use wardline::glob::Glob;
//! let glob = Glob::new("vector.*").unwrap();
//! assert!(glob.matches("vector.export") && !glob.matches("model.download"));
//! ```

use std::fmt;

use serde::{Serialize, Serializer};

use crate::error::{Error, ErrorKind};

/// A compiled name pattern.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Glob {
    text: Box<str>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Any,
    Exact,
    Prefix,
    General,
}

impl Serialize for Glob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// An empty pattern, a control character, or a character that other glob languages give a meaning to
    /// (`?`, `[`, `]`, `{`, `}`, `\`): refused rather than taken literally, so that no rule means less than it seems to.
    pub fn new(pattern: &str) -> Result<Self, Error> {
        if pattern.is_empty() {
            return Err(Error::new(ErrorKind::Input, "a pattern cannot be empty"));
        }
        if let Some(c) =
            pattern.chars().find(|c| c.is_control() || matches!(c, '?' | '[' | ']' | '{' | '}' | '\\'))
        {
            return Err(Error::new(
                ErrorKind::Input,
                format!("{c:?} has no meaning in a pattern; only * does (any run of characters)"),
            ));
        }
        let kind = match pattern.find('*') {
            None => Kind::Exact,
            Some(0) if pattern.len() == 1 => Kind::Any,
            Some(at) if at + 1 == pattern.len() => Kind::Prefix,
            Some(_) => Kind::General,
        };
        Ok(Self { text: pattern.into(), kind })
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds no `*`, so that it names one thing.
    pub fn is_exact(&self) -> bool {
        self.kind == Kind::Exact
    }

    /// Whether `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        match self.kind {
            Kind::Any => true,
            Kind::Exact => *self.text == *name,
            Kind::Prefix => self.text.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix)),
            Kind::General => wildcard(self.text.as_bytes(), name.as_bytes()),
        }
    }

    /// Whether `name` fits a pattern that is kept as its text: the same as [`matches`](Self::matches) of what it was made from.
    pub(crate) fn fits(pattern: &str, name: &str) -> bool {
        wildcard(pattern.as_bytes(), name.as_bytes())
    }

    /// Whether some name fits both this and `pattern`, in which `*` stands for any run of characters.
    pub fn meets(&self, pattern: &str) -> bool {
        let (Some((start, _)), Some((_, end))) = (self.text.split_once('*'), self.text.rsplit_once('*'))
        else {
            return wildcard(pattern.as_bytes(), self.text.as_bytes());
        };
        let (Some((other_start, _)), Some((_, other_end))) =
            (pattern.split_once('*'), pattern.rsplit_once('*'))
        else {
            return self.matches(pattern);
        };
        // Between the first and the last `*` of either, the other's `*` absorbs whatever the first one asks for.
        (start.starts_with(other_start) || other_start.starts_with(start))
            && (end.ends_with(other_end) || other_end.ends_with(end))
    }

    /// Whether every name that fits `other` fits this too. Exact for patterns with one `*`; where it answers
    /// `false` for patterns with several, they may still overlap.
    pub fn covers(&self, other: &Self) -> bool {
        // `*` in `other` is a run this pattern must absorb whole: treating it as an ordinary character that
        // only our own `*` can match is sound.
        wildcard(self.text.as_bytes(), other.text.as_bytes())
    }
}

/// Greedy matching with one remembered star: O(len(pattern) * len(name)) at worst, no recursion.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(a), Some(b)) if a == b => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) if from < name.len() => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                _ => return false,
            },
        }
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_a_name_fits_both() {
        for (glob, pattern, meet) in [
            ("secret", "*", true),
            ("secret", "s*t", true),
            ("secret", "public-*", false),
            ("hr-*", "*", true),
            ("hr-*", "h*", true),
            ("hr-*", "*-eu", true),
            ("hr-*", "it-*", false),
            ("*-eu", "*-us", false),
            ("a*b*c", "ab*", true),
            ("docs", "docs", true),
            ("docs-*", "docs", false),
        ] {
            assert_eq!(Glob::new(glob).unwrap().meets(pattern), meet, "{glob} {pattern}");
        }
    }

    #[test]
    fn stars_match_any_run() {
        for (pattern, yes, no) in [
            ("*", "", ""),
            ("docs", "docs", "docs2"),
            ("hr-*", "hr-", "h"),
            ("*.eu", "api.eu", "eu"),
            ("a*b*c", "a-b-b-c", "a-c-b"),
            ("*a*", "bab", "bbb"),
        ] {
            let glob = Glob::new(pattern).unwrap();
            assert!(glob.matches(yes), "{pattern} {yes}");
            assert!(pattern == "*" || !glob.matches(no), "{pattern} {no}");
        }
    }

    #[test]
    fn foreign_syntax_is_refused() {
        for pattern in ["", "a?", "[ab]", "{a,b}", "a\\*", "a\nb"] {
            assert!(Glob::new(pattern).is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn covering_is_about_patterns() {
        let glob = |p| Glob::new(p).unwrap();
        assert!(glob("vector.*").covers(&glob("vector.export")));
        assert!(glob("*").covers(&glob("a*b")));
        assert!(glob("a*").covers(&glob("ab*")));
        assert!(!glob("ab*").covers(&glob("a*")));
        assert!(!glob("a").covers(&glob("*")));
    }
}
