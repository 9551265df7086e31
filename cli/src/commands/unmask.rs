//! `wardline unmask`: what a token or encrypted digits stand for, for who has a grant.

use wardline::identity::Identity;
use wardline::mask::{Hidden, Scopes};

use crate::args::Unmask;
use crate::{Outcome, Streams};

pub(crate) fn run(args: &Unmask, json: bool, streams: &mut Streams<'_>) -> Outcome {
    let guard = args.state.guard()?;
    let mut identity = Identity::new(&args.by).with_groups(&args.group);
    if let Some(tenant) = &args.tenant {
        identity.claims.insert(Scopes::TENANT.to_owned(), tenant.as_str().into());
    }
    for text in &args.hidden {
        let hidden = Hidden::of(text, args.entity.as_deref(), args.scope.as_deref())?;
        let unmasked = guard.unmask(hidden, identity.clone())?;
        if json {
            streams.json(&unmasked)?;
        } else {
            streams.say(&unmasked.value)?;
        }
    }
    Ok(0)
}
