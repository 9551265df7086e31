//! What several targets share.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

/// Runs on a stack of two megabytes, as a service's threads have.
pub fn on_a_small_stack(task: impl FnOnce() + Send) {
    scope(|all| {
        let thread = Builder::new().stack_size(2 << 20).spawn_scoped(all, task).expect("a thread");
        if let Err(panic) = thread.join() {
            resume_unwind(panic);
        }
    });
}
