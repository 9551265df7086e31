//! Permission that ends, and approvals by people.
//!
//! A [`Grant`] lets callers do something for a time: within its [`Scope`], from one instant to another, for so many uses and so
//! much that leaves. An [`Approval`] lets one exact request pass once, after the people whom the policy names have agreed.
//! Each is moved by one pure function ([`Grant::step`], [`Approval::step`]); [`Grants`] and [`Approvals`] apply it to a
//! [`Store`](crate::store::Store), one compare-and-set a change; a [`Snapshot`] answers on the decision path.

mod approval;
mod chain;
mod grants;
mod lease;
mod limits;
mod notice;
mod outbox;
mod scope;
mod snapshot;
mod state;
mod terms;

pub use approval::{
    Aliases, Answer, Approval, ApprovalEvent, ApprovalRefusal, ApprovalState, Approvals, Comment, Consumed,
    Counted, Opening, Outcome, Step, Ticket, Vote,
};
pub use grants::{Grants, Leased};
pub use lease::{Lease, Take};
pub use limits::Limits;
pub use notice::{Event, Letter, LetterState, Notice, Subscriber};
pub use outbox::{Outbox, Parcel};
pub use scope::Scope;
pub use snapshot::Snapshot;
pub use state::{Grant, GrantEvent, GrantRefusal, GrantState, Held, Lack, Revocation};
pub use terms::{Terms, Until};
