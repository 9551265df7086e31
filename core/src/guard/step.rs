//! What an exchange asks of its driver and tells its door.
//!
//! A door knows four things: [`Step`] before the service is called, [`Forward`] for the request,
//! [`Passage`] for the response head, and [`Flow`] for each piece of a body. Effects never reach a door that
//! uses the driver.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::Answer;
use super::truth::HeaderEdits;
use crate::audit::Prepared;
use crate::budget::{Charge, Spending};
use crate::clock::Timestamp;
use crate::grant::{Approval, ApprovalState, Lease, Opening};
use crate::identity::FetchedKeys;
use crate::model::{ApprovalId, GrantId};

/// What an exchange needs next, before the service is called.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// The next piece of the request body: `push_request`, or `end_request` where there is no more.
    NeedBody,
    /// Something that the store or the log must do; the answer goes to `complete`.
    Effect(Effect),
    /// The request goes to the service.
    Forward(Forward),
    /// The caller gets this answer; the service is not called.
    Answer(Answer),
}

/// How the request goes to the service.
#[derive(Debug)]
pub struct Forward {
    /// Changes to the request's headers.
    pub edits: HeaderEdits,
    /// What happens to its body.
    pub body: RequestBody,
}

/// What happens to the body of a forwarded request.
#[derive(Debug)]
#[non_exhaustive]
pub enum RequestBody {
    /// Nothing: what was read so far and what is still to come go on as they are.
    Unchanged,
    /// This is the whole body now; its length is known.
    Whole(Bytes),
    /// These bytes come first; every further piece goes through `request`, the end through `request_end`.
    Feed(Bytes),
}

/// How a response goes to the caller, known from its head.
#[derive(Debug)]
pub struct Passage {
    /// Changes to the response's headers.
    pub edits: HeaderEdits,
    /// What happens to its body.
    pub body: ResponseBody,
}

/// What happens to the body of a response. Pieces go through `response` and the end through `response_end`
/// in every case but [`Refuse`](ResponseBody::Refuse).
#[derive(Debug)]
#[non_exhaustive]
pub enum ResponseBody {
    /// Bytes pass as they are (they are counted, and may still be cut): the declared length stays true.
    Pass,
    /// Pieces change as they pass; the length is not known before the end.
    Stream,
    /// The body is small and its length declared: collect it, feed it once, send it with its new length.
    /// An error then still becomes an answer instead of an aborted connection.
    Whole,
    /// The response must not pass: the caller gets this answer instead.
    Refuse(Answer),
}

/// What became of one piece of a body.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Flow {
    /// The piece goes on exactly as it came; nothing was written to `out`.
    Unchanged,
    /// What goes on now was appended to `out` (perhaps nothing).
    Changed,
    /// The piece waits: carry this out, `complete` it, then ask `resume`.
    Effect(Effect),
    /// Nothing more may pass: abort the connection, never end it well-formed.
    Abort(Abort),
    /// What was appended to `out` is the last that may pass (perhaps nothing): send it, and once it has left, abort the connection.
    Last(Abort),
}

/// Why a body was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abort {
    /// Stable code, e.g. `grant_revoked`.
    pub code: &'static str,
    /// The same as an answer, for a door that has sent nothing yet.
    pub answer: Answer,
}

/// Something that only the store or the log can do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Wait for the first attempt to fetch the keys that a token is verified by.
    AwaitKeys(Arc<FetchedKeys>),
    /// Find the ticket of this request, or open one; take it where it is approved.
    OpenApproval(Box<Opening>),
    /// Wait until people decide, at most until then.
    AwaitDecision {
        /// The ticket.
        approval: ApprovalId,
        /// The request it must be for.
        digest: String,
        /// When to stop waiting.
        until: Timestamp,
    },
    /// Take use and quota of a grant before they are spent.
    Lease(LeaseRequest),
    /// Draw from budgets before what is counted leaves, or see how they stand.
    Spend(SpendRequest),
    /// Put the begin entry on disk before the first byte is forwarded.
    PersistBegin(Box<Prepared>),
}

/// What is to be taken of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Which grant.
    pub grant: GrantId,
    /// How many uses; counted where the grant limits them.
    pub uses: u64,
    /// The least of its quota that helps.
    pub need: u64,
    /// The most of its quota that is wanted.
    pub want: u64,
}

/// What is to be drawn from budgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRequest {
    /// Which budgets: from all of them, or from none.
    pub charges: Vec<Charge>,
    /// Ids, as keyed digests.
    pub ids: Vec<u64>,
}

/// How an effect ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Done {
    /// The ticket as it stands; `taken` where it was approved and this request may go on under it.
    Approval {
        /// The ticket.
        approval: Box<Approval>,
        /// Where it stands, by the store's clock.
        state: ApprovalState,
        /// Whether it was used up for this request.
        taken: bool,
    },
    /// This was leased.
    Leased(Lease),
    /// This was drawn, or refused.
    Spent(Spending),
    /// The grant gives no more: the reason's stable code.
    Refused(&'static str),
    /// The entry is on disk.
    Persisted,
    /// The keys were asked for; whether they are there is seen where they are needed.
    Tried,
    /// It could not be done; the exchange fails closed.
    Failed,
}
