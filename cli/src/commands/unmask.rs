//! `wardline unmask`: what a token or encrypted digits stand for, for who has a grant.

use serde::Serialize;
use wardline::guard::Guard;
use wardline::identity::Identity;
use wardline::mask::{Hidden, Scope, Scopes};

use crate::args::Unmask;
use crate::{Failure, Outcome, Streams};

#[derive(Serialize)]
struct Answer<'a> {
    entity: &'a str,
    value: &'a str,
}

pub(crate) fn run(args: &Unmask, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let guard = Guard::from_file(&args.state.policy)?;
    let mut identity = Identity::new(&args.by).with_groups(&args.group);
    if let Some(tenant) = &args.tenant {
        identity.claims.insert(Scopes::TENANT.to_owned(), tenant.clone());
    }
    let scope = args.scope.as_deref().map_or(Some(Scope::Policy), Scope::by_name);
    let scope = scope
        .filter(|scope| *scope != Scope::Session)
        .ok_or_else(|| Failure::Usage("--scope: expected policy or tenant".to_owned()))?;
    for text in &args.hidden {
        let hidden = match &args.entity {
            Some(entity) => Hidden::Digits { entity, text, scope },
            None => Hidden::Token(text),
        };
        let unmasked = guard.unmask(hidden, identity.clone())?;
        if json {
            streams.json(&Answer { entity: &unmasked.entity, value: &unmasked.value })?;
        } else {
            streams.say(&unmasked.value)?;
        }
    }
    Ok(0)
}
