//! The way back from masking: a value in clear, for who has a grant, and a record that says so.

use super::exchange::Exchange;
use super::guard::{Caller, Guard};
use super::step::Step;
use crate::audit::{Ending, Found};
use crate::error::{Error, ErrorKind};
use crate::identity::{Claim, Identity};
use crate::keys::Keys;
use crate::mask::{self, Hidden, Scopes, Unmasked};
use crate::model::{Act, Call, Magnitude, Operation, Subject, Unit};

/// The door through which values come in clear.
pub(super) const DOOR: &str = "unmask";

/// What the resource of an unmasking begins with; the entity follows.
const RESOURCE: &str = "unmask/";

impl Guard {
    /// Tells what a token or encrypted digits stand for, to somebody who holds a live grant.
    ///
    /// It is an exchange like any other: a call that does `secret.read` on the resource `unmask/ENTITY` (`unmask/unknown` where the token
    /// does not open) at no service of the policy. A rule must let it pass, and a live grant must cover it too, even where the rule says
    /// allow. The record holds who asked, the entity, the length and the keyed digest of the value, never the value. Tokens of a tenant open
    /// for identities with the same claim `tenant` only.
    ///
    /// # Errors
    /// [`ErrorKind::NotEligible`] where the policy or the lack of a grant does not let it pass, its code first;
    /// [`ErrorKind::Input`] where it was not made under these keys for this tenant, or was altered: recorded as failed. A store or log that
    /// cannot be used.
    ///
    /// ```
    /// use wardline::guard::Guard;
    /// use wardline::identity::Identity;
    /// use wardline::mask::Hidden;
    /// use wardline::policy::Policy;
    ///
    /// let guard = Guard::new(Policy::parse("
    /// version: 1
    /// state: memory
    /// services: {vectors: {system: qdrant}}
    /// rules:
    ///   - {name: unmask, operations: [secret.read], resources: [unmask/*], effect: grant}
    /// grants:
    ///   - {name: fraud-desk, who: ['user:ana'], operations: [secret.read], resources: [unmask/email], until: 2999-01-01T00:00:00Z}
    /// mask:
    ///   - {name: personal, entities: {email: token}}
    /// ", "wardline.yaml").unwrap());
    /// let masked = guard.mask(b"rosa@example.com", "text/plain").unwrap().body.unwrap();
    /// let token = String::from_utf8(masked).unwrap();
    /// assert_eq!(guard.unmask(Hidden::Token(&token), Identity::new("ana")).unwrap().value, "rosa@example.com");
    /// assert!(guard.unmask(Hidden::Token(&token), Identity::new("bo")).is_err());
    /// ```
    pub fn unmask(&self, hidden: Hidden<'_>, identity: Identity) -> Result<Unmasked, Error> {
        let keys = self.keys()?;
        let tenant =
            identity.claims.get(Scopes::TENANT).and_then(Claim::only).map(|tenant| tenant.to_owned().into());
        let unmasked = mask::unmask(hidden, &keys, &Scopes { tenant, ..Scopes::default() });
        let entity = unmasked.as_ref().map_or("unknown", |unmasked| &unmasked.entity);
        let mut act = Act::new(Operation::SecretRead, format!("{RESOURCE}{entity}"));
        act.magnitude = Magnitude::of(Unit::Keys, 1);
        let call = Call { service: String::new(), acts: vec![act] };
        let exchange = self.begin(Subject::Call(call), Caller::verified(identity), DOOR).disclosing();
        tell(exchange, unmasked, &keys)
    }
}

/// Goes through the exchange; the value leaves only where it says so.
fn tell(mut exchange: Exchange, unmasked: Option<Unmasked>, keys: &Keys) -> Result<Unmasked, Error> {
    match exchange.next_blocking() {
        Step::Forward(_) => {}
        Step::Answer(answer) => {
            exchange.finish(Ending::Denied);
            return Err(Error::new(ErrorKind::NotEligible, format!("{}: {}", answer.code, answer.detail)));
        }
        Step::NeedBody | Step::Effect(_) => {
            exchange.finish(Ending::Failed);
            return Err(Error::new(ErrorKind::Internal, "an unmasking has no body"));
        }
    }
    let Some(unmasked) = unmasked else {
        exchange.finish(Ending::Failed);
        let message = "it was not made under these keys for this tenant, or it was altered";
        return Err(Error::new(ErrorKind::Input, message));
    };
    exchange.disclosed(Found {
        name: unmasked.entity.clone().into(),
        path: String::new(),
        length: unmasked.value.len() as u64,
        digest: keys.finding(unmasked.value.as_bytes()),
    });
    exchange.finish(Ending::Complete);
    Ok(unmasked)
}
