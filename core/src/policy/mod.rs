//! What people write down, compiled to what the guard asks.
//!
//! One YAML document (`core/policy.schema.json` describes it for editors) names services, rules, standing grants,
//! approvals and masks. Reading it reports *everything* that is wrong with it in one run, each with line and column:
//! unknown keys and names, rules that can never fire, grants that contradict rules, holds that nobody can end.
//! What was read is immutable, shared by all exchanges, and answers a question in well under a microsecond.
//!
//! ```
//! use wardline::identity::Identity;
//! use wardline::model::{Act, Operation, Verdict};
//! use wardline::policy::{Facts, NoGrants, Policy};
//!
//! let policy = Policy::parse("
//! version: 1
//! state: memory
//! services: {vectors: {system: qdrant}}
//! rules:
//!   - {name: search, who: ['user:*'], operations: [vector.search], effect: allow}
//! ", "policy.yaml").unwrap();
//!
//! let ana = Identity::new("ana");
//! let acts = [Act::new(Operation::VectorSearch, "docs")];
//! let facts = Facts::of(&ana, policy.service("vectors"), &acts);
//! assert_eq!(policy.decide(&facts, &NoGrants).verdict, Verdict::Allow);
//!
//! let wrong = Policy::parse("version: 1\nruels: []\nservices: {a: {system: qdrnt}}\n", "policy.yaml").unwrap_err();
//! let found: Vec<_> = wrong.diagnostics().iter().map(|d| (d.line, d.column, d.code)).collect();
//! assert_eq!(found, [(2, 1, "unknown_key"), (3, 24, "unknown_system")]);
//! ```

mod budget;
mod callers;
mod candidates;
mod catalogues;
mod decide;
mod decision;
mod document;
mod draft;
mod explain;
mod granting;
mod identity;
mod include;
mod labels;
mod masking;
mod notify;
mod scope;
mod sense;
mod service;
mod setting;
mod suite;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use budget::{Budget, Counts, Due};
pub use decision::{ApprovalTerms, Decision, Effect, Facts, GrantView, NoGrants, code};
pub use explain::{Considered, Explanation, Miss, Nearest, Reasons};
pub use granting::Granting;
pub use masking::{Embed, Masking, Side};
pub use notify::{Form, Webhook, may_call};
pub use service::{LogTerms, OnFailure, Service, SharedStore, State, Thresholds};
pub use suite::{Case, Expect, Response, Suite};
pub use watch::{Look, Watch};

use candidates::{Candidates, Found};
use catalogues::Catalogues;
use decide::Reason;
use document::{File, Findings, MAX_BYTES, POLICY, Shape, beside};
use draft::{Draft, Rule};
use labels::Labelled;
use masking::Masks;
use scope::{Matcher, Reach};

use crate::audit::Settings;
use crate::classify::{self, System};
use crate::detect::{Called, Custom, Detector};
use crate::error::{Diagnostic, Error, ErrorKind};
use crate::grant::{Grant, Subscriber};
use crate::identity::{Identity, Sources};
use crate::keys::{Signer, SigningKey};
use crate::mask::Plan;
use crate::model::{Act, Operation, Risk};

/// A compiled policy. It never changes; a new one takes its place whole.
#[derive(Debug)]
pub struct Policy {
    digest: [u8; 32],
    warnings: Vec<Diagnostic>,
    files: Vec<PathBuf>,
    state: State,
    store: Option<SharedStore>,
    log: LogTerms,
    /// What the host brought to sign the log.
    signer: Brought,
    sources: Option<Sources>,
    groups: BTreeMap<String, Vec<String>>,
    /// Sorted by name.
    labels: Vec<Labelled>,
    default: Effect,
    durable_from: Option<Risk>,
    thresholds: Thresholds,
    /// The terms of what a threshold or the default holds; none where nobody approves.
    approval: Option<Arc<ApprovalTerms>>,
    /// Those that it brings or adds to.
    systems: Vec<&'static System>,
    services: Vec<Service>,
    /// Sorted by name.
    rules: Vec<Rule>,
    /// Where the rules are found that may speak of a request.
    candidates: Candidates,
    grants: Vec<Grant>,
    granting: Granting,
    budgets: Vec<Arc<Budget>>,
    watch: Option<Watch>,
    masks: Masks,
    webhooks: Vec<Arc<Webhook>>,
    /// What each reason says where no rule does.
    sentences: Vec<Arc<str>>,
}

/// What the host brought to sign the log. Printing it shows nothing.
#[derive(Clone, Default)]
struct Brought(Option<Arc<dyn Signer>>);

impl fmt::Debug for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a signer" } else { "no signer" })
    }
}

/// What is known of a policy beside what it says.
struct Origin {
    digest: [u8; 32],
    files: Vec<PathBuf>,
    warnings: Vec<Diagnostic>,
    sources: Option<Sources>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] or [`ErrorKind::Input`] where the file cannot be read, [`ErrorKind::Policy`] with
    /// every finding where it is wrong.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        Self::parse(&text_of(path)?, &path.display().to_string())
    }

    /// Reads a policy from its text. `file` is where it comes from: for messages, and for the state folder, which
    /// stands beside it.
    ///
    /// # Errors
    /// [`ErrorKind::Policy`] with every finding, in the order of the text.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let mut findings = Findings::new(file);
        let Some(document) = include::read(text, &mut findings) else {
            return Err(Error::policy(findings.sorted()));
        };
        let root = &document.root;
        document::check(root, &Shape::Keys(&POLICY), &mut findings);
        let catalogues = Catalogues::read(root, &mut findings);
        let (sources, key_sets) = identity::read(root, &mut findings);
        let draft = Draft::read(root, &findings, &catalogues);
        sense::check(&draft, &catalogues, &mut findings);
        if !findings.is_sound() {
            return Err(Error::policy(findings.sorted()));
        }
        let mut digest = Sha256::new_with_prefix(text);
        for text in document.included.iter().chain(&key_sets).chain(catalogues.texts()) {
            digest.update(b"\0");
            digest.update(Sha256::digest(text));
        }
        let files = findings.files();
        let warnings = findings.sorted();
        let origin = Origin { digest: digest.finalize().into(), files, warnings, sources };
        Self::compile(draft, origin, catalogues.into_own())
    }

    fn compile(draft: Draft<'_>, origin: Origin, systems: Vec<&'static System>) -> Result<Self, Error> {
        let mut rules: Vec<Rule> = draft.rules.into_iter().map(|part| part.is).collect();
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            digest: origin.digest,
            warnings: origin.warnings,
            files: origin.files,
            candidates: Candidates::of(&rules),
            rules,
            state: draft.state,
            store: draft.store,
            log: draft.log,
            signer: Brought::default(),
            sources: origin.sources,
            groups: draft.groups,
            labels: draft.labels.into_iter().map(|part| part.is).collect(),
            default: draft.default,
            durable_from: draft.durable_from,
            thresholds: draft.thresholds,
            approval: (!draft.approval.steps.is_empty()).then(|| Arc::new(draft.approval)),
            systems,
            services: draft.services.into_iter().map(|part| part.is).collect(),
            grants: draft.grants.into_iter().map(|part| part.is.grant).collect(),
            granting: draft.granting,
            budgets: draft.budgets.into_iter().map(|part| Arc::new(part.is)).collect(),
            watch: draft.watch,
            webhooks: draft.webhooks,
            masks: Masks::new(
                draft.masks.into_iter().map(|part| part.is).collect(),
                draft.detectors.into_iter().filter_map(|declared| declared.is?.ok()).collect(),
            )?,
            sentences: Reason::ALL.iter().map(|reason| reason.sentence().into()).collect(),
        })
    }

    /// The JSON Schema of policies, for editors and other tools.
    pub fn schema() -> String {
        document::schema()
    }

    /// The system of a name, with what the policy's own catalogues say of it.
    pub fn system(&self, name: &str) -> Option<&'static System> {
        self.systems.iter().copied().find(|system| system.name() == name).or_else(|| classify::system(name))
    }

    /// Every system, with what the policy's own catalogues say.
    pub fn systems(&self) -> impl Iterator<Item = &'static System> {
        let own = self.systems.iter().copied();
        let mine = |system: &&System| self.systems.iter().any(|own| own.name() == system.name());
        classify::systems().iter().filter(move |system| !mine(system)).chain(own)
    }

    /// What it says that is hardly meant and opens nothing, such as a service that nobody may use; in the order of the text.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The files that it was read from: its own, what it includes, its key sets and catalogues. Whether they are files is not known where it was
    /// read from a text.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// SHA-256 of the policy's text, of what it includes, and of its key sets and catalogues.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Where grants, approvals and the log are kept.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where grants and approvals are kept instead, with other machines; the log and the keys stay in the state folder.
    pub fn store(&self) -> Option<&SharedStore> {
        self.store.as_ref()
    }

    /// Who is told of approvals and grants, in the order of the text.
    pub fn webhooks(&self) -> &[Arc<Webhook>] {
        &self.webhooks
    }

    /// The same by name, with the events that they are told.
    pub fn subscribers(&self) -> Arc<[Subscriber]> {
        self.webhooks.iter().map(|webhook| webhook.subscriber.clone()).collect()
    }

    /// The same policy with its grants and approvals in this store.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] where its state is in memory: what is shared needs a folder for keys and log.
    pub fn with_store(mut self, store: SharedStore) -> Result<Self, Error> {
        if self.state == State::Memory {
            return Err(Error::new(ErrorKind::Input, SHARED_NEEDS_FOLDER));
        }
        self.store = Some(store);
        Ok(self)
    }

    /// How the log is kept.
    pub fn log(&self) -> &LogTerms {
        &self.log
    }

    /// The same policy whose logs are signed by something of the host, such as a key management service. `log.key` of the policy does not
    /// count then.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use wardline::keys::SigningKey;
    /// use wardline::policy::Policy;
    /// let policy = Policy::parse("{version: 1, services: {a: {system: qdrant}}}", "wardline.yaml").unwrap();
    /// let policy = policy.with_signer(Arc::new(SigningKey::fresh("at-hand").unwrap()));
    /// assert!(policy.signer().unwrap().is_some());
    /// ```
    #[must_use]
    pub fn with_signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Brought(Some(signer));
        self
    }

    /// The same policy, signed by what the host brought to another.
    #[must_use]
    pub(crate) fn with_signer_of(mut self, other: &Self) -> Self {
        self.signer = other.signer.clone();
        self
    }

    /// What signs the logs: what the host brought, or the key that the policy names; `None` where each has its own.
    ///
    /// # Errors
    /// A key that is not where the policy says, or is none.
    pub fn signer(&self) -> Result<Option<Arc<dyn Signer>>, Error> {
        if let Brought(Some(signer)) = &self.signer {
            return Ok(Some(signer.clone()));
        }
        let key = self.log.key.as_ref().map(SigningKey::kept).transpose()?;
        Ok(key.map(|key| Arc::new(key) as Arc<dyn Signer>))
    }

    /// How a log is opened under this policy.
    ///
    /// # Errors
    /// As [`signer`](Self::signer).
    pub fn log_settings(&self) -> Result<Settings, Error> {
        Ok(Settings { rotate: self.log.rotate, signer: self.signer()?, ..Settings::default() })
    }

    /// The same policy with its state in memory: nothing of a state folder is read or written, and nobody is told.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        self.state = State::Memory;
        self.store = None;
        self.webhooks = Vec::new();
        self
    }

    /// Where a door takes the caller from when its host hands over none.
    pub fn identity(&self) -> Option<&Sources> {
        self.sources.as_ref()
    }

    /// Takes over what key sets of `before` at the same addresses hold.
    pub(crate) fn succeed_keys(&self, before: &Self) {
        let sets = |policy: &Self| {
            policy.sources.iter().flat_map(Sources::fetched_keys).map(Arc::clone).collect::<Vec<_>>()
        };
        let old = sets(before);
        for set in sets(self) {
            if let Some(old) = old.iter().find(|old| old.url == set.url) {
                set.succeed(old);
            }
        }
    }

    /// The services, in the order of the text.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The service of that name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| &*service.name == name)
    }

    /// The service that answers to a host (with or without port) and a path (as received, query allowed): of those
    /// that fit the one with the longest base path, then the one that names the host most closely. `None` where none
    /// does, or where two readers of the path could find two services.
    pub fn service_for(&self, host: &str, path: &str) -> Option<&Service> {
        service::select(&self.services, host, path)
    }

    /// From this final risk on, a `begin` record is on disk before a request to no service of the policy goes on;
    /// a service has its own.
    pub fn durable_from(&self) -> Option<Risk> {
        self.durable_from
    }

    /// The groups of the policy that a person is in: what entitles them to approve.
    pub fn groups_of(&self, person: &str) -> impl Iterator<Item = &str> {
        let person = person.to_owned();
        self.groups
            .iter()
            .filter(move |(_, people)| people.contains(&person))
            .map(|(group, _)| group.as_str())
    }

    /// The standing grants, in the order of the text. Uses and quota are counted where grants are kept, under their ids.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What is masked in one body of a request. An entry applies when any of its acts fits it.
    ///
    /// # Errors
    /// Where no plan can be made of the entries: the exchange must be denied.
    pub fn masking(&self, facts: &Facts<'_>, side: Side) -> Result<Arc<Masking>, Error> {
        let unknown = [Act::unknown()];
        let acts = if facts.acts.is_empty() { &unknown } else { facts.acts };
        self.masks.of(acts, side, |matcher, act| self.speaks_of(matcher, facts, act))
    }

    /// Whether vectors are stripped of the response to such a request.
    pub fn strips(&self, facts: &Facts<'_>) -> bool {
        self.masks.strip(facts.acts, |matcher, act| self.speaks_of(matcher, facts, act))
    }

    /// Whether what a matcher restrains may be done by an act.
    fn speaks_of(&self, matcher: &Matcher, facts: &Facts<'_>, act: &Act) -> bool {
        let risk = self.final_risk(facts.service, act, None);
        matcher.fits(facts, self.service_index(facts.service), act, risk, Reach::Possibly)
    }

    /// The entities that the policy declares, in the order of the text.
    pub fn detectors(&self) -> &[Arc<Custom>] {
        &self.masks.own
    }

    /// The same policy with a detector of the host under the name that [`detectors`](Self::detectors) call it by.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the policy calls none by that name.
    pub fn with_detector(self, name: &str, detector: Arc<dyn Detector>) -> Result<Self, Error> {
        let mut called = self.called().filter(|called| called.name == name).peekable();
        if called.peek().is_none() {
            let message = format!("the policy calls no detector by the name {name:?}");
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        called.for_each(|called| called.take(&detector));
        Ok(self)
    }

    /// The same policy with the detectors that were brought to another, as far as it calls them.
    #[must_use]
    pub(crate) fn with_detectors_of(self, other: &Self) -> Self {
        for called in self.called() {
            for known in other.called().filter(|known| known.name == called.name) {
                called.take_from(known);
            }
        }
        self
    }

    /// Whether every detector that the policy calls has been brought. What calls a missing one does not pass.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] with the name of one that is missing.
    pub fn complete(&self) -> Result<(), Error> {
        match self.called().find(|called| !called.is_there()) {
            None => Ok(()),
            Some(missing) => {
                let message =
                    format!("the policy calls the detector {:?}, and nobody brought it", missing.name);
                Err(Error::new(ErrorKind::NotFound, message))
            }
        }
    }

    fn called(&self) -> impl Iterator<Item = &Called> {
        self.masks.own.iter().filter_map(|own| own.called())
    }

    /// Every mask entry of the policy joined to one plan: for text that belongs to no request.
    pub fn whole_plan(&self) -> Arc<Plan> {
        Arc::clone(&self.masks.whole)
    }

    /// Hosts that no service names stand behind the last service.
    fn service_index(&self, service: Option<&Service>) -> usize {
        service.map_or(self.services.len(), |service| service.index)
    }

    /// Every rule that may fit what `identity` does as `operation`, and how it was found.
    fn rules_for(&self, identity: &Identity, operation: Operation) -> impl Iterator<Item = (&Rule, Found)> {
        let places = self.candidates.places(identity, operation);
        places.filter_map(|(place, found)| Some((self.rules.get(place)?, found)))
    }
}

/// Why a shared store and a state in memory do not go together.
const SHARED_NEEDS_FOLDER: &str =
    "a store that machines share needs a state folder beside it, for the keys and the log";

/// Why a folder is not read: nothing says which of its files belong together.
const IS_FOLDER: &str = "it is a folder; name the files in it";

/// The text of a file that a policy names, from beside the file that names it. It is open for findings then, under the name by which
/// whoever called knows it. Why it cannot be read otherwise.
fn text_beside(findings: &mut Findings, from: File, written: &str) -> Result<(File, String), String> {
    let from = findings.name(from).to_owned();
    let text = text_of(&beside(&from, written)).map_err(|error| {
        let found = error.diagnostics().first().map(|found| found.message.clone());
        let why = if error.kind() == ErrorKind::NotFound { "no such file" } else { "it may not be read" };
        found.unwrap_or_else(|| if beside(&from, written).is_dir() { IS_FOLDER } else { why }.to_owned())
    })?;
    let name = Path::new(&from).with_file_name(written).display().to_string();
    Ok((findings.open(&name), text))
}

/// The text of a file that people write.
fn text_of(path: &Path) -> Result<String, Error> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        let kind =
            if e.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Input };
        let why = if path.is_dir() {
            IS_FOLDER.to_owned()
        } else if kind != ErrorKind::NotFound {
            e.kind().to_string()
        } else {
            // A host may run elsewhere than whoever wrote its command thinks.
            let here = std::env::current_dir().ok().filter(|_| path.is_relative());
            let from = here.map(|here| format!(", seen from {}", here.display())).unwrap_or_default();
            format!("there is no such file{from}")
        };
        Error::new(kind, format!("cannot read {name}: {why}")).with_source(e)
    };
    let mut bytes = Vec::new();
    // One byte more than is accepted tells that there is more.
    let limit = MAX_BYTES as u64 + 1;
    fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > MAX_BYTES {
        let message = format!("expected at most {MAX_BYTES} bytes");
        return Err(Error::policy(vec![Diagnostic::new(name, 1, 1, "too_large", message)]));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(e) => {
            let before = bytes.get(..e.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or("");
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
            let message = "expected UTF-8 text";
            Err(Error::policy(vec![Diagnostic::new(name, line, column, "not_utf8", message)]))
        }
    }
}
