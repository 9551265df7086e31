//! What is said of the log.

use std::path::PathBuf;

use clap::Subcommand;

use crate::state::State;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// List records, oldest first.
    Query(Box<Query>),
    /// Show all that is recorded of one exchange.
    Show {
        #[command(flatten)]
        reader: Reader,
        /// The record's id.
        id: String,
    },
    /// Tell what happened in a session, with the approvals and grants that it went through.
    Session {
        #[command(flatten)]
        reader: Reader,
        /// The session's id.
        id: String,
        /// As an HTTP archive (HAR 1.2) for a browser's tools.
        #[arg(long)]
        har: bool,
    },
    /// Decide recorded exchanges once more, under the policy given, and print what would change; the exit code is 1 where something would.
    Replay(Replay),
    /// Write every entry once it is signed, in the terms of those who collect logs; with --follow, go on as entries come.
    Export(Export),
    /// Remove entries that are old enough. Their hashes stay, so that the rest verifies and receipts hold.
    Prune {
        #[command(flatten)]
        state: State,
        /// What ended before: a time (RFC 3339), a day (UTC), or how long ago, e.g. 400d.
        #[arg(long)]
        before: String,
        /// Who prunes, for the record of it.
        #[arg(long = "as", env = "USER")]
        by: String,
        /// Why, e.g. the rule of retention.
        #[arg(long)]
        reason: String,
    },
    /// Destroy the key that kept bodies of a caller are sealed under: they are gone for good, and the log verifies as before.
    Erase {
        #[command(flatten)]
        state: State,
        /// Whose: the subject, as records name it.
        #[arg(long)]
        subject: String,
        /// Who erases, for the record of it.
        #[arg(long = "as", env = "USER")]
        by: String,
        /// Why, e.g. the request that asks for it.
        #[arg(long)]
        reason: String,
    },
    /// The digest by which records and exports know a value that was found: one line of standard input.
    Digest(State),
    /// Verify every log: hashes, tree, signatures, pairs of begin and end, and what was kept outside.
    Verify {
        #[command(flatten)]
        state: State,
        /// A file with a checkpoint that somebody kept: its log must continue it. May be given several times.
        #[arg(long)]
        since: Vec<PathBuf>,
        /// The key of a witness (name+id+base64) that must have cosigned what stands in the files of --since.
        #[arg(long, requires = "since")]
        witness: Option<String>,
    },
    /// Answer an auditor's questions over a span of time; the exit code is 1 where somebody has to look at something.
    Report(Box<Report>),
    /// The public keys of the logs, one a line: what an auditor is told once.
    Keys(State),
    /// The newest signed checkpoint of each log, or of one: what is kept elsewhere for `verify --since`.
    Checkpoint(Checkpoint),
    /// Have a witness (C2SP tlog-witness) cosign the newest checkpoint of each log.
    #[cfg(feature = "notify")]
    Cosign {
        #[command(flatten)]
        state: State,
        /// The address that its `add-checkpoint` stands under.
        #[arg(long)]
        url: String,
        /// Its key: name+id+base64.
        #[arg(long)]
        witness: String,
    },
    /// Write a receipt of one exchange, approval or grant: its entries, and that they are in the log.
    Prove {
        #[command(flatten)]
        state: State,
        /// The id.
        id: String,
    },
    /// Check a receipt, anywhere, with nothing but the keys of the logs.
    VerifyProof {
        /// The receipt.
        file: PathBuf,
        /// A key as `audit keys` tells it, or a file of them. May be given several times.
        #[arg(long, required = true)]
        key: Vec<String>,
        /// Say whether the vector or row of this id passed; the exit code is 1 where nothing that is proved says so.
        #[arg(long)]
        vector: Option<String>,
    },
}

/// How one is let in where files and events go.
#[derive(Debug, clap::Args)]
pub(crate) struct Access {
    /// What lets one in there, by where it is kept: env:NAME or file:PATH. For https:// it is what stands in the Authorization header; for s3:// it is
    /// ACCESS_KEY_ID:SECRET_ACCESS_KEY, and without it the keys, the region and all else that AWS_... says stand in the environment.
    #[arg(long, requires = "to")]
    pub(crate) authorization: Option<String>,
    /// Who speaks the API of S3, where it is not Amazon: https://... (http:// on this machine).
    #[arg(long, requires = "to")]
    pub(crate) endpoint: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    pub(crate) state: State,
    /// The log, by its folder, such as w0001.
    #[arg(long)]
    pub(crate) log: Option<String>,
    /// Where each is kept besides, as a file of its own: a folder, or s3://BUCKET/PREFIX.
    #[arg(long)]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) reader: Reader,
    /// How an event is written.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ExportFormat,
    /// Where to: a file, to which is appended (a folder for parquet); https://... (http:// on this machine); syslog+tls://HOST:PORT (syslog:// on this machine);
    /// s3://BUCKET/PREFIX, with a file for each day and log of what is new. Without it, standard output.
    #[arg(long)]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// A file that remembers what has arrived: the next run goes on from there. Without it, all entries are written.
    #[arg(long)]
    pub(crate) position: Option<PathBuf>,
    /// Go on as entries come, and where the collector is away try again until it is there. Files are written once a minute.
    #[arg(long, requires = "position")]
    pub(crate) follow: bool,
}

/// How an event is written.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(crate) enum ExportFormat {
    /// The records as they are.
    #[default]
    Jsonl,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// Common Event Format.
    Cef,
    /// OpenTelemetry logs.
    Otlp,
    /// Files of columns by day, in the folder or the store of objects that --to names: what DuckDB, Spark and others query, of any number of machines together.
    Parquet,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) reader: Reader,
    /// The policy whose log is replayed, where it is not the one that decides now.
    #[arg(long)]
    pub(crate) log_of: Option<PathBuf>,
    /// Not before: a time (RFC 3339), a day (UTC), or how long ago, e.g. 7d.
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Before: a time, a day, or how long ago.
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// How many examples of each change are printed.
    #[arg(long, default_value_t = 5)]
    pub(crate) examples: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) reader: Reader,
    /// Not before: a time (RFC 3339), a day (UTC), or how long ago, e.g. 7d.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before: a time, a day, or how long ago.
    #[arg(long)]
    pub(crate) to: Option<String>,
    /// From which risk on an operation should have been approved by people or granted.
    #[arg(long, default_value_t = 70, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) high_risk: u8,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ReportFormat {
    /// Markdown.
    #[default]
    Md,
    /// One page of HTML.
    Html,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Query {
    #[command(flatten)]
    pub(crate) reader: Reader,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    /// At most so many: the newest, or those next to a cursor.
    #[arg(long, default_value_t = 100, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) limit: usize,
    /// Those before a cursor, as a listing gave it.
    #[arg(long, conflicts_with = "after")]
    pub(crate) before: Option<String>,
    /// Those after a cursor.
    #[arg(long)]
    pub(crate) after: Option<String>,
    /// As a table for a spreadsheet.
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Who reads which log: reading it is recorded in it.
#[derive(Debug, clap::Args)]
pub(crate) struct Reader {
    #[command(flatten)]
    pub(crate) state: State,
    /// Who reads the log, for the record of it.
    #[arg(long, env = "USER", default_value = "unknown")]
    pub(crate) by: String,
}

/// Which records are looked for.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Wanted {
    /// Not before: a time (RFC 3339), a day (UTC), or how long ago, e.g. 7d.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before: a time, a day, or how long ago.
    #[arg(long)]
    pub(crate) until: Option<String>,
    /// Who asked.
    #[arg(long)]
    pub(crate) identity: Option<String>,
    /// An operation or a pattern, e.g. vector.*
    #[arg(long)]
    pub(crate) operation: Option<String>,
    /// A resource or a pattern.
    #[arg(long)]
    pub(crate) resource: Option<String>,
    /// allow, deny or hold, as decided.
    #[arg(long)]
    pub(crate) verdict: Option<String>,
    /// The session.
    #[arg(long)]
    pub(crate) session: Option<String>,
    /// The service of the policy.
    #[arg(long)]
    pub(crate) service: Option<String>,
    /// The id of a vector or row that was taken.
    #[arg(long)]
    pub(crate) vector: Option<String>,
    /// A workload that the request came through, or a pattern.
    #[arg(long)]
    pub(crate) hop: Option<String>,
    /// An entity that was found, or a pattern, e.g. us_*
    #[arg(long)]
    pub(crate) entity: Option<String>,
    /// The grant that was used, or whose step it is.
    #[arg(long)]
    pub(crate) grant: Option<String>,
    /// The approval that was used or awaited, or whose step it is.
    #[arg(long)]
    pub(crate) approval: Option<String>,
    /// complete, denied, held, aborted, disconnected or failed; what never ended counts as failed.
    #[arg(long)]
    pub(crate) outcome: Option<String>,
    /// The digest of the policy that decided, as records carry it.
    #[arg(long)]
    pub(crate) policy_digest: Option<String>,
    /// A value that was found, exactly as it stood there; - reads it from standard input, where no list of processes shows it.
    #[arg(long)]
    pub(crate) value: Option<String>,
    /// exchange, approval, grant, policy, log or read; without it, all but read.
    #[arg(long)]
    pub(crate) kind: Option<String>,
}
