//! The guard without an exchange: mask a text, see what a request would be taken for. Nothing is decided or recorded.

use std::collections::BTreeMap;

use super::Guard;
use crate::classify::{self, Body, Classified, Outcome};
use crate::error::{Error, ErrorKind};
use crate::mask::{Format, Masker, Release, Scopes};
use crate::model::{Act, HttpHead, Text};

/// A body after masking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The masked bytes; `None` where nothing had to change, so that the caller keeps its own.
    pub body: Option<Vec<u8>>,
    /// How many findings there were, by name.
    pub findings: BTreeMap<Text, u64>,
}

/// What a request is taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The service of the policy; `None` where none answers to the host and path.
    pub service: Option<String>,
    /// The route of the catalogue entry.
    pub entry: Option<&'static str>,
    /// What the request does.
    pub acts: Vec<Act>,
}

impl Guard {
    /// Masks a body as all mask entries of the policy together say.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for a content type that cannot be masked, or a body that is not of it.
    pub fn mask(&self, body: &[u8], content_type: &str) -> Result<Masked, Error> {
        let format = Format::of(content_type).ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                "expected a content type that can be masked, such as application/json",
            )
        })?;
        let keys = self.keys()?;
        let mut masker = Masker::new(self.policy().whole_plan(), format, keys, None).within(Scopes::fresh());
        let mut out = Vec::new();
        let mut changed = match masker.push(body, &mut out).map_err(Error::from)? {
            Release::Unchanged => false,
            Release::Changed => true,
        };
        let before = out.len();
        masker.finish(&mut out).map_err(Error::from)?;
        // Bytes that were only held back have not changed.
        changed = (changed || out.len() > before) && out != body;
        Ok(Masked { body: changed.then_some(out), findings: masker.into_report().totals })
    }

    /// What a request is taken for: its service, its entry, its acts.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for a request that has no one reading: a deciding field repeated or of another type.
    pub fn classify(&self, head: &HttpHead, body: &[u8]) -> Result<Reading, Error> {
        let path = head.target.split(['?', '#']).next().unwrap_or("");
        let policy = self.policy();
        let Some(service) = policy.service_for(&head.host, path) else {
            return Ok(Reading { service: None, entry: None, acts: Classified::unknown().acts });
        };
        let classified = match classify::http(service.system, head, &service.base_path) {
            Outcome::Done(done) => Ok(done),
            Outcome::NeedBody(pending) => pending.finish(Body::Whole(body)),
            Outcome::Refused(refusal) => Err(refusal),
        };
        let classified = classified.map_err(|refusal| {
            Error::new(
                ErrorKind::Input,
                format!("the request has no one reading: {} at {}", refusal.code, refusal.at),
            )
        })?;
        Ok(Reading {
            service: Some(service.name.to_string()),
            entry: classified.entry,
            acts: classified.acts,
        })
    }
}
