//! The one driver: carries out the effects that an exchange asks for, waiting in the way its host waits.
//!
//! Async doors await [`Exchange::next`] and [`Carrying`]; blocking ones call [`Exchange::next_blocking`] and
//! [`Carrying::wait`]. Neither needs a runtime of any kind.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::sync::oneshot;

use super::exchange::Exchange;
use super::step::{Done, Effect, Flow, Step};

/// An effect that is being carried out: await it, or [`wait`](Carrying::wait) for it. Dropping it withdraws a
/// parked wait.
#[derive(Debug)]
pub struct Carrying(oneshot::Receiver<Done>);

impl Carrying {
    pub(super) fn new(answer: oneshot::Receiver<Done>) -> Self {
        Self(answer)
    }

    /// Blocks this thread until it is done.
    pub fn wait(self) -> Done {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut future = pin!(self);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(done) => return done,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl Future for Carrying {
    type Output = Done;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        // A worker that is gone answers nothing: the effect failed.
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Done::Failed))
    }
}

impl Exchange {
    /// The next step that concerns a door; effects are carried out on the way.
    pub async fn next(&mut self) -> Step {
        loop {
            match self.step() {
                Step::Effect(effect) => {
                    let done = self.carry_out(effect).await;
                    self.complete(done);
                }
                step => return step,
            }
        }
    }

    /// The same, blocking this thread while an effect is carried out.
    pub fn next_blocking(&mut self) -> Step {
        loop {
            match self.step() {
                Step::Effect(effect) => {
                    let done = self.carry_out(effect).wait();
                    self.complete(done);
                }
                step => return step,
            }
        }
    }

    /// Settles a flow that asked for an effect, blocking this thread.
    pub fn settle_blocking(&mut self, mut flow: Flow, out: &mut Vec<u8>) -> Flow {
        while let Flow::Effect(effect) = flow {
            let done = self.carry_out(effect).wait();
            self.complete(done);
            flow = self.resume(out);
        }
        flow
    }

    /// Has an effect carried out. The result goes to [`complete`](Exchange::complete).
    pub fn carry_out(&self, effect: Effect) -> Carrying {
        match self.runtime() {
            Some(runtime) => runtime.perform(effect),
            None => Carrying::new(oneshot::channel().1),
        }
    }
}
