//! The policy in force, and how another takes its place: at once for exchanges that begin, never for those that run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;

use crate::error::{Error, ErrorKind};
use crate::keys::hex;
use crate::model::Text;
use crate::policy::Policy;

/// A policy and what records call it.
pub(super) struct InForce {
    pub(super) policy: Arc<Policy>,
    pub(super) digest: Text,
}

impl InForce {
    fn new(policy: Policy) -> Arc<Self> {
        Arc::new(Self { digest: Text::from(hex(policy.digest())), policy: Arc::new(policy) })
    }
}

/// The policy of a guard, now.
pub(super) struct Policies {
    now: ArcSwap<InForce>,
    /// The file that it comes from.
    file: Option<PathBuf>,
    watched: AtomicBool,
    /// The files as they were when they were last read.
    seen: Mutex<Vec<Seen>>,
}

/// When a file was written, and how long it is; nothing where it cannot be looked at.
type Seen = Option<(SystemTime, u64)>;

impl Policies {
    pub(super) fn new(policy: Policy, file: Option<PathBuf>) -> Self {
        let seen = Mutex::new(look(policy.files()));
        Self { now: ArcSwap::new(InForce::new(policy)), file, watched: AtomicBool::new(false), seen }
    }

    pub(super) fn now(&self) -> Arc<InForce> {
        self.now.load_full()
    }

    /// From now on the files are looked at while exchanges come.
    pub(super) fn watch(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }

    /// Whether the files are watched and are no longer what they were. Asked again, they are.
    pub(super) fn have_changed(&self) -> bool {
        self.file.is_some() && self.watched.load(Ordering::Relaxed) && self.look_again()
    }

    fn look_again(&self) -> bool {
        let now = look(self.now().policy.files());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *seen != now;
        *seen = now;
        changed
    }

    /// Reads the file again.
    ///
    /// # Errors
    /// Everything that is wrong with it; a guard that was made of no file.
    pub(super) fn read(&self) -> Result<Policy, Error> {
        let file = self.file.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Input, "this guard was made of no file: there is nothing to read again")
        })?;
        Policy::from_file(file)
    }

    /// What would take the place of the policy in force; `None` where it is the same.
    ///
    /// # Errors
    /// A policy that keeps its state elsewhere, which takes a new guard; a detector that it calls and nobody brought.
    pub(super) fn succeeding(&self, policy: Policy) -> Result<Option<Arc<InForce>>, Error> {
        let before = self.now();
        if policy.digest() == before.policy.digest() {
            return Ok(None);
        }
        let terms = |policy: &Policy| (policy.state().clone(), policy.store().cloned(), policy.log().clone());
        if terms(&policy) != terms(&before.policy) {
            let message = "the policy keeps its state elsewhere: that takes a new start";
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let policy = policy.with_detectors_of(&before.policy).with_signer_of(&before.policy);
        policy.succeed_keys(&before.policy);
        policy.complete()?;
        Ok(Some(InForce::new(policy)))
    }

    pub(super) fn put(&self, next: Arc<InForce>) {
        let files = look(next.policy.files());
        self.now.store(next);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }
}

fn look(files: &[PathBuf]) -> Vec<Seen> {
    let one = |file: &Path| {
        let known = std::fs::metadata(file).ok()?;
        Some((known.modified().ok()?, known.len()))
    };
    files.iter().map(|file| one(file)).collect()
}
