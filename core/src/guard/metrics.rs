//! What a guard counts, for whoever watches it: by service, verdict, operation and entity, never by caller, resource or value.
//!
//! Counted from the records of ended exchanges, so that the log and the counters tell the same. Nothing is counted over processes: each
//! tells its own, as scrapers expect.

use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::shared::Shared;
use crate::audit::{Passed, Record};
use crate::model::{Text, Verdict};

/// Names and values; every value is one of a policy's or of ours, so there are few.
type Labels<const N: usize> = [(&'static str, Value); N];

/// A value of a label: shared with the record, so that counting copies no text.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Value(Text);

impl Value {
    fn of(text: impl Into<Text>) -> Self {
        Self(text.into())
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        str::hash(&self.0, state);
    }
}

impl EncodeLabelValue for Value {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

/// The counters of one guard in one process.
pub(super) struct Metrics {
    registry: Registry,
    exchanges: Family<Labels<4>, Counter>,
    acts: Family<Labels<3>, Counter>,
    findings: Family<Labels<2>, Counter>,
    vectors: Family<Labels<2>, Counter>,
    bytes: Family<Labels<2>, Counter>,
    seconds: Family<Labels<1>, Histogram, fn() -> Histogram>,
    ready: Gauge,
    backlog: Gauge,
    age: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        // From ten microseconds, which is less than what the guard itself takes, to some 40 seconds.
        let seconds: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_01, 2.0, 23));
        let mut all = Self {
            registry: Registry::with_prefix("wardline"),
            exchanges: Family::default(),
            acts: Family::default(),
            findings: Family::default(),
            vectors: Family::default(),
            bytes: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            ready: Gauge::default(),
            backlog: Gauge::default(),
            age: Gauge::default(),
        };
        let registry = &mut all.registry;
        registry.register("exchanges", "Ended exchanges", all.exchanges.clone());
        registry.register("acts", "What requests did", all.acts.clone());
        registry.register("findings", "Values that should not pass in clear", all.findings.clone());
        registry.register("vectors", "Vectors that passed", all.vectors.clone());
        registry.register_with_unit("passed", "Bytes of bodies that passed", Unit::Bytes, all.bytes.clone());
        registry.register_with_unit("exchange", "From request to end", Unit::Seconds, all.seconds.clone());
        registry.register("ready", "Whether the store and the log can be used", all.ready.clone());
        registry.register("log_backlog", "Records that wait for the log", all.backlog.clone());
        registry.register_with_unit(
            "snapshot_age",
            "Since the store was read",
            Unit::Seconds,
            all.age.clone(),
        );
        all
    }

    /// Counts an exchange that has ended, and how long it took.
    pub(super) fn note(&self, record: &Record, took: Duration) {
        let service = Value::of(record.service.clone());
        let decided = Value::of(record.decided.map_or("none", Verdict::name));
        let exchange = [
            ("service", service.clone()),
            ("decided", decided.clone()),
            ("enforced", Value::of(record.enforced.map_or("none", Verdict::name))),
            ("result", Value::of(record.outcome.as_ref().map_or("unknown", |outcome| outcome.result.name()))),
        ];
        self.exchanges.get_or_create(&exchange).inc();
        for act in &record.acts {
            let operation = Value::of(act.operation.name());
            let labels =
                [("service", service.clone()), ("operation", operation), ("decided", decided.clone())];
            self.acts.get_or_create(&labels).inc();
        }
        for (side, passed) in [("request", &record.request), ("response", &record.response)] {
            if let Some(passed) = passed {
                self.note_passed(&service, side, passed);
            }
        }
        self.seconds.get_or_create(&[("service", service)]).observe(took.as_secs_f64());
    }

    fn note_passed(&self, service: &Value, side: &'static str, passed: &Passed) {
        let labels = [("service", service.clone()), ("side", Value::of(side))];
        self.bytes.get_or_create(&labels).inc_by(passed.bytes);
        if let Some(vectors) = passed.census.as_ref().map(|census| census.vectors).filter(|n| *n > 0) {
            self.vectors.get_or_create(&labels).inc_by(vectors);
        }
        for (name, count) in &passed.totals {
            let labels = [("entity", Value::of(name.clone())), ("side", Value::of(side))];
            self.findings.get_or_create(&labels).inc_by(*count);
        }
    }

    /// All of it as text, as it stands now.
    pub(super) fn text(&self, shared: &Shared) -> String {
        let running = shared.running();
        self.ready.set(i64::from(running.as_ref().is_some_and(|runtime| runtime.healthy().is_ok())));
        let backlog = running.as_ref().map_or(0, |runtime| runtime.backlog());
        self.backlog.set(i64::try_from(backlog).unwrap_or(i64::MAX));
        self.age.set(running.as_ref().map_or(0.0, |runtime| runtime.age().as_secs_f64()));
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
