//! An exchange in the hands of its two directions, for a service may answer while it still reads.
//!
//! Only one of them may wait for an effect at a time; the other then waits for its turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use wardline::audit::Ending;
use wardline::guard::{Abort, Exchange};

/// An exchange, as its two directions share it.
#[derive(Debug, Clone)]
pub(crate) struct Shared(Arc<Mutex<Turn>>);

#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) exchange: Exchange,
    /// A direction waits for an effect.
    pub(crate) busy: bool,
    /// The other one, which waits for its turn.
    pub(crate) other: Option<Waker>,
    /// Why the exchange was cut, once it is.
    pub(crate) abort: Option<Abort>,
    pub(crate) finished: bool,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Turn> {
        // The exchange seals its own panics; a lock that someone else's panic poisoned holds no half-done work.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The effect is done: the other direction may go on.
    pub(crate) fn pass_on(&mut self) {
        self.busy = false;
        if let Some(waker) = self.other.take() {
            waker.wake();
        }
    }
}

/// Whoever brings the response to the caller owns the exchange: dropped unfinished, the caller is gone.
#[derive(Debug)]
pub(crate) struct Owner(Shared);

impl Owner {
    pub(crate) fn new(exchange: Exchange) -> Self {
        let turn = Turn { exchange, busy: false, other: None, abort: None, finished: false };
        Self(Shared(Arc::new(Mutex::new(turn))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock()
    }

    pub(crate) fn share(&self) -> Shared {
        self.0.clone()
    }

    /// Ends the exchange; the first ending counts.
    pub(crate) fn finish(&self, ending: Ending) {
        let mut turn = self.lock();
        if !turn.finished {
            turn.finished = true;
            turn.exchange.finish(ending);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.finish(if std::thread::panicking() { Ending::Failed } else { Ending::Disconnected });
    }
}
