//! `wardline approval`: people decide about held requests.

use serde::Serialize;
use wardline::clock::{Clock, SystemClock};
use wardline::grant::{Answer, Approval, ApprovalState};
use wardline::model::ApprovalId;

use super::watch;
use crate::args::{self, Denial, Vote};
use crate::{Failure, Outcome, Streams, words};

pub(crate) fn run(args: args::Approval, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match args {
        args::Approval::List { state, all } => {
            let wanted = (!all).then_some(ApprovalState::Pending);
            let approvals = state.guard()?.approvals(wanted)?;
            if approvals.is_empty() && !json {
                streams.say("no request is held")?;
            }
            for approval in &approvals {
                show(approval, json, streams)?;
            }
        }
        args::Approval::Approve { vote, break_glass } => {
            let answer = if break_glass { Answer::BreakGlass } else { Answer::Approve };
            cast(&vote, answer, json, streams)?;
        }
        args::Approval::Deny(Denial { state, id, by, reason }) => {
            let vote = Vote { state, id, by, reason: Some(reason) };
            cast(&vote, Answer::Deny, json, streams)?;
        }
        args::Approval::Cancel(Vote { state, id, by, reason }) => {
            let id = ApprovalId::from(id.as_str());
            show(&state.guard()?.cancel(&id, &by, &reason.unwrap_or_default())?, json, streams)?;
        }
        args::Approval::Comment { state, id, text, by } => {
            let id = ApprovalId::from(id.as_str());
            show(&state.guard()?.comment(&id, &by, &text)?, json, streams)?;
        }
        args::Approval::Watch(watch) => return watch::run(&watch, json, streams),
    }
    Ok(0)
}

fn cast(vote: &Vote, answer: Answer, json: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let guard = vote.state.guard()?;
    let id = ApprovalId::from(vote.id.as_str());
    let approval = guard.vote(&id, &vote.by, answer, vote.reason.as_deref())?;
    show(&approval, json, streams)
}

pub(super) fn show(approval: &Approval, json: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Row<'a> {
        state: ApprovalState,
        #[serde(flatten)]
        approval: &'a Approval,
    }
    let state = approval.state(SystemClock.now());
    if json {
        return streams.json(&Row { state, approval });
    }
    streams.say(words::plain(&format!(
        "{}  {}  {}; takes {}; votes: {}; open until {}",
        approval.id,
        state,
        words::asks(&approval.identity.subject, approval),
        words::steps(approval),
        words::votes(approval),
        approval.pending_until,
    )))?;
    approval
        .comments
        .iter()
        .try_for_each(|said| streams.say(words::plain(&format!("    {}", words::comment(said)))))
}
