//! Bodies are kept by a thread of their own, so that neither the exchanges nor the log wait for their disk. A record comes back to the
//! worker once its bodies are there, or cannot be, and then goes to the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::audit::{Bodies, Record};

/// Bytes of bodies that may wait for their disk at once.
const MOST: usize = 64 << 20;
/// Bodies of so many records are synced together.
const AT_ONCE: usize = 256;
/// How soon it is tried again whether bodies can be kept.
const RETRY: Duration = Duration::from_secs(1);

/// Whether there is room for bodies, as exchanges ask.
#[derive(Default)]
pub(super) struct Room {
    waiting: AtomicUsize,
    failing: AtomicBool,
}

impl Room {
    /// Why a body cannot be kept now.
    pub(super) fn cannot(&self) -> Option<&'static str> {
        if self.failing.load(Ordering::Acquire) {
            Some("failed")
        } else {
            (self.waiting.load(Ordering::Relaxed) > MOST).then_some("backlog")
        }
    }

    /// Notes bodies that are on their way.
    pub(super) fn take(&self, record: &Record) {
        self.waiting.fetch_add(bytes(record), Ordering::Relaxed);
    }
}

/// What the worker knows of that thread.
pub(super) struct Capturing {
    bodies: Option<Bodies>,
    pub(super) room: Arc<Room>,
    /// Has the worker look at what came back.
    pub(super) wake: Arc<dyn Fn() + Send + Sync>,
    hands: Option<Hands>,
}

struct Hands {
    to: Sender<Box<Record>>,
    back: Receiver<Box<Record>>,
    /// Records that are there.
    out: usize,
}

impl Capturing {
    /// Keeps bodies where there is a place for them.
    pub(super) fn new(bodies: Option<Bodies>) -> Self {
        Self { bodies, room: Arc::default(), wake: Arc::new(|| ()), hands: None }
    }

    /// Takes a record that carries bodies; one that goes to the log as it is comes back at once.
    pub(super) fn take(&mut self, record: Record) -> Option<Record> {
        if record.passed().all(|passed| passed.clear.is_none()) {
            return Some(record);
        }
        let bytes = bytes(&record);
        let Some(bodies) = &self.bodies else { return Some(self.without(record, bytes, "memory")) };
        if self.hands.is_none() {
            self.hands = start(bodies.clone(), self.room.clone(), self.wake.clone());
        }
        let Some(hands) = &mut self.hands else { return Some(self.without(record, bytes, "failed")) };
        match hands.to.send(Box::new(record)) {
            Ok(()) => {
                hands.out += 1;
                None
            }
            Err(back) => Some(self.without(*back.0, bytes, "failed")),
        }
    }

    /// The records whose bodies are settled; where `wait`, all that are under way. `Err` where that thread died with some.
    pub(super) fn back(&mut self, wait: bool) -> Result<Vec<Record>, ()> {
        let mut back = Vec::new();
        let Some(hands) = &mut self.hands else { return Ok(back) };
        while hands.out > 0 {
            let next = if wait { hands.back.recv().ok() } else { hands.back.try_recv().ok() };
            let Some(record) = next else { break };
            hands.out -= 1;
            back.push(*record);
        }
        if wait && hands.out > 0 {
            self.room.failing.store(true, Ordering::Release);
            self.hands = None;
            return Err(());
        }
        Ok(back)
    }

    fn without(&self, mut record: Record, bytes: usize, why: &'static str) -> Record {
        self.room.waiting.fetch_sub(bytes, Ordering::Relaxed);
        for passed in record.passed_mut() {
            if passed.clear.take().is_some() {
                passed.uncaptured = Some(why.into());
            }
        }
        record
    }
}

fn start(bodies: Bodies, room: Arc<Room>, wake: Arc<dyn Fn() + Send + Sync>) -> Option<Hands> {
    let (to, inbox) = channel();
    let (done, back) = channel();
    let thread = thread::Builder::new().name("wardline-bodies".to_owned());
    thread.spawn(move || work(&bodies, &inbox, &done, &room, &*wake)).ok()?;
    Some(Hands { to, back, out: 0 })
}

/// Keeps bodies for as long as the worker sends some.
fn work(
    bodies: &Bodies,
    inbox: &Receiver<Box<Record>>,
    done: &Sender<Box<Record>>,
    room: &Room,
    wake: &(dyn Fn() + Send + Sync),
) {
    loop {
        let failing = room.failing.load(Ordering::Acquire);
        let wait = if failing { RETRY } else { Duration::from_secs(3_600) };
        let mut records = match inbox.recv_timeout(wait) {
            Ok(record) => vec![record],
            Err(RecvTimeoutError::Timeout) => {
                if failing && bodies.probe().is_ok() {
                    room.failing.store(false, Ordering::Release);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        records.extend(inbox.try_iter().take(AT_ONCE - 1));
        let bytes: usize = records.iter().map(|record| bytes(record)).sum();
        let kept = bodies.keep(records.iter_mut().map(|record| &mut **record));
        room.failing.store(kept.is_err(), Ordering::Release);
        room.waiting.fetch_sub(bytes, Ordering::Relaxed);
        for record in records {
            if done.send(record).is_err() {
                return;
            }
        }
        wake();
    }
}

fn bytes(record: &Record) -> usize {
    record.passed().filter_map(|passed| passed.clear.as_ref()).map(|clear| clear.len()).sum()
}
