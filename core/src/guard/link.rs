//! What approvers ask of a guard: what waits for them, and links by which one of them answers one approval.
//!
//! A link's token says which approval, who answers, and until when, under a key that serves nothing else. Whoever has it speaks as that
//! person about that approval, so it goes to that person only. It serves one answer: once they have answered, it is spent.
//!
//! ```
//! # use std::time::Duration;
//! # use wardline::guard::Guard;
//! # use wardline::policy::Policy;
//! # let text = "version: 1\nstate: memory\nservices: {v: {system: qdrant}}\n";
//! let guard = Guard::new(Policy::parse(text, "wardline.yaml").unwrap());
//! assert!(guard.link(&"apr_none".into(), "sam", Duration::from_secs(60)).is_err());
//! assert_eq!(guard.follow("x.y").unwrap_err().code(), "not_eligible");
//! ```

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::worker::Bench;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind};
use crate::grant::{Answer, Approval, ApprovalEvent, ApprovalRefusal, ApprovalState};
use crate::identity::Identity;
use crate::keys::{KeyedDigest, Keys, Purpose};
use crate::model::ApprovalId;

/// What a link is for, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The approval that it answers.
    pub approval: Approval,
    /// Who answers.
    pub by: String,
    /// Why they cannot, where they cannot any more.
    pub refusal: Option<ApprovalRefusal>,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    approval: ApprovalId,
    by: String,
    until: Timestamp,
}

impl Guard {
    /// What waits for people, oldest first, each with why this person may not approve it where they may not.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn pending_for(
        &self,
        by: impl Into<Identity>,
    ) -> Result<Vec<(Approval, Option<ApprovalRefusal>)>, Error> {
        let voter = self.person(by);
        self.runtime()?.run(move |bench| {
            let approvals = bench.approvals();
            let pending = approvals.list(Some(ApprovalState::Pending))?;
            pending
                .into_iter()
                .map(|approval| {
                    let refusal = approvals.refusal(&approval, &voter, Answer::Approve)?;
                    Ok((approval, refusal))
                })
                .collect()
        })
    }

    /// Whether this person could break the glass for an approval now: the policy names a group of theirs for that.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn may_break_glass(&self, approval: &Approval, by: impl Into<Identity>) -> Result<bool, Error> {
        let (voter, approval) = (self.person(by), approval.clone());
        self.runtime()?
            .run(move |bench| Ok(bench.approvals().refusal(&approval, &voter, Answer::BreakGlass)?.is_none()))
    }

    /// Whether this person could say something about an approval now: they are behind it, or asked.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn may_comment(&self, approval: &Approval, by: impl Into<Identity>) -> Result<bool, Error> {
        let (by, approval) = (self.person(by), approval.clone());
        let said = move |bench: &mut Bench| {
            bench.approvals().permits(&approval, &ApprovalEvent::Comment { by: &by, text: "given" })
        };
        self.runtime()?.run(said)
    }

    /// Whether this person could take a request back now: they are behind it, and it is open.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn may_cancel(&self, approval: &Approval, by: impl Into<Identity>) -> Result<bool, Error> {
        let (by, approval) = (self.person(by), approval.clone());
        let taken_back = move |bench: &mut Bench| {
            bench.approvals().permits(&approval, &ApprovalEvent::Cancel { by: &by, reason: "" })
        };
        self.runtime()?.run(taken_back)
    }

    /// The revision of the store: another one whenever anything in it changed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn revision(&self) -> Result<u64, Error> {
        self.runtime()?.run(|bench| bench.store.revision())
    }

    /// A token by which `by` can answer one approval, for so long and no longer than it is open. It is as good as that person: hand it to
    /// nobody else.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]; [`ErrorKind::NotEligible`] or [`ErrorKind::Conflict`] where this person could not approve it now; a store
    /// that cannot be read.
    pub fn link(&self, id: &ApprovalId, by: &str, lasting: Duration) -> Result<String, Error> {
        let (id, voter) = (id.clone(), self.person(by));
        self.runtime()?.run(move |bench| {
            let approvals = bench.approvals();
            let approval = approvals.find(&id)?.ok_or(ApprovalRefusal::Gone)?;
            if let Some(refusal) = approvals.refusal(&approval, &voter, Answer::Approve)? {
                return Err(refusal.into());
            }
            let until = (bench.store.now()? + lasting).min(approval.pending_until);
            token(&bench.keys, id, voter.subject, until)
        })
    }

    /// What the token of a link is for. Nothing is decided by looking.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] where it was not made under these keys or its time is over; a store that cannot be read.
    pub fn follow(&self, token: &str) -> Result<Link, Error> {
        let said = read(token, self.keys()?.start(Purpose::Link)).ok_or_else(|| {
            Error::new(ErrorKind::NotEligible, "the link is not one of this installation, or it is not whole")
        })?;
        let voter = self.person(&said.by);
        self.runtime()?.run(move |bench| {
            if bench.store.now()? >= said.until {
                return Err(Error::new(ErrorKind::NotEligible, "the time of the link is over"));
            }
            let approvals = bench.approvals();
            let approval = approvals.find(&said.approval)?.ok_or(ApprovalRefusal::Gone)?;
            let refusal = approvals.refusal(&approval, &voter, Answer::Approve)?;
            Ok(Link { approval, by: said.by, refusal })
        })
    }

    /// Answers by a link, once.
    ///
    /// # Errors
    /// As [`follow`](Self::follow) and [`vote`](Self::vote); [`ErrorKind::Conflict`] where this person has answered.
    pub fn vote_by_link(&self, token: &str, answer: Answer, reason: Option<&str>) -> Result<Approval, Error> {
        let link = self.follow(token)?;
        // A denial stands open to them for as long as the approval is not used, though not by a link that has served.
        if let Some(refusal) = link.refusal {
            return Err(refusal.into());
        }
        self.vote(&link.approval.id, &link.by, answer, reason)
    }
}

/// The token by which `by` answers one approval until then.
pub(super) fn token(
    keys: &Keys,
    approval: ApprovalId,
    by: String,
    until: Timestamp,
) -> Result<String, Error> {
    let said = serde_json::to_vec(&Said { approval, by, until })
        .map_err(|e| Error::new(ErrorKind::Internal, "a link cannot be written as JSON").with_source(e))?;
    let mut seal = keys.start(Purpose::Link);
    seal.field(&said);
    Ok(format!("{}.{}", BASE64.encode(&said), BASE64.encode(seal.finish())))
}

/// What a token says, where the seal is its own.
fn read(token: &str, mut seal: KeyedDigest) -> Option<Said> {
    let (said, mac) = token.split_once('.')?;
    let (said, mac) = (BASE64.decode(said).ok()?, BASE64.decode(mac).ok()?);
    seal.field(&said);
    if seal.verify(&mac) { serde_json::from_slice(&said).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::guard::{Caller, Step};
    use crate::model::{Act, Call, Operation, Subject};
    use crate::policy::Policy;

    const POLICY: &str = "
version: 1
state: memory
groups: {security: [sam, kim]}
services: {vectors: {system: qdrant}}
rules: [{name: bulk, who: ['user:*'], operations: [vector.export], effect: hold}]
approval: {steps: [{from: [security], need: 2}]}
";

    fn held(guard: &Guard, by: &str) -> Approval {
        let call = Call { service: "vectors".into(), acts: vec![Act::new(Operation::VectorExport, "docs")] };
        let mut exchange = guard.begin(Subject::Call(call), Caller::verified(Identity::new(by)), "test");
        let Step::Answer(_) = exchange.next_blocking() else { panic!("it is held") };
        drop(exchange);
        guard.approvals(Some(ApprovalState::Pending)).unwrap().pop().unwrap()
    }

    fn guard() -> (Guard, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new("2026-11-25T10:00:00Z".parse().unwrap()));
        (Guard::with_clock(Policy::parse(POLICY, "p").unwrap(), clock.clone()), clock)
    }

    #[test]
    fn a_link_serves_one_answer_of_one_person_for_a_time() {
        let (guard, clock) = guard();
        let approval = held(&guard, "ana");
        let minute = Duration::from_secs(60);
        let link = guard.link(&approval.id, "sam", minute).unwrap();
        assert_eq!(guard.follow(&link).unwrap().by, "sam");
        guard.vote_by_link(&link, Answer::Approve, None).unwrap();
        for answer in [Answer::Approve, Answer::Deny] {
            assert_eq!(guard.vote_by_link(&link, answer, Some("no")).unwrap_err().code(), "conflict");
        }
        let late = guard.link(&approval.id, "kim", minute).unwrap();
        clock.advance(minute);
        assert_eq!(guard.vote_by_link(&late, Answer::Approve, None).unwrap_err().code(), "not_eligible");
        assert_eq!(guard.approvals(None).unwrap().pop().unwrap().votes.len(), 1);
    }

    #[test]
    fn no_link_is_made_for_who_may_not_vote_and_none_is_taken_that_was_changed() {
        let (guard, _) = guard();
        let approval = held(&guard, "kim");
        let minute = Duration::from_secs(60);
        for by in ["kim", "bob", "anonymous"] {
            assert_eq!(guard.link(&approval.id, by, minute).unwrap_err().code(), "not_eligible");
        }
        let link = guard.link(&approval.id, "sam", minute).unwrap();
        let (said, mac) = link.split_once('.').unwrap();
        let other =
            BASE64.encode(String::from_utf8(BASE64.decode(said).unwrap()).unwrap().replace("sam", "bob"));
        for wrong in [format!("{other}.{mac}"), format!("{said}."), said.to_owned(), String::new()] {
            assert_eq!(guard.follow(&wrong).unwrap_err().code(), "not_eligible");
        }
        let elsewhere = self::guard().0;
        assert_eq!(elsewhere.follow(&link).unwrap_err().code(), "not_eligible");
    }

    #[test]
    fn who_waits_for_whom_is_told_with_why_not() {
        let (guard, _) = guard();
        let before = guard.revision().unwrap();
        held(&guard, "kim");
        assert!(guard.revision().unwrap() > before);
        let refusal = |by: &str| guard.pending_for(by).unwrap().pop().unwrap().1;
        assert_eq!(refusal("kim"), Some(ApprovalRefusal::OwnRequest));
        assert_eq!(refusal("bob"), Some(ApprovalRefusal::NotEligible));
        assert_eq!(refusal("sam"), None);
    }
}
