//! Whom a rule or a grant speaks of.
//!
//! One small language, the same in policies, grants and approvals: `user:GLOB`, `group:NAME`,
//! `anonymous`, and `*`. `user:*` is everyone who was authenticated; `*` is everyone, the unauthenticated
//! included, so a document that means them has to say so.
//!
//! ```
//! use wardline::identity::{Identity, Who};
//! let who: Who = "user:svc-*".parse().unwrap();
//! assert!(who.matches(&Identity::new("svc-ingest")));
//! assert!(!"user:*".parse::<Who>().unwrap().matches(&Identity::anonymous()));
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Identity;
use crate::error::{Error, ErrorKind};
use crate::glob::Glob;

/// A set of callers, as a document writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Who {
    /// Authenticated callers whose subject fits the pattern.
    User(Glob),
    /// Callers vouched to be in this group; its name is taken literally.
    Group(Box<str>),
    /// Callers that nobody authenticated.
    Anonymous,
    /// Every caller, authenticated or not.
    Everyone,
}

impl Who {
    /// Whether `identity` is one of them.
    pub fn matches(&self, identity: &Identity) -> bool {
        match self {
            Self::User(glob) => !identity.is_anonymous() && glob.matches(&identity.subject),
            // Nobody vouches for the groups of a caller that nobody authenticated.
            Self::Group(name) => !identity.is_anonymous() && identity.in_group(name),
            Self::Anonymous => identity.is_anonymous(),
            Self::Everyone => true,
        }
    }

    /// The one subject this names, where it names exactly one.
    pub fn exact_user(&self) -> Option<&str> {
        match self {
            Self::User(glob) if glob.is_exact() => Some(glob.as_str()),
            _ => None,
        }
    }
}

impl FromStr for Who {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            _ if text == "*" => Ok(Self::Everyone),
            _ if text == Identity::ANONYMOUS => Ok(Self::Anonymous),
            Some(("user", pattern)) => Glob::new(pattern).map(Self::User),
            Some(("group", name)) if is_group_name(name) => Ok(Self::Group(name.into())),
            Some(("group", _)) => Err(Error::new(
                ErrorKind::Input,
                "expected the full name of a group after group: (patterns stand after user: only)",
            )),
            _ => Err(Error::new(
                ErrorKind::Input,
                "expected user:NAME or user:PREFIX*, group:NAME, anonymous or *",
            )),
        }
    }
}

/// A star in a group's name would look like a pattern and match nothing: refused, so no rule means less than it seems to.
fn is_group_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '*' || c.is_control())
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(glob) => write!(f, "user:{glob}"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Anonymous => f.write_str(Identity::ANONYMOUS),
            Self::Everyone => f.write_str("*"),
        }
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_matches_its_own_and_reads_back() {
        let ana = Identity::new("ana").with_groups(["analysts"]);
        let ghost = Identity::anonymous().with_groups(["analysts"]);
        for (text, takes_ana, takes_ghost) in [
            ("user:ana", true, false),
            ("user:a*", true, false),
            ("user:anonymous", false, false),
            ("user:*", true, false),
            ("group:analysts", true, false),
            ("group:admins", false, false),
            ("anonymous", false, true),
            ("*", true, true),
        ] {
            let who: Who = text.parse().unwrap();
            assert_eq!(who.matches(&ana), takes_ana, "{text}");
            assert_eq!(who.matches(&ghost), takes_ghost, "{text}");
            assert_eq!(who.to_string(), text);
            assert_eq!(serde_json::from_str::<Who>(&serde_json::to_string(&who).unwrap()).unwrap(), who);
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in ["", "ana", "user:", "group:", "group:sec*", "role:x", "Anonymous", "user:a?", "**"] {
            assert!(text.parse::<Who>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn only_a_pattern_without_stars_names_one_user() {
        assert_eq!("user:ana".parse::<Who>().unwrap().exact_user(), Some("ana"));
        assert_eq!("user:an*".parse::<Who>().unwrap().exact_user(), None);
        assert_eq!("group:ana".parse::<Who>().unwrap().exact_user(), None);
    }
}
