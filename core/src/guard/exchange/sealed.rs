//! The seal of hops on a request that goes on: one that was for us ends here, and what goes out to another guarded service has our own.

use http::HeaderValue;

use super::Exchange;
use crate::error::{Error, ErrorKind};
use crate::guard::truth::HeaderEdits;
use crate::identity::{HOP_HEADER, Hops};

impl Exchange {
    /// Takes out what came sealed, and seals what goes to a service that takes seals.
    pub(super) fn seal(&self, edits: &mut HeaderEdits) -> Result<(), Error> {
        let (Some(head), Some(hops)) = (&self.head, self.hops()) else { return Ok(()) };
        edits.remove.extend(Hops::seals(&head.headers).cloned());
        let Some(to) = self.service().and_then(|service| service.sealed_for.as_deref()) else {
            return Ok(());
        };
        let (Some(runtime), Some(identity)) = (&self.runtime, &self.record.identity) else {
            return Err(Error::new(ErrorKind::Internal, "there is no key to seal with"));
        };
        let text = hops.seal((identity, head.trace_id()), to, self.shared.now(), &runtime.keys)?;
        let value = HeaderValue::try_from(text)
            .map_err(|e| Error::new(ErrorKind::Internal, "a seal is no value of a header").with_source(e))?;
        edits.set.push((HOP_HEADER, value));
        Ok(())
    }

    fn hops(&self) -> Option<&Hops> {
        self.in_force.policy.identity()?.hops.as_ref()
    }
}
