//! The grants that stand in the policy: rows of the store like any other, so that uses and quota are counted and
//! they can be revoked; they follow the text when it changes.

use crate::error::{Error, ErrorKind};
use crate::grant::{Grant, Grants};
use crate::policy::Policy;
use crate::store::{Put, Store};

/// Makes the store's standing grants those of the policy.
pub(super) fn settle(policy: &Policy, store: &dyn Store) -> Result<(), Error> {
    let grants = Grants::new(store);
    for grant in policy.grants() {
        write(store, grant)?;
    }
    let stands = |id: &str| policy.grants().iter().any(|grant| grant.id.as_str() == id);
    for row in store.read_since(Grants::TABLE, 0)?.rows {
        if !row.key.starts_with(Grant::STANDING) || stands(&row.key) {
            continue;
        }
        match grants.revoke(&row.key.as_str().into(), "the policy", "it no longer stands in the policy") {
            // Ended already, by time or by a person or by another process that read the same policy.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            other => drop(other?),
        }
    }
    Ok(())
}

fn write(store: &dyn Store, grant: &Grant) -> Result<(), Error> {
    // Several processes settle the same policy at once: one writes, the others find it written.
    for _ in 0..16 {
        let row = store.get(Grants::TABLE, grant.id.as_str())?;
        let mut next = grant.clone();
        // A row that cannot be read is one that a changed policy may replace.
        if let Some(there) = row.as_ref().and_then(|row| serde_json::from_slice::<Grant>(&row.value).ok()) {
            (next.used, next.spent, next.revoked) = (there.used, there.spent, there.revoked.clone());
            next.issued_at = there.issued_at;
            if next == there {
                return Ok(());
            }
        }
        let value = serde_json::to_vec(&next).map_err(|e| {
            Error::new(ErrorKind::Internal, "a grant cannot be written as JSON").with_source(e)
        })?;
        if let Put::Done(_) = store.put(Grants::TABLE, grant.id.as_str(), row.map(|row| row.rev), &value)? {
            return Ok(());
        }
    }
    Err(Error::new(ErrorKind::Conflict, "the standing grants change under two policies at once"))
}
