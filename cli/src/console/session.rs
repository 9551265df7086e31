//! Who is at the browser: one-time links, sessions, and what shows that a form was sent from our own page.
//!
//! A link's token is kept in the state folder by its SHA-256 alone; whoever removes that file has used it, so of any number of browsers one
//! gets in. Sessions live in this process and end with it. A POST is taken where its browser says that it comes from our own pages
//! (`Origin`, else `Sec-Fetch-Site`) *and* it carries the session's own token.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wardline::clock::{Clock, SystemClock, Timestamp};
use wardline::identity::Identity;
use wardline::keys::{hex, random};

use super::Console;
use super::page::{self, Refusal};
use crate::Failure;

/// How long a link waits to be used.
pub(crate) const LINK: Duration = Duration::from_secs(10 * 60);
/// How long a session lasts.
const SESSION: Duration = Duration::from_secs(8 * 60 * 60);

/// Links that sign somebody in, in a folder that all commands on one state share.
#[derive(Debug, Clone)]
pub(crate) struct Links(PathBuf);

/// What is kept of a link.
#[derive(Serialize, Deserialize)]
struct Kept {
    by: String,
    until: Timestamp,
}

impl Links {
    /// The links of a state folder.
    pub(crate) fn of(state: &Path) -> Self {
        Self(state.join("console"))
    }

    /// A new token for `by`. Links that were never used are forgotten once their time is over.
    pub(crate) fn mint(&self, by: &str) -> Result<String, Failure> {
        if by.trim().is_empty() {
            return Err(Failure::Usage("--as: expected a name".to_owned()));
        }
        fs::create_dir_all(&self.0)?;
        let now = SystemClock.now();
        for entry in fs::read_dir(&self.0)?.flatten() {
            if read(&entry.path()).is_some_and(|kept| now >= kept.until) {
                fs::remove_file(entry.path())?;
            }
        }
        let token = hex(&random()?);
        let kept = serde_json::to_vec(&Kept { by: by.to_owned(), until: now + LINK })
            .map_err(std::io::Error::from)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.file(&token))?.write_all(&kept)?;
        Ok(token)
    }

    /// Whom a token would sign in. Looking uses nothing up.
    pub(crate) fn look(&self, token: &str) -> Option<String> {
        read(&self.file(token)).filter(|kept| SystemClock.now() < kept.until).map(|kept| kept.by)
    }

    /// Uses a token up.
    fn redeem(&self, token: &str) -> Option<String> {
        let by = self.look(token)?;
        fs::remove_file(self.file(token)).ok().map(|()| by)
    }

    /// Named by a digest, so that no token, whatever it says, leaves the folder.
    fn file(&self, token: &str) -> PathBuf {
        self.0.join(format!("{}.json", digest(token)))
    }
}

fn read(file: &Path) -> Option<Kept> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

pub(super) fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// The sessions of this process, by the SHA-256 of what the cookie says.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

/// Somebody who signed in.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Who, with the groups that whoever signed them in vouches for.
    pub(super) who: Identity,
    /// What their forms carry.
    pub(super) csrf: String,
    /// Where they end their session with whoever signed them in.
    pub(super) leaving: Option<String>,
    until: Timestamp,
}

impl Sessions {
    /// Signs in whom a link names: what the cookie says.
    pub(super) fn open(&self, links: &Links, token: &str) -> Result<Option<String>, Failure> {
        links.redeem(token).map(|by| self.begin(Identity::new(by), None)).transpose()
    }

    /// Signs somebody in, who ends their session elsewhere too where there is such a place: what the cookie says.
    pub(super) fn begin(&self, who: Identity, leaving: Option<String>) -> Result<String, Failure> {
        let (cookie, csrf, now) = (hex(&random()?), hex(&random()?), SystemClock.now());
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| now < session.until);
        sessions.insert(digest(&cookie), Session { who, csrf, leaving, until: now + SESSION });
        Ok(cookie)
    }

    fn find(&self, cookie: &str) -> Option<Session> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&digest(cookie)).filter(|session| SystemClock.now() < session.until).cloned()
    }

    /// Ends the session of a browser.
    pub(super) fn close(&self, cookie: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(cookie));
    }
}

impl Console {
    /// The cookie's name: where the console is reached over TLS, one that browsers take over TLS only.
    pub(super) fn cookie(&self) -> &'static str {
        if self.origin.starts_with("https:") { "__Host-wardline" } else { "wardline" }
    }

    /// `Set-Cookie` for a session, or to forget one.
    pub(super) fn set_cookie(&self, value: &str) -> String {
        let secure = if self.origin.starts_with("https:") { "; Secure" } else { "" };
        let age = if value.is_empty() { 0 } else { SESSION.as_secs() };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}", self.cookie())
    }

    /// The cookie of a browser that signs in elsewhere meanwhile. It comes back from there, so it is not strict.
    pub(super) fn set_browser(&self, value: &str, lasting: Duration) -> String {
        let secure = if self.origin.starts_with("https:") { "; Secure" } else { "" };
        let (name, age) = (self.browser_cookie(), lasting.as_secs());
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}")
    }

    fn browser_cookie(&self) -> &'static str {
        if self.origin.starts_with("https:") { "__Host-wardline-browser" } else { "wardline-browser" }
    }

    /// What the cookie of a browser that signed in elsewhere says.
    pub(super) fn browser<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, self.browser_cookie())
    }

    /// What the browser's cookie says.
    pub(super) fn said<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        cookie(headers, self.cookie())
    }

    /// Whether a browser says that a request comes from our own pages. One that says nothing is not believed.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> bool {
        match headers.get(header::ORIGIN) {
            Some(origin) => origin.as_bytes() == self.origin.as_bytes(),
            None => headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin"),
        }
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

impl FromRequestParts<Arc<Console>> for Session {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        let known = console.said(&parts.headers).and_then(|cookie| console.sessions.find(cookie));
        known.ok_or_else(|| page::signed_out(console.provider.is_some()).into_response())
    }
}

/// A form that somebody who is signed in sent from our own page.
pub(super) struct Posted {
    pub(super) session: Session,
    fields: Fields,
}

/// The fields of a form.
pub(super) struct Fields(BTreeMap<String, String>);

impl Posted {
    /// A field's text, without white space around it.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name)
    }
}

impl Fields {
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |text| text.trim())
    }
}

impl FromRequest<Arc<Console>> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let elsewhere = || Refusal(StatusCode::FORBIDDEN, "This was not sent from a page of the console.");
        if !console.is_own(request.headers()) {
            return Err(elsewhere().into_response());
        }
        let form = Form::<BTreeMap<String, String>>::from_request(request, console).await;
        form.map(|Form(fields)| Self(fields))
            .map_err(|_| Refusal(StatusCode::BAD_REQUEST, "The form could not be read.").into_response())
    }
}

impl FromRequest<Arc<Console>> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let session = Session::from_request_parts(&mut parts, console).await?;
        let fields = Fields::from_request(Request::from_parts(parts, body), console).await?;
        // Of digests, so that the time of the comparison tells nothing of the token.
        if digest(fields.get("csrf")) != digest(&session.csrf) {
            let refusal =
                Refusal(StatusCode::FORBIDDEN, "The form is not one of this session. Load the page again.");
            return Err(refusal.into_response());
        }
        Ok(Self { session, fields })
    }
}
