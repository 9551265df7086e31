//! An approval, and the one pure function that moves it.
//!
//! ```text
//! Pending --a vote fills the last step--> Approved --consume--> Used
//! Pending --one person breaks the glass--> Approved
//! Pending | Approved --an eligible person denies--> Denied
//! Pending | Approved --someone behind the request, or a changed policy--> Cancelled
//! Pending | Approved --time passes (computed)--> Expired
//! ```
//! Denied, Used, Cancelled and Expired are final. Times are half-open.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Aliases, quorum};
use crate::clock::Timestamp;
use crate::grant::{Terms, Until};
use crate::identity::{Identity, Who};
use crate::model::{Act, ApprovalId, GrantId};

/// One held request, or a grant that is asked for, and what people said to it. It binds to the request by `digest`, and serves one use;
/// a grant is issued with the deciding vote, which is the use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Its name.
    pub id: ApprovalId,
    /// Keyed digest of the exact request, in lower-case hex.
    pub digest: String,
    /// Who asked.
    pub identity: Identity,
    /// At which service; none where a grant is asked for.
    pub service: String,
    /// What the request does.
    pub acts: Vec<Act>,
    /// The grant that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Box<Terms>>,
    /// The grant that was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<GrantId>,
    /// The rules that held it.
    pub rules: Vec<String>,
    /// Digest of the policy at that time.
    pub policy: String,
    /// Whose agreement it takes: every step.
    pub steps: Vec<Step>,
    /// Groups of which one person alone may let it go on, in an emergency.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<String>,
    /// Whether a vote must say why.
    pub reason_required: bool,
    /// All votes, in order.
    #[serde(default)]
    pub votes: Vec<Vote>,
    /// What was asked and answered about it, in order; it decides nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Until when people may vote: the instant itself is outside.
    pub pending_until: Timestamp,
    /// How long it may be used once approved, in milliseconds: the clock starts at the deciding vote.
    pub usable_for_ms: u64,
    /// What became of it; `None` while nobody has settled it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

/// One group of agreements: `need` distinct people, each in at least one of the groups of `from`.
///
/// Any-of is several groups in one step; all-of is several steps. **A person counts towards one step only**, so
/// that two steps always mean two people; who counts where is chosen so that as many as possible count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Groups, any of which entitles.
    pub from: Vec<String>,
    /// How many people, at least 1.
    pub need: u32,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It may go on.
    Approve,
    /// It may not, whatever others say.
    Deny,
    /// It may go on at once, though nobody else agreed and be it one's own: an emergency, which is told and stays marked. It takes a reason.
    BreakGlass,
}

/// One person's vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vote {
    /// Who.
    pub by: String,
    /// The voter's groups that entitled to it, as vouched at that moment.
    pub groups: Vec<String>,
    /// What was said.
    pub answer: Answer,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What one person said about it, beside the votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// How an approval was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Outcome {
    /// Every step was filled.
    Approved {
        /// When the deciding vote fell.
        at: Timestamp,
        /// Until when it may be used: the instant itself is outside.
        usable_until: Timestamp,
        /// Who counted, and for which step, at the deciding moment; nobody where the glass was broken.
        by: Vec<Counted>,
        /// When it was used.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        used_at: Option<Timestamp>,
    },
    /// An eligible person denied it; their vote is the last one.
    Denied {
        /// When.
        at: Timestamp,
    },
    /// It was taken back.
    Cancelled {
        /// When.
        at: Timestamp,
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
}

/// One approver as counted at the deciding moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Who.
    pub by: String,
    /// Which step, from 0.
    pub step: usize,
    /// The group that entitled to it.
    pub group: String,
}

/// Where an approval stands at an instant. Computed, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalState {
    /// People may vote.
    Pending,
    /// It may be used, once.
    Approved,
    /// Someone denied it.
    Denied,
    /// Its time to vote, or to be used, is over.
    Expired,
    /// It was used.
    Used,
    /// It was taken back.
    Cancelled,
}

/// What can happen to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalEvent<'a> {
    /// A person votes.
    Vote {
        /// Who, as authenticated now.
        by: &'a Identity,
        /// What they say.
        answer: Answer,
        /// Why.
        reason: Option<&'a str>,
    },
    /// The request with this digest is about to be forwarded.
    Consume {
        /// Its digest.
        digest: &'a str,
    },
    /// Someone behind the request takes it back.
    Cancel {
        /// Who.
        by: &'a Identity,
        /// Why.
        reason: &'a str,
    },
    /// Someone who may vote on it, or who is behind it, says something about it.
    Comment {
        /// Who, as authenticated now.
        by: &'a Identity,
        /// What.
        text: &'a str,
    },
    /// The policy asks for other approvers now.
    Supersede,
}

/// Why an approval does not move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalRefusal {
    /// Nobody votes without being authenticated.
    Anonymous,
    /// The voter is one of those behind the request.
    OwnRequest,
    /// The voter is in no group that is asked.
    NotEligible,
    /// The voter has approved already.
    VotedAlready,
    /// A reason is required.
    ReasonRequired,
    /// It is not one's own request to take back.
    NotOwn,
    /// It is neither one's own request nor one that one is asked about.
    NotConcerned,
    /// As much was said about it as it takes.
    SaidEnough,
    /// It was approved for another request.
    OtherRequest,
    /// It stands elsewhere than this needs.
    Stands(ApprovalState),
    /// The store knows no such approval.
    Gone,
}

impl Approval {
    /// So many comments it takes.
    pub const MOST_COMMENTS: usize = 100;

    /// Where it stands at `now`.
    pub fn state(&self, now: Timestamp) -> ApprovalState {
        match &self.outcome {
            Some(Outcome::Denied { .. }) => ApprovalState::Denied,
            Some(Outcome::Cancelled { .. }) => ApprovalState::Cancelled,
            Some(Outcome::Approved { used_at: Some(_), .. }) => ApprovalState::Used,
            Some(Outcome::Approved { usable_until, .. }) if now < *usable_until => ApprovalState::Approved,
            None if now < self.pending_until => ApprovalState::Pending,
            Some(Outcome::Approved { .. }) | None => ApprovalState::Expired,
        }
    }

    /// When its present state ends by time alone: the end of voting, or of use; `None` once it is settled for good.
    pub fn ends(&self) -> Option<Timestamp> {
        match &self.outcome {
            None => Some(self.pending_until),
            Some(Outcome::Approved { usable_until, used_at: None, .. }) => Some(*usable_until),
            Some(_) => None,
        }
    }

    /// The approval after `event` at `now`: the only way an approval changes.
    ///
    /// # Errors
    /// Why it stays as it is.
    pub fn step(
        &self,
        event: &ApprovalEvent<'_>,
        aliases: &Aliases,
        now: Timestamp,
    ) -> Result<Self, ApprovalRefusal> {
        match *event {
            ApprovalEvent::Vote { by, answer, reason } => self.voted(by, answer, reason, aliases, now),
            ApprovalEvent::Consume { digest } => self.consumed(digest, now),
            ApprovalEvent::Cancel { by, reason } => {
                if by.is_anonymous() || !self.is_behind(&by.subject, aliases) {
                    return Err(ApprovalRefusal::NotOwn);
                }
                self.cancelled(&by.subject, reason, now)
            }
            ApprovalEvent::Comment { by, text } => self.commented(by, text, aliases, now),
            ApprovalEvent::Supersede => {
                self.cancelled("policy", "the policy asks for other approvers now", now)
            }
        }
    }

    fn voted(
        &self,
        by: &Identity,
        answer: Answer,
        reason: Option<&str>,
        aliases: &Aliases,
        now: Timestamp,
    ) -> Result<Self, ApprovalRefusal> {
        if by.is_anonymous() {
            return Err(ApprovalRefusal::Anonymous);
        }
        let breaks = answer == Answer::BreakGlass;
        if !breaks && (self.is_behind(&by.subject, aliases) || self.is_for(by)) {
            return Err(ApprovalRefusal::OwnRequest);
        }
        let entitles =
            |group: &&String| if breaks { self.break_glass.contains(group) } else { self.asks(group) };
        let groups: Vec<String> = by.groups.iter().filter(entitles).cloned().collect();
        if groups.is_empty() {
            return Err(ApprovalRefusal::NotEligible);
        }
        // Stopping is allowed for longer than agreeing: a denial also ends what is approved and not yet used.
        match (self.state(now), answer) {
            (ApprovalState::Pending, _) | (ApprovalState::Approved, Answer::Deny) => {}
            (state, _) => return Err(ApprovalRefusal::Stands(state)),
        }
        if answer == Answer::Approve && self.votes.iter().any(|vote| aliases.same(&vote.by, &by.subject)) {
            return Err(ApprovalRefusal::VotedAlready);
        }
        let reason = reason.map(str::trim).filter(|text| !text.is_empty());
        if (self.reason_required || breaks) && reason.is_none() {
            return Err(ApprovalRefusal::ReasonRequired);
        }
        let mut next = self.clone();
        next.votes.push(Vote {
            by: by.subject.clone(),
            groups,
            answer,
            at: now,
            reason: reason.map(str::to_owned),
        });
        match answer {
            Answer::Deny => next.outcome = Some(Outcome::Denied { at: now }),
            Answer::BreakGlass => {
                let usable_until = now + Duration::from_millis(next.usable_for_ms);
                next.outcome =
                    Some(Outcome::Approved { at: now, usable_until, by: Vec::new(), used_at: None });
            }
            Answer::Approve => {
                if let Some(by) = quorum::filled(&next.steps, &next.votes) {
                    let usable_until = now + Duration::from_millis(next.usable_for_ms);
                    next.outcome = Some(Outcome::Approved { at: now, usable_until, by, used_at: None });
                }
            }
        }
        Ok(next)
    }

    fn consumed(&self, sent: &str, now: Timestamp) -> Result<Self, ApprovalRefusal> {
        if sent != self.digest {
            return Err(ApprovalRefusal::OtherRequest);
        }
        let mut next = self.clone();
        match (self.state(now), &mut next.outcome) {
            (ApprovalState::Approved, Some(Outcome::Approved { used_at, .. })) => *used_at = Some(now),
            (state, _) => return Err(ApprovalRefusal::Stands(state)),
        }
        Ok(next)
    }

    fn cancelled(&self, by: &str, reason: &str, now: Timestamp) -> Result<Self, ApprovalRefusal> {
        match self.state(now) {
            ApprovalState::Pending | ApprovalState::Approved => {
                let mut next = self.clone();
                next.outcome =
                    Some(Outcome::Cancelled { at: now, by: by.to_owned(), reason: reason.trim().to_owned() });
                Ok(next)
            }
            state => Err(ApprovalRefusal::Stands(state)),
        }
    }

    fn commented(
        &self,
        by: &Identity,
        text: &str,
        aliases: &Aliases,
        now: Timestamp,
    ) -> Result<Self, ApprovalRefusal> {
        let asked = |group: &String| self.asks(group) || self.break_glass.contains(group);
        let concerned =
            self.is_behind(&by.subject, aliases) || self.is_for(by) || by.groups.iter().any(asked);
        if by.is_anonymous() || !concerned {
            return Err(ApprovalRefusal::NotConcerned);
        }
        let state = self.state(now);
        if !matches!(state, ApprovalState::Pending | ApprovalState::Approved) {
            return Err(ApprovalRefusal::Stands(state));
        }
        if self.comments.len() >= Self::MOST_COMMENTS {
            return Err(ApprovalRefusal::SaidEnough);
        }
        let mut next = self.clone();
        next.comments.push(Comment { by: by.subject.clone(), at: now, text: text.trim().to_owned() });
        Ok(next)
    }

    /// The grant that it asked for was issued: that is its use.
    pub(super) fn fulfilled(mut self, grant: &GrantId, now: Timestamp) -> Self {
        if let Some(Outcome::Approved { used_at, .. }) = &mut self.outcome {
            *used_at = Some(now);
        }
        self.granted = Some(grant.clone());
        self
    }

    /// Whether one person alone let it go on.
    pub fn is_broken(&self) -> bool {
        self.votes.iter().any(|vote| vote.answer == Answer::BreakGlass)
    }

    /// What it lets happen, in words: each act, or what the grant is for.
    pub fn what(&self) -> Vec<String> {
        match &self.wants {
            Some(terms) => {
                let who: Vec<String> = terms.scope.who.iter().map(ToString::to_string).collect();
                let lasting = match terms.until {
                    Until::At(end) => format!("until {end}"),
                    length @ Until::Lasting(_) => format!("for {length}"),
                };
                let of = format!(" (a grant for {}, {lasting})", who.join(", "));
                terms.scope.what().map(|what| what + &of).collect()
            }
            None => self.acts.iter().map(ToString::to_string).collect(),
        }
    }

    /// Where it would be used: the service, or the services of a grant.
    pub fn services(&self) -> Vec<String> {
        match &self.wants {
            Some(terms) => terms.scope.services.iter().map(ToString::to_string).collect(),
            None => vec![self.service.clone()],
        }
    }

    /// Whether the grant that is asked for names this person, by name or group, as one who may use it.
    fn is_for(&self, person: &Identity) -> bool {
        let named = |who: &Who| !matches!(who, Who::Everyone) && who.matches(person);
        self.wants.as_ref().is_some_and(|terms| terms.scope.who.iter().any(named))
    }

    /// Whether `person` is one of those behind the request, by any name.
    fn is_behind(&self, person: &str, aliases: &Aliases) -> bool {
        self.identity.everyone().any(|name| aliases.same(name, person))
    }

    /// Whether some step asks people of `group`.
    fn asks(&self, group: &str) -> bool {
        self.steps.iter().any(|step| step.from.iter().any(|from| from == group))
    }
}

impl ApprovalState {
    /// The name that records and `--json` use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for ApprovalRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("nobody votes without being authenticated"),
            Self::OwnRequest => f.write_str("nobody votes on a request that they stand behind"),
            Self::NotEligible => {
                f.write_str("the voter is not eligible: in no group that this approval asks")
            }
            Self::VotedAlready => f.write_str("the voter has approved already; one person counts once"),
            Self::ReasonRequired => f.write_str("this approval requires a reason"),
            Self::NotOwn => f.write_str("only those behind a request may take it back"),
            Self::NotConcerned => {
                f.write_str("only those behind a request, and those who are asked, say something about it")
            }
            Self::SaidEnough => write!(f, "an approval takes at most {} comments", Approval::MOST_COMMENTS),
            Self::OtherRequest => f.write_str("this approval belongs to another request"),
            Self::Stands(state) => write!(f, "the approval is {state}"),
            Self::Gone => f.write_str("there is no such approval"),
        }
    }
}
