//! OpenTelemetry logs in the JSON of OTLP (opentelemetry-proto 1.x, `ExportLogsServiceRequest`): what `/v1/logs` of a collector takes.

use serde_json::{Value, json};

use super::Event;

/// One request for all events.
pub(super) fn request(events: &[Event<'_>]) -> Value {
    let records: Vec<Value> = events.iter().map(record).collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": [text("service.name", "wardline")] },
        "scopeLogs": [{
            "scope": { "name": "wardline.audit", "version": env!("CARGO_PKG_VERSION") },
            "logRecords": records,
        }],
    }] })
}

fn record(event: &Event<'_>) -> Value {
    let record = event.record;
    let (severity, number) = severity(event.risk());
    // 64-bit numbers are text in the JSON of protobuf.
    let nanos = |at: crate::clock::Timestamp| (i128::from(at.millis()) * 1_000_000).to_string();
    let optional = [
        ("user.name", event.who()),
        ("http.request.method", record.method.as_deref()),
        ("http.route", record.entry.as_deref()),
        ("session.id", record.session.as_ref().map(|id| id.as_str())),
        ("wardline.service", Some(&*record.service)),
        ("wardline.resource", event.act().map(|act| act.resource.as_str())),
        ("wardline.decided", record.decided.map(|verdict| verdict.name())),
        ("wardline.enforced", record.enforced.map(|verdict| verdict.name())),
        ("wardline.code", record.code.as_deref()),
        ("wardline.grant", record.grant.as_ref().map(|id| id.as_str())),
        ("wardline.approval", record.approval.as_ref().map(|id| id.as_str())),
        ("wardline.result", record.outcome.as_ref().map(|outcome| outcome.result.name())),
    ];
    let mut attributes = vec![
        text("wardline.record", &event.id()),
        text("wardline.log", event.log),
        text("wardline.operation", &event.action()),
        number_of("wardline.index", event.index),
        number_of("wardline.risk", u64::from(event.risk())),
    ];
    attributes.extend(optional.into_iter().filter_map(|(name, value)| value.map(|value| text(name, value))));
    attributes.extend(record.source.map(|ip| text("client.address", &ip.to_string())));
    attributes.extend(record.status.map(|status| number_of("http.response.status_code", u64::from(status))));
    // The whole of it, as text: an attribute that holds a map is not taken by every backend.
    attributes.extend(serde_json::to_string(record).ok().map(|whole| text("wardline.entry", &whole)));
    let mut out = json!({
        "timeUnixNano": nanos(record.ended_at.unwrap_or(record.at)), "observedTimeUnixNano": nanos(record.ended_at.unwrap_or(record.at)),
        "severityText": severity, "severityNumber": number, "eventName": "wardline.audit",
        "body": { "stringValue": event.message() }, "attributes": attributes,
    });
    if let (Some(trace), Some(fields)) = (&record.trace, out.as_object_mut()) {
        fields.insert("traceId".to_owned(), trace.as_str().into());
    }
    out
}

fn text(name: &str, value: &str) -> Value {
    json!({ "key": name, "value": { "stringValue": value } })
}

fn number_of(name: &str, value: u64) -> Value {
    json!({ "key": name, "value": { "intValue": value.to_string() } })
}

/// The severity of OpenTelemetry's data model for logs.
fn severity(risk: u8) -> (&'static str, u8) {
    match risk {
        0..60 => ("INFO", 9),
        60..80 => ("WARN", 13),
        _ => ("ERROR", 17),
    }
}
