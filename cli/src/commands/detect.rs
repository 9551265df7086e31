//! `wardline detect` and `wardline entities`: what detection finds, and what it can find.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardline::detect;
use wardline::model::Finding;
use wardline::policy::Policy;

use super::mask::everything;
use crate::args::{Detect, Entities};
use crate::{Outcome, Streams};

#[derive(Deserialize)]
struct Question {
    id: Value,
    text: String,
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    spans: Vec<Span>,
}

/// One finding, as the evaluation border writes it: UTF-8 byte offsets, half-open.
#[derive(Serialize)]
struct Span {
    start: usize,
    end: usize,
    entity: &'static str,
    group: &'static str,
    score: f64,
}

impl From<Finding> for Span {
    fn from(found: Finding) -> Self {
        Self {
            start: found.span.start,
            end: found.span.end,
            entity: found.entity.name,
            group: found.entity.group.name(),
            score: f64::from(found.score) / 100.0,
        }
    }
}

pub(crate) fn run(args: &Detect, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let plan = match &args.policy {
        Some(path) => Policy::from_file(path)?.whole_plan(),
        None => everything()?,
    };
    let find = |text: &[u8]| plan.find(text, None).map(|found| found.into_iter().map(Span::from).collect());
    if args.jsonl {
        streams.each_line(|question: Question| {
            Ok(Answer { id: Some(question.id), spans: find(question.text.as_bytes())? })
        })?;
        return Ok(0);
    }
    let spans: Vec<Span> = find(&streams.read_all()?)?;
    if json {
        streams.json(&Answer { id: None, spans })?;
        return Ok(0);
    }
    for span in &spans {
        streams.say(format!("{}..{}\t{}\t{:.2}", span.start, span.end, span.entity, span.score))?;
    }
    Ok(0)
}

pub(crate) fn entities(args: &Entities, json: bool, streams: &mut Streams<'_>) -> Outcome {
    #[derive(Serialize)]
    struct Row<'a> {
        entity: &'a str,
        group: &'a str,
        what: &'a str,
        source: &'a str,
    }
    for info in detect::catalogue() {
        let (entity, group) = (info.entity.name, info.entity.group.name());
        if json {
            streams.json(&Row { entity, group, what: info.what, source: info.source })?;
        } else {
            streams.say(format!("{entity:<20} {group:<15} {}", info.what))?;
        }
    }
    let policy = args.policy.as_ref().map(Policy::from_file).transpose()?;
    for own in policy.iter().flat_map(Policy::detectors) {
        let (entity, group) = (own.entity.name, own.entity.group.name());
        let what = "declared by the policy";
        if json {
            streams.json(&Row { entity, group, what, source: what })?;
        } else {
            streams.say(format!("{entity:<20} {group:<15} {what}"))?;
        }
    }
    Ok(0)
}
