//! A policy read from its tree, with the node of each part kept beside it: what the checks of meaning work on.
//!
//! Reading is lenient: whatever has been reported against the table of keys is left out, so that the rest can still
//! be judged in the same run.

mod masks;
mod matcher;
mod node;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub(super) use self::node::{duration, entries, globs, list, read_secret, text};
pub(super) use self::rules::case_grants;

use self::masks::{read_detector, read_mask};
use self::matcher::{Names, read_label, read_matcher};
use self::node::read_threshold;
use self::rules::{read_budget, read_grant, read_rule};
use super::budget::Budget;
use super::catalogues::Catalogues;
use super::decision::{ApprovalTerms, Effect};
use super::document::{Findings, Key, Node, beside, bytes, number};
use super::granting::Granting;
use super::labels::Labelled;
use super::masking::Entry;
use super::notify::Webhook;
use super::scope::Matcher;
use super::service::{LogTerms, OnFailure, Service, SharedStore, State, Thresholds};
use super::watch::{self, Watch, Watched};
use crate::detect::{Custom, Wrong};
use crate::glob::Glob;
use crate::grant::{Grant, Limits, Step};
use crate::model::{Entity, Mode, Risk};
use crate::store::StoreUrl;

/// A part of the policy and where it stands.
#[derive(Debug)]
pub(super) struct Part<'n, T> {
    pub(super) node: &'n Node,
    pub(super) is: T,
}

/// A rule, compiled.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    /// Where it stands.
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) matcher: Matcher,
    pub(super) effect: Effect,
    /// For a hold.
    pub(super) terms: Option<Arc<ApprovalTerms>>,
    pub(super) because: Option<Arc<str>>,
}

/// A standing grant, with its scope in both forms.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) name: Arc<str>,
    pub(super) matcher: Matcher,
    pub(super) grant: Grant,
}

/// An entity that the policy declares.
#[derive(Debug)]
pub(super) struct Declared<'n> {
    pub(super) name: &'n Key,
    pub(super) node: &'n Node,
    pub(super) entity: Entity,
    /// `None` where it cannot be read; the key of what is wrong with it otherwise.
    pub(super) is: Option<Result<Arc<Custom>, (&'static str, Wrong)>>,
}

/// Everything a policy says.
#[derive(Debug)]
pub(super) struct Draft<'n> {
    pub(super) root: &'n Node,
    pub(super) state: State,
    pub(super) log: LogTerms,
    pub(super) store: Option<SharedStore>,
    pub(super) groups: BTreeMap<String, Vec<String>>,
    /// Sorted by name.
    pub(super) labels: Vec<Part<'n, Labelled>>,
    pub(super) default: Effect,
    pub(super) durable_from: Option<Risk>,
    pub(super) thresholds: Thresholds,
    /// The terms of what is held without a rule that says how.
    pub(super) approval: ApprovalTerms,
    pub(super) services: Vec<Part<'n, Service>>,
    pub(super) rules: Vec<Part<'n, Rule>>,
    pub(super) grants: Vec<Part<'n, Standing>>,
    pub(super) granting: Granting,
    pub(super) budgets: Vec<Part<'n, Budget>>,
    pub(super) watch: Option<Watch>,
    /// What it watches for.
    pub(super) watched: Vec<Part<'n, Watched>>,
    pub(super) detectors: Vec<Declared<'n>>,
    pub(super) masks: Vec<Part<'n, Entry>>,
    pub(super) webhooks: Vec<Arc<Webhook>>,
}

const DEFAULT_STATE: &str = "./state";
const DEFAULT_THRESHOLDS: Thresholds = Thresholds { hold: Some(Risk::new(80)), deny: Some(Risk::new(96)) };
const DEFAULT_DURABLE_FROM: Risk = Risk::new(60);
const DEFAULT_TTL: Duration = Duration::from_secs(3_600);
const DEFAULT_USABLE_FOR: Duration = Duration::from_secs(900);
const DEFAULT_BODY_LIMIT: usize = 1 << 20;

impl<'n> Draft<'n> {
    /// Reads what `root` says. `findings` know what its files are called, for what is relative to them.
    pub(super) fn read(root: &'n Node, findings: &Findings, catalogues: &Catalogues) -> Self {
        let groups: BTreeMap<String, Vec<String>> = entries(root, "groups")
            .map(|(name, people)| {
                let people = people.elements().iter().filter_map(Node::text).map(str::to_owned);
                (name.to_owned(), people.collect())
            })
            .collect();
        let thresholds = read_thresholds(root, DEFAULT_THRESHOLDS);
        let durable_from = read_threshold(root, "durable_from").unwrap_or(Some(DEFAULT_DURABLE_FROM));
        let services: Vec<_> = entries(root, "services")
            .enumerate()
            .filter_map(|(index, (name, node))| {
                Some(Part {
                    node,
                    is: read_service(index, name, node, (thresholds, durable_from), catalogues)?,
                })
            })
            .collect();
        let approval = read_approval(root, None);
        let detectors: Vec<_> = root
            .get("detectors")
            .map(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|(name, node)| {
                let entity = Entity::declared(&name.text);
                Declared { name, node, entity, is: read_detector(entity, node) }
            })
            .collect();
        let mut names = Names {
            services: entries(root, "services").map(|(name, _)| name).collect(),
            groups: &groups,
            labels: Vec::new(),
            own: detectors.iter().map(|declared| declared.entity).collect(),
        };
        let mut labels: Vec<_> = entries(root, "labels")
            .filter_map(|(name, node)| Some(Part { node, is: read_label(name, node, &names)? }))
            .collect();
        labels.sort_by(|a, b| a.is.name.cmp(&b.is.name));
        names.labels = labels.iter().map(|part| part.is.clone()).collect();
        let names = names;
        let parts = |key| root.get(key).map(Node::elements).unwrap_or_default().iter();
        let rules = parts("rules")
            .filter_map(|node| {
                let file = findings.name(node.place.file);
                Some(Part { node, is: read_rule(node, file, &names, &approval)? })
            })
            .collect();
        let grants =
            parts("grants").filter_map(|node| Some(Part { node, is: read_grant(node, &names)? })).collect();
        let budgets = parts("budgets")
            .filter_map(|node| Some(Part { node, is: read_budget(node, &names, &approval)? }))
            .collect();
        let masks =
            parts("mask").filter_map(|node| Some(Part { node, is: read_mask(node, &names)? })).collect();
        let (watch, watched) = watch::read(root, |node| read_matcher(node, &names));
        Self {
            root,
            state: match (text(root, "state").unwrap_or(DEFAULT_STATE), root.get("state")) {
                ("memory", _) => State::Memory,
                (folder, node) => {
                    let file = node.unwrap_or(root).place.file;
                    State::Folder(beside(findings.name(file), folder))
                }
            },
            log: read_log(root, findings),
            store: root.get("store").and_then(|node| read_store(node, findings.name(node.place.file))),
            labels,
            default: match text(root, "default") {
                Some("hold") => Effect::Hold,
                Some("danger_allow") => Effect::Allow,
                _ => Effect::Deny,
            },
            durable_from,
            thresholds,
            granting: read_granting(root, &approval),
            approval,
            services,
            rules,
            grants,
            budgets,
            watch,
            watched,
            detectors,
            masks,
            webhooks: parts("notify")
                .filter_map(|node| Webhook::read(node, findings.name(node.place.file)))
                .collect(),
            groups,
        }
    }

    /// The people of these groups, each once.
    pub(super) fn people(&self, groups: &[String]) -> Vec<&str> {
        let mut people: Vec<&str> =
            groups.iter().filter_map(|name| self.groups.get(name)).flatten().map(String::as_str).collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}

fn read_log(root: &Node, findings: &Findings) -> LogTerms {
    let Some(node) = root.get("log") else { return LogTerms::default() };
    LogTerms {
        key: node.get("key").and_then(|key| read_secret(key, findings.name(key.place.file))),
        rotate: duration(node, "rotate"),
    }
}

fn read_store(node: &Node, file: &str) -> Option<SharedStore> {
    match node.text() {
        Some(url) => StoreUrl::parse(url).ok().map(SharedStore::Url),
        None => read_secret(node, file).map(SharedStore::Kept),
    }
}

fn read_thresholds(node: &Node, otherwise: Thresholds) -> Thresholds {
    let Some(node) = node.get("thresholds") else { return otherwise };
    Thresholds {
        hold: read_threshold(node, "hold").unwrap_or(otherwise.hold),
        deny: read_threshold(node, "deny").unwrap_or(otherwise.deny),
    }
}

fn read_service(
    index: usize,
    name: &str,
    node: &Node,
    (thresholds, durable_from): (Thresholds, Option<Risk>),
    catalogues: &Catalogues,
) -> Option<Service> {
    let system = catalogues.system(text(node, "system")?)?;
    let hosts = list(node, "hosts", |host| Glob::new(&host.to_ascii_lowercase()).ok());
    let everywhere = || Glob::new("*").ok().filter(|_| system.takes_requests());
    Some(Service {
        index,
        name: name.into(),
        system,
        hosts: hosts.unwrap_or_else(|| everywhere().into_iter().collect()),
        base_path: text(node, "base_path").unwrap_or("/").trim_end_matches('/').to_owned(),
        mode: if text(node, "mode") == Some("observe") { Mode::Observe } else { Mode::Enforce },
        on_failure: if text(node, "on_failure") == Some("allow") {
            OnFailure::Allow
        } else {
            OnFailure::Deny
        },
        body_limit: text(node, "body_limit")
            .and_then(bytes)
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(DEFAULT_BODY_LIMIT),
        digests_all: text(node, "digests") == Some("always"),
        thresholds: read_thresholds(node, thresholds),
        durable_from: read_threshold(node, "durable_from").unwrap_or(durable_from),
        sealed_for: text(node, "sealed_for").map(str::to_owned),
    })
}

fn read_granting(root: &Node, approval: &ApprovalTerms) -> Granting {
    let node = root.get("granting");
    Granting {
        limits: Limits {
            longest: node.and_then(|node| duration(node, "longest")).unwrap_or(Limits::LONGEST),
            tickets: node.and_then(|node| globs(node, "tickets")).unwrap_or_default(),
        },
        issuers: node.and_then(|node| list(node, "issuers", |group| Some(group.to_owned()))),
        approval: node.map_or_else(|| approval.clone(), |node| read_approval(node, Some(approval))),
    }
}

fn read_approval(node: &Node, inherited: Option<&ApprovalTerms>) -> ApprovalTerms {
    let own = node.get("approval");
    let steps = own.and_then(|own| own.get("steps")).map(|steps| {
        let step = |step: &Node| {
            let mut from = list(step, "from", |group| Some(group.to_owned()))?;
            from.sort_unstable();
            from.dedup();
            let need = text(step, "need").and_then(number).and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
            Some(Step { from, need })
        };
        // A person counts towards one step, so two steps of the same groups are one that needs more people.
        let mut joined: BTreeMap<Vec<String>, u32> = BTreeMap::new();
        for Step { from, need } in steps.elements().iter().filter_map(step) {
            let sum = joined.entry(from).or_default();
            *sum = sum.saturating_add(need);
        }
        joined.into_iter().map(|(from, need)| Step { from, need }).collect()
    });
    let break_glass = own.and_then(|own| {
        let mut groups = list(own, "break_glass", |group| Some(group.to_owned()))?;
        groups.sort_unstable();
        groups.dedup();
        Some(groups)
    });
    let reason = own.and_then(|own| text(own, "reason"));
    let length = |key| own.and_then(|own| duration(own, key));
    ApprovalTerms {
        steps: steps.or_else(|| inherited.map(|terms| terms.steps.clone())).unwrap_or_default(),
        break_glass: break_glass
            .or_else(|| inherited.map(|terms| terms.break_glass.clone()))
            .unwrap_or_default(),
        ttl: length("ttl").or(inherited.map(|terms| terms.ttl)).unwrap_or(DEFAULT_TTL),
        usable_for: length("usable_for")
            .or(inherited.map(|terms| terms.usable_for))
            .unwrap_or(DEFAULT_USABLE_FOR),
        reason_required: reason
            .map_or_else(|| inherited.is_some_and(|terms| terms.reason_required), |r| r == "required"),
        wait: duration(node, "wait").unwrap_or_default(),
    }
}
