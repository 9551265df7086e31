//! One way to change a row: read it, decide by a pure function, write on the condition that it still stands there.

use std::hash::BuildHasher;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// How long a transition keeps trying while others are first each time.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest pause between two tries.
const PAUSE: Duration = Duration::from_millis(8);

/// Runs `attempt` until it answers; `None` means that it lost a race and decides anew from what stands now.
///
/// # Errors
/// What `attempt` answers, or [`ErrorKind::Store`] where it lost for 15 s: bounded, and towards deny.
pub fn settle<T>(mut attempt: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
    let started = Instant::now();
    let mut ceiling = Duration::from_micros(50);
    loop {
        if let Some(done) = attempt()? {
            return Ok(done);
        }
        if started.elapsed() > PATIENCE {
            return Err(Error::new(
                ErrorKind::Store,
                "the store is too busy: others changed the same row each time",
            ));
        }
        // Of many that lost together each waits for another while.
        thread::sleep(ceiling.mul_f64(fraction()));
        ceiling = (ceiling * 2).min(PAUSE);
    }
}

/// Some number from 0 to 1, another one each time.
fn fraction() -> f64 {
    let bits = std::hash::RandomState::new().hash_one(thread::current().id());
    f64::from(u32::try_from(bits & 0xffff_ffff).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_tried_again_and_an_error_is_not() {
        let mut tries = 0;
        let won = settle(|| {
            tries += 1;
            Ok((tries == 4).then_some(tries))
        });
        assert_eq!(won.unwrap(), 4);
        let mut tries = 0;
        let failed: Result<(), _> = settle(|| {
            tries += 1;
            Err(Error::new(ErrorKind::Store, "away"))
        });
        assert!(failed.is_err() && tries == 1);
    }
}
