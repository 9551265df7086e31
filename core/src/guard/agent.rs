//! The one HTTP client of a guard: for webhooks and the keys of issuers.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "key-urls")]
use base64::Engine as _;
#[cfg(feature = "key-urls")]
use base64::engine::general_purpose::STANDARD;
#[cfg(feature = "key-urls")]
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::crypto::ring;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

#[cfg(feature = "key-urls")]
use crate::error::{Error, ErrorKind};

/// Follows nobody elsewhere, asks no proxy, and verifies by the machine's certificates.
pub(super) fn agent(patience: Duration) -> Agent {
    let roots = rustls_native_certs::load_native_certs().certs;
    let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    Agent::config_builder()
        .timeout_global(Some(patience))
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .user_agent("wardline")
        .tls_config(tls)
        .build()
        .new_agent()
}

/// Asks an issuer of tokens for what it says in public, and for a token in exchange for a code.
#[cfg(feature = "key-urls")]
pub struct Client(Agent);

#[cfg(feature = "key-urls")]
impl Client {
    /// What an issuer answers is smaller.
    const MOST_BYTES: u64 = 1 << 20;

    /// One that waits so long for an answer.
    pub fn new(patience: Duration) -> Self {
        Self(agent(patience))
    }

    /// The text at an address.
    ///
    /// # Errors
    /// Where there is no answer, another status than 200, or no text of at most 1 MiB.
    pub fn fetch(&self, url: &str) -> Result<String, Error> {
        let accept = "application/jwk-set+json, application/json";
        read(self.0.get(url).header("accept", accept).call())
    }

    /// The text at an address, for whoever bears this token.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub fn fetch_with(&self, url: &str, bearer: &str) -> Result<String, Error> {
        let request = self.0.get(url).header("accept", "application/json");
        read(request.header("authorization", format!("Bearer {bearer}")).call())
    }

    /// The answer to a form; `basic` is a user and a password.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch). Nothing of the form is quoted.
    pub fn post_form(
        &self,
        url: &str,
        fields: &[(&str, &str)],
        basic: Option<(&str, &str)>,
    ) -> Result<String, Error> {
        let mut request = self.0.post(url).header("accept", "application/json");
        if let Some((user, password)) = basic {
            // RFC 6749, 2.3.1: each is encoded as a form encodes it.
            let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let pair = STANDARD.encode(format!("{}:{}", encoded(user), encoded(password)));
            request = request.header("authorization", format!("Basic {pair}"));
        }
        read(request.send_form(fields.iter().copied()))
    }
}

#[cfg(feature = "key-urls")]
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

#[cfg(feature = "key-urls")]
fn read(answer: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<String, Error> {
    let wrong = |message: String| Error::new(ErrorKind::Store, message);
    let mut answer = answer.map_err(|_| wrong("there is no answer".to_owned()))?;
    if answer.status() != 200 {
        return Err(wrong(format!("the answer has status {}", answer.status().as_u16())));
    }
    let read = answer.body_mut().with_config().limit(Client::MOST_BYTES).read_to_string();
    read.map_err(|_| wrong("the answer is no text of at most 1 MiB".to_owned()))
}
