//! Where logs are collected: an HTTP endpoint or a syslog server, to which events of the audit log are sent.
//!
//! ```no_run
//! use wardline::audit::export::Format;
//! use wardline::audit::{Follower, Position};
//! use wardline::guard::Collector;
//! # fn main() -> Result<(), wardline::Error> {
//! let mut collector = Collector::at("syslog+tls://logs.example.org:6514", None, Format::Cef)?;
//! let batch = Follower::new("state".as_ref(), Position::default()).next(500)?;
//! let events: Vec<_> = batch.entries.iter().map(|entry| entry.event()).collect();
//! let refused = collector.send(&events)?;
//! // All others have arrived: `batch.position` is where to go on.
//! assert!(refused.is_empty());
//! # Ok(()) }
//! ```

mod http;
mod syslog;

use self::http::Http;
use self::syslog::Syslog;
use crate::audit::export::{Event, Format};
use crate::error::{Error, ErrorKind};
use crate::keys::Secret;
use crate::policy::may_call;

/// One place to which events are sent.
#[derive(Debug)]
pub struct Collector {
    format: Format,
    to: To,
}

#[derive(Debug)]
enum To {
    Http(Http),
    Syslog(Box<Syslog>),
}

/// Why events did not arrive.
enum Undelivered {
    /// Nobody takes anything now.
    Away(Error),
    /// What was sent is refused, whenever it is sent.
    Refused,
}

impl Collector {
    /// The collector at an address: `https://` (`http://` on this machine), to which events are posted, with `authorization` as that header;
    /// or `syslog+tls://HOST:PORT` (RFC 5425; `syslog://` on this machine, RFC 6587).
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for an address that is none of these, or a format that cannot go there; a secret that cannot be read.
    pub fn at(url: &str, authorization: Option<&Secret>, format: Format) -> Result<Self, Error> {
        let wrong =
            |what: &str| Error::new(ErrorKind::Input, format!("the address of the collector: {what}"));
        let to = if url.starts_with("syslog") {
            if format == Format::Otlp {
                return Err(wrong("a syslog server takes lines, and otlp is none"));
            }
            To::Syslog(Box::new(Syslog::at(url).map_err(wrong)?))
        } else {
            may_call(url, false).map_err(wrong)?;
            To::Http(Http::at(url, authorization)?)
        };
        Ok(Self { format, to })
    }

    /// Sends events; answers with the places of those that are refused, so that one of them does not hold up the rest.
    ///
    /// # Errors
    /// [`ErrorKind::Log`] where nobody takes them now: some may have arrived, and all are to be sent again.
    pub fn send(&mut self, events: &[Event<'_>]) -> Result<Vec<usize>, Error> {
        let mut refused = Vec::new();
        // A part that is refused is sent again in halves, down to the events that cannot be taken.
        let mut parts = Vec::from([(0, events.len())]);
        while let Some((from, until)) = parts.pop() {
            let Some(sent) = events.get(from..until).filter(|sent| !sent.is_empty()) else { continue };
            match self.deliver(sent) {
                Ok(()) => {}
                Err(Undelivered::Away(error)) => return Err(error),
                Err(Undelivered::Refused) if sent.len() == 1 => refused.push(from),
                Err(Undelivered::Refused) => {
                    let middle = from + sent.len() / 2;
                    parts.extend([(middle, until), (from, middle)]);
                }
            }
        }
        Ok(refused)
    }

    fn deliver(&mut self, events: &[Event<'_>]) -> Result<(), Undelivered> {
        match &mut self.to {
            To::Http(http) => {
                let mut body = Vec::new();
                self.format.write(events, &mut body).map_err(Undelivered::Away)?;
                http.post(self.format.media_type(), &body)
            }
            To::Syslog(syslog) => {
                let mut frames = Vec::new();
                for event in events {
                    let mut line = Vec::new();
                    self.format.write(std::slice::from_ref(event), &mut line).map_err(Undelivered::Away)?;
                    syslog::frame(event, line.strip_suffix(b"\n").unwrap_or(&line), &mut frames);
                }
                syslog.write(&frames)
            }
        }
    }
}

fn away(what: String) -> Undelivered {
    Undelivered::Away(Error::new(ErrorKind::Log, format!("the collector {what}")))
}

#[cfg(test)]
mod tests;
