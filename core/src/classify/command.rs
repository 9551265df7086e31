//! Commands by their words: what a Redis connection carries.
//!
//! An entry names a command, or a container and its sub-command (`CONFIG SET`); what else decides stands at a place among
//! the arguments or behind a word of its own (`LIMIT 0 10`). Names and words are read in any case, as the server reads them.

use super::acts::{self, Facts};
use super::body::Record;
use super::catalogue::System;
use super::explain::Trace;
use super::{Classified, Refusal};

/// Classifies one command, e.g. `["FT.SEARCH", "docs", "*"]`.
///
/// # Errors
/// An argument that is not what its command takes there.
///
/// ```
/// use wardline::classify;
/// use wardline::model::Operation;
///
/// let redis = classify::system("redis").unwrap();
/// let flush = classify::command(redis, &["flushall"]).unwrap();
/// assert_eq!(flush.acts[0].operation, Operation::CollectionDrop);
/// ```
pub fn command(system: &'static System, words: &[&str]) -> Result<Classified, Refusal> {
    traced(system, words, None)
}

pub(super) fn traced(
    system: &'static System,
    words: &[&str],
    trace: Option<&Trace>,
) -> Result<Classified, Refusal> {
    let Some((entry, length)) = system.router().command(words) else { return Ok(Classified::unknown()) };
    let facts = Facts {
        system,
        path: "",
        params: &[],
        query: None,
        headers: None,
        arguments: words.get(length..).unwrap_or_default(),
        trace,
    };
    let nothing = &mut [Record::of(entry)];
    Ok(Classified::of(entry, acts::judge(entry, &facts, nothing)?, false))
}
