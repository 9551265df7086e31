//! The URL of a store that several machines share. It may hold a password, so nothing shows it.

use std::fmt;
use std::sync::Arc;

use super::Store;
use crate::error::{Error, ErrorKind};

/// `postgres://user:password@host:port/database`. Printing it shows neither user nor password.
///
/// ```
/// use wardline::store::StoreUrl;
/// let url = StoreUrl::parse("postgres://wardline:h4rd@db.internal/wardline").unwrap();
/// assert!(url.has_password());
/// assert_eq!(format!("{url:?}"), "StoreUrl(postgres://..)");
/// assert!(StoreUrl::parse("mysql://db.internal/wardline").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Reads a URL. What stands in it is judged when it is opened.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] for another scheme, or a text that two readers could take apart differently. Nothing of it is quoted.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        let Some(rest) = rest.filter(|rest| !rest.is_empty()) else {
            return Err(Error::new(ErrorKind::Input, EXPECTED));
        };
        // A password that holds one of these unescaped would end early, and its rest would be taken for a host or a setting.
        if rest.matches('@').count() > 1 || rest.matches('?').count() > 1 || rest.contains(['#', '\0', '\n'])
        {
            return Err(Error::new(
                ErrorKind::Input,
                "the store's URL is ambiguous: write @, ?, / and # within a user or password as %40, %3F, %2F and %23",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether it holds a password: then it belongs neither into a command line nor into a policy.
    pub fn has_password(&self) -> bool {
        let (place, settings) = self.0.split_once('?').unwrap_or((&self.0, ""));
        let named = |setting: &str| {
            let name = setting.split('=').next().unwrap_or_default();
            percent_encoding::percent_decode_str(name).decode_utf8_lossy().trim() == "password"
        };
        let user =
            place.split_once("://").map_or("", |(_, rest)| rest).rsplit_once('@').map_or("", |(u, _)| u);
        user.contains(':') || settings.split('&').any(named)
    }

    /// Opens the store that it names.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] where it cannot be reached or used, or this build knows no such store; [`ErrorKind::Input`]
    /// for a setting that is not known.
    #[cfg(feature = "postgres")]
    pub fn open(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(super::PostgresStore::open(self)?))
    }

    /// Opens the store that it names.
    ///
    /// # Errors
    /// [`ErrorKind::Store`]: this build knows no such store.
    #[cfg(not(feature = "postgres"))]
    pub fn open(&self) -> Result<Arc<dyn Store>, Error> {
        Err(Error::new(
            ErrorKind::Store,
            "this build has no store in PostgreSQL: the crate wardline needs its feature `postgres`",
        ))
    }

    #[cfg(feature = "postgres")]
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

const EXPECTED: &str = "expected the URL of a store: postgres://user@host:port/database";

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(postgres://..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_noticed_wherever_they_stand_and_never_shown() {
        for (text, has) in [
            ("postgres://db/wardline", false),
            ("postgres://ana@db:5432/wardline?sslmode=require", false),
            ("postgresql://ana:pw@db/wardline", true),
            ("postgres://db/wardline?user=ana&password=pw", true),
            ("postgres:///wardline?host=/run/postgresql&p%61ssword=pw", true),
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap().has_password(), has, "{text}");
        }
        for ambiguous in [
            "postgres://ana:p@w@db/x",
            "postgres://ana:p?w@db/x?a=b",
            "postgres://a#b/x",
            "db",
            "postgres://",
        ] {
            let error = StoreUrl::parse(ambiguous).unwrap_err().to_string();
            assert!(!error.contains("p@w") && !error.contains("p?w"), "{error}");
        }
    }
}
