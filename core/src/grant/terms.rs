//! What someone asks a grant to be.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Grant, Grants, Limits, Scope};
use crate::clock::{Timestamp, Window, duration_text, parse_duration};
use crate::error::{Error, ErrorKind};
use crate::model::{GrantId, Unit};

/// The terms of a grant that is to be issued. There are none without an end.
///
/// ```
/// use wardline::grant::Terms;
/// let endless = r#"{"scope": {"who": ["user:ana"], "services": ["*"], "operations": ["vector.*"],
///                   "resources": ["docs"]}, "reason": "migration"}"#;
/// assert!(serde_json::from_str::<Terms>(endless).unwrap_err().to_string().contains("until"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What it is for.
    pub scope: Scope,
    /// When it begins; the moment of issue where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// When it ends.
    pub until: Until,
    /// The hours of the week at which it can be used; always where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Window>,
    /// How many requests it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u64>,
    /// How much may leave under it: vectors, rows or bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<(Unit, u64)>,
    /// Why.
    pub reason: String,
    /// The ticket that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// The end of a grant, as asked. What is stored is always the instant: one end, listed and enforced.
///
/// ```
/// use wardline::grant::Until;
/// assert_eq!("3h".parse::<Until>().unwrap(), Until::Lasting(std::time::Duration::from_secs(10_800)));
/// assert!(matches!("2026-11-25T12:00:00Z".parse().unwrap(), Until::At(_)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At this instant.
    At(Timestamp),
    /// So long after it begins; the clock starts when it is issued, never when it was asked for.
    Lasting(Duration),
}

impl Terms {
    /// Whether they could be granted at `now`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] with the first thing that stands in the way.
    pub fn check(&self, now: Timestamp, limits: &Limits) -> Result<(), Error> {
        self.issue("nobody yet", now, limits).map(drop)
    }

    /// The grant that these terms make at `now`.
    pub(super) fn issue(&self, by: &str, now: Timestamp, limits: &Limits) -> Result<Grant, Error> {
        let longest = limits.longest;
        let wrong = |message: &str| Err(Error::new(ErrorKind::Input, message));
        self.scope.check()?;
        if self.reason.trim().is_empty() {
            return wrong("a grant says why: the reason is empty");
        }
        if by.trim().is_empty() {
            return wrong("a grant says who issued it");
        }
        if self.uses == Some(0) || self.quota.is_some_and(|(_, amount)| amount == 0) {
            return wrong("a grant of nothing: uses and quota are at least 1");
        }
        if self.quota.is_some_and(|(unit, _)| !Grants::METERED.contains(&unit)) {
            return wrong("a quota counts vectors, rows or bytes");
        }
        limits.check_ticket(self.ticket.as_deref())?;
        let from = self.from.unwrap_or(now);
        let until = match self.until {
            Until::At(at) => at,
            Until::Lasting(length) => from + length,
        };
        if until <= from || until <= now {
            return wrong("a grant ends after it begins, and in the future");
        }
        // Also what keeps `until` from being so far away that it means never.
        if until.since(from) > longest {
            return Err(Error::new(
                ErrorKind::Input,
                format!("a grant lasts at most {} here", duration_text(longest)),
            ));
        }
        if from.since(now) > longest {
            return wrong("a grant begins too far in the future");
        }
        Ok(Grant {
            id: GrantId::fresh(),
            scope: self.scope.clone(),
            from,
            until,
            when: self.when.clone(),
            uses: self.uses,
            quota: self.quota,
            used: 0,
            spent: 0,
            reason: self.reason.trim().to_owned(),
            issued_by: by.to_owned(),
            issued_at: now,
            ticket: self.ticket.clone(),
            approval: None,
            parent: None,
            handed_on: 0,
            revoked: None,
        })
    }
}

impl FromStr for Until {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        parse_duration(text).map(Self::Lasting).map_err(|_| {
            Error::new(
                ErrorKind::Input,
                "expected an end such as 2026-11-25T18:00:00Z, or a length such as 3h",
            )
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{at}"),
            Self::Lasting(length) => f.write_str(&duration_text(*length)),
        }
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
