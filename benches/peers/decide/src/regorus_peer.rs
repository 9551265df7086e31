//! Rego by regorus: rules and grants as data, found by key.

use regorus::{Engine, Value};

use crate::{Asked, rules};

pub struct Peer {
    engine: Engine,
    inputs: Vec<String>,
}

const POLICY: &str = r#"package wardline
import rego.v1

fits contains rule if {
    some rule in data.teams[input.team][input.operation]
    startswith(input.collection, rule.prefix)
}
fits contains rule if some rule in data.everybody[input.operation]

granted if input.collection in data.grants[input.user]

denied if { some rule in fits; rule.effect == "deny" }
denied if { some rule in fits; rule.effect == "grant"; not granted }
allow if { count(fits) > 0; not denied }
"#;

impl Peer {
    pub fn new(grants: usize, requests: &[Asked]) -> Self {
        let (mut teams, mut everybody) = (serde_json::Map::new(), serde_json::Map::new());
        for rule in rules() {
            for operation in rule.operations {
                match rule.team {
                    Some(team) => {
                        let rule = serde_json::json!([{"prefix": format!("docs-{team}"), "effect": rule.effect}]);
                        teams.insert(format!("team-{team}"), serde_json::json!({*operation: rule}));
                    }
                    None => {
                        everybody.insert((*operation).to_owned(), serde_json::json!([{"effect": rule.effect}]));
                    }
                }
            }
        }
        let grants: serde_json::Map<_, _> =
            (0..grants).map(|n| (format!("user-{n}"), serde_json::json!(["docs"]))).collect();
        let data = serde_json::json!({"teams": teams, "everybody": everybody, "grants": grants});
        let mut engine = Engine::new();
        engine.add_policy("wardline.rego".to_owned(), POLICY.to_owned()).expect("a policy");
        engine.add_data(Value::from_json_str(&data.to_string()).expect("data")).expect("data");
        let inputs = requests.iter().map(|asked| {
            serde_json::json!({"user": asked.user, "team": asked.team, "operation": asked.operation,
                "collection": asked.collection})
            .to_string()
        });
        Self { engine, inputs: inputs.collect() }
    }

    pub fn decide(&mut self, at: usize) -> bool {
        self.engine.set_input(Value::from_json_str(&self.inputs[at]).expect("input"));
        self.engine.eval_rule("data.wardline.allow".to_owned()).is_ok_and(|value| value == Value::Bool(true))
    }
}
