//! `wardline approval`: people decide about held requests.

use serde::Serialize;
use wardline::clock::{Clock, SystemClock};
use wardline::grant::{Answer, Approval, ApprovalState};
use wardline::model::ApprovalId;

use crate::args::{self, Vote};
use crate::{Failure, Outcome, Streams};

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
        args::Approval::Deny(vote) => cast(&vote, Answer::Deny, json, streams)?,
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
    let steps: Vec<String> =
        approval.steps.iter().map(|step| format!("{} of {}", step.need, step.from.join("|"))).collect();
    let votes: Vec<String> = approval
        .votes
        .iter()
        .map(|vote| {
            let said = match vote.answer {
                Answer::Approve => "approved",
                Answer::Deny => "denied",
                Answer::BreakGlass => "broke the glass",
            };
            format!("{} {said}", vote.by)
        })
        .collect();
    streams.say(format!(
        "{}  {:?}  {} asks {} for {}; takes {}; votes: {}; open until {}",
        approval.id,
        state,
        approval.identity.subject,
        approval.services().join(", "),
        approval.what().join(", "),
        steps.join(" and "),
        if votes.is_empty() { "none".to_owned() } else { votes.join(", ") },
        approval.pending_until,
    ))
}
