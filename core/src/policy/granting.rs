//! What grants keep within that people issue, hand on or ask for; those that stand in the policy are reviewed with it.

use super::Policy;
use super::decision::ApprovalTerms;
use super::document::hint;
use crate::error::{Error, ErrorKind};
use crate::grant::{Grant, Limits, Scope};
use crate::identity::{Identity, Who};

/// The limits of new grants, and who approves those that are asked for.
#[derive(Debug, Clone)]
pub struct Granting {
    /// How long they last, and which tickets they name.
    pub limits: Limits,
    /// Groups whose people issue them and end those of others; whoever the host names, where the policy does not say.
    pub issuers: Option<Vec<String>>,
    pub(super) approval: ApprovalTerms,
}

impl Granting {
    /// Who approves a grant that is asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where the policy names nobody.
    pub fn approval(&self) -> Result<&ApprovalTerms, Error> {
        if self.approval.steps.is_empty() {
            let message =
                "nobody approves grants here: the policy names no steps under granting.approval or approval";
            return Err(Error::new(ErrorKind::Input, message));
        }
        Ok(&self.approval)
    }

    /// Whether this person may issue grants, and end those of others.
    pub fn may_issue(&self, by: &Identity) -> bool {
        let in_one = |groups: &Vec<String>| groups.iter().any(|group| by.in_group(group));
        self.issuers.as_ref().is_none_or(|groups| !by.is_anonymous() && in_one(groups))
    }

    /// Whether this person would issue a grant to themselves: where the policy names who issues grants, two people agree on each, as they
    /// do on what is asked for. One for everybody is for nobody in particular.
    pub fn is_own(&self, scope: &Scope, by: &Identity) -> bool {
        let named = |who: &Who| !matches!(who, Who::Everyone) && who.matches(by);
        self.issuers.is_some() && scope.who.iter().any(named)
    }

    /// Whether this person may end a grant: one who may issue grants, who issued it, or whose own it is.
    pub fn may_end(&self, grant: &Grant, by: &Identity) -> bool {
        let own = grant.scope.who.iter().all(|who| who.exact_user() == Some(&by.subject));
        self.may_issue(by) || (!by.is_anonymous() && (grant.issued_by == by.subject || own))
    }
}

impl Policy {
    /// What grants keep within that people issue, hand on or ask for.
    pub fn granting(&self) -> &Granting {
        &self.granting
    }

    /// Whether every service that a scope calls by name is one of the policy: else nothing there would ever be covered.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] with the first that is none, and the name that comes nearest.
    pub fn knows(&self, scope: &Scope) -> Result<(), Error> {
        let names = || self.services.iter().map(|service| &*service.name);
        let stray =
            scope.services.iter().find(|glob| glob.is_exact() && !names().any(|name| glob.matches(name)));
        stray.map_or(Ok(()), |glob| {
            let near = hint(glob.as_str(), names());
            Err(Error::new(ErrorKind::Input, format!("no service of this policy is called `{glob}`{near}")))
        })
    }
}
