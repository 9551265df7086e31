//! A service that the policy guards, and how the guard treats it.

use std::path::PathBuf;
use std::sync::Arc;

use http::HeaderName;

use crate::glob::Glob;
use crate::identity::TrustedHeaders;
use crate::model::{Mode, Risk};

/// One guarded service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name in the policy.
    pub name: Arc<str>,
    /// What it speaks: the name of the system whose catalogue classifies its requests.
    pub system: Arc<str>,
    /// The hosts it answers to, in lower case.
    pub hosts: Vec<Glob>,
    /// The path that its interface stands under, from `/`, without a closing slash; `/` for all of the host.
    pub base_path: String,
    /// Whether verdicts are carried out.
    pub mode: Mode,
    /// What an internal failure does to a request.
    pub on_failure: OnFailure,
    /// At most so many bytes of a body, decoded, are read to judge a request.
    pub body_limit: usize,
    /// The risks from which a request is held or denied whatever a rule says.
    pub thresholds: Thresholds,
    /// From this final risk on, a `begin` record is on disk before a request goes on; `None` for never.
    pub durable_from: Option<Risk>,
}

/// What an internal failure does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFailure {
    /// It is denied.
    #[default]
    Deny,
    /// It goes on unguarded; the record says so.
    Allow,
}

/// Risks from which a request is held or denied; `None` for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thresholds {
    /// Held from here on, unless a live grant covers it.
    pub hold: Option<Risk>,
    /// Denied from here on; no grant lifts this.
    pub deny: Option<Risk>,
}

/// Where the guard keeps grants, approvals and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// In this process, gone with it.
    Memory,
    /// In this folder; a relative one stands beside the policy file.
    Folder(PathBuf),
}

/// Where a door takes the caller from when its host hands over none.
#[derive(Debug, Clone)]
pub struct IdentitySource {
    /// Who, from which headers of which peers; everybody else is anonymous.
    pub headers: TrustedHeaders,
    /// The header that joins the exchanges of one session, believed from the same peers.
    pub session: Option<HeaderName>,
}
