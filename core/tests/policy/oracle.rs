//! The compiled policy against a decider that a reader can check by eye, over generated policies and requests.

use std::fmt::Write;

use proptest::prelude::*;
use wardline::identity::Identity;
use wardline::model::{Act, GrantId, Magnitude, Operation, Unit, Unusual, Verdict};
use wardline::policy::{Facts, GrantView, Policy};

use super::policy_text;

const USERS: &[&str] = &["ana", "andy", "bo"];
const WHO: &[&str] = &["*", "user:*", "user:an*", "user:bo", "anonymous", "group:staff"];
const OPERATIONS: &[Operation] = &[Operation::VectorSearch, Operation::VectorFetch, Operation::VectorExport];
const PATTERNS: &[&str] = &["*", "vector.*", "vector.search", "vector.export", "*.fetch"];
const RESOURCES: &[&str] = &["docs", "docs-2", "hr"];
const RESOURCE_PATTERNS: &[&str] = &["*", "docs*", "hr"];
const EFFECTS: &[&str] = &["allow", "grant", "hold", "deny"];

#[derive(Debug, Clone)]
struct Rule {
    who: &'static str,
    operation: &'static str,
    resource: Option<&'static str>,
    over: Option<u64>,
    risk_from: u8,
    risk_below: u8,
    unless: Option<&'static str>,
    effect: &'static str,
}

#[derive(Debug, Clone)]
struct Request {
    user: Option<&'static str>,
    staff: bool,
    acts: Vec<Act>,
    granted: Vec<Operation>,
}

impl GrantView for Request {
    fn covering(&self, _: &Identity, _: &str, act: &Act) -> Option<GrantId> {
        self.granted.contains(&act.operation).then(|| GrantId::from("g"))
    }
}

/// `*` stands for anything, once.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => pattern == name,
    }
}

fn is(who: &str, request: &Request) -> bool {
    match (who, request.user) {
        ("*", _) => true,
        ("anonymous", user) => user.is_none(),
        (_, None) => false,
        ("group:staff", _) => request.staff,
        (who, Some(user)) => fits(who.trim_start_matches("user:"), user),
    }
}

/// The whole semantics: each act by each rule, thresholds 80 and 96, default deny; the strictest of all.
fn naive(rules: &[Rule], request: &Request) -> Verdict {
    let mut verdict = Verdict::Allow;
    for act in &request.acts {
        let granted = request.granted.contains(&act.operation);
        let mut spoken = false;
        for rule in rules {
            let fitting = is(rule.who, request)
                && fits(rule.operation, act.operation.name())
                && rule.resource.is_none_or(|pattern| fits(pattern, &act.resource))
                && rule.over.is_none_or(|over| act.magnitude.count.is_none_or(|count| count > over))
                && (rule.risk_from..rule.risk_below).contains(&act.risk.value())
                && !rule.unless.is_some_and(|who| is(who, request));
            if fitting {
                spoken = true;
                verdict = verdict.max(match rule.effect {
                    "deny" => Verdict::Deny,
                    "grant" if !granted => Verdict::Deny,
                    "hold" if !granted => Verdict::Hold,
                    _ => Verdict::Allow,
                });
            }
        }
        match act.risk.value() {
            96.. => verdict = Verdict::Deny,
            80.. if !granted => verdict = verdict.max(Verdict::Hold),
            _ => {}
        }
        if !spoken {
            verdict = Verdict::Deny;
        }
    }
    verdict
}

fn write(rules: &[Rule]) -> String {
    let mut text = String::from("approval: {steps: [{from: [security]}]}\n");
    if !rules.is_empty() {
        text.push_str("rules:\n");
    }
    for (index, rule) in rules.iter().enumerate() {
        write!(
            text,
            "  - {{name: r{index}, who: ['{}'], operations: ['{}'], effect: {}",
            rule.who, rule.operation, rule.effect
        )
        .unwrap();
        if let Some(pattern) = rule.resource {
            write!(text, ", resources: ['{pattern}']").unwrap();
        }
        if let Some(over) = rule.over {
            write!(text, ", magnitude: {{unit: vectors, over: {over}}}").unwrap();
        }
        if rule.risk_from > 0 || rule.risk_below < 101 {
            write!(text, ", risk: {{from: {}, below: {}}}", rule.risk_from, rule.risk_below).unwrap();
        }
        if let Some(who) = rule.unless {
            write!(text, ", unless: {{who: ['{who}']}}").unwrap();
        }
        text.push_str("}\n");
    }
    policy_text(&text)
}

/// The policy of these rules; none where the check finds that one of them can never fire, which is as it should be.
fn compile(rules: &[Rule]) -> Option<Policy> {
    match Policy::parse(&write(rules), "p.yaml") {
        Ok(policy) => Some(policy),
        Err(e) => {
            let idle = |code: &str| matches!(code, "shadowed" | "never_fires");
            assert!(e.diagnostics().iter().all(|d| idle(d.code)), "{e}\n{}", write(rules));
            None
        }
    }
}

fn ask(policy: &Policy, request: &Request) -> wardline::policy::Decision {
    ask_of(policy, request, &[])
}

fn ask_of(policy: &Policy, request: &Request, unusual: &[Unusual]) -> wardline::policy::Decision {
    let mut identity = request.user.map_or_else(Identity::anonymous, Identity::new);
    if request.staff {
        identity = identity.with_groups(["staff"]);
    }
    let facts = Facts { unusual, ..Facts::of(&identity, policy.service("vectors"), &request.acts) };
    policy.decide(&facts, request)
}

fn a_rule() -> impl Strategy<Value = Rule> {
    use prop::option::weighted;
    use prop::sample::select;
    (
        select(WHO),
        select(PATTERNS),
        weighted(0.5, select(RESOURCE_PATTERNS)),
        weighted(0.2, select(vec![10_u64, 1_000])),
        prop_oneof![4 => Just((0_u8, 101_u8)), 1 => Just((50, 101)), 1 => Just((0, 60))],
        weighted(0.2, select(&WHO[1..])),
        select(EFFECTS),
    )
        .prop_map(|(who, operation, resource, over, (risk_from, risk_below), unless, effect)| Rule {
            who,
            operation,
            resource,
            over,
            risk_from,
            risk_below,
            unless,
            effect,
        })
}

fn a_request() -> impl Strategy<Value = Request> {
    use prop::sample::{select, subsequence};
    let act = (select(OPERATIONS), select(RESOURCES), prop::option::of(0_u64..2_000)).prop_map(
        |(operation, resource, count)| Act {
            magnitude: Magnitude { unit: Some(Unit::Vectors), count },
            ..Act::new(operation, resource)
        },
    );
    (
        prop::option::weighted(0.9, select(USERS)),
        any::<bool>(),
        prop::collection::vec(act, 1..4),
        subsequence(OPERATIONS, 0..=OPERATIONS.len()),
    )
        .prop_map(|(user, staff, acts, granted)| Request {
            user,
            staff: staff && user.is_some(),
            acts,
            granted,
        })
}

fn an_opinion() -> impl Strategy<Value = Unusual> {
    let operation = prop::option::of(prop::sample::select(OPERATIONS));
    (operation, 0_u8..=100, any::<bool>()).prop_map(|(operation, points, holds)| Unusual {
        signal: "first_seen".into(),
        operation,
        points,
        holds,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_policy_agrees_with_the_naive_decider(
        rules in prop::collection::vec(a_rule(), 0..7),
        requests in prop::collection::vec(a_request(), 20),
    ) {
        let Some(policy) = compile(&rules) else { return Err(TestCaseError::reject("a rule that never fires")) };
        for request in &requests {
            prop_assert_eq!(ask(&policy, request).verdict, naive(&rules, request), "{:?}", request);
        }
    }

    #[test]
    fn what_is_unusual_makes_no_verdict_milder(
        rules in prop::collection::vec(a_rule(), 0..7),
        asked in prop::collection::vec((a_request(), prop::collection::vec(an_opinion(), 1..4)), 20),
    ) {
        let Some(policy) = compile(&rules) else { return Err(TestCaseError::reject("a rule that never fires")) };
        for (request, unusual) in &asked {
            let (without, with) = (ask(&policy, request), ask_of(&policy, request, unusual));
            prop_assert!(with.verdict >= without.verdict, "{:?}", request);
            prop_assert!(with.risk >= without.risk);
            let holds = unusual.iter().any(|one| one.holds && request.acts.iter().any(|act| one.concerns(act.operation)));
            prop_assert!(!holds || with.verdict > Verdict::Allow || !request.granted.is_empty());
        }
    }

    #[test]
    fn the_order_of_rules_and_acts_does_not_matter(
        (rules, shuffled) in prop::collection::vec(a_rule(), 1..7)
            .prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        requests in prop::collection::vec(a_request(), 10),
    ) {
        let (Some(a), Some(b)) = (compile(&rules), compile(&shuffled)) else {
            return Err(TestCaseError::reject("a rule that never fires"));
        };
        for request in &requests {
            let mut turned = request.clone();
            turned.acts.reverse();
            let (one, other) = (ask(&a, request), ask(&b, request));
            // Rules are named by their place here, so that names are not compared across policies.
            prop_assert_eq!((one.verdict, one.code, &one.approval), (other.verdict, other.code, &other.approval));
            prop_assert_eq!(ask(&a, &turned), one);
        }
    }

    #[test]
    fn one_more_denial_never_opens_anything(
        rules in prop::collection::vec(a_rule(), 0..6),
        more in a_rule(),
        requests in prop::collection::vec(a_request(), 10),
    ) {
        let mut stricter = rules.clone();
        stricter.push(Rule { effect: "deny", ..more });
        let (Some(before), Some(after)) = (compile(&rules), compile(&stricter)) else {
            return Err(TestCaseError::reject("a rule that never fires"));
        };
        for request in &requests {
            prop_assert!(ask(&after, request).verdict >= ask(&before, request).verdict);
        }
    }

    #[test]
    fn a_stricter_threshold_never_allows_more(
        rules in prop::collection::vec(a_rule(), 0..6),
        (low, high) in (0_u8..=100, 0_u8..=100).prop_map(|(a, b)| (a.min(b), a.max(b))),
        requests in prop::collection::vec(a_request(), 10),
    ) {
        let with = |deny: u8| {
            let text = format!("{}thresholds: {{hold: never, deny: {deny}}}\n", write(&rules));
            Policy::parse(&text, "p.yaml").ok()
        };
        let (Some(strict), Some(lax)) = (with(low), with(high)) else {
            return Err(TestCaseError::reject("a rule that never fires"));
        };
        for request in &requests {
            prop_assert!(ask(&strict, request).verdict >= ask(&lax, request).verdict);
        }
    }

    /// What the check calls shadowed never decides: without it every verdict is the same.
    #[test]
    fn a_rule_that_is_called_shadowed_changes_nothing(
        rules in prop::collection::vec(a_rule(), 2..6),
        requests in prop::collection::vec(a_request(), 30),
    ) {
        let Err(e) = Policy::parse(&write(&rules), "p.yaml") else { return Ok(()) };
        let head = write(&[]).lines().count() + 1;
        for finding in e.diagnostics() {
            let mut without = rules.clone();
            without.remove(finding.line - head - 1);
            for request in &requests {
                prop_assert_eq!(naive(&rules, request), naive(&without, request), "{}", finding);
            }
        }
    }
}
