//! OCSF 1.4, <https://schema.ocsf.io>: API Activity and Datastore Activity with the profile `security_control`, which API Activity has since that
//! version. `core/tests/data/ocsf.tsv` has what the schema says of them.

use serde_json::{Value, json};

use super::{Event, terms};
use crate::audit::record::{Ending, Kind, Record};
use crate::model::Verdict;

/// The version of the schema.
const VERSION: &str = "1.4.0";

/// The class of what people do about approvals, grants, the policy and the log.
const API: u32 = 6003;

pub(super) fn event(event: &Event<'_>) -> Value {
    let record = event.record;
    let (class, activity) = match &record.change {
        Some(_) => (API, 99),
        None => {
            let terms = terms::of(event.operation());
            (terms.class, terms.activity)
        }
    };
    let (status, status_id) = status(record);
    let (action, action_id, disposition, disposition_id) = match record.enforced {
        Some(Verdict::Allow) => ("Allowed", 1, "Allowed", 1),
        Some(Verdict::Deny) => ("Denied", 2, "Blocked", 2),
        Some(Verdict::Hold) => ("Held", 99, "Held", 99),
        None => ("Unknown", 0, "Unknown", 0),
    };
    let mut out = json!({
        "category_uid": 6, "class_uid": class, "activity_id": activity, "activity_name": event.action(),
        "type_uid": class * 100 + activity,
        "time": record.at.millis(), "start_time": record.at.millis(),
        "severity_id": severity(event.risk()), "status": status, "status_id": status_id,
        "action": action, "action_id": action_id, "disposition": disposition, "disposition_id": disposition_id,
        "message": event.message(),
        "metadata": {
            "version": VERSION, "profiles": ["security_control"], "uid": event.id(), "correlation_uid": record.id,
            "log_name": event.log, "sequence": event.index,
            "product": { "name": "Wardline", "vendor_name": "Wardline", "version": env!("CARGO_PKG_VERSION") },
        },
        "actor": { "user": user(event) },
        "src_endpoint": match record.source {
            Some(ip) => json!({ "ip": ip }),
            None => json!({ "name": record.door.as_deref().unwrap_or("unknown") }),
        },
        "unmapped": { "wardline": record },
    });
    let Some(fields) = out.as_object_mut() else { return out };
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    if let (Some(ended), Some(length)) = (record.ended_at, event.length()) {
        put("end_time", ended.millis().into());
        put("duration", length.into());
    }
    if let Some(code) = &record.code {
        put("status_code", code.as_ref().into());
    }
    if let Some(because) = &record.because {
        put("status_detail", because.as_ref().into());
    }
    if class == API {
        put("api", json!({ "operation": event.action(), "service": { "name": service(record) } }));
        let named = record.acts.iter().map(|act| &act.resource).filter(|name| !name.is_empty());
        let resources: Vec<_> = named.map(|name| json!({ "name": name })).collect();
        if !resources.is_empty() {
            put("resources", resources.into());
        }
    } else {
        let system = record.system.as_deref().unwrap_or("other");
        put("database", json!({ "name": service(record), "type": system, "type_id": 99 }));
        if let Some(act) = event.act().filter(|act| !act.resource.is_empty()) {
            put("table", json!({ "name": act.resource }));
        }
    }
    match (&record.method, &record.entry) {
        (Some(method), Some(entry)) => {
            put("http_request", json!({ "http_method": method.as_ref(), "url": { "path": entry.as_ref() } }));
        }
        (Some(method), None) => put("http_request", json!({ "http_method": method.as_ref() })),
        _ => {}
    }
    if let Some(status) = record.status {
        put("http_response", json!({ "code": status }));
    }
    out
}

/// What the schema wants a name of.
fn service(record: &Record) -> &str {
    if record.service.is_empty() { "unknown" } else { &record.service }
}

fn user(event: &Event<'_>) -> Value {
    let groups: Vec<_> = match (&event.record.change, &event.record.identity) {
        (None, Some(identity)) => identity.groups.iter().map(|group| json!({ "name": group })).collect(),
        _ => Vec::new(),
    };
    json!({ "name": event.who().unwrap_or("unknown"), "type_id": u8::from(event.who().is_some()), "groups": groups })
}

fn status(record: &Record) -> (&'static str, u8) {
    match (&record.change, record.kind, &record.outcome) {
        (Some(_), ..) => ("Success", 1),
        (None, Kind::Begin, _) => ("Begun", 99),
        (None, _, Some(outcome)) => match outcome.result {
            Ending::Complete => ("Success", 1),
            Ending::Held => ("Held", 99),
            Ending::Unknown => ("Unknown", 0),
            Ending::Denied | Ending::Aborted | Ending::Disconnected | Ending::Failed => ("Failure", 2),
        },
        _ => ("Unknown", 0),
    }
}

/// Informational to critical.
fn severity(risk: u8) -> u8 {
    match risk {
        0..40 => 1,
        40..60 => 2,
        60..80 => 3,
        80..90 => 4,
        _ => 5,
    }
}
