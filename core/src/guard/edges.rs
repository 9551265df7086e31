//! What a guard has learnt of its callers, for people.

use super::guard::Guard;
use crate::error::Error;
use crate::watch::{Learner, Profile};

impl Guard {
    /// What each caller did, as far as policies on this state watched.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn edges(&self) -> Result<Vec<Profile>, Error> {
        self.runtime()?.run(|bench| {
            bench.learn(true);
            Learner::list(&*bench.store)
        })
    }
}
