//! The Elastic Common Schema, <https://www.elastic.co/docs/reference/ecs>.

use serde_json::{Value, json};

use super::{Event, terms};
use crate::audit::record::{Ending, Kind, Record};
use crate::model::Verdict;

pub(super) fn event(event: &Event<'_>) -> Value {
    let record = event.record;
    let terms = terms::of(event.operation());
    let (category, kind) = match record.change {
        Some(_) => ("configuration", "change"),
        None => (terms.category, terms.kind),
    };
    let mut kinds = vec![kind];
    kinds.extend(match record.enforced {
        Some(Verdict::Allow) => Some("allowed"),
        Some(Verdict::Deny | Verdict::Hold) => Some("denied"),
        None => None,
    });
    match record.kind {
        Kind::Begin => kinds.push("start"),
        Kind::End => kinds.push("end"),
        _ => {}
    }
    kinds.dedup();
    json!({
        "@timestamp": record.at,
        "ecs": { "version": "8.11.0" },
        "message": event.message(),
        "event": {
            "id": event.id(), "kind": "event", "module": "wardline", "dataset": "wardline.audit", "category": [category], "type": kinds,
            "action": event.action(), "outcome": outcome(record), "start": record.at, "end": record.ended_at,
            "duration": event.length().map(|length| length.saturating_mul(1_000_000)),
            "risk_score": event.risk(), "code": record.code.as_deref(), "reason": record.because.as_deref(), "sequence": event.index,
        },
        "user": {
            "name": event.who(),
            "roles": record.identity.as_ref().filter(|_| record.change.is_none()).map(|identity| &identity.groups),
        },
        "source": { "ip": record.source },
        "service": { "name": &*record.service, "type": record.system.as_deref() },
        "http": {
            "request": { "method": record.method.as_deref(), "body": { "bytes": record.request.as_ref().map(|passed| passed.bytes) } },
            "response": { "status_code": record.status, "body": { "bytes": record.response.as_ref().map(|passed| passed.bytes) } },
        },
        "trace": { "id": record.trace },
        "log": { "logger": event.log },
        "wardline": record,
    })
}

fn outcome(record: &Record) -> &'static str {
    match (&record.change, &record.outcome) {
        (Some(_), _) => "success",
        (None, Some(outcome)) => match outcome.result {
            Ending::Complete => "success",
            Ending::Held | Ending::Unknown => "unknown",
            Ending::Denied | Ending::Aborted | Ending::Disconnected | Ending::Failed => "failure",
        },
        _ => "unknown",
    }
}
