//! The way back: what a token or encrypted digits stand for.
//!
//! Nothing here asks who may know: [`Guard::unmask`](crate::guard::Guard::unmask) does, and it records who was told.

use crate::detect;
use crate::error::{Error, ErrorKind};
use crate::keys::Keys;

use super::scope::{Keyring, Scope, Scopes};
use super::token;

/// Something that stands for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hidden<'a> {
    /// What [`Transform::Token`](super::Transform::Token) wrote.
    Token(&'a str),
    /// What [`Transform::Fpe`](super::Transform::Fpe) wrote. Nothing authenticates it: any other number, entity or scope gives another
    /// number.
    Digits {
        /// What it stands for: an entity, or `field`.
        entity: &'a str,
        /// As it was written.
        text: &'a str,
        /// The scope that the policy gave it.
        scope: Scope,
    },
}

impl<'a> Hidden<'a> {
    /// What people and other languages hand over: a token, or where an entity is named, digits that were encrypted as such under a scope
    /// (`policy` where none is named).
    ///
    /// # Errors
    /// A scope that digits cannot have.
    pub fn of(text: &'a str, entity: Option<&'a str>, scope: Option<&str>) -> Result<Self, Error> {
        let Some(entity) = entity else { return Ok(Self::Token(text)) };
        let scope = Scope::by_name(scope.unwrap_or("policy")).filter(|scope| *scope != Scope::Session);
        let wanted = || Error::new(ErrorKind::Input, "expected the scope policy or tenant");
        Ok(Self::Digits { entity, text, scope: scope.ok_or_else(wanted)? })
    }
}

/// What it stands for. Printing it shows the entity only.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unmasked {
    /// The entity's name, or `field`.
    pub entity: String,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for Unmasked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unmasked({})", self.entity)
    }
}

/// Opens a token or decrypts digits, as somebody of this tenant; `None` where it was not made under these keys, for this tenant, or
/// was altered.
///
/// A token says itself whether it is of the policy or of the tenant, as only the right key opens it.
pub fn unmask(hidden: Hidden<'_>, keys: &Keys, scopes: &Scopes) -> Option<Unmasked> {
    let keyring = Keyring::new(keys.clone(), scopes.clone());
    match hidden {
        Hidden::Token(token) => {
            token::parts(token)?;
            let open = |scope| keyring.tokens(scope)?.open(token);
            let opened = open(Scope::Tenant).or_else(|| open(Scope::Policy))?;
            Some(Unmasked { entity: opened.entity, value: opened.value })
        }
        Hidden::Digits { entity, text, scope } => {
            let known = detect::entity(entity).map(|entity| entity.name);
            let entity = known.or((entity == "field").then_some("field"))?;
            let value = keyring.fpe(scope)?.read(entity, text)?;
            Some(Unmasked { entity: entity.to_owned(), value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_opens_its_own_tokens_and_those_of_all() {
        let keys = Keys::from_root([7; 32]);
        let of = |tenant: &str| Scopes { tenant: Some(tenant.to_owned().into()), ..Scopes::default() };
        let seal = |tenant: &str, scope| {
            let mut out = Vec::new();
            let keyring = Keyring::new(keys.clone(), of(tenant));
            keyring.tokens(scope).unwrap().write("email", "ada@example.org", &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let open =
            |token: &str, scopes: &Scopes| unmask(Hidden::Token(token), &keys, scopes).map(|it| it.value);
        let value = || Some("ada@example.org".to_owned());
        let own = seal("north", Scope::Tenant);
        assert_eq!(open(&own, &of("north")), value());
        assert_eq!(open(&own, &of("south")), None);
        assert_eq!(open(&own, &Scopes::default()), None);
        assert_eq!(open(&seal("north", Scope::Policy), &Scopes::default()), value());
        assert_eq!(open("tok_00000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAA", &of("north")), None);
    }

    #[test]
    fn digits_have_a_scope_that_lasts() {
        assert_eq!(Hidden::of("tok_1", None, None).unwrap(), Hidden::Token("tok_1"));
        let digits = |scope| Hidden::Digits { entity: "phone", text: "1", scope };
        assert_eq!(Hidden::of("1", Some("phone"), None).unwrap(), digits(Scope::Policy));
        assert_eq!(Hidden::of("1", Some("phone"), Some("tenant")).unwrap(), digits(Scope::Tenant));
        for scope in ["session", "all", ""] {
            assert!(Hidden::of("1", Some("phone"), Some(scope)).is_err(), "{scope}");
        }
    }

    #[test]
    fn nothing_shows_in_debug() {
        let it = Unmasked { entity: "email".into(), value: "ada@example.org".into() };
        assert_eq!(format!("{it:?}"), "Unmasked(email)");
    }
}
