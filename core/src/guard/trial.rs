//! A case beside a policy, tried on the real exchange: its state in memory, its clock standing still.
//!
//! ```
//! use wardline::guard::try_case;
//! use wardline::policy::{Policy, Suite};
//! let policy = "version: 1\nservices: {vectors: {system: qdrant}}\n";
//! let suite = "cases: [{name: nothing is allowed, request: {url: /collections}, expect: {verdict: hold}}]";
//! let suite = Suite::parse(suite, "wardline.test.yaml").unwrap();
//! let trial = try_case(Policy::parse(policy, "wardline.yaml").unwrap(), &suite.cases[0]);
//! assert_eq!(trial.differences[0].to_string(), "verdict: expected hold, got deny");
//! ```

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::exchange::Exchange;
use super::guard::{Caller, Guard};
use super::step::{Effect, Flow, RequestBody, ResponseBody, Step};
use crate::audit::Ending;
use crate::clock::ManualClock;
use crate::model::Subject;
use crate::policy::{Case, Explanation, Policy};

/// What became of a case.
#[derive(Debug)]
pub struct Trial {
    /// Where it was not as expected; empty where it was.
    pub differences: Vec<Difference>,
    /// Why the verdict is as it is.
    pub explanation: Explanation,
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The key of `expect`.
    pub what: &'static str,
    /// What it says.
    pub expected: String,
    /// What was so.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.got)
    }
}

/// What stands for a body that did not arrive.
const NOTHING: &str = "nothing";

/// Tries a case under a policy, of which nothing is changed but that its state is in memory.
pub fn try_case(policy: Policy, case: &Case) -> Trial {
    let guard = Guard::with_clock(policy.for_case(case), Arc::new(ManualClock::new(case.at)));
    let caller = || Caller::verified(case.identity.clone()).at(case.source);
    let explanation = guard.explain(Subject::Http(case.head.clone()), &case.body, caller());
    let mut exchange = guard.begin(Subject::Http(case.head.clone()), caller(), "test");
    let request = pass_request(&mut exchange, &case.body);
    let response = request.is_some().then(|| pass_response(&mut exchange, case)).flatten();
    exchange.finish(Ending::Complete);
    // What really was decided: budgets have been asked too. A request without one reading was not judged.
    let decision = exchange.decision().unwrap_or(&explanation.decision);

    let mut differences = Vec::new();
    let mut hold_against = |what, expected: Option<String>, got: String| {
        if let Some(expected) = expected.filter(|expected| *expected != got) {
            differences.push(Difference { what, expected, got });
        }
    };
    let expect = &case.expect;
    hold_against("verdict", Some(expect.verdict.to_string()), decision.verdict.to_string());
    hold_against("code", expect.code.clone(), decision.code.to_owned());
    let rules: Vec<&str> = decision.rules.iter().map(|rule| &**rule).collect();
    hold_against("rules", expect.rules.as_ref().map(|rules| rules.join(", ")), rules.join(", "));
    let mut operations: Vec<&str> =
        explanation.acts.iter().map(|reasons| reasons.act.operation.name()).collect();
    operations.dedup();
    if let Some(globs) = &expect.operations {
        let fits = operations.iter().all(|name| globs.iter().any(|glob| glob.matches(name)))
            && globs.iter().all(|glob| operations.iter().any(|name| glob.matches(name)));
        let named: Vec<&str> = globs.iter().map(|glob| glob.as_str()).collect();
        hold_against("operations", (!fits).then(|| named.join(", ")), operations.join(", "));
    }
    let text = |body: Option<Vec<u8>>| {
        body.map_or_else(|| NOTHING.to_owned(), |body| String::from_utf8_lossy(&body).into_owned())
    };
    hold_against("request_body", expect.request_body.clone(), text(request));
    hold_against("response_body", expect.response_body.clone(), text(response));
    Trial { differences, explanation }
}

/// What reaches the service; `None` where it is not called.
fn pass_request(exchange: &mut Exchange, body: &[u8]) -> Option<Vec<u8>> {
    let mut unread = Some(body);
    let forward = loop {
        match exchange.step() {
            Step::NeedBody => match unread.take() {
                Some(body) => exchange.push_request(Bytes::copy_from_slice(body)),
                None => exchange.end_request(),
            },
            // Nobody decides, and by this clock the wait would never end.
            Step::Effect(Effect::AwaitDecision { .. }) | Step::Answer(_) => return None,
            Step::Effect(effect) => {
                let done = exchange.carry_out(effect).wait();
                exchange.complete(done);
            }
            Step::Forward(forward) => break forward,
        }
    };
    match forward.body {
        RequestBody::Unchanged => Some(body.to_vec()),
        RequestBody::Whole(bytes) => Some(bytes.to_vec()),
        RequestBody::Feed(first) => {
            let mut out = first.to_vec();
            // What was read to judge the request is among the first bytes.
            let rest = unread.unwrap_or_default();
            let flow = exchange.request(rest, &mut out);
            settle(exchange, flow, rest, &mut out)?;
            let flow = exchange.request_end(&mut out);
            settle(exchange, flow, &[], &mut out)?;
            Some(out)
        }
    }
}

/// What reaches the caller of what the service answers; `None` where it answers nothing, or nothing of it may pass.
fn pass_response(exchange: &mut Exchange, case: &Case) -> Option<Vec<u8>> {
    let response = case.response.as_ref()?;
    let passage = exchange.response_head(response.status, &response.headers);
    if let ResponseBody::Refuse(_) = passage.body {
        return None;
    }
    let mut out = Vec::new();
    let flow = exchange.response(&response.body, &mut out);
    settle(exchange, flow, &response.body, &mut out)?;
    let flow = exchange.response_end(&mut out);
    settle(exchange, flow, &[], &mut out)?;
    Some(out)
}

/// Appends what goes on of a piece; `None` where the exchange is cut.
fn settle(exchange: &mut Exchange, flow: Flow, piece: &[u8], out: &mut Vec<u8>) -> Option<()> {
    match exchange.settle_blocking(flow, out) {
        Flow::Unchanged => {
            out.extend_from_slice(piece);
            Some(())
        }
        Flow::Abort(_) => None,
        _ => Some(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Suite;

    const POLICY: &str = "
version: 1
state: ./nowhere
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services: {vectors: {system: qdrant}, models: {system: openai, hosts: [models]}}
rules:
  - {name: search, who: ['group:app'], operations: [vector.search, vector.fetch, inference.embed], effect: allow}
  - {name: export, operations: [vector.export], effect: hold, wait: 30s}
budgets:
  - {name: few, who: ['user:bo'], operations: [vector.search], ids: 3, window: 1h, effect: hold}
mask:
  - {name: pii, entities: {email: redact}}
";

    const SUITE: &str = r#"
cases:
  - name: a search is masked on its way back
    who: {subject: ana, groups: [app]}
    request: {method: POST, url: /collections/docs/points/search, body: '{"vector": [0.1, 0.2], "limit": 3}'}
    response: {body: '{"result": [{"id": 1, "payload": {"note": "ana@example.org"}}]}'}
    expect:
      verdict: allow
      operations: [vector.search]
      rules: [search]
      request_body: '{"vector": [0.1, 0.2], "limit": 3}'
      response_body: '{"result": [{"id": 1, "payload": {"note": "[EMAIL]"}}]}'
  - name: what is embedded is masked
    who: {subject: ana, groups: [app]}
    request: {method: POST, url: 'http://models/v1/embeddings', body: '{"model": "m", "input": "of ana@example.org"}'}
    expect: {verdict: allow, request_body: '{"model": "m", "input": "of [EMAIL]"}'}
  - name: an export is held
    who: {subject: ana}
    request: {method: POST, url: /collections/docs/points/scroll, body: '{"with_vector": true, "limit": 9000}'}
    response: {body: '{}'}
    expect: {verdict: hold, code: approval_required, operations: ['vector.*']}
  - name: a grant lets it pass until it ends
    at: 2026-03-01T00:00:00Z
    who: {subject: ana}
    grants: [{name: g, who: ['user:ana'], operations: [vector.export], until: 2026-03-01T00:00:01Z, quota: {vectors: 9000}}]
    request: {method: POST, url: /collections/docs/points/scroll, body: '{"with_vector": true, "limit": 9000}'}
    expect: {verdict: allow, code: granted}
  - name: it has ended
    at: 2026-03-01T00:00:01Z
    who: {subject: ana}
    grants: [{name: g, who: ['user:ana'], operations: [vector.export], until: 2026-03-01T00:00:01Z}]
    request: {method: POST, url: /collections/docs/points/scroll, body: '{"with_vector": true, "limit": 9000}'}
    expect: {verdict: hold}
  - name: what may bring more than a budget has is held
    who: {subject: bo, groups: [app]}
    request: {method: POST, url: /collections/docs/points/search, body: '{"vector": [0.1, 0.2], "limit": 4}'}
    response: {body: '{"result": []}'}
    expect: {verdict: hold}
  - name: a body with two readings is refused
    who: {subject: ana, groups: [app]}
    request: {method: POST, url: /collections/docs/points/scroll, body: '{"limit": 1, "limit": 9}'}
    expect: {verdict: deny, code: ambiguous_request}
"#;

    fn trials(suite: &str) -> Vec<Trial> {
        let suite = Suite::parse(suite, "p.test.yaml").unwrap();
        let policy = || Policy::parse(POLICY, "p.yaml").unwrap();
        suite.cases.iter().map(|case| try_case(policy(), case)).collect()
    }

    #[test]
    fn cases_are_what_the_guard_does() {
        for (at, trial) in trials(SUITE).iter().enumerate() {
            assert_eq!(trial.differences, [], "case {at}");
        }
        assert!(!std::path::Path::new("nowhere").exists());
    }

    #[test]
    fn what_differs_is_told() {
        let wrong = r#"
cases:
  - name: all of it
    request: {url: /collections}
    response: {body: '{}'}
    expect: {verdict: allow, code: allowed, rules: [search], operations: [vector.search], request_body: x, response_body: y}
"#;
        let told = trials(wrong).remove(0);
        let told: Vec<String> = told.differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "verdict: expected allow, got deny",
                "code: expected allowed, got default_deny",
                "rules: expected search, got ",
                "operations: expected vector.search, got collection.list",
                "request_body: expected x, got nothing",
                "response_body: expected y, got nothing",
            ]
        );
    }

    #[test]
    fn an_explanation_leaves_no_trace() {
        let guard = Guard::new(Policy::parse(&POLICY.replace("./nowhere", "memory"), "p.yaml").unwrap());
        let suite = Suite::parse(SUITE, "p.test.yaml").unwrap();
        let case = &suite.cases[2];
        let subject = Subject::Http(case.head.clone());
        let told = guard.explain(subject, &case.body, Caller::verified(case.identity.clone()));
        assert_eq!((told.service.as_deref(), told.decision.code), (Some("vectors"), "approval_required"));
        assert_eq!(guard.approvals(None).unwrap().len(), 0);
        let rules: Vec<(&str, usize)> =
            told.acts[0].rules.iter().map(|rule| (&*rule.rule, rule.misses.len())).collect();
        assert_eq!(rules, [("export", 0), ("search", 2)]);
    }
}
