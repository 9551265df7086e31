//! The guard itself: a policy, and the exchanges that begin under it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::exchange::{Exchange, Said};
use super::policies::{InForce, Policies};
use super::shared::Shared;
use super::step::{Effect, Step};
use super::worker::Runtime;
use crate::audit::{Kind, Record};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::identity::{Certificate, Identity, Sources};
use crate::keys::PublicKey;
use crate::model::{Call, HttpHead, RecordId, Subject, Text};
use crate::policy::{Explanation, Policy, Service};

/// Guards one or more services under one policy. Cheap to clone; clones share everything.
///
/// Making one opens nothing and starts nothing: the store, the log and the worker come with the first exchange,
/// in the process that serves it, so a guard may be made before a server forks.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

/// Who is calling, as far as a door knows.
///
/// ```
/// use wardline::guard::Caller;
/// use wardline::identity::Identity;
/// // Verified by the authenticating layer; the address of the socket's peer is for rules that speak of networks.
/// let ana = Caller::verified(Identity::new("ana")).at("10.1.2.3".parse().ok());
/// # let _ = ana;
/// ```
#[derive(Debug, Clone)]
pub struct Caller {
    pub(super) identity: Option<Identity>,
    pub(super) peer: Option<IpAddr>,
    pub(super) certificate: Option<Certificate>,
}

impl Caller {
    /// The authenticating layer verified this identity.
    pub fn verified(identity: Identity) -> Self {
        Self { identity: Some(identity), peer: None, certificate: None }
    }

    /// Nobody did: the policy's trusted headers may name the caller, if this peer (the address of the socket) is believed.
    /// Everybody else is anonymous.
    pub fn peer(address: Option<IpAddr>) -> Self {
        Self { identity: None, peer: address, certificate: None }
    }

    /// The same, from this peer.
    #[must_use]
    pub fn at(self, peer: Option<IpAddr>) -> Self {
        Self { peer, ..self }
    }

    /// The same, who presented this certificate; TLS has verified it. The policy says what it shows.
    #[must_use]
    pub fn presenting(self, certificate: Option<Certificate>) -> Self {
        Self { certificate, ..self }
    }

    /// Whom the authenticating layer verified.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }
}

impl Guard {
    /// A guard under the policy of a file.
    ///
    /// # Errors
    /// Every error of the policy at once, each with file, line and column; a detector that it calls and nobody brought.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_file_with(path, Ok)
    }

    /// The same, with what the host adds to the policy: detectors that it calls.
    ///
    /// # Errors
    /// Every error of the policy at once; what `add` refuses; a detector that is called and nobody brought.
    pub fn from_file_with(
        path: impl AsRef<Path>,
        add: impl FnOnce(Policy) -> Result<Policy, Error>,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let policy = add(Policy::from_file(path)?)?;
        policy.complete()?;
        // The file stays the same when the process changes its folder.
        let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Ok(Self::over(Policies::new(policy, Some(file)), Arc::new(SystemClock)))
    }

    /// A guard under this policy. Where it calls a detector that nobody brought ([`Policy::complete`]), what it should read does not pass.
    pub fn new(policy: Policy) -> Self {
        Self::with_clock(policy, Arc::new(SystemClock))
    }

    /// The same by another clock: for tests and replay.
    pub fn with_clock(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self::over(Policies::new(policy, None), clock)
    }

    fn over(policies: Policies, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared::new(policies, clock)) }
    }

    /// The policy in force.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.shared.policies.now().policy)
    }

    /// Reads the policy's file again. A sound one judges every exchange that begins from now on, in this process, and those that run
    /// end under the policy that they began with; a wrong one changes nothing. Whether another policy came into force.
    ///
    /// # Errors
    /// Everything that is wrong with the policy; one that keeps its state elsewhere; a store or log that cannot be written.
    pub fn reload(&self) -> Result<bool, Error> {
        self.replace(self.shared.policies.read()?, "the host")
    }

    /// Puts another policy in the place of the one in force, as [`reload`](Self::reload) does; `by` is who says so, for the log.
    /// Detectors that were brought are kept.
    ///
    /// # Errors
    /// A policy that keeps its state elsewhere or calls a detector that nobody brought; a store or log that cannot be written.
    pub fn replace(&self, policy: Policy, by: &str) -> Result<bool, Error> {
        match self.shared.policies.succeeding(policy)? {
            Some(next) => self.shared.put_policy(next, by).map(|()| true),
            None => Ok(false),
        }
    }

    /// Has the files of the policy looked at once a second while the guard works, and [reloads](Self::reload) it when they change. What is
    /// wrong with a changed file is noted in the log, and the policy in force stays.
    #[must_use]
    pub fn watching(self) -> Self {
        self.shared.policies.watch();
        self
    }

    /// Begins an exchange: the request as it came, who sent it, and through which door.
    pub fn begin(&self, subject: Subject, caller: Caller, door: &'static str) -> Exchange {
        match subject {
            Subject::Http(head) => self.begin_http(head, caller, door),
            Subject::Call(call) => self.begin_call(call, caller, door),
            Subject::Statement(statement) => self.begin_said(Said::Statement(statement), caller, door),
            Subject::Command(command) => self.begin_said(Said::Command(command), caller, door),
        }
    }

    /// Why a request would be let through, held or denied now, budgets aside. Nothing is recorded, leased or held.
    pub fn explain(&self, subject: Subject, body: &[u8], caller: Caller) -> Explanation {
        let mut exchange = self.begin(subject, caller, EXPLAIN);
        let mut body = Some(body);
        loop {
            match (exchange.step(), body.take()) {
                (Step::NeedBody, Some(body)) => exchange.push_request(Bytes::copy_from_slice(body)),
                (Step::NeedBody, None) => exchange.end_request(),
                (Step::Effect(effect @ Effect::AwaitKeys(_)), unread) => {
                    body = unread;
                    let done = exchange.carry_out(effect).wait();
                    exchange.complete(done);
                }
                _ => break,
            }
        }
        let explanation = exchange.explain();
        exchange.forget();
        explanation
    }

    fn begin_http(&self, head: HttpHead, caller: Caller, door: &'static str) -> Exchange {
        let path = head.target.split(['?', '#']).next().unwrap_or("");
        let in_force = self.shared.policies.now();
        let policy = &in_force.policy;
        let service = policy.service_for(&head.host, path);
        let mut record = self.record(&in_force, service, door);
        record.method = Some(method(&head.method));
        record.trace = head.trace_id().map(str::to_owned);
        let sources = policy.identity();
        let from = sources.map_or(caller.peer, |sources| sources.source(&head.headers, caller.peer));
        let spoofed = sources.map_or_else(Vec::new, |sources| sources.spoofed(&head.headers, caller.peer));
        record.spoofed = spoofed.iter().map(|name| name.as_str().to_owned().into()).collect();
        let index = index(policy, service);
        self.exchange(in_force, index, (Identity::nobody(), from), record).arriving(head, spoofed, caller)
    }

    fn begin_call(&self, call: Call, caller: Caller, door: &'static str) -> Exchange {
        self.begin_within(&call.service, caller, door).with_acts(call.acts)
    }

    fn begin_said(&self, said: Said, caller: Caller, door: &'static str) -> Exchange {
        self.begin_within(said.service(), caller, door).with_said(said)
    }

    /// An exchange that its host begins at a service by name: there is no peer whose headers could name the caller.
    fn begin_within(&self, service: &str, caller: Caller, door: &'static str) -> Exchange {
        let in_force = self.shared.policies.now();
        let service = in_force.policy.service(service);
        let mut record = self.record(&in_force, service, door);
        let identity = Arc::new(caller.identity.unwrap_or_else(Identity::anonymous));
        record.identity = Some(identity.clone());
        let index = index(&in_force.policy, service);
        self.exchange(in_force, index, (identity, caller.peer), record)
    }

    fn exchange(
        &self,
        in_force: Arc<InForce>,
        service: Option<usize>,
        caller: (Arc<Identity>, Option<IpAddr>),
        mut record: Box<Record>,
    ) -> Exchange {
        record.source = caller.1;
        // An explanation is no exchange.
        let traced = record.door.as_deref() != Some(EXPLAIN);
        let exchange = Exchange::new(
            self.shared.clone(),
            in_force,
            self.shared.runtime().ok(),
            service,
            caller.0,
            record,
        );
        if traced { exchange.traced() } else { exchange }
    }

    fn record(&self, in_force: &InForce, service: Option<&Service>, door: &'static str) -> Box<Record> {
        let mut record = Box::new(Record::new(Kind::Exchange, RecordId::fresh(), self.shared.now()));
        record.door = Some(door.into());
        record.policy = Some(in_force.digest.clone());
        if let Some(service) = service {
            record.service = Arc::clone(&service.name).into();
            record.system = Some(service.system.name().into());
            record.mode = service.mode;
        }
        record
    }

    /// Waits until every record so far is on disk and signed, and what was learnt of callers is written where the store is there.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn flush(&self) -> Result<(), Error> {
        match self.shared.running() {
            Some(runtime) => runtime.run(super::worker::Bench::flush),
            None => Ok(()),
        }
    }

    /// What was counted in this process, in the text format of OpenMetrics 1.0 (`application/openmetrics-text`), which Prometheus reads, for
    /// the host to serve: exchanges by service, verdict and end, acts by operation, findings by entity, vectors, bytes, seconds from request to
    /// end, and how the worker fares. Never by caller, resource or value. An exchange counts once the worker has its record, some milliseconds
    /// after its end.
    pub fn metrics_text(&self) -> String {
        self.shared.metrics.text(&self.shared)
    }

    /// Whether the store, the log and the keys of issuers are there; starts the worker where it does not run yet.
    ///
    /// # Errors
    /// Why exchanges would be denied with `guard_unavailable`.
    pub fn check(&self) -> Result<(), Error> {
        self.runtime()?;
        let policy = self.policy();
        for keys in policy.identity().into_iter().flat_map(Sources::fetched_keys) {
            let (tried, wait) = std::sync::mpsc::channel();
            keys.when_tried(Box::new(move || {
                let _ = tried.send(());
            }));
            let _ = wait.recv();
            keys.check().map_err(|why| {
                let message = format!("the keys of an issuer cannot be fetched from {}: {why}", keys.url);
                Error::new(crate::ErrorKind::Store, message)
            })?;
        }
        Ok(())
    }

    /// The key by which other services know the seals of this one (`identity.hops`).
    ///
    /// # Errors
    /// A policy without `identity.hops`; a key that cannot be read; a store or log that cannot be opened.
    pub fn hop_key(&self) -> Result<PublicKey, Error> {
        let policy = self.policy();
        let hops = policy.identity().and_then(|sources| sources.hops.as_ref());
        let hops =
            hops.ok_or_else(|| Error::new(crate::ErrorKind::NotFound, "the policy has no identity.hops"))?;
        Ok(hops.key(&self.keys()?)?.public())
    }

    /// The keys of this installation.
    pub(super) fn keys(&self) -> Result<crate::keys::Keys, Error> {
        Ok(self.runtime()?.keys.clone())
    }

    pub(super) fn runtime(&self) -> Result<Arc<Runtime>, Error> {
        self.shared.runtime()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard(policy {})", self.shared.policies.now().digest)
    }
}

/// The door of what is only explained.
const EXPLAIN: &str = "explain";

/// The place of a service among those of its policy.
fn index(policy: &Policy, service: Option<&Service>) -> Option<usize> {
    policy.services().iter().position(|one| service.is_some_and(|service| std::ptr::eq(one, service)))
}

/// The name of a method; that of an ordinary one is copied nowhere.
fn method(method: &Method) -> Text {
    const ORDINARY: [Method; 7] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ];
    const NAMES: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    let known = ORDINARY.iter().zip(NAMES).find(|(one, _)| *one == method);
    known.map_or_else(|| method.as_str().to_owned().into(), |(_, name)| name.into())
}
