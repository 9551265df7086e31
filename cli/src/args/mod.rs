//! What the command line may say: the commands here, what each of them takes beside them.

mod audit;
#[cfg(feature = "console")]
mod console;
mod people;
mod policy;
mod texts;
mod when;

use std::str::FromStr;

use clap::{Parser, Subcommand};

pub(crate) use audit::{
    Access, Audit, Checkpoint, Export, ExportFormat, Query, Reader, Replay, Report, ReportFormat, Wanted,
};
#[cfg(feature = "console")]
pub(crate) use console::{Console, Serve};
pub(crate) use people::{Approval, Denial, Grant, GrantIssue, Vote, Watch};
pub(crate) use policy::{Check, Edges, EdgesFormat, Explain, Format, Init, PolicyCommand, Test};
pub(crate) use texts::{Classify, Detect, Entities, Mask, Unmask};
pub(crate) use when::{span, time};

use crate::Failure;
use crate::state::State;

/// Guards embedding and inference services from inside: classify, decide, mask, record.
#[derive(Debug, Parser)]
#[command(
    name = "wardline",
    version,
    after_help = "Exit codes: 0 done; 1 the answer is no; 2 wrong usage or input; \
3 the store or the log cannot be used; 4 not permitted."
)]
pub(crate) struct Args {
    /// Write JSON instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a policy: every error at once, with file, line and column.
    Check(Check),
    /// Say why a request would be let through, held or denied: rules that fit and not, the nearest grant.
    Explain(Box<Explain>),
    /// Try the cases beside policies (NAME.test.yaml).
    Test(Test),
    /// Write a first policy that watches and blocks nothing.
    Init(Init),
    /// Work on a policy.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Say what a request does: its acts, each with operation, resource, magnitude and risk.
    Classify(Classify),
    /// Find personal data and secrets in a text from standard input.
    Detect(Detect),
    /// List the entities that can be found and masked.
    Entities(Entities),
    /// Mask a body from standard input.
    Mask(Mask),
    /// Tell what tokens or encrypted digits stand for; needs a live grant, and is recorded.
    Unmask(Unmask),
    /// Issue, list and revoke grants.
    #[command(subcommand)]
    Grant(Grant),
    /// List, approve, deny and cancel held requests, and comment on them.
    #[command(subcommand)]
    Approval(Approval),
    /// Query, show and verify the log.
    #[command(subcommand)]
    Audit(Audit),
    /// The page on which people decide about held requests and see grants, records and the policy.
    #[cfg(feature = "console")]
    #[command(subcommand)]
    Console(Box<Console>),
    /// Show what callers did, as far as the policy watches: who did what at which service, how often, first and last.
    Edges(Edges),
    /// The public key by which other services take this one's seals of hops.
    HopKey(State),
    /// Write completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What an option says; what is wrong with it is told with its name.
pub(crate) fn parsed<T: FromStr<Err = wardline::Error>>(option: &str, text: &str) -> Result<T, Failure> {
    text.parse().map_err(|error| Failure::Usage(format!("--{option}: {error}")))
}

/// The same of an option that may be absent.
pub(crate) fn parsed_if<T: FromStr<Err = wardline::Error>>(
    option: &str,
    text: Option<&str>,
) -> Result<Option<T>, Failure> {
    text.map(|text| parsed(option, text)).transpose()
}
