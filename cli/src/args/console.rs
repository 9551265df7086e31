//! What is said of the console.

use std::path::PathBuf;

use clap::Subcommand;

use crate::state::State;

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
