//! Wardline: the decision alone, on facts that classification made.

use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::grant::{Grants, Snapshot, Terms};
use wardline::identity::Identity;
use wardline::model::{Act, GrantId, Operation, Verdict};
use wardline::policy::{Facts, GrantView, Policy};
use wardline::store::MemoryStore;

use crate::{Asked, rules};

pub struct Peer {
    policy: Policy,
    view: View,
    requests: Vec<(Identity, [Act; 1])>,
}

struct View {
    grants: Snapshot,
    now: Timestamp,
}

impl GrantView for View {
    fn covering(&self, identity: &Identity, service: &str, act: &Act) -> Option<GrantId> {
        self.grants.covering_id(identity, service, act, self.now)
    }
}

impl Peer {
    /// `more` rules beside the fifty speak of other teams.
    pub fn new(more: usize, grants: usize, requests: &[Asked]) -> Self {
        let mut text = String::from(
            "version: 1\nstate: memory\nthresholds: {hold: never, deny: never}\nservices:\n  vectors: {system: qdrant}\nrules:\n",
        );
        let write = |text: &mut String, name: String, who: String, operations: &[&str], resources: String, effect: &str| {
            text.push_str(&format!(
                "  - {{name: {name}, who: ['{who}'], operations: [{}], resources: ['{resources}'], effect: {effect}}}\n",
                operations.join(", ")
            ));
        };
        for (at, rule) in rules().iter().enumerate() {
            let (who, resources) = match rule.team {
                Some(team) => (format!("group:team-{team}"), format!("docs-{team}*")),
                None => ("user:*".to_owned(), "*".to_owned()),
            };
            write(&mut text, format!("rule-{at}"), who, rule.operations, resources, rule.effect);
        }
        for n in 0..more {
            let effect = ["allow", "deny", "grant", "allow"][n % 4];
            let operations = &crate::OPERATIONS[n % 4..=n % 4];
            write(&mut text, format!("more-{n}"), format!("group:other-{n}"), operations, format!("other-{n}*"), effect);
        }
        let policy = Policy::parse(&text, "bench.yaml").unwrap_or_else(|error| panic!("{error}"));
        let store = MemoryStore::new();
        for n in 0..grants {
            let terms: Terms = serde_json::from_str(&format!(
                r#"{{"scope": {{"who": ["user:user-{n}"], "services": ["vectors"], "operations": ["vector.export"],
                     "resources": ["docs"]}}, "until": "8h", "reason": "bench"}}"#
            ))
            .expect("terms");
            Grants::new(&store).issue(&terms, "bench").expect("a grant");
        }
        let grants = Snapshot::load(&store).expect("a snapshot");
        let requests = requests.iter().map(|asked| {
            let operation: Operation = asked.operation.parse().expect("an operation");
            (Identity::new(asked.user.clone()).with_groups([asked.team.clone()]), [Act::new(operation, asked.collection.clone())])
        });
        Self { policy, view: View { grants, now: SystemClock.now() }, requests: requests.collect() }
    }

    pub fn decide(&self, at: usize) -> bool {
        let (identity, acts) = &self.requests[at];
        let facts = Facts::of(identity, self.policy.service("vectors"), acts);
        self.policy.decide(&facts, &self.view).verdict == Verdict::Allow
    }
}
