//! What left is kept, where the policy says so: whether it can be is asked before anything leaves, and nothing waits for it.

use super::Exchange;
use crate::audit::Clear;
use crate::policy::{Masking, OnFailure};

impl Exchange {
    /// Whether a body that is to be kept could not be, and the policy does not let it go on without.
    pub(super) fn lacks_room_for_bodies(&self) -> bool {
        let allowed = self.service().is_some_and(|service| service.on_failure == OnFailure::Allow);
        self.enforces()
            && !allowed
            && self.runtime().is_some_and(|runtime| runtime.cannot_capture().is_some())
    }

    /// What the body's copy goes into; `None` where none is kept. What is only observed went on unmasked.
    pub(super) fn kept_of(&self, masking: &Masking, content_type: Option<&str>) -> Option<Clear> {
        if !masking.captures || !self.enforces() {
            return None;
        }
        Some(match self.runtime()?.cannot_capture() {
            Some(why) => Clear::missed(why),
            None => Clear::new(content_type.unwrap_or_default()),
        })
    }
}
