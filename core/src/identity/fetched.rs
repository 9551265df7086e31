//! Keys that are fetched from their issuer while a guard runs: issuers change them and tell nobody.
//!
//! Nothing here opens a connection. A [`FetchedKeys`] holds what was fetched last and says when another look is wanted; the guard's own
//! thread fetches. Until a set is there, and when none came for [`LASTING`](FetchedKeys::LASTING), tokens of the issuer are refused.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
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
    /// Why the last attempt failed; `Ok` after one that did not, nothing before the first.
    last: Mutex<Option<Result<(), String>>>,
    tried: Condvar,
}

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

    /// Which generation of the keys is held.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Fixed(_) => 0,
            Self::Fetched(fetched) => fetched.generation.load(Ordering::Acquire),
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
    /// So long the first request after a start waits for the first set.
    const FIRST: Duration = Duration::from_secs(1);

    /// The set at `url`, not fetched yet.
    pub fn new(url: String, every: Duration) -> Self {
        Self {
            url,
            every,
            held: ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            asker: Mutex::default(),
            last: Mutex::default(),
            tried: Condvar::new(),
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
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(attempt);
        self.tried.notify_all();
    }

    /// Waits for the first attempt, for a second at most; why there is no set then.
    ///
    /// # Errors
    /// What was wrong with the last attempt, where no set is held.
    pub fn wait(&self) -> Result<(), String> {
        if self.held.load().is_some() {
            return Ok(());
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.tried.wait_timeout_while(last, Self::FIRST, |last| last.is_none());
        let (last, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (&*last, self.held.load().is_some()) {
            (_, true) => Ok(()),
            (Some(Err(why)), _) => Err(why.clone()),
            _ => Err("it was not fetched yet".to_owned()),
        }
    }
}

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedKeys").field("url", &self.url).finish_non_exhaustive()
    }
}
