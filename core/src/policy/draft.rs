//! A policy read from its tree, with the node of each part kept beside it: what the checks of meaning work on.
//!
//! Reading is lenient: whatever has been reported against the table of keys is left out, so that the rest can still
//! be judged in the same run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::callers::Callers;
use super::catalogues::Catalogues;
use super::decision::{ApprovalTerms, Effect};
use super::document::{Findings, Key, Node, beside, bytes, entities, number, threshold};
use super::labels::Labelled;
use super::masking::{Embed, Entry, Side};
use super::notify::Webhook;
use super::scope::{Amount, Matcher, Operations, Scope};
use super::service::{OnFailure, Service, SharedStore, State, Thresholds};
use super::setting::Setting;
use crate::budget::Limit;
use crate::clock::{Timestamp, Window, parse_duration};
use crate::detect::{self, Called, Custom, Find, Pattern, Words, Wrong};
use crate::glob::Glob;
use crate::grant::{Grant, Scope as GrantScope, Step};
use crate::identity::Who;
use crate::json::Path;
use crate::keys::Secret;
use crate::mask::{Generalised, Scope as Reach, Transform};
use crate::model::{Entity, GrantId, Mode, Operation, Risk, Unit};
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
    pub(super) budgets: Vec<Part<'n, Budget>>,
    pub(super) detectors: Vec<Declared<'n>>,
    pub(super) masks: Vec<Part<'n, Entry>>,
    pub(super) webhooks: Vec<Arc<Webhook>>,
}

const DEFAULT_STATE: &str = "./state";
const DEFAULT_THRESHOLDS: Thresholds = Thresholds { hold: Some(Risk::new(80)), deny: Some(Risk::new(96)) };
const DEFAULT_DURABLE_FROM: Risk = Risk::new(60);
const DEFAULT_TTL: Duration = Duration::from_secs(3_600);
const DEFAULT_USABLE_FOR: Duration = Duration::from_secs(900);
const DEFAULT_DAYS: u16 = 180;
const DEFAULT_BODY_LIMIT: usize = 1 << 20;
/// Who issued a standing grant.
const ISSUER: &str = "policy";

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
        Self {
            root,
            state: match (text(root, "state").unwrap_or(DEFAULT_STATE), root.get("state")) {
                ("memory", _) => State::Memory,
                (folder, node) => {
                    let file = node.unwrap_or(root).place.file;
                    State::Folder(beside(findings.name(file), folder))
                }
            },
            store: root.get("store").and_then(|node| read_store(node, findings.name(node.place.file))),
            labels,
            default: match text(root, "default") {
                Some("hold") => Effect::Hold,
                Some("danger_allow") => Effect::Allow,
                _ => Effect::Deny,
            },
            durable_from,
            thresholds,
            approval,
            services,
            rules,
            grants,
            budgets,
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

/// What the matchers of a policy may refer to.
struct Names<'n> {
    services: Vec<&'n str>,
    groups: &'n BTreeMap<String, Vec<String>>,
    labels: Vec<Labelled>,
    /// Entities that the policy declares.
    own: Vec<Entity>,
}

impl Names<'_> {
    /// The entities of a name, and how close it is to each: an entity's own name, then its group's, then all.
    fn entities(&self, name: &str) -> (u8, Vec<Entity>) {
        let own = self.own.iter().copied();
        if name == "*" {
            return (0, detect::catalogue().iter().map(|info| info.entity).chain(own).collect());
        }
        if let Some(own) = own.clone().find(|entity| entity.name == name) {
            return (2, vec![own]);
        }
        let grouped = own.filter(|entity| entity.group.name() == name);
        let closeness = if detect::entity(name).is_some() { 2 } else { 1 };
        (closeness, entities(name).into_iter().chain(grouped).collect())
    }
}

pub(super) fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key)?.text()
}

pub(super) fn entries<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = (&'n str, &'n Node)> {
    let entries = node.get(key).map(Node::entries).unwrap_or_default();
    entries.iter().map(|(key, node)| (key.text.as_str(), node))
}

/// The readable elements of a list; `None` where the key is absent.
pub(super) fn list<T>(node: &Node, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    Some(node.get(key)?.elements().iter().filter_map(Node::text).filter_map(read).collect())
}

pub(super) fn globs(node: &Node, key: &str) -> Option<Vec<Glob>> {
    list(node, key, |text| Glob::new(text).ok())
}

pub(super) fn duration(node: &Node, key: &str) -> Option<Duration> {
    parse_duration(text(node, key)?).ok()
}

/// Where a secret is, in one of two ways; a relative file stands beside the policy.
pub(super) fn read_secret(node: &Node, file: &str) -> Option<Secret> {
    match (text(node, "env"), text(node, "file")) {
        (Some(name), None) => Some(Secret::Env(name.to_owned())),
        (None, Some(path)) => Some(Secret::File(beside(file, path))),
        _ => None,
    }
}

fn read_store(node: &Node, file: &str) -> Option<SharedStore> {
    match node.text() {
        Some(url) => StoreUrl::parse(url).ok().map(SharedStore::Url),
        None => read_secret(node, file).map(SharedStore::Kept),
    }
}

fn read_threshold(node: &Node, key: &str) -> Option<Option<Risk>> {
    threshold(text(node, key)?).map(|risk| risk.map(Risk::new))
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
        thresholds: read_thresholds(node, thresholds),
        durable_from: read_threshold(node, "durable_from").unwrap_or(durable_from),
    })
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
    let reason = own.and_then(|own| text(own, "reason"));
    let length = |key| own.and_then(|own| duration(own, key));
    ApprovalTerms {
        steps: steps.or_else(|| inherited.map(|terms| terms.steps.clone())).unwrap_or_default(),
        ttl: length("ttl").or(inherited.map(|terms| terms.ttl)).unwrap_or(DEFAULT_TTL),
        usable_for: length("usable_for")
            .or(inherited.map(|terms| terms.usable_for))
            .unwrap_or(DEFAULT_USABLE_FOR),
        reason_required: reason
            .map_or_else(|| inherited.is_some_and(|terms| terms.reason_required), |r| r == "required"),
        wait: duration(node, "wait").unwrap_or_default(),
    }
}

fn read_scope(node: &Node, names: &Names<'_>) -> Scope {
    let who = list(node, "who", |who| who.parse::<Who>().ok());
    let members = |group: &str| names.groups.get(group).map(Vec::as_slice).unwrap_or_default();
    let operations = globs(node, "operations").map_or(Operations::ALL, |globs| {
        let meant = |operation: &Operation| globs.iter().any(|glob| glob.matches(operation.name()));
        Operations::of(Operation::ALL.iter().copied().filter(meant))
    });
    Scope {
        who: who.map(|who| Callers::new(&who, members)),
        services: read_services(node, names),
        operations,
        resources: globs(node, "resources").map(Vec::into_boxed_slice),
        labels: list(node, "labels", |label| {
            names.labels.iter().find(|known| &*known.name == label).cloned()
        })
        .map(Vec::into_boxed_slice),
        setting: read_setting(node),
    }
}

fn read_services(node: &Node, names: &Names<'_>) -> Option<Box<[bool]>> {
    let globs = globs(node, "services")?;
    // The empty name is that of hosts which no service names: only `*` fits it.
    let all = names.services.iter().copied().chain([""]);
    Some(all.map(|name| globs.iter().any(|glob| glob.matches(name))).collect())
}

fn read_setting(node: &Node) -> Setting {
    let claim = |(name, values): (&str, &Node)| {
        let values = values.elements().iter().filter_map(Node::text);
        (name.into(), values.filter_map(|text| Glob::new(text).ok()).collect())
    };
    Setting {
        claims: entries(node, "claims").map(claim).collect(),
        via: globs(node, "via").unwrap_or_default().into(),
        networks: list(node, "networks", |text| text.parse().ok()).unwrap_or_default().into(),
        when: windows(node).into(),
    }
}

fn windows(node: &Node) -> Vec<Window> {
    list(node, "when", |text| text.parse().ok()).unwrap_or_default()
}

fn read_label(name: &str, node: &Node, names: &Names<'_>) -> Option<Labelled> {
    Some(Labelled {
        name: name.into(),
        services: read_services(node, names),
        resources: globs(node, "resources")?.into(),
        points: text(node, "risk").and_then(number).and_then(|n| u8::try_from(n).ok()).unwrap_or(0),
    })
}

fn read_matcher(node: &Node, names: &Names<'_>) -> Matcher {
    let bound = |node: &Node, key| text(node, key).and_then(number);
    let risk = node.get("risk").map_or(Matcher::ANY_RISK, |risk| {
        let value = |key, otherwise| bound(risk, key).and_then(|n| u8::try_from(n).ok()).unwrap_or(otherwise);
        (value("from", Matcher::ANY_RISK.0), value("below", Matcher::ANY_RISK.1))
    });
    let magnitude = node.get("magnitude").and_then(|amount| {
        let unit = text(amount, "unit")?.parse().ok()?;
        Some(Amount { unit, over: bound(amount, "over"), up_to: bound(amount, "up_to") })
    });
    let unless = node.get("unless").map(|unless| read_scope(unless, names));
    Matcher { scope: read_scope(node, names), risk, magnitude, unless }
}

fn read_rule(node: &Node, file: &str, names: &Names<'_>, approval: &ApprovalTerms) -> Option<Rule> {
    let effect = match text(node, "effect")? {
        "allow" => Effect::Allow,
        "grant" => Effect::Grant,
        "hold" => Effect::Hold,
        "deny" => Effect::Deny,
        _ => return None,
    };
    Some(Rule {
        name: text(node, "name")?.into(),
        file: file.into(),
        line: node.place.line,
        matcher: read_matcher(node, names),
        effect,
        terms: (effect == Effect::Hold).then(|| Arc::new(read_approval(node, Some(approval)))),
        because: text(node, "because").map(Into::into),
    })
}

fn read_grant(node: &Node, names: &Names<'_>) -> Option<Standing> {
    let name = text(node, "name")?;
    let any = || Some(vec![Glob::new("*").ok()?]);
    let mut who = list(node, "who", |who| who.parse::<Who>().ok())?;
    // A grant knows callers only: the people of the policy's own groups are named one by one.
    let members = |who: &Who| match who {
        Who::Group(group) => names.groups.get(&**group).cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    let people: Vec<String> = who.iter().flat_map(members).collect();
    who.extend(people.iter().filter_map(|person| Glob::new(person).ok()).map(Who::User));
    let quota = entries(node, "quota")
        .find_map(|(unit, amount)| Some((unit.parse::<Unit>().ok()?, number(amount.text()?)?)));
    let from = text(node, "from").and_then(|at| at.parse().ok()).unwrap_or_default();
    let grant = Grant {
        id: GrantId::from(format!("standing_{name}").as_str()),
        scope: GrantScope {
            who,
            services: globs(node, "services").or_else(any)?,
            operations: globs(node, "operations")?,
            resources: globs(node, "resources").or_else(any)?,
        },
        from,
        until: text(node, "until")?.parse::<Timestamp>().ok()?,
        when: windows(node),
        uses: text(node, "uses").and_then(number),
        quota,
        used: 0,
        spent: 0,
        reason: text(node, "because").unwrap_or("standing grant of the policy").to_owned(),
        issued_by: ISSUER.to_owned(),
        issued_at: from,
        revoked: None,
    };
    Some(Standing { name: name.into(), matcher: read_matcher(node, names), grant })
}

/// The grants of a case beside the policy, which knows no group's people.
pub(super) fn case_grants(node: &Node) -> Vec<Grant> {
    let names = Names { services: Vec::new(), groups: &BTreeMap::new(), labels: Vec::new(), own: Vec::new() };
    let grants = node.get("grants").map(Node::elements).unwrap_or_default();
    grants.iter().filter_map(|node| Some(read_grant(node, &names)?.grant)).collect()
}

fn read_budget(node: &Node, names: &Names<'_>, approval: &ApprovalTerms) -> Option<Budget> {
    let effect = if text(node, "effect") == Some("hold") { Effect::Hold } else { Effect::Deny };
    Some(Budget {
        name: text(node, "name")?.into(),
        limit: Limit { ids: number(text(node, "ids")?)?, window: duration(node, "window")? },
        effect,
        matcher: read_matcher(node, names),
        each: text(node, "per") != Some("all"),
        terms: (effect == Effect::Hold).then(|| Arc::new(read_approval(node, Some(approval)))),
        because: text(node, "because").map(Into::into),
    })
}

fn read_mask(node: &Node, names: &Names<'_>) -> Option<Entry> {
    let sides: Option<Vec<Side>> = list(node, "in", |side| match side {
        "request" => Some(Side::Request),
        "response" => Some(Side::Response),
        _ => None,
    });
    let mut found: BTreeMap<Entity, (u8, Transform)> = BTreeMap::new();
    for (name, node) in entries(node, "entities") {
        let (closeness, meant) = names.entities(name);
        let Some(transform) = read_transform(node) else { continue };
        for entity in meant {
            let before = found.get(&entity);
            if before.is_none_or(|(close, _)| *close < closeness) {
                found.insert(entity, (closeness, transform.clone()));
            }
        }
    }
    let fields = entries(node, "fields")
        .filter_map(|(path, node)| Some((Path::parse(path).ok()?, read_transform(node)?)))
        .collect();
    Some(Entry {
        name: text(node, "name")?.into(),
        matcher: read_matcher(node, names),
        request: sides.as_ref().is_none_or(|sides| sides.contains(&Side::Request)),
        response: sides.as_ref().is_none_or(|sides| sides.contains(&Side::Response)),
        entities: found.into_iter().map(|(entity, (_, transform))| (entity, transform)).collect(),
        fields,
        within: list(node, "within", |path| Path::parse(path).ok()).unwrap_or_default(),
        except: list(node, "except", |text| Some(text.to_owned())).unwrap_or_default().into_iter().collect(),
        refuse_unmaskable: text(node, "unmaskable") != Some("pass"),
        strips: text(node, "vectors") == Some("strip"),
        rereads: text(node, "reread") == Some("always"),
        embed: match text(node, "embed") {
            Some("pass") => Embed::Pass,
            Some("deny") => Embed::Deny,
            _ => Embed::Mask,
        },
    })
}

fn read_detector(entity: Entity, node: &Node) -> Option<Result<Arc<Custom>, (&'static str, Wrong)>> {
    let at = |key: &'static str| move |wrong: Wrong| (key, wrong);
    let texts = |key| list(node, key, |text| Some(text.to_owned()));
    let rank = text(node, "rank").and_then(number).and_then(|n| u8::try_from(n).ok());
    let find = if let Some(pattern) = text(node, "pattern") {
        Pattern::new(pattern).map(|pattern| Find::Pattern(Box::new(pattern))).map_err(at("pattern"))
    } else if let Some(words) = texts("words") {
        let ignores_case = text(node, "case") == Some("ignore");
        Words::new(words.iter().map(String::as_str), ignores_case).map(Find::Words).map_err(at("words"))
    } else if let Some(name) = text(node, "calls") {
        Ok(Find::Called(Called::new(name, text(node, "label"))))
    } else {
        let keys = list(node, "keys", |key| Glob::new(&key.to_ascii_lowercase()).ok())?;
        Ok(Find::Keys(keys))
    };
    let made = find.map(|find| Custom::new(entity, find, rank)).and_then(|custom| {
        let lines = texts("check").unwrap_or_default();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let custom = if lines.is_empty() { custom } else { custom.checked(&lines).map_err(at("check"))? };
        match texts("near") {
            Some(near) => custom.near(near).map_err(at("near")),
            None => Ok(custom),
        }
    });
    Some(made.map(Arc::new))
}

fn read_transform(node: &Node) -> Option<Transform> {
    if let Some(word) = node.text() {
        return Some(match word {
            "observe" => Transform::Observe,
            "redact" => Transform::Redact,
            "hash" => Transform::Hash,
            "drop" => Transform::Drop,
            "deny" => Transform::Deny,
            "keep_length" => Transform::KeepLength,
            // What a short word for it keeps: enough to recognise, too little to use.
            "partial" => Transform::Partial { first: 1, last: 2 },
            // What can be joined by it, and what can be had back: as little as possible, and by whoever may ask at all.
            "pseudonym" => Transform::Pseudonym(Reach::Session),
            "date_shift" => Transform::DateShift { days: DEFAULT_DAYS, scope: Reach::Session },
            "generalise" => Transform::Generalise(None),
            "fpe" => Transform::Fpe(Reach::Policy),
            "token" => Transform::Token(Reach::Policy),
            _ => return None,
        });
    }
    let [(key, settings)] = node.entries() else { return None };
    let whole = |key| text(settings, key).and_then(number);
    let scope = || text(settings, "scope").and_then(Reach::by_name);
    Some(match key.text.as_str() {
        "replace" => Transform::Replace(settings.text()?.to_owned()),
        "partial" => {
            let kept = |key| whole(key).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            Transform::Partial { first: kept("first"), last: kept("last") }
        }
        "pseudonym" => Transform::Pseudonym(scope()?),
        "date_shift" => Transform::DateShift {
            days: whole("days").map_or(Some(DEFAULT_DAYS), |n| u16::try_from(n).ok())?,
            scope: scope().unwrap_or(Reach::Session),
        },
        "generalise" => Transform::Generalise(Some(Generalised::by_name(text(settings, "as")?)?)),
        "fpe" => Transform::Fpe(scope()?),
        "token" => Transform::Token(scope()?),
        _ => return None,
    })
}
