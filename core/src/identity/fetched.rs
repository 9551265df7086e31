//! Keys that are fetched from their issuer while a guard runs: issuers change them and tell nobody.
//!
//! Nothing here opens a connection. A [`FetchedKeys`] holds what was fetched last and says when another look is wanted; the guard's own
//! thread fetches. Until a set is there, and when none came for [`LASTING`](FetchedKeys::LASTING), tokens of the issuer are refused.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use sha2::{Digest, Sha256};

use super::jwks::Keys;
use super::source::Refused;
use crate::clock::Timestamp;
use crate::error::Error;

/// Where the keys of an issuer come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// They are what they were when the policy was read.
    Fixed(Arc<Keys>),
    /// They are fetched.
    Fetched(Arc<FetchedKeys>),
}

/// The key set at an address, as it was fetched last.
pub struct FetchedKeys {
    /// Its address.
    pub url: String,
    /// How often it is fetched.
    pub every: Duration,
    held: ArcSwapOption<Held>,
    /// Counts sets that differ, so that what one of them vouched for is verified again.
    generation: AtomicU64,
    asker: Mutex<Option<Sender<()>>>,
    attempts: Mutex<Attempts>,
}

/// What became of the attempts to fetch a set.
#[derive(Default)]
struct Attempts {
    /// Why the last one failed; `Ok` after one that did not, nothing before the first.
    last: Option<Result<(), String>>,
    /// Who waits for the first.
    waiting: Vec<Tell>,
}

/// Tells who waits that the first attempt is over.
type Tell = Box<dyn FnOnce() + Send>;

struct Held {
    keys: Arc<Keys>,
    text: [u8; 32],
    until: Timestamp,
}

impl IssuerKeys {
    /// The keys now, and which generation of them.
    pub(super) fn now(&self, now: Timestamp) -> Result<(Arc<Keys>, u64), Refused> {
        match self {
            Self::Fixed(keys) => Ok((Arc::clone(keys), 0)),
            Self::Fetched(fetched) => fetched.now(now),
        }
    }

    /// Whether what this generation of the keys vouched for still holds.
    pub(super) fn vouch(&self, generation: u64, now: Timestamp) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Fetched(fetched) => {
                fetched.generation.load(Ordering::Acquire) == generation
                    && fetched.held.load().as_ref().is_some_and(|held| now < held.until)
            }
        }
    }

    /// A token names a key that the set does not have: it may be a new one.
    pub(super) fn miss(&self) {
        if let Self::Fetched(fetched) = self {
            fetched.want();
        }
    }
}

impl FetchedKeys {
    /// A set counts for so long after it was fetched.
    pub const LASTING: Duration = Duration::from_secs(24 * 3_600);
    /// So long is between two attempts at least, whatever callers ask for.
    pub const APART: Duration = Duration::from_secs(10);
    /// So long the first attempt after a start may take, for requests wait for it.
    pub const FIRST: Duration = Duration::from_secs(1);

    /// The set at `url`, not fetched yet.
    pub fn new(url: String, every: Duration) -> Self {
        Self {
            url,
            every,
            held: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            asker: Mutex::default(),
            attempts: Mutex::default(),
        }
    }

    fn now(&self, now: Timestamp) -> Result<(Arc<Keys>, u64), Refused> {
        // Read first: a set that comes meanwhile has a higher one, and what is verified by it is verified once more.
        let generation = self.generation.load(Ordering::Acquire);
        match self.held.load_full().filter(|held| now < held.until) {
            Some(held) => Ok((Arc::clone(&held.keys), generation)),
            None => Err(Refused::unavailable("the keys of the token's issuer are not at hand")),
        }
    }

    /// Takes the text of a set that was fetched at `now`.
    ///
    /// # Errors
    /// A text that is no key set of use: the one before it stays.
    pub fn put(&self, text: &str, now: Timestamp) -> Result<(), Error> {
        let digest: [u8; 32] = Sha256::digest(text).into();
        let until = now + Self::LASTING;
        let before = self.held.load_full().filter(|held| held.text == digest);
        let keys = match &before {
            Some(same) => Arc::clone(&same.keys),
            None => Arc::new(Keys::parse(text)?),
        };
        self.held.store(Some(Arc::new(Held { keys, text: digest, until })));
        if before.is_none() {
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }

    /// Takes over what another policy's set of this address holds.
    pub fn succeed(&self, before: &Self) {
        if let Some(held) = before.held.load_full() {
            self.held.store(Some(held));
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Who fetches hears here when another look is wanted. It ends when nobody holds the set any more.
    pub fn listen(&self) -> Receiver<()> {
        let (asker, asked) = channel();
        *self.asker.lock().unwrap_or_else(PoisonError::into_inner) = Some(asker);
        asked
    }

    fn want(&self) {
        if let Some(asker) = &*self.asker.lock().unwrap_or_else(PoisonError::into_inner) {
            // Nobody fetches any more: the set ages, and is refused in the end.
            let _ = asker.send(());
        }
    }

    /// How an attempt ended.
    pub fn note(&self, attempt: Result<(), String>) {
        let mut attempts = self.attempts();
        attempts.last = Some(attempt);
        let waiting = std::mem::take(&mut attempts.waiting);
        drop(attempts);
        waiting.into_iter().for_each(|tell| tell());
    }

    /// Whether a set is held, or the first attempt to fetch one is over: waiting would bring nothing.
    pub fn is_tried(&self) -> bool {
        self.held.load().is_some() || self.attempts().last.is_some()
    }

    /// Calls `tell` once the first attempt is over, at once where it is; never where nobody fetches any more.
    pub fn when_tried(&self, tell: Box<dyn FnOnce() + Send>) {
        let mut attempts = self.attempts();
        if attempts.last.is_none() {
            attempts.waiting.push(tell);
        } else {
            drop(attempts);
            tell();
        }
    }

    /// Why no set is held.
    ///
    /// # Errors
    /// What was wrong with the last attempt, where no set is held.
    pub fn check(&self) -> Result<(), String> {
        if self.held.load().is_some() {
            return Ok(());
        }
        match &self.attempts().last {
            Some(Err(why)) => Err(why.clone()),
            _ => Err("it was not fetched yet".to_owned()),
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedKeys").field("url", &self.url).finish_non_exhaustive()
    }
}
