//! How far a pseudonym or a token stands for the same value, and the keys that make it so.

use std::sync::OnceLock;

use crate::keys::{KeyedDigest, Keys, Purpose};
use crate::model::{RecordId, Text};

use super::fpe::Fpe;
use super::token::Tokens;

/// How far the same value has the same stand-in. What reaches less far tells less: two sessions that see the same person
/// cannot be joined by a pseudonym of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Everything under the keys of the policy's state.
    Policy,
    /// Callers with the same claim `tenant`.
    Tenant,
    /// Exchanges of one session of one caller.
    Session,
}

impl Scope {
    /// Every scope, the widest first.
    pub const ALL: [Self; 3] = [Self::Policy, Self::Tenant, Self::Session];

    /// The name that policies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Tenant => "tenant",
            Self::Session => "session",
        }
    }

    /// The scope of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

/// Which exchange, session and tenant a body belongs to. Where there is no session or no tenant, pseudonyms and date
/// shifts of that scope reach no further than the exchange, and what must be had back is redacted instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Names the exchange and no other one.
    pub exchange: Text,
    /// The session, named so that no other caller's has the same name.
    pub session: Option<Text>,
    /// The claim [`Scopes::TENANT`] of the caller.
    pub tenant: Option<Text>,
}

impl Scopes {
    /// The claim of an identity that names its tenant.
    pub const TENANT: &str = "tenant";

    /// Those of a body that belongs to no exchange: what reaches no further than one is its own.
    pub fn fresh() -> Self {
        Self { exchange: RecordId::fresh().as_str().to_owned().into(), ..Self::default() }
    }

    /// What a scope is called here: its kind and its name.
    fn of(&self, scope: Scope) -> (&'static [u8], &[u8]) {
        let known = match scope {
            Scope::Policy => return (b"policy", b""),
            Scope::Tenant => self.tenant.as_ref(),
            Scope::Session => self.session.as_ref(),
        };
        match known {
            Some(name) => (scope.name().as_bytes(), name.as_bytes()),
            None => (b"exchange", self.exchange.as_bytes()),
        }
    }

    /// Whether values can be had back from there later.
    fn lasts(&self, scope: Scope) -> bool {
        match scope {
            Scope::Policy => true,
            Scope::Tenant => self.tenant.is_some(),
            Scope::Session => false,
        }
    }
}

/// The keys of one body's scopes, each made when it is first needed.
#[derive(Debug)]
pub(in crate::mask) struct Keyring {
    keys: Keys,
    scopes: Scopes,
    /// Apart: keys are large, and most bodies need none of these.
    made: OnceLock<Box<Made>>,
}

/// Keys, by the scope that they are of.
#[derive(Debug, Default)]
struct Made {
    pseudonym: [OnceLock<KeyedDigest>; 3],
    shift: [OnceLock<u64>; 3],
    fpe: [OnceLock<Fpe>; 3],
    tokens: [OnceLock<Tokens>; 3],
}

impl Keyring {
    pub(in crate::mask) fn new(keys: Keys, scopes: Scopes) -> Self {
        Self { keys, scopes, made: OnceLock::new() }
    }

    pub(in crate::mask) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(in crate::mask) fn rescope(&mut self, scopes: Scopes) {
        self.scopes = scopes;
        self.made = OnceLock::new();
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(Box::default)
    }

    /// The digest that pseudonyms of a scope are drawn from.
    pub(super) fn pseudonym(&self, scope: Scope) -> Option<KeyedDigest> {
        let slot = self.made().pseudonym.get(scope as usize)?;
        Some(slot.get_or_init(|| self.within(Purpose::Pseudonym, b"pseudonym", scope)).clone())
    }

    /// A number that is the scope's own.
    pub(super) fn shift(&self, scope: Scope) -> Option<u64> {
        let draw = || {
            let digest = self.within(Purpose::Pseudonym, b"date shift", scope).finish();
            digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
        };
        self.made().shift.get(scope as usize).map(|slot| *slot.get_or_init(draw))
    }

    /// The cipher of digits; `None` where nobody could have them back.
    pub(super) fn fpe(&self, scope: Scope) -> Option<&Fpe> {
        let slot = self.made().fpe.get(scope as usize).filter(|_| self.scopes.lasts(scope))?;
        let key = || self.within(Purpose::Reversible, b"digits", scope).finish();
        Some(slot.get_or_init(|| Fpe::new(&key())))
    }

    /// The maker of tokens; `None` where nobody could open them.
    pub(super) fn tokens(&self, scope: Scope) -> Option<&Tokens> {
        let slot = self.made().tokens.get(scope as usize).filter(|_| self.scopes.lasts(scope))?;
        Some(slot.get_or_init(|| {
            let key_id = self.keys.within(Purpose::Reversible, &[b"key id"]).finish();
            Tokens::new(&self.within(Purpose::Reversible, b"token", scope), &key_id)
        }))
    }

    fn within(&self, purpose: Purpose, using: &[u8], scope: Scope) -> KeyedDigest {
        let (kind, name) = self.scopes.of(scope);
        self.keys.within(purpose, &[using, kind, name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reaches_as_far_as_its_name_says() {
        let ring = |exchange: &'static str, session: Option<&'static str>, tenant: Option<&'static str>| {
            let scopes = Scopes {
                exchange: exchange.into(),
                session: session.map(Text::from),
                tenant: tenant.map(Text::from),
            };
            Keyring::new(Keys::from_root([7; 32]), scopes)
        };
        let same = |a: &Keyring, b: &Keyring| Scope::ALL.map(|scope| a.shift(scope) == b.shift(scope));
        let base = ring("1", Some("s"), Some("t"));
        assert_eq!(same(&base, &ring("2", Some("s"), Some("t"))), [true, true, true]);
        assert_eq!(same(&base, &ring("1", Some("s2"), Some("t"))), [true, true, false]);
        assert_eq!(same(&base, &ring("1", Some("s"), Some("t2"))), [true, false, true]);
        // The name of a session is not the name of a tenant.
        assert_ne!(
            ring("1", Some("x"), None).shift(Scope::Session),
            ring("1", None, Some("x")).shift(Scope::Tenant)
        );
        let (one, other) = (ring("1", None, None), ring("2", None, None));
        assert_eq!(same(&one, &other), [true, false, false], "without a name, the exchange itself");
        assert!(one.fpe(Scope::Tenant).is_none() && one.tokens(Scope::Session).is_none());
        assert!(base.fpe(Scope::Tenant).is_some() && base.tokens(Scope::Policy).is_some());
    }
}
