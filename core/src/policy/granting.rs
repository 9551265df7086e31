//! What grants keep within that people issue, hand on or ask for; those that stand in the policy are reviewed with it.

use super::Policy;
use super::decision::ApprovalTerms;
use crate::error::{Error, ErrorKind};
use crate::grant::Limits;

/// The limits of new grants, and who approves those that are asked for.
#[derive(Debug, Clone)]
pub struct Granting {
    /// How long they last, and which tickets they name.
    pub limits: Limits,
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
}

impl Policy {
    /// What grants keep within that people issue, hand on or ask for.
    pub fn granting(&self) -> &Granting {
        &self.granting
    }
}
