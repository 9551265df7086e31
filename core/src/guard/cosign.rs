//! Has a witness cosign a log: the one step of C2SP tlog-witness that needs a connection.

use std::path::Path;
use std::time::Duration;

use super::agent::agent;
use crate::audit::{Checkpoint, witness};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::keys::PublicKey;
use crate::policy::may_call;

/// How long a witness may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Answers are a few lines.
const LONGEST_ANSWER: u64 = 64 << 10;

/// Has the witness at `url` cosign the newest checkpoint of a slot's log, and keeps what it signed beside the log. Answers with that
/// checkpoint.
///
/// # Errors
/// An address that is neither of this machine nor https; a witness that is away or refuses, which it does where the log does not
/// continue what it cosigned before; an answer without its cosignature.
pub fn cosign(state: &Path, slot: &str, url: &str, key: &PublicKey) -> Result<Checkpoint, Error> {
    may_call(url, false)
        .map_err(|why| Error::new(ErrorKind::Input, format!("the address of the witness: {why}")))?;
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let away = |e: ureq::Error| Error::new(ErrorKind::Log, "the witness cannot be asked").with_source(e);
    let agent = agent(PATIENCE);
    let mut old = witness::cosigned_size(state, slot, key);
    // It may remember more than stands here: then it says how much, and is asked once more.
    for _ in 0..2 {
        let submission = witness::submission(state, slot, old)?;
        let mut answer = agent.post(&url).content_type("text/plain").send(&submission).map_err(away)?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string().map_err(away)?;
        match (status, text.trim().parse()) {
            (200, _) => {
                let note = witness::cosigned(&submission, &text, key, SystemClock.now())?;
                witness::keep_cosigned(state, slot, key, &note)?;
                return Checkpoint::read(&note);
            }
            (409, Ok(remembered)) if remembered != old => old = remembered,
            _ => {
                let message = format!(
                    "the witness answers {status} and does not cosign: the log may not continue what it knows"
                );
                return Err(Error::new(ErrorKind::Log, message));
            }
        }
    }
    Err(Error::new(ErrorKind::Log, "the witness remembers another checkpoint at each question"))
}
