//! May this identity do it now? Every fitting rule speaks, the strictest verdict stands.

use std::sync::Arc;

use super::Policy;
use super::decision::{ApprovalTerms, Decision, Effect, Facts, GrantView, code};
use super::draft::Rule;
use super::scope::Reach;
use crate::model::{Act, GrantId, Risk, Verdict};

/// Why an act may or may not be done, from the mildest to the strictest; of several the greatest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    DefaultAllow,
    Allowed,
    Granted,
    DefaultHold,
    RiskHold,
    Unusual,
    Held,
    DefaultDeny,
    GrantRequired,
    RiskDenied,
    Denied,
}

impl Reason {
    pub(super) const ALL: [Self; 11] = [
        Self::DefaultAllow,
        Self::Allowed,
        Self::Granted,
        Self::DefaultHold,
        Self::RiskHold,
        Self::Unusual,
        Self::Held,
        Self::DefaultDeny,
        Self::GrantRequired,
        Self::RiskDenied,
        Self::Denied,
    ];

    fn verdict(self) -> Verdict {
        match self {
            Self::DefaultAllow | Self::Allowed | Self::Granted => Verdict::Allow,
            Self::DefaultHold | Self::RiskHold | Self::Unusual | Self::Held => Verdict::Hold,
            Self::DefaultDeny | Self::GrantRequired | Self::RiskDenied | Self::Denied => Verdict::Deny,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::DefaultAllow => code::DEFAULT_ALLOW,
            Self::Allowed => code::ALLOWED,
            Self::Granted => code::GRANTED,
            Self::DefaultHold => code::DEFAULT_HOLD,
            Self::RiskHold => code::RISK_APPROVAL_REQUIRED,
            Self::Unusual => code::UNUSUAL_APPROVAL_REQUIRED,
            Self::Held => code::APPROVAL_REQUIRED,
            Self::DefaultDeny => code::DEFAULT_DENY,
            Self::GrantRequired => code::GRANT_REQUIRED,
            Self::RiskDenied => code::RISK_DENIED,
            Self::Denied => code::DENIED,
        }
    }

    /// What the caller is told where no rule has words of its own.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::DefaultAllow => "no rule speaks of this request, and the policy allows such",
            Self::Allowed => "the policy allows this request",
            Self::Granted => "a grant covers this request",
            Self::DefaultHold => "no rule speaks of this request, so it needs approval",
            Self::RiskHold => "the risk of this request is so high that it needs approval",
            Self::Unusual => "this request is unlike what its caller did before, so it needs approval",
            Self::Held => "this request needs approval",
            Self::DefaultDeny => "no rule allows this request",
            Self::GrantRequired => "this request needs a grant, and none that is live covers it",
            Self::RiskDenied => "the risk of this request is higher than this service takes",
            Self::Denied => "the policy denies this request",
        }
    }
}

impl Policy {
    /// Decides about a request. The answer does not depend on the order of rules or acts.
    pub fn decide(&self, facts: &Facts<'_>, grants: &dyn GrantView) -> Decision {
        let mut tally = Tally::default();
        if facts.acts.is_empty() {
            self.judge(facts, &Act::unknown(), None, grants, &mut tally);
        }
        for (index, act) in facts.acts.iter().enumerate() {
            self.judge(facts, act, facts.risks.get(index).copied(), grants, &mut tally);
        }
        self.answer(tally)
    }

    /// Decides about telling values in clear: the same, and only a live grant that covers every act lets it pass, whatever a
    /// rule or the default allows.
    pub fn decide_disclosure(&self, facts: &Facts<'_>, grants: &dyn GrantView) -> Decision {
        let decision = self.decide(facts, grants);
        if decision.verdict != Verdict::Allow {
            return decision;
        }
        let service = facts.service.map_or("", |service| &service.name);
        let covering = facts.acts.iter().map(|act| grants.covering(facts.identity, service, act));
        match covering.collect::<Option<Vec<_>>>() {
            Some(mut covering) if !covering.is_empty() => {
                covering.extend(decision.grants);
                covering.sort_unstable();
                covering.dedup();
                Decision { grants: covering, ..decision }
            }
            _ => Decision {
                verdict: Verdict::Deny,
                code: code::GRANT_REQUIRED,
                because: Reason::GrantRequired.sentence().into(),
                grants: Vec::new(),
                ..decision
            },
        }
    }

    fn judge<'p>(
        &'p self,
        facts: &Facts<'_>,
        act: &Act,
        risk: Option<Risk>,
        grants: &dyn GrantView,
        tally: &mut Tally<'p>,
    ) {
        let risk = self.final_risk(facts.service, act, risk);
        self.judge_at(risk, false, facts, act, grants, tally);
        let mut unusual = facts.unusual.iter().filter(|one| one.concerns(act.operation)).peekable();
        if unusual.peek().is_some() {
            // As if it were an act of more risk, beside what it is: a rule for small risks must not lose what it restrains.
            let (points, holds) = unusual.fold((0_u8, false), |(points, holds), one| {
                (points.saturating_add(one.points), holds | one.holds)
            });
            self.judge_at(risk.plus(points), holds, facts, act, grants, tally);
        }
    }

    fn judge_at<'p>(
        &'p self,
        risk: Risk,
        unusual: bool,
        facts: &Facts<'_>,
        act: &Act,
        grants: &dyn GrantView,
        tally: &mut Tally<'p>,
    ) {
        tally.risk = tally.risk.max(risk);
        let index = self.service_index(facts.service);
        let name = facts.service.map_or("", |service| &service.name);
        let thresholds = facts.service.map_or(self.thresholds, |service| service.thresholds);
        let mut cover = Cover { ask: || grants.covering(facts.identity, name, act), answer: None };
        let (mut any, mut held) = (false, false);
        for (rule, found) in self.rules_for(facts.identity, act.operation) {
            if !rule.matcher.fits_found(found, facts, index, act, risk, Reach::of(rule.effect)) {
                continue;
            }
            any = true;
            held |= rule.effect == Effect::Hold;
            let reason = match rule.effect {
                Effect::Allow => Reason::Allowed,
                Effect::Deny => Reason::Denied,
                Effect::Grant if cover.is_there() => Reason::Granted,
                Effect::Grant => Reason::GrantRequired,
                Effect::Hold if cover.is_there() => Reason::Granted,
                Effect::Hold => Reason::Held,
            };
            tally.add(reason, Some(rule), rule.terms.as_ref());
        }
        let at = |threshold: Option<Risk>| threshold.is_some_and(|from| risk >= from);
        if at(thresholds.deny) {
            tally.add(Reason::RiskDenied, None, None);
        }
        let unlisted = !any && self.default == Effect::Hold;
        // A rule that holds has said who approves; the threshold adds nobody.
        if ((unusual || at(thresholds.hold)) && !held) || unlisted {
            let reason = match (unlisted, unusual) {
                (true, _) => Reason::DefaultHold,
                (false, true) => Reason::Unusual,
                (false, false) => Reason::RiskHold,
            };
            match &self.approval {
                _ if cover.is_there() => tally.add(Reason::Granted, None, None),
                Some(terms) => tally.add(reason, None, Some(terms)),
                // Nobody could approve: only a grant lets it pass.
                None => tally.add(Reason::GrantRequired, None, None),
            }
        }
        match self.default {
            Effect::Allow if !any => tally.add(Reason::DefaultAllow, None, None),
            Effect::Deny if !any => tally.add(Reason::DefaultDeny, None, None),
            _ => {}
        }
        tally.grants.extend(cover.answer.flatten());
    }

    fn answer(&self, tally: Tally<'_>) -> Decision {
        // Every act adds a reason; none at all would be a defect, and is denied.
        let reason = tally.reason.unwrap_or(Reason::DefaultDeny);
        let verdict = reason.verdict();
        let because = tally
            .because
            .and_then(|rule| rule.because.as_ref())
            .or_else(|| self.sentences.get(reason as usize))
            .map_or_else(|| reason.sentence().into(), Arc::clone);
        let mut rules = tally.rules;
        rules.sort_unstable();
        rules.dedup();
        let mut grants = if verdict == Verdict::Deny { Vec::new() } else { tally.grants };
        grants.sort_unstable();
        grants.dedup();
        let approval = if verdict == Verdict::Hold { merge(&tally.terms) } else { None };
        Decision { verdict, code: reason.code(), because, rules, grants, approval, risk: tally.risk }
    }
}

/// Asks for a covering grant at most once, and only when it matters.
struct Cover<F> {
    ask: F,
    answer: Option<Option<GrantId>>,
}

impl<F: Fn() -> Option<GrantId>> Cover<F> {
    fn is_there(&mut self) -> bool {
        self.answer.get_or_insert_with(&self.ask).is_some()
    }
}

/// What has been said so far. What a stricter verdict leaves behind is dropped at once, so that an answer needs no second list.
#[derive(Default)]
struct Tally<'p> {
    reason: Option<Reason>,
    /// The names of the rules that say the strictest verdict.
    rules: Vec<Arc<str>>,
    /// Of the rules with words of their own for the strictest reason, the first by name.
    because: Option<&'p Rule>,
    terms: Vec<&'p Arc<ApprovalTerms>>,
    grants: Vec<GrantId>,
    risk: Risk,
}

impl<'p> Tally<'p> {
    fn add(&mut self, reason: Reason, rule: Option<&'p Rule>, terms: Option<&'p Arc<ApprovalTerms>>) {
        if self.reason < Some(reason) {
            if self.reason.is_some_and(|before| before.verdict() != reason.verdict()) {
                self.rules.clear();
            }
            self.because = None;
            self.reason = Some(reason);
        }
        if let Some(rule) = rule {
            if self.reason.is_some_and(|strictest| strictest.verdict() == reason.verdict()) {
                self.rules.push(Arc::clone(&rule.name));
            }
            if self.reason == Some(reason)
                && rule.because.is_some()
                && self.because.is_none_or(|first| rule.name < first.name)
            {
                self.because = Some(rule);
            }
        }
        if reason.verdict() == Verdict::Hold {
            self.terms.extend(terms);
        }
    }
}

/// All that several holds ask for: every step, the shortest times, a reason where any wants one.
pub(super) fn merge(terms: &[&Arc<ApprovalTerms>]) -> Option<Arc<ApprovalTerms>> {
    let (first, rest) = terms.split_first()?;
    if rest.iter().all(|other| Arc::ptr_eq(first, other)) {
        return Some(Arc::clone(first));
    }
    let mut merged = ApprovalTerms::clone(first);
    for other in rest {
        for step in &other.steps {
            // The same groups asked twice are asked once, for as many people as either wants.
            match merged.steps.iter_mut().find(|mine| mine.from == step.from) {
                Some(mine) => mine.need = mine.need.max(step.need),
                None => merged.steps.push(step.clone()),
            }
        }
        // Who breaks the glass of one rule does not break that of another.
        merged.break_glass.retain(|group| other.break_glass.contains(group));
        merged.ttl = merged.ttl.min(other.ttl);
        merged.usable_for = merged.usable_for.min(other.usable_for);
        merged.reason_required |= other.reason_required;
        merged.wait = merged.wait.min(other.wait);
    }
    merged.steps.sort_by(|a, b| (&a.from, a.need).cmp(&(&b.from, b.need)));
    Some(Arc::new(merged))
}
