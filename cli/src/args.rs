//! What the command line may say.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

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
    /// List, approve and deny held requests.
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

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The policy file.
    pub(crate) policy: PathBuf,
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
        /// Not before (RFC 3339).
        #[arg(long)]
        from: Option<String>,
        /// Before.
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
    /// Who asks; nobody who was authenticated where absent.
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
    /// Files of cases, or folders that hold some.
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write a JUnit report to this file.
    #[arg(long)]
    pub(crate) junit: Option<PathBuf>,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// Issue a grant; its clock starts now.
    Issue(Box<GrantIssue>),
    /// Ask for a grant: it is issued when those approve whom the policy names.
    Request(Box<GrantIssue>),
    /// Hand a part of a grant on that one may use: to others, for less, never for more.
    HandOn {
        /// Which.
        id: String,
        #[command(flatten)]
        part: Box<GrantIssue>,
    },
    /// List grants, ended ones too.
    List(State),
    /// End a grant now, with all that was handed on from it, in every process.
    Revoke {
        #[command(flatten)]
        state: State,
        /// Which.
        id: String,
        /// Who ends it.
        #[arg(long = "as", env = "USER")]
        by: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantIssue {
    #[command(flatten)]
    pub(crate) state: State,
    /// Who may use it: user:NAME, group:NAME.
    #[arg(long, required = true)]
    pub(crate) who: Vec<String>,
    /// At which services of the policy.
    #[arg(long, default_value = "*")]
    pub(crate) service: Vec<String>,
    /// For which operations, e.g. vector.export.
    #[arg(long, required = true)]
    pub(crate) operation: Vec<String>,
    /// On which resources.
    #[arg(long, default_value = "*")]
    pub(crate) resource: Vec<String>,
    /// When it begins (RFC 3339); now where nothing is said.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// When it ends (RFC 3339), or how long it lasts (e.g. 30m).
    #[arg(long)]
    pub(crate) until: String,
    /// At which hours of the week, e.g. "mon-fri 22:00-06:00 Europe/Berlin"; always where absent.
    #[arg(long)]
    pub(crate) when: Vec<String>,
    /// How many requests it serves.
    #[arg(long)]
    pub(crate) uses: Option<u64>,
    /// How much may leave under it, e.g. vectors=5000.
    #[arg(long)]
    pub(crate) quota: Option<String>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// The ticket that it belongs to.
    #[arg(long)]
    pub(crate) ticket: Option<String>,
    /// Who issues it, asks for it or hands it on.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Approval {
    /// List approvals: pending ones, or with --all those that ended too.
    List {
        #[command(flatten)]
        state: State,
        /// Ended ones too.
        #[arg(long)]
        all: bool,
    },
    /// Approve a held request, or a grant that is asked for.
    Approve {
        #[command(flatten)]
        vote: Vote,
        /// An emergency: let it go on at once, as one person alone, with a reason.
        #[arg(long)]
        break_glass: bool,
    },
    /// Deny it.
    Deny(Vote),
    /// Show held requests as they come, and take answers line by line.
    Watch(Watch),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) state: State,
    /// Who answers; their groups are those of the policy.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Vote {
    #[command(flatten)]
    pub(crate) state: State,
    /// Which.
    pub(crate) id: String,
    /// Who votes; their groups are those of the policy.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

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
        /// What ended before (RFC 3339).
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
    /// The keys for s3://, ACCESS_KEY_ID:SECRET_ACCESS_KEY, by where they are kept: env:NAME or file:PATH. Without it, what AWS_... says.
    #[arg(long, requires = "to")]
    pub(crate) authorization: Option<String>,
    /// Who speaks the API of S3, where it is not Amazon: https://... (http:// on this machine).
    #[arg(long, requires = "to")]
    pub(crate) endpoint: Option<String>,
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
    /// What stands in the Authorization header, by where it is kept: env:NAME or file:PATH. For s3:// that is ACCESS_KEY_ID:SECRET_ACCESS_KEY;
    /// without it the keys, the region and all else that AWS_... says stand in the environment.
    #[arg(long, requires = "to")]
    pub(crate) authorization: Option<String>,
    /// Who speaks the API of S3, where it is not Amazon: https://... (http:// on this machine).
    #[arg(long, requires = "to")]
    pub(crate) endpoint: Option<String>,
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
    /// Not before (RFC 3339).
    #[arg(long)]
    pub(crate) since: Option<String>,
    /// Before (RFC 3339).
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
    /// Not before (RFC 3339).
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before (RFC 3339).
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
    #[arg(long, default_value_t = 100)]
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
    /// Not before (RFC 3339).
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// Before (RFC 3339).
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
    /// exchange, approval, grant, policy or read; without it, all but read.
    #[arg(long)]
    pub(crate) kind: Option<String>,
}

#[cfg(feature = "console")]
#[derive(Debug, Subcommand)]
pub(crate) enum Console {
    /// Serve the page, and print a link that signs in once.
    Serve(Serve),
    /// Print a link that signs somebody in, once, at the console that runs on this state.
    Login {
        #[command(flatten)]
        state: State,
        /// Who; their groups are those of the policy.
        #[arg(long = "as", env = "USER")]
        by: String,
    },
    /// Print a link by which one person answers one approval, without signing in.
    Link {
        #[command(flatten)]
        state: State,
        /// Which approval.
        id: String,
        /// Who answers. Whoever has the link speaks as them.
        #[arg(long = "as")]
        by: String,
        /// How long it serves, e.g. 1h; never longer than the approval is open.
        #[arg(long = "for", default_value = "1h")]
        lasting: String,
    },
}

#[cfg(feature = "console")]
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) state: State,
    /// Where it listens. Beyond this machine a proxy with TLS stands before it: say --url too.
    #[arg(long, default_value = "127.0.0.1:7878")]
    pub(crate) listen: std::net::SocketAddr,
    /// The URL under which browsers reach it, where that is another one.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// API keys of programs that answer approvals: a JSON object of names, each with the SHA-256 of its key ({"bot": {"sha256": "..."}}).
    #[arg(long)]
    pub(crate) api_keys: Option<PathBuf>,
    /// Whom the first link signs in; their groups are those of the policy.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
    /// An identity provider (OpenID Connect) at which people sign in: its issuer. It sends browsers back to /oidc/callback.
    #[arg(long, requires = "oidc_client")]
    pub(crate) oidc_issuer: Option<String>,
    /// The client id that the console has there.
    #[arg(long, requires = "oidc_issuer")]
    pub(crate) oidc_client: Option<String>,
    /// A file with the client's secret, where it has one.
    #[arg(long, requires = "oidc_issuer")]
    pub(crate) oidc_secret: Option<PathBuf>,
    /// The claim that names a person as the policy does: sub, preferred_username, or email (which must be verified).
    #[arg(long, requires = "oidc_issuer", default_value = "sub")]
    pub(crate) oidc_subject: String,
    /// A claim whose values count as groups of the policy, besides those that the policy puts the person in.
    #[arg(long, requires = "oidc_issuer")]
    pub(crate) oidc_groups: Option<String>,
}
