//! The guard itself: a policy, and the exchanges that begin under it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, header};

use super::exchange::{Exchange, Said};
use super::shared::Shared;
use super::step::Step;
use super::worker::Runtime;
use crate::audit::{Kind, Record};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::grant::{Answer, Approval, ApprovalState, Grant, Letter, Outbox, Terms};
use crate::identity::Identity;
use crate::model::{ApprovalId, Call, GrantId, HttpHead, RecordId, SessionId, Subject, Text};
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
#[derive(Debug, Clone)]
pub enum Caller {
    /// The authenticating layer verified this identity.
    Verified(Identity),
    /// Nobody did: the policy's trusted headers may name the caller, if this peer (the address of the socket) is
    /// believed. Everybody else is anonymous.
    Peer(Option<IpAddr>),
}

impl Guard {
    /// A guard under the policy of a file.
    ///
    /// # Errors
    /// Every error of the policy at once, each with file, line and column; a detector that it calls and nobody brought.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let policy = Policy::from_file(path.as_ref())?;
        policy.complete()?;
        Ok(Self::new(policy))
    }

    /// A guard under this policy. Where it calls a detector that nobody brought ([`Policy::complete`]), what it should read does not pass.
    pub fn new(policy: Policy) -> Self {
        Self::with_clock(policy, Arc::new(SystemClock))
    }

    /// The same by another clock: for tests and replay.
    pub fn with_clock(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        Self { shared: Arc::new(Shared::new(Arc::new(policy), clock)) }
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
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
        let mut exchange = self.begin(subject, caller, "explain");
        let mut body = Some(body);
        while let Step::NeedBody = exchange.step() {
            match body.take() {
                Some(body) => exchange.push_request(Bytes::copy_from_slice(body)),
                None => exchange.end_request(),
            }
        }
        let explanation = exchange.explain();
        exchange.forget();
        explanation
    }

    fn begin_http(&self, head: HttpHead, caller: Caller, door: &'static str) -> Exchange {
        let path = head.target.split(['?', '#']).next().unwrap_or("");
        let service = self.shared.policy.service_for(&head.host, path);
        let mut record = self.record(service, door);
        record.method = Some(method(&head.method));
        record.trace = trace_id(&head.headers);
        let source = self.shared.policy.identity();
        let identity = match (caller, source) {
            (Caller::Verified(identity), _) => Ok(identity),
            (Caller::Peer(peer), Some(source)) => source.headers.resolve(&head.headers, peer),
            (Caller::Peer(_), None) => Ok(Identity::anonymous()),
        };
        let refused = identity.is_err();
        let identity = Arc::new(identity.unwrap_or_else(|_| Identity::anonymous()));
        record.identity = Some(identity.clone());
        record.session = source
            .and_then(|source| source.session.as_ref())
            .filter(|_| !identity.is_anonymous())
            .and_then(|name| head.headers.get(name)?.to_str().ok())
            .filter(|text| (1..=128).contains(&text.len()))
            .map(SessionId::from);
        let upgrade = head.headers.contains_key(header::UPGRADE) || head.method == Method::CONNECT;
        let enforces = service.is_none_or(|s| s.mode == crate::model::Mode::Enforce);
        let exchange = Exchange::new(
            self.shared.clone(),
            self.shared.runtime().ok(),
            self.index(service),
            identity,
            record,
        )
        .with_head(head);
        // Observing blocks nothing: whoever cannot be told is nobody.
        match (refused && enforces, upgrade && enforces) {
            (true, _) => exchange.answered("identity_refused"),
            (_, true) => exchange.answered("upgrade_refused"),
            _ => exchange,
        }
    }

    fn begin_call(&self, call: Call, caller: Caller, door: &'static str) -> Exchange {
        self.begin_within(&call.service, caller, door).with_acts(call.acts)
    }

    fn begin_said(&self, said: Said, caller: Caller, door: &'static str) -> Exchange {
        self.begin_within(said.service(), caller, door).with_said(said)
    }

    /// An exchange that its host begins at a service by name: there is no peer whose headers could name the caller.
    fn begin_within(&self, service: &str, caller: Caller, door: &'static str) -> Exchange {
        let service = self.shared.policy.service(service);
        let mut record = self.record(service, door);
        let identity = match caller {
            Caller::Verified(identity) => Arc::new(identity),
            Caller::Peer(_) => Arc::new(Identity::anonymous()),
        };
        record.identity = Some(identity.clone());
        Exchange::new(self.shared.clone(), self.shared.runtime().ok(), self.index(service), identity, record)
    }

    /// The place of a service among those of the policy.
    fn index(&self, service: Option<&Service>) -> Option<usize> {
        self.shared
            .policy
            .services()
            .iter()
            .position(|one| service.is_some_and(|service| std::ptr::eq(one, service)))
    }

    fn record(&self, service: Option<&Service>, door: &'static str) -> Box<Record> {
        let mut record = Box::new(Record::new(Kind::Exchange, RecordId::fresh(), self.shared.now()));
        record.door = Some(door.into());
        record.policy = Some(self.shared.policy_digest.clone());
        if let Some(service) = service {
            record.service = Arc::clone(&service.name).into();
            record.system = Some(service.system.name().into());
            record.mode = service.mode;
        }
        record
    }

    /// Issues a grant; its clock starts now.
    ///
    /// # Errors
    /// Terms that cannot be granted, or a store or log that cannot be written.
    pub fn issue_grant(&self, terms: Terms, by: &str) -> Result<Grant, Error> {
        let by = by.to_owned();
        self.runtime()?.run(move |bench| {
            let grant = bench.grants().issue(&terms, &by)?;
            bench.note_grant("issued", &grant, &by, Some(&grant.reason));
            bench.flush()?;
            Ok(grant)
        })
    }

    /// Ends a grant now, for every process on this state.
    ///
    /// # Errors
    /// A grant that does not exist or has ended, or a store or log that cannot be written.
    pub fn revoke_grant(&self, id: &GrantId, by: &str, reason: &str) -> Result<Grant, Error> {
        let (id, by, reason) = (id.clone(), by.to_owned(), reason.to_owned());
        self.runtime()?.run(move |bench| {
            let grant = bench.grants().revoke(&id, &by, &reason)?;
            bench.note_grant("revoked", &grant, &by, Some(&reason));
            bench.flush()?;
            Ok(grant)
        })
    }

    /// All grants ever issued, ended ones too.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn grants(&self) -> Result<Vec<Grant>, Error> {
        self.runtime()?.run(|bench| bench.grants().list())
    }

    /// All approvals, or those in one state; ended ones stay listed.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn approvals(&self, state: Option<ApprovalState>) -> Result<Vec<Approval>, Error> {
        self.runtime()?.run(move |bench| bench.approvals().list(state))
    }

    /// A person's vote on a held request. The person's groups are those of the policy.
    ///
    /// # Errors
    /// Where the person may not vote on it, it is no longer pending, or the store or log cannot be written.
    pub fn vote(
        &self,
        id: &ApprovalId,
        by: &str,
        answer: Answer,
        reason: Option<&str>,
    ) -> Result<Approval, Error> {
        let voter = Identity::new(by).with_groups(self.shared.policy.groups_of(by));
        let (id, reason) = (id.clone(), reason.map(str::to_owned));
        self.runtime()?.run(move |bench| {
            let approval = bench.approvals().vote(&id, &voter, answer, reason.as_deref())?;
            let step = match answer {
                Answer::Approve => "approved",
                Answer::Deny => "denied",
            };
            bench.note_approval(step, &approval, &voter.subject, reason.as_deref());
            bench.flush()?;
            Ok(approval)
        })
    }

    /// Everything that webhooks were to be told, and what became of it; oldest change first.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn letters(&self) -> Result<Vec<Letter>, Error> {
        self.runtime()?.run(|bench| Outbox::list(&*bench.store))
    }

    /// Waits until every record so far is on disk and signed.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn flush(&self) -> Result<(), Error> {
        match self.shared.running() {
            Some(runtime) => runtime.run(super::worker::Bench::flush),
            None => Ok(()),
        }
    }

    /// Whether the store and the log are there; starts the worker where it does not run yet.
    ///
    /// # Errors
    /// Why exchanges would be denied with `guard_unavailable`.
    pub fn check(&self) -> Result<(), Error> {
        self.runtime().map(|_| ())
    }

    /// The keys of this installation.
    pub(super) fn keys(&self) -> Result<crate::keys::Keys, Error> {
        Ok(self.runtime()?.keys.clone())
    }

    fn runtime(&self) -> Result<Arc<Runtime>, Error> {
        self.shared.runtime()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard(policy {})", self.shared.policy_digest)
    }
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

/// The trace id of a W3C `traceparent` header: it joins records and decides nothing, for it is unsigned.
fn trace_id(headers: &http::HeaderMap) -> Option<String> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    let id = parent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then(|| id.to_owned())
}
