//! One webhook, and the thread that posts to it.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use ureq::Agent;

use super::sign::signature;
use super::words;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};
use crate::grant::{Event, Notice, Parcel};
use crate::guard::agent::agent;
use crate::guard::link::token;
use crate::guard::worker::Returns;
use crate::keys::Keys;
use crate::policy::Webhook;

/// How long a webhook may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Carries letters to one webhook.
pub(super) struct Courier {
    webhook: Arc<Webhook>,
    keys: Keys,
    parcels: Option<Sender<Parcel>>,
    /// How many letters it has.
    pub(super) carrying: usize,
}

impl Courier {
    pub(super) fn new(webhook: &Arc<Webhook>, keys: &Keys) -> Self {
        Self { webhook: webhook.clone(), keys: keys.clone(), parcels: None, carrying: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.webhook.subscriber.name
    }

    /// Takes a letter; the worker is told what came of it.
    pub(super) fn carry(&mut self, parcel: Parcel, returns: &Returns) -> Result<(), Error> {
        let parcels = match &self.parcels {
            Some(parcels) => parcels,
            None => self.parcels.insert(start(self.webhook.clone(), self.keys.clone(), returns.clone())?),
        };
        self.carrying += 1;
        // A thread that is gone lets the lease end: the letter is due again.
        let _ = parcels.send(parcel);
        Ok(())
    }
}

fn start(webhook: Arc<Webhook>, keys: Keys, returns: Returns) -> Result<Sender<Parcel>, Error> {
    let (parcels, inbox) = channel::<Parcel>();
    let wrong = |e| Error::new(ErrorKind::Internal, "the thread of a webhook cannot start").with_source(e);
    thread::Builder::new()
        .name("wardline-notify".to_owned())
        .spawn(move || {
            let agent = agent(PATIENCE);
            for parcel in inbox {
                let delivered = deliver(&agent, &webhook, &keys, &parcel).is_ok();
                returns.tell(parcel, delivered);
            }
        })
        .map_err(wrong)?;
    Ok(parcels)
}

/// Where what waits is decided: on a page of the console for whoever signs in, or by a link that answers as the one who reads this.
fn link(webhook: &Webhook, keys: &Keys, notice: &Notice) -> Result<Option<String>, Error> {
    let Some(console) = webhook.console.as_deref().filter(|_| notice.event == Event::ApprovalOpened) else {
        return Ok(None);
    };
    let about = &notice.about;
    Ok(Some(match &webhook.reader {
        None => format!("{console}/approvals/{about}"),
        Some(reader) => {
            let token = token(keys, about.as_str().into(), reader.clone(), notice.until)?;
            format!("{console}/a/{token}")
        }
    }))
}

/// Posts one letter; whatever is not a success is a failure.
fn deliver(agent: &Agent, webhook: &Webhook, keys: &Keys, parcel: &Parcel) -> Result<(), Error> {
    let notice = &parcel.letter.notice;
    let (kind, body) = words::write(notice, webhook.form, link(webhook, keys, notice)?.as_deref());
    let seconds = SystemClock.now().millis() / 1_000;
    let mut request = agent
        .post(webhook.url()?)
        .header("content-type", kind)
        .header("webhook-id", &notice.id)
        .header("webhook-timestamp", seconds.to_string());
    if let Some(key) = &webhook.key {
        request = request.header("webhook-signature", signature(&key.read()?, &notice.id, seconds, &body)?);
    }
    // What is wrong with an attempt may name the URL, which may be a secret: it is told nowhere.
    let failed = || Error::new(ErrorKind::Internal, "the webhook did not take it");
    let answer = request.send(&body[..]).map_err(|_| failed())?;
    if answer.status().is_success() { Ok(()) } else { Err(failed()) }
}
