//! What is said of policies: check, explain, test, init, suggest; and of what callers did.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Subcommand;

use crate::state::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The policy file; of several each is a policy of its own.
    #[arg(required = true, value_name = "POLICY")]
    pub(crate) policies: Vec<PathBuf>,
    /// How findings are told: for people, as JSON, as SARIF 2.1.0, or as GitHub's annotations.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Fail on warnings too: what a sound policy says and hardly means.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// A system that you run, such as qdrant, or qdrant=vectors:6333 with the host that it answers to. Asked for where absent.
    #[arg(long)]
    pub(crate) system: Vec<String>,
    /// An OpenAPI document (JSON or YAML) of a service: which systems it speaks is told from its operations.
    #[arg(long)]
    pub(crate) openapi: Option<PathBuf>,
    /// Where the policy is written; a file that exists is left alone.
    #[arg(long, default_value = "wardline.yaml")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Propose rules for what came by and no rule allows, from the log of the policy's state folder.
    Suggest {
        #[command(flatten)]
        state: State,
        /// Not before: a time (RFC 3339), a day (UTC), or how long ago, e.g. 7d.
        #[arg(long)]
        from: Option<String>,
        /// Before: a time, a day, or how long ago.
        #[arg(long)]
        until: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    Sarif,
    Github,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Edges {
    #[command(flatten)]
    pub(crate) state: State,
    /// How they are shown: for people, as JSON (an object a line), or as a graph in the language of Graphviz.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: EdgesFormat,
    /// The same as --format dot.
    #[arg(long, conflicts_with = "format")]
    pub(crate) dot: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum EdgesFormat {
    #[default]
    Table,
    Json,
    Dot,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The policy file; grants are those of its state folder.
    #[arg(long, env = "WARDLINE_POLICY")]
    pub(crate) policy: PathBuf,
    /// The HTTP method.
    pub(crate) method: String,
    /// The whole URL, or path and query; its host chooses the service.
    pub(crate) url: String,
    /// A header, NAME: VALUE.
    #[arg(long)]
    pub(crate) header: Vec<String>,
    /// The request body; `-` reads it from standard input.
    #[arg(long)]
    pub(crate) body: Option<String>,
    /// Who asks. Where absent, whom the headers name: a token, a key, or the headers of a trusted peer (--from); else nobody who was authenticated.
    #[arg(long = "as")]
    pub(crate) by: Option<String>,
    /// Groups of who asks.
    #[arg(long, requires = "by")]
    pub(crate) group: Vec<String>,
    /// Claims of who asks, NAME=VALUE.
    #[arg(long, requires = "by")]
    pub(crate) claim: Vec<String>,
    /// Verified workloads that the request came through, nearest last.
    #[arg(long, requires = "by")]
    pub(crate) via: Vec<String>,
    /// The address that it comes from; unknown where absent.
    #[arg(long)]
    pub(crate) from: Option<IpAddr>,
    /// What time it is (RFC 3339); now where absent.
    #[arg(long)]
    pub(crate) at: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// Files of cases, or folders in which they are looked for, however deep.
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write a JUnit report to this file.
    #[arg(long)]
    pub(crate) junit: Option<PathBuf>,
}
