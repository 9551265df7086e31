//! Names of things that Wardline makes: sortable by time, prefixed by kind, safe in a URL and on a command line.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($name:ident, $prefix:literal, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// A new one, never given before (UUID version 7, RFC 9562).
            pub fn fresh() -> Self {
                const PREFIX: &str = concat!($prefix, "_");
                let mut digits = [0; uuid::fmt::Simple::LENGTH];
                let mut text = String::with_capacity(PREFIX.len() + digits.len());
                text.push_str(PREFIX);
                text.push_str(uuid::Uuid::now_v7().simple().encode_lower(&mut digits));
                Self(text.into())
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}

ids! {
    ApprovalId, "apr", "Names one approval: one held request waiting for people.";
    GrantId, "grt", "Names one grant: time-boxed permission.";
    RecordId, "rec", "Names one exchange in the audit log.";
    SessionId, "ses", "Joins the exchanges of one session.";
}
