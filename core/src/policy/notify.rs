//! Whom a policy tells of approvals and grants.

use std::sync::Arc;

use super::document::Node;
use super::draft::{list, read_secret, text};
use crate::error::{Error, ErrorKind};
use crate::glob::Glob;
use crate::grant::{Event, Subscriber};
use crate::keys::Secret;

/// A webhook, and what it is told.
#[derive(Debug)]
pub struct Webhook {
    /// Its name, and the events.
    pub subscriber: Subscriber,
    /// The form of its messages.
    pub form: Form,
    /// Where the key is that messages are signed with.
    pub key: Option<Secret>,
    /// The console in which it is decided, as `https://HOST`.
    pub console: Option<String>,
    /// The one person who reads the messages.
    pub reader: Option<String>,
    place: Place,
    danger_plain_http: bool,
}

/// The form of a webhook's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// CloudEvents 1.0, structured.
    #[default]
    Json,
    /// A text as Slack takes it.
    Slack,
    /// A card as Teams takes it.
    Teams,
}

enum Place {
    Url(String),
    Kept(Secret),
}

impl Webhook {
    /// Where it is. May be a secret by itself.
    ///
    /// # Errors
    /// Where it is not where the policy says, or is no place that may be posted to. It is not quoted.
    pub fn url(&self) -> Result<String, Error> {
        let url = match &self.place {
            Place::Url(url) => url.clone(),
            Place::Kept(secret) => secret.read()?,
        };
        match entry_may_call(&url, self.danger_plain_http) {
            Ok(()) => Ok(url),
            Err(why) => Err(Error::new(ErrorKind::Input, why)),
        }
    }

    /// Reads an entry; what was reported is left out.
    pub(super) fn read(node: &Node, file: &str) -> Option<Arc<Self>> {
        let place = node.get("url")?;
        let globs = list(node, "events", |text| Glob::new(text).ok());
        let wanted = |event: &Event| {
            globs.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(event.name())))
        };
        Some(Arc::new(Self {
            subscriber: Subscriber {
                name: text(node, "name")?.to_owned(),
                events: Event::ALL.into_iter().filter(wanted).collect(),
            },
            form: match text(node, "form") {
                Some("slack") => Form::Slack,
                Some("teams") => Form::Teams,
                _ => Form::Json,
            },
            key: node.get("key").and_then(|key| read_secret(key, file)),
            console: text(node, "console").map(|url| url.trim_end_matches('/').to_owned()),
            reader: text(node, "reader").map(str::to_owned),
            place: match place.text() {
                Some(url) => Place::Url(url.to_owned()),
                None => Place::Kept(read_secret(place, file)?),
            },
            danger_plain_http: text(node, "danger_plain_http") == Some("true"),
        }))
    }
}

/// What [`may_call`] says of an address beyond this machine that is called in clear.
const ENCRYPTED: &str = "what is beyond this machine is called over https";

/// Whether this may be called: over TLS, or on this very machine, and with no password in the URL.
///
/// # Errors
/// Why not.
pub fn may_call(url: &str, danger_plain_http: bool) -> Result<(), &'static str> {
    let uri: http::Uri =
        url.parse().map_err(|_| "expected a URL such as https://hooks.example.org/wardline")?;
    let authority = uri.authority().ok_or("expected a URL with a host")?;
    if authority.as_str().contains('@') {
        return Err("this URL holds no user or password");
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let near = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if near || danger_plain_http => Ok(()),
        Some("http") => Err(ENCRYPTED),
        _ => Err("expected a URL such as https://hooks.example.org/wardline"),
    }
}

/// The same for an entry of a policy that may say `danger_plain_http`.
pub(super) fn entry_may_call(url: &str, danger_plain_http: bool) -> Result<(), String> {
    may_call(url, danger_plain_http).map_err(|why| match why {
        ENCRYPTED => format!("{why}, unless the entry says danger_plain_http: true"),
        why => why.to_owned(),
    })
}

/// Whether this is the address of a console: what may be called, and nothing behind the host.
///
/// # Errors
/// Why not.
pub(super) fn is_console(url: &str) -> Result<(), &'static str> {
    may_call(url, false)?;
    let uri: http::Uri = url.parse().map_err(|_| "expected a URL such as https://wardline.internal")?;
    match (uri.path(), uri.query()) {
        ("" | "/", None) => Ok(()),
        _ => Err("expected the address of a console alone, such as https://wardline.internal"),
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Its path may be what lets anybody post.
            Self::Url(_) => f.write_str("Url(..)"),
            Self::Kept(secret) => secret.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_a_host_and_nothing_else() {
        for (url, is) in [
            ("https://wardline.internal", true),
            ("https://wardline.internal:8443/", true),
            ("http://127.0.0.1:7878", true),
            ("http://wardline.internal", false),
            ("https://wardline.internal/a", false),
            ("https://wardline.internal/?b", false),
            ("wardline.internal", false),
        ] {
            assert_eq!(is_console(url).is_ok(), is, "{url}");
        }
    }

    #[test]
    fn only_safe_places_are_called() {
        for (url, plain, may) in [
            ("https://hooks.example.org/a?b=c", false, true),
            ("http://hooks.example.org/a", false, false),
            ("http://hooks.example.org/a", true, true),
            ("http://127.0.0.1:8080/a", false, true),
            ("http://[::1]:8080/a", false, true),
            ("http://localhost/a", false, true),
            ("http://localhost.example.org/a", false, false),
            ("http://127.0.0.1@example.org/", false, false),
            ("http://127.0.0.1.example.org/", false, false),
            ("http://169.254.169.254/latest", false, false),
            ("https://user:pw@hooks.example.org/", true, false),
            ("ftp://hooks.example.org/", true, false),
            ("file:///etc/passwd", true, false),
            ("/a", true, false),
            ("", true, false),
        ] {
            assert_eq!(may_call(url, plain).is_ok(), may, "{url}");
        }
    }
}
