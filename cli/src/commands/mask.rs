//! `wardline mask`: a body with its findings replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardline::detect;
use wardline::keys::Keys;
use wardline::mask::{Format, Masker, Plan, PlanSpec, Reread, Scopes, Transform};
use wardline::model::Text;
use wardline::policy::{Policy, State};

use crate::args::Mask;
use crate::{Failure, NO, Outcome, Streams};

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
    /// How many values were found when the result was read once more.
    #[serde(skip_serializing_if = "Option::is_none")]
    surviving: Option<u64>,
    /// Why nothing was masked and so nothing may pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(crate) fn run(args: &Mask, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let (plan, keys) = match &args.policy {
        Some(path) => {
            let policy = Policy::from_file(path)?;
            (policy.whole_plan(), keys(policy.state())?)
        }
        None => (everything()?, Keys::ephemeral()?),
    };
    let reread = if args.verify { Some(Arc::new(plan.to_reread()?)) } else { None };
    if args.jsonl {
        let mut survived = false;
        streams.each_line(|question: Question| {
            let pieces = question.body.as_bytes().chunks(question.chunk.unwrap_or(usize::MAX).max(1));
            Ok(match mask(&plan, &keys, &question.content_type, pieces) {
                Ok((body, findings)) => {
                    let surviving =
                        reread.as_ref().map(|plan| survivors(plan, &keys, &question.content_type, &body));
                    survived |= surviving.is_some_and(|count| count > 0);
                    let body = Some(String::from_utf8_lossy(&body).into_owned());
                    Answer { id: question.id, body, findings, surviving, error: None }
                }
                Err(error) => Answer {
                    id: question.id,
                    body: None,
                    findings: BTreeMap::new(),
                    surviving: None,
                    error: Some(error),
                },
            })
        })?;
        return Ok(if survived { NO } else { 0 });
    }
    let body = streams.read_all()?;
    let (masked, findings) =
        mask(&plan, &keys, &args.content_type, std::iter::once(body.as_slice())).map_err(Failure::Usage)?;
    let surviving = reread.as_ref().map(|plan| survivors(plan, &keys, &args.content_type, &masked));
    if json {
        let body = Some(String::from_utf8_lossy(&masked).into_owned());
        streams.json(&Answer { id: Value::Null, body, findings, surviving, error: None })?;
    } else {
        streams.out.write_all(&masked)?;
    }
    match surviving {
        None | Some(0) => Ok(0),
        Some(count) => {
            writeln!(streams.err, "{count} values survived the masking")?;
            Ok(NO)
        }
    }
}

/// What is to be had back is masked under the keys that can.
fn keys(state: &State) -> Result<Keys, Failure> {
    match state {
        State::Folder(folder) if folder.is_dir() => Ok(Keys::open(folder)?),
        _ => Ok(Keys::ephemeral()?),
    }
}

/// How many values a second reading of a masked body finds; what it cannot read counts as one.
fn survivors(plan: &Arc<Plan>, keys: &Keys, content_type: &str, body: &[u8]) -> u64 {
    let Some(format) = Format::of(content_type) else { return 1 };
    let mut reread = Reread::new(plan.clone(), format, keys.clone());
    reread.push(body);
    reread.finish().map_or(1, |report| report.total())
}

/// Every entity of the catalogue, replaced by its label.
pub(super) fn everything() -> Result<Arc<Plan>, Failure> {
    let entities = detect::catalogue().iter().map(|info| (info.entity, Transform::Redact)).collect();
    Ok(Arc::new(Plan::compile(PlanSpec { entities, ..PlanSpec::default() })?))
}

type Masked = (Vec<u8>, BTreeMap<Text, u64>);

fn mask<'b>(
    plan: &Arc<Plan>,
    keys: &Keys,
    content_type: &str,
    pieces: impl Iterator<Item = &'b [u8]>,
) -> Result<Masked, String> {
    let format = Format::of(content_type).ok_or("this content type cannot be masked")?;
    let masker = Masker::new(plan.clone(), format, keys.clone(), None).within(Scopes::fresh());
    let (out, report) = masker.whole(pieces).map_err(|e| e.to_string())?;
    Ok((out, report.totals))
}
