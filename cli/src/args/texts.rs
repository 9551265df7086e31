//! What is said of single requests, texts and bodies.

use std::path::PathBuf;

use crate::state::State;

#[derive(Debug, clap::Args)]
pub(crate) struct Detect {
    /// Read a JSON object a line and answer each with one.
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Find what the mask entries of this policy name, its own entities included; without it, all that is built in.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Entities {
    /// List those that this policy declares too.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Classify {
    /// Read a JSON object a line and answer each with one.
    #[arg(long, conflicts_with_all = ["method", "url"])]
    pub(crate) jsonl: bool,
    /// The system whose catalogue to use, e.g. qdrant or redis; without it every catalogue is asked.
    #[arg(long)]
    pub(crate) system: Option<String>,
    /// The policy whose catalogues to use besides.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
    /// The HTTP method.
    #[arg(required_unless_present_any = ["jsonl", "sql", "script", "command"])]
    pub(crate) method: Option<String>,
    /// Path and query, or a whole URL.
    #[arg(required_unless_present_any = ["jsonl", "sql", "script", "command"])]
    pub(crate) url: Option<String>,
    /// The request body; `-` reads it from standard input.
    #[arg(long)]
    pub(crate) body: Option<String>,
    /// A text of SQL; `-` reads it from standard input.
    #[arg(long, conflicts_with_all = ["jsonl", "method", "url", "body", "script"])]
    pub(crate) sql: Option<String>,
    /// The dialect of the SQL, e.g. postgres; without it that of the system, or else the likeliest.
    #[arg(long, requires = "sql")]
    pub(crate) dialect: Option<String>,
    /// A script of a shell; `-` reads it from standard input.
    #[arg(long, conflicts_with_all = ["jsonl", "method", "url", "body"])]
    pub(crate) script: Option<String>,
    /// A command, word by word, as the last option: a program and its arguments, or a command of the system.
    #[arg(long, num_args = 1.., value_name = "WORD", allow_hyphen_values = true, conflicts_with_all = ["jsonl", "method", "url", "body", "sql", "script"])]
    pub(crate) command: Option<Vec<String>>,
    /// Say which entry, rule or line of a table made each act, which fields decided, and how the risk came about.
    #[arg(long)]
    pub(crate) explain: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Mask {
    /// Read a JSON object a line and answer each with one.
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// What the body is.
    #[arg(long, default_value = "text/plain")]
    pub(crate) content_type: String,
    /// Mask as this policy says, under the keys of its state folder where there is one; without it every entity is replaced by its
    /// label.
    #[arg(long)]
    pub(crate) policy: Option<PathBuf>,
    /// Read the result once more; where a value survived, say so and answer no (exit code 1).
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Unmask {
    #[command(flatten)]
    pub(crate) state: State,
    /// Tokens; with --entity, encrypted digits.
    #[arg(required = true)]
    pub(crate) hidden: Vec<String>,
    /// What the digits were encrypted as, e.g. credit_card; `field` for a field.
    #[arg(long)]
    pub(crate) entity: Option<String>,
    /// The scope that the policy gives to the encryption of digits: policy or tenant.
    #[arg(long, requires = "entity")]
    pub(crate) scope: Option<String>,
    /// The tenant whose tokens or digits they are.
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Groups of who asks.
    #[arg(long)]
    pub(crate) group: Vec<String>,
    /// Who asks.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
}
