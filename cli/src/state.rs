//! Which policy, and which store: what grants, approvals and the log stand in.

use std::path::PathBuf;

use wardline::guard::Guard;
use wardline::keys::Secret;
use wardline::policy::{Policy, SharedStore, State as Folder};
use wardline::store::StoreUrl;

use crate::Failure;

/// The variable that may hold the URL of a shared store, with its password.
const VARIABLE: &str = "WARDLINE_STORE";

/// The policy names the state folder, and a store that machines share where there is one.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct State {
    /// The policy file.
    #[arg(long, env = "WARDLINE_POLICY")]
    policy: PathBuf,
    /// A shared store in place of the one that the policy names: env:NAME or file:PATH, where its URL is kept, or a URL without
    /// a password. Without it, the environment variable WARDLINE_STORE is asked.
    #[arg(long)]
    store: Option<String>,
}

impl State {
    /// The policy, with the store that is meant.
    pub(crate) fn policy(&self) -> Result<Policy, Failure> {
        let policy = Policy::from_file(&self.policy)?;
        Ok(match self.store()? {
            Some(store) => policy.with_store(store)?,
            None => policy,
        })
    }

    /// The same store, with another policy in the place of this one.
    pub(crate) fn under(&self, policy: &std::path::Path) -> Self {
        Self { policy: policy.to_owned(), ..self.clone() }
    }

    /// The policy's file.
    #[cfg(feature = "console")]
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.policy
    }

    /// A guard under it, for what other processes see.
    pub(crate) fn guard(&self) -> Result<Guard, Failure> {
        let policy = self.policy()?;
        policy.complete()?;
        if matches!(policy.state(), Folder::Memory) {
            let message = "the policy keeps its state in memory: nothing of it is seen by another process, this one included";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok(Guard::new(policy))
    }

    /// Has a guard that stays judge by the policy as it stands now: who was taken out of a group votes no more. Whether it is another one.
    pub(crate) fn renew(&self, guard: &Guard) -> Result<bool, Failure> {
        Ok(guard.replace(self.policy()?, "wardline")?)
    }

    fn store(&self) -> Result<Option<SharedStore>, Failure> {
        let Some(text) = &self.store else {
            let set = std::env::var_os(VARIABLE).is_some_and(|url| !url.is_empty());
            return Ok(set.then(|| SharedStore::Kept(Secret::Env(VARIABLE.to_owned()))));
        };
        if let Some(name) = text.strip_prefix("env:") {
            return Ok(Some(SharedStore::Kept(Secret::Env(name.to_owned()))));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return Ok(Some(SharedStore::Kept(Secret::File(path.into()))));
        }
        let url = StoreUrl::parse(text)?;
        // Whoever lists the processes of a machine reads their arguments.
        if url.has_password() {
            return Err(Failure::Usage(format!(
                "--store: a password does not stand in a command line: set {VARIABLE}, or name env:NAME or file:PATH"
            )));
        }
        Ok(Some(SharedStore::Url(url)))
    }
}
