//! A service that the policy guards, and how the guard treats it.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::classify::System;
use crate::error::Error;
use crate::glob::Glob;
use crate::keys::Secret;
use crate::model::{Mode, Risk};
use crate::store::{Store, StoreUrl};

/// One guarded service.
#[derive(Debug, Clone)]
pub struct Service {
    pub(super) index: usize,
    /// Its name in the policy.
    pub name: Arc<str>,
    /// What it speaks: whose catalogue classifies its requests.
    pub system: &'static System,
    /// The hosts it answers to, in lower case; none where it takes no requests over HTTP and is asked for by its name.
    pub hosts: Vec<Glob>,
    /// The path that its interface stands under, without a closing slash; empty for all of the host.
    pub base_path: String,
    /// Whether verdicts are carried out.
    pub mode: Mode,
    /// What an internal failure does to a request.
    pub on_failure: OnFailure,
    /// At most so many bytes of a body, decoded, are read to judge a request.
    pub body_limit: usize,
    /// Whether the record has the digest of every body, those too that pass as they came and are long.
    pub digests_all: bool,
    /// The risks from which a request is held or denied whatever a rule says.
    pub thresholds: Thresholds,
    /// From this final risk on, a `begin` record is on disk before a request goes on; `None` for never.
    pub durable_from: Option<Risk>,
    /// Where it is another guarded service that requests go out to: the name that it takes seals of hops under.
    pub sealed_for: Option<String>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
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

/// How the log is kept, as a policy says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTerms {
    /// Where the key is that signs it; its own where nothing is said.
    pub key: Option<Secret>,
    /// After how long another segment begins.
    pub rotate: Option<Duration>,
}

/// A store that several machines share, in place of the one in the state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SharedStore {
    /// By its URL.
    Url(StoreUrl),
    /// By a URL that stands elsewhere, for it holds a password.
    Kept(Secret),
}

impl SharedStore {
    /// Opens it.
    ///
    /// # Errors
    /// As [`StoreUrl::open`], and where the URL is not where the policy says.
    pub fn open(&self) -> Result<Arc<dyn Store>, Error> {
        match self {
            Self::Url(url) => url.open(),
            Self::Kept(secret) => StoreUrl::parse(&secret.read()?)?.open(),
        }
    }
}

impl Service {
    /// How closely it fits a host (as asked for, in lower case, and the same without its port); `None` where not.
    fn fits_host(&self, asked: &str, bare: &str) -> Option<(bool, usize)> {
        let fitting = self.hosts.iter().filter(|glob| glob.matches(asked) || glob.matches(bare));
        fitting.map(|glob| (glob.is_exact(), glob.as_str().len())).max()
    }

    /// Whether a decoded path stands under its base path, at the end of a segment.
    fn fits_path(&self, path: &str) -> bool {
        path.strip_prefix(self.base_path.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The service that a host and path belong to: of those that fit the one with the longest base path, then the one
/// that names the host most closely.
pub(super) fn select<'s>(services: &'s [Service], host: &str, path: &str) -> Option<&'s Service> {
    let asked = match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    let bare = without_port(&asked);
    let hosted = || services.iter().filter_map(|service| Some((service.fits_host(&asked, bare)?, service)));
    let path = match path.split_once('?') {
        Some((path, _)) => path,
        None => path,
    };
    // Where the path chooses, one that two readers could resolve to two services belongs to none.
    let chooses = hosted().any(|(_, service)| !service.base_path.is_empty());
    let path = match chooses || !path.starts_with('/') {
        true => percent_encoding::percent_decode_str(path).decode_utf8_lossy(),
        false => path.into(),
    };
    if chooses
        && (path.contains("//") || path.contains('\\') || path.split('/').any(|s| matches!(s, "." | "..")))
    {
        return None;
    }
    hosted()
        .filter(|(_, service)| service.fits_path(&path))
        .max_by_key(|(host, service)| (service.base_path.len(), *host, std::cmp::Reverse(service.index)))
        .map(|(_, service)| service)
}

fn without_port(host: &str) -> &str {
    let bare = match host.rsplit_once(':') {
        // The colons of an IPv6 address stand within brackets.
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    };
    bare.strip_suffix('.').unwrap_or(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_told_from_addresses() {
        for (host, bare) in [
            ("qdrant:6333", "qdrant"),
            ("qdrant.", "qdrant"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("::1", "::1"),
            ("", ""),
        ] {
            assert_eq!(without_port(host), bare);
        }
    }
}
