//! `wardline explain`: why a request would be let through, held or denied.

use std::sync::Arc;

use wardline::clock::{Clock, ManualClock, SystemClock};
use wardline::guard::{Caller, Guard};
use wardline::identity::{Hop, HopProof, Identity};
use wardline::model::{Mode, Subject};
use wardline::policy::{Considered, Explanation, Policy, Reasons, State};

use super::classify::head;
use crate::args::{Explain, parsed};
use crate::{Failure, Outcome, Streams};

/// So many rules that do not fit are told to people: those that come nearest.
const NEAR: usize = 5;

pub(crate) fn run(args: &Explain, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let body = match args.body.as_deref() {
        Some("-") => streams.read_all()?,
        Some(text) => text.as_bytes().to_vec(),
        None => Vec::new(),
    };
    let mut headers = Vec::new();
    for header in &args.header {
        let wrong = || Failure::Usage("--header: expected NAME: VALUE".to_owned());
        let pair = header.split_once(':').ok_or_else(wrong)?;
        headers.push((pair.0.trim(), pair.1.trim()));
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        headers.push(("content-type", "application/json"));
    }
    let length = body.len().to_string();
    if !body.is_empty() {
        headers.push(("content-length", &length));
    }
    let head = head(&args.method, &args.url, headers)?;
    let caller = caller(args)?;
    let clock: Arc<dyn Clock> = match &args.at {
        Some(at) => Arc::new(ManualClock::new(parsed("at", at)?)),
        None => Arc::new(SystemClock),
    };
    let policy = Policy::from_file(&args.policy)?;
    policy.complete()?;
    let policy = match policy.state() {
        // What nobody wrote yet holds no grant, and explaining makes no files.
        State::Folder(folder) if !folder.exists() => policy.in_memory(),
        _ => policy,
    };
    let told = Guard::with_clock(policy, clock).explain(Subject::Http(head), &body, caller);
    if json {
        streams.json(&told)?;
        return Ok(0);
    }
    for line in lines(&told) {
        streams.say(line)?;
    }
    Ok(0)
}

/// Who asks: whom `--as` says, or whom the request's own headers name by what the policy takes.
fn caller(args: &Explain) -> Result<Caller, Failure> {
    let Some(name) = &args.by else { return Ok(Caller::peer(args.from)) };
    let mut identity = Identity::new(name).with_groups(args.group.clone());
    for claim in &args.claim {
        let wrong = || Failure::Usage("--claim: expected NAME=VALUE".to_owned());
        let (name, value) = claim.split_once('=').ok_or_else(wrong)?;
        identity.claims.insert(name.to_owned(), value.into());
    }
    let verified = |workload: &String| Hop { workload: workload.clone(), verified_by: HopProof::Seal };
    identity.hops = args.via.iter().map(verified).collect();
    Ok(Caller::verified(identity).at(args.from))
}

/// What people read of an explanation.
pub(crate) fn lines(told: &Explanation) -> Vec<String> {
    let decision = &told.decision;
    let mut lines = vec![format!("{}  {}: {}", decision.verdict, decision.code, decision.because)];
    let mode = if told.mode == Mode::Observe { ", which is only observed" } else { "" };
    match &told.service {
        Some(service) => lines.push(format!("service   {service}{mode}")),
        None => lines.push("service   none: no service of the policy names this host".to_owned()),
    }
    if let Some(terms) = &decision.approval {
        let step = |step: &wardline::grant::Step| format!("{} of {}", step.need, step.from.join(" or "));
        let steps: Vec<String> = terms.steps.iter().map(step).collect();
        lines.push(format!("approval  {}", steps.join(", and ")));
    }
    told.acts.iter().for_each(|reasons| act(reasons, &mut lines));
    lines
}

fn act(reasons: &Reasons, lines: &mut Vec<String>) {
    let (act, risk) = (&reasons.act, reasons.final_risk);
    lines.push(format!("act       {} {:?}  {}  risk {risk}", act.operation, act.resource, act.magnitude));
    if !reasons.labels.is_empty() {
        lines.push(format!("  labels  {}", reasons.labels.join(", ")));
    }
    for unusual in &reasons.unusual {
        lines.push(format!("  unusual {unusual}"));
    }
    for (name, from) in [("held", reasons.thresholds.hold), ("denied", reasons.thresholds.deny)] {
        if let Some(from) = from.filter(|from| risk >= *from) {
            lines.push(format!("  risk    {name} from {from} on"));
        }
    }
    let (fitting, others): (Vec<&Considered>, Vec<_>) =
        reasons.rules.iter().partition(|rule| rule.misses.is_empty());
    for rule in fitting {
        lines.push(format!("  fits    {}  {}:{}  {}", rule.rule, rule.file, rule.line, rule.effect.name()));
    }
    for rule in others.iter().take(NEAR) {
        let misses: Vec<&str> = rule.misses.iter().map(|miss| miss.name()).collect();
        let (name, file, line, effect) = (&rule.rule, &rule.file, rule.line, rule.effect.name());
        lines.push(format!("  not     {name}  {file}:{line}  {effect}  for its {}", misses.join(", ")));
    }
    if let Some(more) = others.len().checked_sub(NEAR).filter(|more| *more > 0) {
        lines.push(format!("  not     {more} more"));
    }
    if let Some(grant) = &reasons.covered_by {
        lines.push(format!("  grant   {grant} covers it"));
    }
    if let Some(nearest) = &reasons.nearest {
        lines.push(format!("  grant   {} comes nearest: {}", nearest.grant, nearest.lack));
    }
}
