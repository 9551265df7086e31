//! How an event loop learns that an effect is done: one thread of this module calls back into Python.
//!
//! The engine's worker must never wait for the interpreter, so its wake-up only hands a callable to that thread.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::{process, thread};

use pyo3::prelude::*;

/// A waker that has `callable` called once, from another thread.
pub(crate) fn waker(callable: Py<PyAny>) -> PyResult<Waker> {
    Ok(Waker::from(Arc::new(Callback { caller: caller()?, callable: Mutex::new(Some(callable)) })))
}

struct Callback {
    caller: Sender<Py<PyAny>>,
    callable: Mutex<Option<Py<PyAny>>>,
}

impl Wake for Callback {
    fn wake(self: Arc<Self>) {
        let callable = self.callable.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(callable) = callable {
            // Where the thread is gone the interpreter is ending, and nobody waits any more.
            let _ = self.caller.send(callable);
        }
    }
}

/// The thread that calls, started in the process that first needs it. Asked for while attached to the interpreter only: a
/// fork waits until nobody is, with the interpreter's lock or without, and so never finds this one taken.
fn caller() -> PyResult<Sender<Py<PyAny>>> {
    static CALLER: Mutex<Option<(u32, Sender<Py<PyAny>>)>> = Mutex::new(None);
    let mut caller = CALLER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((pid, sender)) = &*caller
        && *pid == process::id()
    {
        return Ok(sender.clone());
    }
    let (sender, inbox) = channel::<Py<PyAny>>();
    thread::Builder::new().name("wardline-wake".to_owned()).spawn(move || {
        for callable in inbox {
            let called = Python::try_attach(|py| {
                // A loop that closed meanwhile refuses the call; what waited on it is gone too.
                let _ = callable.call0(py);
                drop(callable);
            });
            if called.is_none() {
                return;
            }
        }
    })?;
    *caller = Some((process::id(), sender.clone()));
    Ok(sender)
}
