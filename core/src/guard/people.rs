//! What people do with a guard: issue, hand on, ask for and end grants, and decide about what is held.
//!
//! Whoever acts is named by the host, which has authenticated them; their groups are those of the policy, and those that the host vouches for.

use super::guard::Guard;
use super::worker::Bench;
use crate::error::{Error, ErrorKind};
use crate::grant::{Answer, Approval, ApprovalState, Grant, Letter, Opening, Outbox, Terms};
use crate::identity::Identity;
use crate::keys::{Purpose, hex};
use crate::model::{ApprovalId, GrantId};

impl Guard {
    /// Issues a grant; its clock starts now.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] where the policy names its issuers and `by` is none of them, or the grant would be their own; terms that
    /// cannot be granted, or a store or log that cannot be written.
    pub fn issue_grant(&self, terms: Terms, by: &str) -> Result<Grant, Error> {
        let (policy, issuer) = (self.policy(), self.person(by));
        policy.knows(&terms.scope)?;
        if !policy.granting().may_issue(&issuer) {
            return Err(no_issuer("issues grants"));
        }
        if policy.granting().is_own(&terms.scope, &issuer) {
            let message = "nobody issues grants to themselves here: another issuer does, or it is asked for";
            return Err(Error::new(ErrorKind::NotEligible, message));
        }
        let by = by.to_owned();
        self.runtime()?.run(move |bench| {
            let grant = bench.grants().issue(&terms, &by)?;
            bench.note_grant("issued", &grant, &by, Some(&grant.reason));
            bench.flush()?;
            Ok(grant)
        })
    }

    /// Asks for a grant: people whom the policy names decide about it as about a request that is held, and it is issued with the vote that
    /// decides. Who asks for the same again gets the same approval.
    ///
    /// # Errors
    /// Terms that cannot be granted, a policy that names nobody to approve, or a store or log that cannot be written.
    pub fn request_grant(&self, terms: Terms, by: &str) -> Result<Approval, Error> {
        let policy = self.policy();
        policy.knows(&terms.scope)?;
        let asked = policy.granting().approval()?.clone();
        let identity = Identity::new(by).with_groups(policy.groups_of(by));
        let digest = hex(policy.digest());
        self.runtime()?.run(move |bench| {
            // What could not be granted now is refused before anybody looks at it.
            terms.check(bench.store.now()?, bench.limits())?;
            let opening = Opening {
                digest: request_digest(bench, &identity, &terms)?,
                identity,
                service: String::new(),
                acts: Vec::new(),
                wants: Some(Box::new(terms)),
                rules: Vec::new(),
                policy: digest,
                steps: asked.steps,
                break_glass: asked.break_glass,
                reason_required: asked.reason_required,
                pending_for: asked.ttl,
                usable_for: asked.usable_for,
            };
            let ticket = bench.approvals().open_or_find(&opening)?;
            if ticket.opened {
                let reason = opening.wants.as_ref().map(|terms| terms.reason.as_str());
                bench.note_approval("opened", &ticket.approval, &opening.identity.subject, reason);
                bench.flush()?;
            }
            Ok(ticket.approval)
        })
    }

    /// Hands a part of a grant on that `by` may use: to others, for less, never for more. See [`Grants::hand_on`](crate::grant::Grants::hand_on).
    ///
    /// # Errors
    /// Someone who may not use it, terms that reach further, or a store or log that cannot be written.
    pub fn hand_on_grant(&self, id: &GrantId, terms: Terms, by: &str) -> Result<Grant, Error> {
        self.policy().knows(&terms.scope)?;
        let holder = self.person(by);
        let id = id.clone();
        self.runtime()?.run(move |bench| {
            let grant = bench.grants().hand_on(&id, &holder, &terms)?;
            bench.note_grant("handed_on", &grant, &holder.subject, Some(&grant.reason));
            bench.flush()?;
            Ok(grant)
        })
    }

    /// Notes that somebody reads the log: `step` is what is done (`queried`, `shown`, ...), `asked` what is looked for, without a value that
    /// a finding stands for. It is on disk when this returns.
    ///
    /// # Errors
    /// A log that cannot be written: then nothing should be shown.
    pub fn note_reading(&self, by: &str, step: &str, asked: &str) -> Result<(), Error> {
        let (by, step, asked) = (by.to_owned(), step.to_owned(), asked.to_owned());
        self.runtime()?.run(move |bench| {
            bench.note_reading(&by, &step, &asked);
            bench.flush()
        })
    }

    /// Whether this person may end a grant, whatever its state: one of the policy's issuers, who issued it, or whose own it is.
    pub fn may_end(&self, grant: &Grant, by: impl Into<Identity>) -> bool {
        self.policy().granting().may_end(grant, &self.person(by))
    }

    /// Ends a grant now, and all that was handed on from it, for every process on this state.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for who [may not](Self::may_end); a grant that does not exist or has ended, or a store or log that cannot
    /// be written.
    pub fn revoke_grant(&self, id: &GrantId, by: impl Into<Identity>, reason: &str) -> Result<Grant, Error> {
        let (policy, person) = (self.policy(), self.person(by));
        let (id, by, reason) = (id.clone(), person.subject.clone(), reason.to_owned());
        self.runtime()?.run(move |bench| {
            if let Some(grant) = bench.grants().find(&id)?
                && !policy.granting().may_end(&grant, &person)
            {
                return Err(no_issuer("ends grants of others"));
            }
            let grant = bench.grants().revoke(&id, &by, &reason)?;
            bench.note_grant("revoked", &grant, &by, Some(&reason));
            bench.flush()?;
            Ok(grant)
        })
    }

    /// All grants ever issued, ended ones too.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn grants(&self) -> Result<Vec<Grant>, Error> {
        self.runtime()?.run(|bench| bench.grants().list())
    }

    /// All approvals, or those in one state; ended ones stay listed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn approvals(&self, state: Option<ApprovalState>) -> Result<Vec<Approval>, Error> {
        self.runtime()?.run(move |bench| bench.approvals().list(state))
    }

    /// A person's vote on a held request, or on a grant that is asked for.
    ///
    /// # Errors
    /// Where the person may not vote on it, it is no longer pending, or the store or log cannot be written.
    pub fn vote(
        &self,
        id: &ApprovalId,
        by: impl Into<Identity>,
        answer: Answer,
        reason: Option<&str>,
    ) -> Result<Approval, Error> {
        let voter = self.person(by);
        let (id, reason) = (id.clone(), reason.map(str::to_owned));
        self.runtime()?.run(move |bench| {
            let approval = bench.approvals().vote(&id, &voter, answer, reason.as_deref())?;
            let step = match answer {
                Answer::Approve => "approved",
                Answer::Deny => "denied",
                Answer::BreakGlass => "break_glass",
            };
            bench.note_approval(step, &approval, &voter.subject, reason.as_deref());
            if let Some(granted) = &approval.granted
                && let Some(grant) = bench.grants().find(granted)?
            {
                bench.note_grant("issued", &grant, &voter.subject, Some(&grant.reason));
            }
            bench.flush()?;
            Ok(approval)
        })
    }

    /// Takes a request of one's own back that is held, or approved and not yet used.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for who is not behind it, [`ErrorKind::Conflict`] where it is settled; a store or log that cannot be written.
    pub fn cancel(&self, id: &ApprovalId, by: impl Into<Identity>, reason: &str) -> Result<Approval, Error> {
        let (by, id, reason) = (self.person(by), id.clone(), reason.to_owned());
        self.runtime()?.run(move |bench| {
            let approval = bench.approvals().cancel(&id, &by, &reason)?;
            let reason = Some(reason.trim()).filter(|text| !text.is_empty());
            bench.note_approval("cancelled", &approval, &by.subject, reason);
            bench.flush()?;
            Ok(approval)
        })
    }

    /// Says something about an open approval: a question of who decides, or the answer of who asks. It is read where the approval is, stands
    /// in the log, and decides nothing.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] for who is neither behind it nor asked, [`ErrorKind::Conflict`] where it is settled; a store or log that
    /// cannot be written.
    pub fn comment(&self, id: &ApprovalId, by: impl Into<Identity>, text: &str) -> Result<Approval, Error> {
        let (by, id, text) = (self.person(by), id.clone(), text.to_owned());
        self.runtime()?.run(move |bench| {
            let approval = bench.approvals().comment(&id, &by, &text)?;
            bench.note_approval("commented", &approval, &by.subject, Some(text.trim()));
            bench.flush()?;
            Ok(approval)
        })
    }

    /// A person as approvals and grants judge them: in the groups that the policy puts them in, and those that the host vouches for.
    pub(super) fn person(&self, by: impl Into<Identity>) -> Identity {
        let mut person = by.into();
        let policy = self.policy();
        person.groups.extend(policy.groups_of(&person.subject).map(str::to_owned));
        person.groups.sort_unstable();
        person.groups.dedup();
        person
    }

    /// Everything that webhooks were to be told, and what became of it; oldest change first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn letters(&self) -> Result<Vec<Letter>, Error> {
        self.runtime()?.run(|bench| Outbox::list(&*bench.store))
    }
}

fn no_issuer(does: &str) -> Error {
    let message = format!("nobody {does} here but people of the groups under granting.issuers of the policy");
    Error::new(ErrorKind::NotEligible, message)
}

/// What tells one wish from another: who asks, and for what.
fn request_digest(bench: &Bench, identity: &Identity, terms: &Terms) -> Result<String, Error> {
    let terms = serde_json::to_vec(terms).map_err(|e| {
        Error::new(ErrorKind::Internal, "the terms of a grant cannot be written as JSON").with_source(e)
    })?;
    let mut digest = bench.keys.start(Purpose::Digest);
    digest.field(b"wardline/grant_request/1");
    digest.field(identity.subject.as_bytes());
    digest.field(&terms);
    Ok(hex(&digest.finish()))
}
