//! `wardline grant`: time-boxed permission.

use serde::Serialize;
use wardline::clock::{Clock, SystemClock};
use wardline::glob::Glob;
use wardline::grant::{Grant, GrantState, Scope, Terms};
use wardline::model::{GrantId, Unit};

use super::approval;
use crate::args::{self, GrantIssue, parsed, parsed_if};
use crate::{Failure, Outcome, Streams};

pub(crate) fn run(args: args::Grant, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match args {
        args::Grant::Issue(issue) => {
            let guard = issue.state.guard()?;
            let grant = guard.issue_grant(terms(&issue)?, &issue.by)?;
            show(&grant, json, streams)?;
        }
        args::Grant::Request(asked) => {
            let approval = asked.state.guard()?.request_grant(terms(&asked)?, &asked.by)?;
            approval::show(&approval, json, streams)?;
        }
        args::Grant::HandOn { id, part } => {
            let id = GrantId::from(id.as_str());
            let grant = part.state.guard()?.hand_on_grant(&id, terms(&part)?, &part.by)?;
            show(&grant, json, streams)?;
        }
        args::Grant::List(state) => {
            let grants = state.guard()?.grants()?;
            if grants.is_empty() && !json {
                streams.say("no grant was issued")?;
            }
            for grant in grants {
                show(&grant, json, streams)?;
            }
        }
        args::Grant::Revoke { state, id, by, reason } => {
            let grant = state.guard()?.revoke_grant(&GrantId::from(id.as_str()), &by, &reason)?;
            show(&grant, json, streams)?;
        }
    }
    Ok(0)
}

fn terms(issue: &GrantIssue) -> Result<Terms, Failure> {
    let quota = issue.quota.as_deref().map(|text| {
        let (unit, count) = text.split_once('=')?;
        Some((unit.parse::<Unit>().ok()?, count.parse::<u64>().ok()?))
    });
    let quota = match quota {
        Some(None) => {
            return Err(Failure::Usage("--quota: expected UNIT=COUNT such as vectors=5000".to_owned()));
        }
        other => other.flatten(),
    };
    Ok(Terms {
        scope: Scope {
            who: issue.who.iter().map(|text| parsed("who", text)).collect::<Result<_, _>>()?,
            services: globs("service", &issue.service)?,
            operations: globs("operation", &issue.operation)?,
            resources: globs("resource", &issue.resource)?,
        },
        from: parsed_if("from", issue.from.as_deref())?,
        until: parsed("until", &issue.until)?,
        when: issue.when.iter().map(|text| parsed("when", text)).collect::<Result<_, _>>()?,
        uses: issue.uses,
        quota,
        reason: issue.reason.clone(),
        ticket: issue.ticket.clone(),
    })
}

fn globs(option: &str, texts: &[String]) -> Result<Vec<Glob>, Failure> {
    let wrong = |error| Failure::Usage(format!("--{option}: {error}"));
    texts.iter().map(|text| Glob::new(text).map_err(wrong)).collect()
}

fn show(grant: &Grant, json: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Row<'a> {
        state: GrantState,
        #[serde(flatten)]
        grant: &'a Grant,
    }
    let state = grant.state(SystemClock.now());
    if json {
        return streams.json(&Row { state, grant });
    }
    let state = match state {
        GrantState::Scheduled => "scheduled",
        GrantState::Active => "active",
        GrantState::Exhausted => "exhausted",
        GrantState::Expired => "expired",
        GrantState::Revoked => "revoked",
        _ => "unknown",
    };
    let left = match (grant.uses_left(), grant.quota, grant.quota_left()) {
        (uses, Some((unit, _)), Some(left)) => {
            format!("{left} {unit} left{}", uses.map_or(String::new(), |uses| format!(", {uses} uses left")))
        }
        (Some(uses), ..) => format!("{uses} uses left"),
        _ => "no limit but time".to_owned(),
    };
    let list = |items: Vec<String>| items.join(",");
    let hours: Vec<String> = grant.when.iter().map(|window| format!("  on {window}")).collect();
    let ticket = grant.ticket.as_ref().map_or_else(String::new, |ticket| format!(" ({ticket})"));
    let parent = grant.parent.as_ref().map_or_else(String::new, |parent| format!(", of {parent}"));
    streams.say(format!(
        "{}  {state:<9}  until {}{}  {}  {} on {} at {}  {left}  by {}{parent}: {}{ticket}",
        grant.id,
        grant.until,
        hours.concat(),
        list(grant.scope.who.iter().map(ToString::to_string).collect()),
        list(grant.scope.operations.iter().map(ToString::to_string).collect()),
        list(grant.scope.resources.iter().map(ToString::to_string).collect()),
        list(grant.scope.services.iter().map(ToString::to_string).collect()),
        grant.issued_by,
        grant.reason,
    ))
}
