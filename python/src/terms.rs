//! The terms of a grant, and how grants and approvals read in Python.

use pyo3::prelude::*;
use serde::Serialize;
use wardline::Error;
use wardline::clock::{Clock, SystemClock};
use wardline::glob::Glob;
use wardline::grant::{Approval, ApprovalState, Grant, GrantState, Scope, Terms};

/// A grant with where it stands now.
#[derive(Serialize)]
pub(crate) struct Granted {
    state: GrantState,
    #[serde(flatten)]
    grant: Grant,
}

impl From<Grant> for Granted {
    fn from(grant: Grant) -> Self {
        Self { state: grant.state(SystemClock.now()), grant }
    }
}

/// An approval with where it stands now.
#[derive(Serialize)]
pub(crate) struct Asked {
    state: ApprovalState,
    #[serde(flatten)]
    approval: Approval,
}

impl From<Approval> for Asked {
    fn from(approval: Approval) -> Self {
        Self { state: approval.state(SystemClock.now()), approval }
    }
}

/// One text or several: a `str` is never taken for the list of its letters.
#[derive(FromPyObject)]
pub(crate) enum Names {
    #[pyo3(transparent)]
    One(String),
    #[pyo3(transparent)]
    Several(Vec<String>),
}

impl Names {
    fn read<T>(self, read: impl Fn(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
        match self {
            Self::One(name) => Ok(vec![read(&name)?]),
            Self::Several(names) => names.iter().map(|name| read(name)).collect(),
        }
    }
}

/// What a grant is to be, as it was called for.
pub(crate) struct Asking {
    pub(crate) who: Names,
    pub(crate) services: Names,
    pub(crate) operations: Names,
    pub(crate) resources: Names,
    pub(crate) until: String,
    pub(crate) from: Option<String>,
    pub(crate) when: Vec<String>,
    pub(crate) uses: Option<u64>,
    pub(crate) quota: Option<(String, u64)>,
    pub(crate) reason: String,
    pub(crate) ticket: Option<String>,
}

impl Asking {
    pub(crate) fn terms(self) -> Result<Terms, Error> {
        let quota = self.quota.map(|(unit, amount)| Ok::<_, Error>((unit.parse()?, amount))).transpose()?;
        Ok(Terms {
            scope: Scope {
                who: self.who.read(str::parse)?,
                services: self.services.read(Glob::new)?,
                operations: self.operations.read(Glob::new)?,
                resources: self.resources.read(Glob::new)?,
            },
            from: self.from.as_deref().map(str::parse).transpose()?,
            until: self.until.parse()?,
            when: self.when.iter().map(|text| text.parse()).collect::<Result<_, _>>()?,
            uses: self.uses,
            quota,
            reason: self.reason,
            ticket: self.ticket,
        })
    }
}
