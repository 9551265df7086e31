//! Cedar: permit and forbid; a grant is a fact of the context, since a policy a grant costs it twenty times as much.

use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};

use crate::{Asked, rules};

pub struct Peer {
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

impl Peer {
    pub fn new(grants: usize, requests: &[Asked]) -> Self {
        let mut text = String::new();
        for rule in rules() {
            let word = if rule.effect == "deny" { "forbid" } else { "permit" };
            let actions: Vec<String> = rule.operations.iter().map(|o| format!("Action::\"{o}\"")).collect();
            let mut when = match rule.team {
                Some(team) => format!("context.team == \"team-{team}\" && context.collection like \"docs-{team}*\""),
                None => "true".to_owned(),
            };
            if rule.effect == "grant" {
                when.push_str(" && context.granted.contains(context.collection)");
            }
            text.push_str(&format!("{word}(principal, action in [{}], resource) when {{ {when} }};\n", actions.join(", ")));
            // Where a grant is needed and there is none, nothing else allows it.
            if rule.effect == "grant" {
                let when = when.replace("context.granted", "!context.granted");
                text.push_str(&format!("forbid(principal, action in [{}], resource) when {{ {when} }};\n", actions.join(", ")));
            }
        }
        let policies = PolicySet::from_str(&text).expect("policies");
        let uid = |kind: &str, name: &str| EntityUid::from_str(&format!("{kind}::\"{name}\"")).expect("a name");
        let requests = requests.iter().map(|asked| {
            let n: usize = asked.user.trim_start_matches("user-").parse().expect("a number");
            let granted: &[&str] = if n < grants { &["docs"] } else { &[] };
            let context = serde_json::json!({"team": asked.team, "collection": asked.collection, "granted": granted});
            Request::new(
                uid("User", &asked.user),
                uid("Action", asked.operation),
                uid("Collection", &asked.collection),
                Context::from_json_value(context, None).expect("a context"),
                None,
            )
            .expect("a request")
        });
        Self { policies, entities: Entities::empty(), requests: requests.collect() }
    }

    pub fn decide(&self, at: usize) -> bool {
        let answer = Authorizer::new().is_authorized(&self.requests[at], &self.policies, &self.entities);
        answer.decision() == Decision::Allow
    }
}
