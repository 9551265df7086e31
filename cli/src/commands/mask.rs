//! `wardline mask`: a body with its findings replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardline::detect;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Release, Transform};
use wardline::model::Text;
use wardline::policy::Policy;

use crate::args::Mask;
use crate::{Failure, Outcome, Streams};

#[derive(Deserialize)]
struct Question {
    id: Value,
    #[serde(default = "text_plain")]
    content_type: String,
    body: String,
    /// Feed the body in pieces of that many bytes.
    chunk: Option<usize>,
}

fn text_plain() -> String {
    "text/plain".to_owned()
}

#[derive(Serialize)]
struct Answer {
    id: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    findings: BTreeMap<Text, u64>,
    /// Why nothing was masked and so nothing may pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(args: &Mask, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let plan = match &args.policy {
        Some(path) => Policy::from_file(path)?.whole_plan(),
        None => everything()?,
    };
    let keys = Keys::ephemeral()?;
    if args.jsonl {
        streams.each_line(|question: Question| {
            let pieces = question.body.as_bytes().chunks(question.chunk.unwrap_or(usize::MAX).max(1));
            Ok(match mask(&plan, &keys, &question.content_type, pieces) {
                Ok((body, findings)) => {
                    let body = Some(String::from_utf8_lossy(&body).into_owned());
                    Answer { id: question.id, body, findings, error: None }
                }
                Err(error) => {
                    Answer { id: question.id, body: None, findings: BTreeMap::new(), error: Some(error) }
                }
            })
        })?;
        return Ok(0);
    }
    let body = streams.read_all()?;
    let (masked, findings) =
        mask(&plan, &keys, &args.content_type, std::iter::once(body.as_slice())).map_err(Failure::Usage)?;
    if json {
        let body = Some(String::from_utf8_lossy(&masked).into_owned());
        streams.json(&Answer { id: Value::Null, body, findings, error: None })?;
    } else {
        streams.out.write_all(&masked)?;
    }
    Ok(0)
}

/// Every entity of the catalogue, replaced by its label.
fn everything() -> Result<Arc<Plan>, Failure> {
    let entities = detect::catalogue().iter().map(|info| (info.entity, Transform::Redact)).collect();
    Ok(Arc::new(Plan::compile(PlanSpec { entities, fields: Vec::new() })?))
}

type Masked = (Vec<u8>, BTreeMap<Text, u64>);

fn mask<'b>(
    plan: &Arc<Plan>,
    keys: &Keys,
    content_type: &str,
    pieces: impl Iterator<Item = &'b [u8]>,
) -> Result<Masked, String> {
    let format = Format::of(content_type).ok_or("this content type cannot be masked")?;
    let mut masker = Masker::new(plan.clone(), format, keys.clone(), None);
    let mut out = Vec::new();
    for piece in pieces {
        match masker.push(piece, &mut out).map_err(|e| e.to_string())? {
            Release::Unchanged => out.extend_from_slice(piece),
            Release::Changed => {}
        }
    }
    masker.finish(&mut out).map_err(|e| e.to_string())?;
    Ok((out, masker.into_report().totals))
}
