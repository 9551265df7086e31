//! What is said of grants and approvals.

use clap::Subcommand;

use crate::state::State;

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
    /// Deny it, and say why.
    Deny(Denial),
    /// Take a request of one's own back, also one that is approved and not yet used.
    Cancel(Vote),
    /// Say something about one that is open: ask those behind it, or answer those who decide.
    Comment {
        #[command(flatten)]
        state: State,
        /// Which.
        id: String,
        /// What.
        text: String,
        /// Who says it; their groups are those of the policy.
        #[arg(long = "as", env = "USER")]
        by: String,
    },
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
    /// Who says so; their groups are those of the policy.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Denial {
    #[command(flatten)]
    pub(crate) state: State,
    /// Which.
    pub(crate) id: String,
    /// Who says so; their groups are those of the policy.
    #[arg(long = "as", env = "USER")]
    pub(crate) by: String,
    /// Why.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) reason: String,
}
