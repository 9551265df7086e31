//! Entries of the log in the terms of those who collect logs: one event an entry, in the order of the log.
//!
//! Every event holds the whole record beside the fields that its format has names for, so nothing is lost on the way. What each
//! operation is called there stands in `core/data/siem.tsv`. Who ships them where is the [`Follower`](super::Follower)'s host.
//!
//! ```
//! use wardline::audit::export::{Event, Format};
//! use wardline::audit::Record;
//! let record = br#"{"id":"rec_1","kind":"exchange","at":"2026-11-25T06:25:00Z","service":"vectors",
//!     "identity":{"subject":"ana"},"acts":[{"operation":"vector.search","resource":"docs","magnitude":{},"risk":20}],"enforced":"allow"}"#;
//! let record = Record::from_json(record).unwrap();
//! let event = Event { log: "wardline/w0001/a1b2c3d4", index: 7, record: &record };
//! let mut out = Vec::new();
//! Format::Ocsf.write(&[event], &mut out).unwrap();
//! assert!(String::from_utf8(out).unwrap().contains(r#""class_uid":6005,"#));
//! ```

mod cef;
mod ecs;
mod ocsf;
mod otlp;
mod terms;

use serde::Serialize;

use super::record::{Kind, Record};
use crate::error::{Error, ErrorKind};
use crate::model::{Act, Operation};

/// One entry of a log.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Event<'e> {
    /// The name of its log, as its checkpoints carry it: no two logs of any machines share one.
    pub log: &'e str,
    /// Its index there.
    pub index: u64,
    /// What it holds.
    pub record: &'e Record,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// The records as they are, a line of JSON each, with `log` and `index`.
    Jsonl,
    /// The Open Cybersecurity Schema Framework 1.4: API Activity (6003) and Datastore Activity (6005), a line of JSON each.
    Ocsf,
    /// The Elastic Common Schema 8.11, a line of JSON each.
    Ecs,
    /// The Common Event Format of ArcSight, a line each: what syslog servers take.
    Cef,
    /// OpenTelemetry logs: one `ExportLogsServiceRequest` in the JSON of OTLP 1.x for all events that are written together.
    Otlp,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Jsonl, Self::Ocsf, Self::Ecs, Self::Cef, Self::Otlp];

    /// Its name, e.g. `ocsf`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
            Self::Otlp => "otlp",
        }
    }

    /// The media type of what [`write`](Self::write) writes.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jsonl | Self::Ocsf | Self::Ecs => "application/x-ndjson",
            Self::Cef => "text/plain; charset=utf-8",
            Self::Otlp => "application/json",
        }
    }

    /// Appends the events, each line with its end.
    ///
    /// # Errors
    /// None in practice: every record can be written.
    pub fn write(self, events: &[Event<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
        if self == Self::Otlp {
            if !events.is_empty() {
                line(&otlp::request(events), out)?;
            }
            return Ok(());
        }
        for event in events {
            match self {
                Self::Jsonl => line(event, out)?,
                Self::Ocsf => line(&ocsf::event(event), out)?,
                Self::Ecs => line(&ecs::event(event), out)?,
                Self::Cef => cef::line(event, out),
                Self::Otlp => {}
            }
        }
        Ok(())
    }
}

fn line(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, value)
        .map_err(|e| Error::new(ErrorKind::Internal, "cannot encode an event").with_source(e))?;
    out.push(b'\n');
    Ok(())
}

impl Event<'_> {
    /// The act that has the most risk: what the event is about.
    fn act(&self) -> Option<&Act> {
        self.record.acts.iter().max_by_key(|act| act.risk)
    }

    fn operation(&self) -> Operation {
        self.act().map_or(Operation::Unknown, |act| act.operation)
    }

    /// What is done: the operation, or the step of people, such as `grant.issued`.
    fn action(&self) -> String {
        match &self.record.change {
            Some(change) => format!("{}.{}", self.record.kind.name(), change.step),
            None => self.operation().name().to_owned(),
        }
    }

    /// Who does it; nobody where no identity was known.
    fn who(&self) -> Option<&str> {
        let stepped = self.record.change.as_ref().map(|change| change.by.as_str());
        let asked = self.record.identity.as_ref().map(|identity| identity.subject.as_str());
        stepped.or(asked).filter(|who| !who.is_empty())
    }

    fn risk(&self) -> u8 {
        self.record.risk.as_ref().map_or(0, |risk| risk.total.value())
    }

    /// What it is called by: begin and end of an exchange are two.
    fn id(&self) -> String {
        match self.record.kind {
            Kind::Begin => format!("{}/begin", self.record.id),
            _ => self.record.id.to_string(),
        }
    }

    /// How long it took, in milliseconds.
    fn length(&self) -> Option<u64> {
        let ended = self.record.ended_at?;
        u64::try_from(ended.since(self.record.at).as_millis()).ok()
    }

    /// A sentence for people.
    fn message(&self) -> String {
        let who = self.who().unwrap_or("nobody known");
        let record = self.record;
        match &record.change {
            Some(change) => format!("{} {} by {who}", record.kind.name(), change.step),
            None => {
                let resource = self.act().map_or("", |act| act.resource.as_str());
                let enforced = record.enforced.map_or("not decided", |verdict| verdict.name());
                format!("{who}: {} {resource} at {}: {enforced}", self.operation().name(), record.service)
            }
        }
    }
}

#[cfg(test)]
mod tests;
