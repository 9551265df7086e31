//! Exchanges that are over, on their way to the worker, and back: what is left of a written record is let go by a thread that ends exchanges, not by
//! the worker. An allocator frees memory of another thread at the price of that thread's lock, and those who answer requests would wait for it.

use std::time::Duration;

use super::GATHERED;
use crate::audit::Record;
use crate::grant::Lease;
use crate::guard::behind::Behind;

/// What is left of so many at most is kept for others to let go.
const SPENT: usize = 2 * GATHERED;

/// An exchange that is over.
pub(in crate::guard) struct Ended {
    /// Its record, but for what is [`Behind`].
    pub(super) record: Record,
    /// How long it took.
    pub(super) took: Duration,
    /// What it leased and did not spend.
    pub(super) unspent: Vec<Lease>,
    pub(super) read: Read,
}

/// What is read of a request and of a response once they have left.
pub(super) type Read = [Option<Behind>; 2];

/// What is left of records that are written, and of what was read for them.
#[derive(Default)]
pub(super) struct Spent {
    pub(super) records: Vec<Record>,
    pub(super) read: Vec<Behind>,
}

impl Ended {
    pub(in crate::guard) fn new(record: Record, took: Duration, unspent: Vec<Lease>, read: Read) -> Self {
        Self { record, took, unspent, read }
    }

    /// Reads what is still to be read.
    pub(super) fn catch_up(&mut self) {
        let [request, response] = &mut self.read;
        for (behind, passed) in [(request, &mut self.record.request), (response, &mut self.record.response)] {
            if let (Some(behind), Some(passed)) = (behind, passed) {
                behind.tell(passed);
            }
        }
    }
}

/// Between those who end exchanges and the worker.
#[derive(Default)]
pub(super) struct Queue {
    ended: Vec<Ended>,
    spent: Spent,
}

impl Queue {
    /// Puts one in; how many wait now, and what to let go of once the queue is free.
    pub(super) fn put(&mut self, ended: Ended) -> (usize, (Option<Record>, Option<Behind>)) {
        self.ended.push(ended);
        (self.ended.len(), (self.spent.records.pop(), self.spent.read.pop()))
    }

    /// Takes out all that wait, for what is left of those before.
    pub(super) fn take(&mut self, spent: &mut Spent) -> Vec<Ended> {
        give(&mut spent.records, &mut self.spent.records);
        give(&mut spent.read, &mut self.spent.read);
        let room = Vec::with_capacity(self.ended.len().min(GATHERED));
        std::mem::replace(&mut self.ended, room)
    }
}

/// Hands on as many as there is room for; the rest ends here.
fn give<T>(from: &mut Vec<T>, to: &mut Vec<T>) {
    from.truncate(SPENT.saturating_sub(to.len()));
    to.append(from);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Kind;
    use crate::clock::Timestamp;

    #[test]
    fn what_is_left_comes_back_as_far_as_there_is_room() {
        let record = || Record::new(Kind::Exchange, "rec_1".into(), Timestamp::default());
        let mut queue = Queue::default();
        let mut spent = Spent { records: (0..SPENT + 5).map(|_| record()).collect(), ..Spent::default() };
        assert!(queue.take(&mut spent).is_empty());
        assert_eq!((spent.records.len(), queue.spent.records.len()), (0, SPENT));
        let (waiting, (left, _)) = queue.put(Ended::new(record(), Duration::ZERO, Vec::new(), [None, None]));
        assert_eq!((waiting, left.is_some()), (1, true));
        assert_eq!((queue.spent.records.len(), queue.take(&mut spent).len()), (SPENT - 1, 1));
    }
}
