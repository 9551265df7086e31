//! Step 1 of the flow: who sends it? Known at once, but for tokens whose issuer's keys are still to be fetched for the first time.

use std::sync::Arc;

use http::{HeaderName, Method, header};

use super::{Await, Exchange, Phase};
use crate::guard::guard::Caller;
use crate::guard::step::{Effect, Step};
use crate::identity::{FetchedKeys, Hops, Identity, Sources};
use crate::model::{HttpHead, SessionId};

impl Exchange {
    /// A request from this caller. `spoofed` are headers of it that go no further.
    pub(in crate::guard) fn arriving(
        mut self,
        head: HttpHead,
        spoofed: Vec<HeaderName>,
        caller: Caller,
    ) -> Self {
        self.head = Some(head);
        self.spoofed = spoofed;
        if self.unfetched(&caller).is_none() {
            self.identify(caller);
        } else {
            self.caller = Some(Box::new(caller));
            self.phase = Phase::Arrive;
        }
        self
    }

    /// Finds out who sends it, or waits for keys first.
    pub(super) fn arrive(&mut self) -> Option<Step> {
        let Some(caller) = self.caller.take() else {
            return Some(Step::Answer(self.refuse("guard_unavailable")));
        };
        if let Some(keys) = self.unfetched(&caller) {
            self.caller = Some(caller);
            self.phase = Phase::Effect(Await::Keys);
            return Some(Step::Effect(Effect::AwaitKeys(keys)));
        }
        self.phase = Phase::Classify;
        self.identify(*caller);
        None
    }

    /// Keys that this request's token may need and that nobody had the time to fetch.
    fn unfetched(&self, caller: &Caller) -> Option<Arc<FetchedKeys>> {
        let Caller { identity: None, .. } = caller else { return None };
        let sources = self.in_force.policy.identity()?;
        let keys = sources.fetched_keys().find(|keys| !keys.is_tried())?;
        // Where nothing runs, nobody fetches.
        self.runtime.as_ref()?;
        sources.credential(&self.head.as_ref()?.headers).map(|_| Arc::clone(keys))
    }

    fn identify(&mut self, caller: Caller) {
        let Some(head) = &self.head else { return };
        let sources = self.in_force.policy.identity();
        let identity = match (caller.identity, sources) {
            // Whom the host verified is known: what else the request brings is not asked.
            (Some(identity), _) => Ok(Arc::new(identity)),
            (None, Some(sources)) => {
                sources.identity(head, caller.peer, caller.certificate.as_ref(), self.record.at)
            }
            (None, None) => Ok(Arc::new(Identity::anonymous())),
        };
        let mut refused = identity.as_ref().err().copied();
        let mut identity = identity.unwrap_or_else(|_| Arc::new(Identity::anonymous()));
        // What goes out has our own seal put on; what came in is judged by the seals of others.
        let incoming = self.service().is_none_or(|service| service.sealed_for.is_none());
        if let Some(hops) = sources.and_then(|sources| sources.hops.as_ref()).filter(|_| incoming)
            && refused.is_none()
            && Hops::seals(&head.headers).next().is_some()
        {
            refused = hops.through(head, Arc::make_mut(&mut identity), self.record.at).err();
        }
        let session = sources.and_then(|sources| session(sources, &identity, head));
        let upgrade = head.headers.contains_key(header::UPGRADE) || head.method == Method::CONNECT;
        self.record.because = refused.map(|refused| refused.because.into());
        self.record.session = session;
        self.record.identity = Some(Arc::clone(&identity));
        self.identity = identity;
        // Observing blocks nothing: whoever cannot be told is nobody.
        let code = match (refused, upgrade) {
            _ if !self.enforces() => None,
            (Some(refused), _) => Some(refused.code),
            (None, true) => Some("upgrade_refused"),
            (None, false) => None,
        };
        if let Some(code) = code {
            self.refuse(code);
        }
    }
}

/// The session that a request belongs to; there is none of strangers.
fn session(sources: &Sources, identity: &Identity, head: &HttpHead) -> Option<SessionId> {
    let name = sources.session.as_ref().filter(|_| !identity.is_anonymous())?;
    let text = head.headers.get(name)?.to_str().ok()?;
    (1..=128).contains(&text.len()).then(|| SessionId::from(text))
}
