//! Casbin: a policy a rule and a grant; its two effects cannot say that a grant is needed, so that a grant is what allows.

use casbin::{CoreApi, DefaultModel, Enforcer, MemoryAdapter, MgmtApi};

use crate::{Asked, rules};

pub struct Peer {
    enforcer: Enforcer,
    requests: Vec<(String, String, String, &'static str)>,
}

const MODEL: &str = "
[request_definition]
r = sub, team, obj, act
[policy_definition]
p = sub, team, obj, act, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && (p.sub == \"*\" || r.sub == p.sub) && (p.team == \"*\" || r.team == p.team) && keyMatch(r.obj, p.obj)
";

impl Peer {
    pub fn new(grants: usize, requests: &[Asked]) -> Self {
        let mut policies = Vec::new();
        for rule in rules() {
            for operation in rule.operations {
                let (team, object) = match rule.team {
                    Some(team) => (format!("team-{team}"), format!("docs-{team}*")),
                    None => ("*".to_owned(), "*".to_owned()),
                };
                if rule.effect != "grant" {
                    policies.push(vec!["*".to_owned(), team, object, (*operation).to_owned(), rule.effect.to_owned()]);
                }
            }
        }
        for n in 0..grants {
            let grant = [&format!("user-{n}"), "*", "docs", "vector.export", "allow"];
            policies.push(grant.map(str::to_owned).to_vec());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let enforcer = runtime.block_on(async {
            let model = DefaultModel::from_str(MODEL).await.expect("a model");
            let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await.expect("an enforcer");
            enforcer.add_policies(policies).await.expect("policies");
            enforcer
        });
        let requests = requests
            .iter()
            .map(|asked| (asked.user.clone(), asked.team.clone(), asked.collection.clone(), asked.operation));
        Self { enforcer, requests: requests.collect() }
    }

    pub fn decide(&self, at: usize) -> bool {
        let (user, team, collection, operation) = &self.requests[at];
        self.enforcer.enforce((user, team, collection, operation)).expect("an answer")
    }
}
