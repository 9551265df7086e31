//! Approvals: people decide about one held request.

mod aliases;
mod approvals;
mod quorum;
mod state;

pub use aliases::Aliases;
pub use approvals::{Approvals, Consumed, Opening, Ticket};
pub use state::{
    Answer, Approval, ApprovalEvent, ApprovalRefusal, ApprovalState, Comment, Counted, Outcome, Step, Vote,
};
