//! A span of `tracing` for each exchange, for hosts that trace: within the span that the host is in when the exchange begins.
//!
//! Names of attributes are those of OpenTelemetry's conventions where it has them. What stands in it is what is counted, and the record's id:
//! never a caller, a resource, a path or a value, so that traces may go where the log may not. Without a subscriber it costs one load.

use tracing::{Span, field, info_span};

use crate::audit::Record;
use crate::model::{Operation, Verdict};

/// Families of operations on what the conventions call a database.
const STORES: [&str; 3] = ["collection", "data", "vector"];
/// The target that filters name.
const TARGET: &str = "wardline";

/// What the conventions call a system that they know under another name.
fn conventional(system: &str) -> &str {
    match system {
        "bedrock" => "aws.bedrock",
        "oracle" => "oracle.db",
        "postgres" | "postgrest" => "postgresql",
        "redshift" => "aws.redshift",
        "sqlserver" => "microsoft.sql_server",
        "vertex" => "gcp.vertex_ai",
        own => own,
    }
}

/// Words of routes under which models talk; others complete a text.
const CHATS: [&str; 4] = ["chat", "messages", "converse", "responses"];

/// What the conventions call a generation of text under this route.
fn generation(route: Option<&str>) -> &'static str {
    let chats = |route: &str| CHATS.iter().any(|word| route.contains(word));
    if route.is_some_and(chats) { "chat" } else { "text_completion" }
}

/// Begins the span of an exchange.
pub(super) fn begin(record: &Record) -> Span {
    info_span!(
        target: TARGET,
        "wardline.exchange",
        otel.kind = "internal",
        wardline.record = record.id.as_str(),
        wardline.door = record.door.as_deref(),
        wardline.service = &*record.service,
        http.request.method = record.method.as_deref(),
        http.response.status_code = field::Empty,
        db.system.name = field::Empty,
        db.operation.name = field::Empty,
        gen_ai.operation.name = field::Empty,
        gen_ai.provider.name = field::Empty,
        wardline.operation = field::Empty,
        wardline.risk = field::Empty,
        wardline.decided = field::Empty,
        wardline.enforced = field::Empty,
        wardline.code = field::Empty,
        wardline.result = field::Empty,
        wardline.vectors = field::Empty,
        wardline.findings = field::Empty,
    )
}

/// Tells how the exchange ended.
pub(super) fn end(span: &Span, record: &Record) {
    if span.is_disabled() {
        return;
    }
    let told = |key: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            span.record(key, value);
        }
    };
    if let Some(status) = record.status {
        span.record("http.response.status_code", status);
    }
    // The riskiest act stands for all.
    if let Some(act) = record.acts.iter().max_by_key(|act| act.risk) {
        let name = act.operation.name();
        span.record("wardline.operation", name);
        let family = name.split('.').next().unwrap_or_default();
        let system = record.system.as_deref().map(conventional);
        match act.operation {
            Operation::InferenceEmbed => told("gen_ai.operation.name", Some("embeddings")),
            Operation::InferenceComplete => {
                told("gen_ai.operation.name", Some(generation(record.entry.as_deref())));
            }
            _ => {}
        }
        if family == "inference" {
            told("gen_ai.provider.name", system);
        } else if STORES.contains(&family) {
            told("db.system.name", system);
            span.record("db.operation.name", name);
        }
    }
    if let Some(risk) = &record.risk {
        span.record("wardline.risk", risk.total.value());
    }
    told("wardline.decided", record.decided.map(Verdict::name));
    told("wardline.enforced", record.enforced.map(Verdict::name));
    told("wardline.code", record.code.as_deref());
    told("wardline.result", record.outcome.as_ref().map(|outcome| outcome.result.name()));
    let sides = [&record.request, &record.response];
    let passed = || sides.iter().filter_map(|side| side.as_ref());
    let vectors = passed().filter_map(|passed| passed.census.as_ref()).map(|census| census.vectors);
    span.record("wardline.vectors", vectors.fold(0_u64, u64::saturating_add));
    let findings = passed().flat_map(|passed| passed.totals.values().copied());
    span.record("wardline.findings", findings.fold(0_u64, u64::saturating_add));
}
