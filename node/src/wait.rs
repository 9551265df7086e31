//! An effect that is being carried out, as a promise: no thread waits for it.
//!
//! The worker that finishes the effect wakes the future, and that same call settles the promise.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use napi::{Env, JsDeferred};
use wardline::guard::{Carrying, Done};

type Deferred = JsDeferred<(), fn(Env) -> napi::Result<()>>;

/// What one exchange waits for.
pub(crate) struct Wait(Mutex<State>);

struct State {
    carrying: Option<Carrying>,
    done: Option<Done>,
    deferred: Option<Deferred>,
}

impl Wait {
    /// Begins to wait; `deferred` is settled when there is something to go on with.
    pub(crate) fn begin(carrying: Carrying, deferred: Deferred) -> Arc<Self> {
        let wait = Arc::new(Self(Mutex::new(State {
            carrying: Some(carrying),
            done: None,
            deferred: Some(deferred),
        })));
        Arc::clone(&wait).wake();
        wait
    }

    /// How the effect ended; `None` while it has not.
    pub(crate) fn done(&self) -> Option<Done> {
        self.state().done.take()
    }

    /// Gives up: a parked wait is withdrawn, the promise settles.
    pub(crate) fn withdraw(&self) {
        let (carrying, deferred) = {
            let mut state = self.state();
            (state.carrying.take(), state.deferred.take())
        };
        drop(carrying);
        settle(deferred);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wait {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let deferred = {
            let mut state = self.state();
            let Some(carrying) = &mut state.carrying else { return };
            let Poll::Ready(done) = Pin::new(carrying).poll(&mut Context::from_waker(&waker)) else { return };
            state.carrying = None;
            state.done = Some(done);
            state.deferred.take()
        };
        settle(deferred);
    }
}

fn settle(deferred: Option<Deferred>) {
    if let Some(deferred) = deferred {
        deferred.resolve(|_| Ok(()));
    }
}
