//! What detection looks for and what it found. Entities are declared in data files; this is only their name.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use serde::{Serialize, Serializer};

/// A kind of value that may have to be masked, e.g. `email`. Names come from the entity catalogue.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The name that policies and records use, e.g. `us_ssn`.
    pub name: &'static str,
    /// The family it belongs to.
    pub group: Group,
}

impl Entity {
    /// An entity that a policy declares. Its name lives as long as the process, once however often the policy is read.
    pub(crate) fn declared(name: &str) -> Self {
        static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
        let known = names.get(name).copied();
        let name = known.unwrap_or_else(|| {
            let name: &'static str = Box::leak(name.into());
            names.insert(name);
            name
        });
        Self { name, group: Group::Other }
    }
}

impl fmt::Debug for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

macro_rules! groups {
    ($($variant:ident: $name:literal,)*) => {
        /// The families of entities; each entity belongs to one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Group { $(#[doc = $name] $variant,)* }

        impl Group {
            /// Every group.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that the evaluation border uses.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The group of that name.
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

groups! {
    Email: "email", Phone: "phone", CreditCard: "credit_card", Iban: "iban", Bank: "bank",
    NationalId: "national_id", Ip: "ip", Mac: "mac", Device: "device", Crypto: "crypto",
    DateOfBirth: "date_of_birth", Vin: "vin", Geo: "geo", Person: "person", Address: "address",
    Location: "location", Organization: "organization", Secret: "secret", Jwt: "jwt",
    PrivateKey: "private_key", UrlCredential: "url_credential", Password: "password",
    Health: "health", Other: "other",
}

/// One value found: which kind, where, how sure. Never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub entity: Entity,
    /// Where: byte offsets in the text that was scanned, half-open.
    pub span: Range<usize>,
    /// How sure, 0 to 100.
    pub score: u8,
    /// Whether its bytes say it in a disguise: with escapes, in base64, or with other characters that read the same.
    pub disguised: bool,
}
