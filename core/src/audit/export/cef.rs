//! The Common Event Format, version 0 (ArcSight, "Implementing ArcSight Common Event Format", version 26): one line an event.

use super::Event;

/// Appends the line of an event.
pub(super) fn line(event: &Event<'_>, out: &mut Vec<u8>) {
    let record = event.record;
    let action = event.action();
    let head = ["Wardline", "Wardline", env!("CARGO_PKG_VERSION"), &action, &event.message()];
    out.extend_from_slice(b"CEF:0");
    for field in head {
        out.push(b'|');
        escape(field, b'|', out);
    }
    out.extend_from_slice(format!("|{}|", event.risk() / 10).as_bytes());
    let census = record.response.as_ref().and_then(|passed| passed.census.as_ref());
    let fields = [
        ("rt", Some(record.at.millis().to_string())),
        ("end", record.ended_at.map(|ended| ended.millis().to_string())),
        ("externalId", Some(event.id())),
        ("suser", event.who().map(str::to_owned)),
        ("src", record.source.map(|ip| ip.to_string())),
        ("act", record.enforced.map(|verdict| verdict.name().to_owned())),
        ("outcome", record.outcome.as_ref().map(|outcome| outcome.result.name().to_owned())),
        ("reason", record.because.as_ref().map(|because| because.to_string())),
        ("requestMethod", record.method.as_ref().map(|method| method.to_string())),
        ("request", record.entry.as_ref().map(|entry| entry.to_string())),
        ("app", Some(record.service.to_string())),
        ("in", record.request.as_ref().map(|passed| passed.bytes.to_string())),
        ("out", record.response.as_ref().map(|passed| passed.bytes.to_string())),
        ("cs1Label", Some("resource".to_owned())),
        ("cs1", event.act().map(|act| act.resource.clone())),
        ("cs2Label", Some("grant".to_owned())),
        ("cs2", record.grant.as_ref().map(|id| id.to_string())),
        ("cs3Label", Some("approval".to_owned())),
        ("cs3", record.approval.as_ref().map(|id| id.to_string())),
        ("cs4Label", Some("code".to_owned())),
        ("cs4", record.code.as_ref().map(|code| code.to_string())),
        ("cn1Label", Some("vectors".to_owned())),
        ("cn1", census.map(|census| census.vectors.to_string())),
        ("cn2Label", Some("log index".to_owned())),
        ("cn2", Some(event.index.to_string())),
        ("dvchost", Some(event.log.to_owned())),
    ];
    let mut first = true;
    for (at, (name, value)) in fields.iter().enumerate() {
        // A label goes with what it names.
        let named = name.ends_with("Label") && fields.get(at + 1).is_some_and(|(_, value)| value.is_none());
        let Some(value) = value.as_ref().filter(|value| !named && !value.is_empty()) else { continue };
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        escape(value, b'=', out);
    }
    out.push(b'\n');
}

/// Text with a backslash before what would end the field; what would end the line is spelled out, other control characters are left out.
fn escape(text: &str, end: u8, out: &mut Vec<u8>) {
    for c in text.chars() {
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            c if c.is_control() => {}
            c if u32::from(c) == u32::from(end) => out.extend_from_slice(&[b'\\', end]),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
