//! `wardline console`: serves the page, and makes the links that lead to it.

use std::fs;
#[cfg(unix)]
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use wardline::clock::parse_duration;
use wardline::identity::{ApiKeys, Identity};
use wardline::keys::unhex;
use wardline::model::ApprovalId;

use super::audit::folder;
use crate::args::{self, Serve};
use crate::console::{Console, LINK, Links, Provider};
use crate::{Failure, Outcome, Streams};

/// The file of the state folder in which a console says where it is reached.
const ADDRESS: &str = "console.url";

pub(crate) fn run(args: args::Console, json: bool, streams: &mut Streams<'_>) -> Outcome {
    match args {
        args::Console::Serve(serve) => self::serve(serve, json, streams)?,
        args::Console::Login { state, by } => {
            let folder = folder(&state)?;
            let link = format!("{}/login/{}", address(&folder)?, Links::of(&folder).mint(&by)?);
            say(&link, &format!("serves once, within {} minutes", LINK.as_secs() / 60), json, streams)?;
        }
        args::Console::Link { state, id, by, lasting } => {
            let address = address(&folder(&state)?)?;
            let token = state.guard()?.link(&ApprovalId::from(id), &by, parse_duration(&lasting)?)?;
            say(&format!("{address}/a/{token}"), &format!("for {by} alone, one answer"), json, streams)?;
        }
    }
    Ok(0)
}

fn say(link: &str, note: &str, json: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if json { streams.json(&json!({"link": link})) } else { streams.say(format!("{link}  ({note})")) }
}

/// Serves until it is told to stop.
fn serve(serve: Serve, json: bool, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let keys = serve.api_keys.as_deref().map(api_keys).transpose()?.unwrap_or_default();
    let provider = provider(&serve)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(serve.listen).await?;
        let here = listener.local_addr()?;
        let origin = match serve.url.as_deref() {
            Some(url) => origin(url)?,
            None if here.ip().is_loopback() => format!("http://{here}"),
            None => return Err(Failure::Usage(BEYOND.to_owned())),
        };
        if !here.ip().is_loopback() && !origin.starts_with("https:") {
            return Err(Failure::Usage(BEYOND.to_owned()));
        }
        let folder = folder(&serve.state)?;
        let console = Arc::new(Console::new(serve.state, origin.clone(), keys, provider)?);
        #[cfg(unix)]
        tokio::spawn(reload_on_hangup(Arc::clone(&console), signal(SignalKind::hangup())?));
        fs::write(folder.join(ADDRESS), &origin)?;
        let token = Links::of(&folder).mint(&serve.by)?;
        say(&format!("{origin}/login/{token}"), &format!("signs {} in, once", serve.by), json, streams)?;
        streams.out.flush()?;
        let stop = async {
            // Without a way to hear of it, it serves until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        axum::serve(listener, console.router()).with_graceful_shutdown(stop).await?;
        Ok(())
    })
}

/// Reads the policy again whenever the process is told to (`SIGHUP`), and says what came of it.
#[cfg(unix)]
async fn reload_on_hangup(console: Arc<Console>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let told = match Arc::clone(&console).reload().await {
            Ok(true) => "another policy is in force".to_owned(),
            Ok(false) => "the policy is the same".to_owned(),
            Err(failure) => format!("the policy in force stays: {}", failure.sentence().replace('\n', "; ")),
        };
        // Where nobody reads it, it is in the log.
        let _ = writeln!(std::io::stderr(), "wardline: reload: {told}");
    }
}

/// Where people sign in, if not by links alone.
fn provider(serve: &Serve) -> Result<Option<Provider>, Failure> {
    let (Some(issuer), Some(client)) = (&serve.oidc_issuer, &serve.oidc_client) else { return Ok(None) };
    let secret = serve.oidc_secret.as_deref().map(|path| {
        let wrong = |_| Failure::Usage(format!("--oidc-secret: {}: cannot be read", path.display()));
        fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(wrong)
    });
    let (subject, groups) = (serve.oidc_subject.clone(), serve.oidc_groups.clone());
    Provider::new(issuer.clone(), client.clone(), secret.transpose()?, subject, groups).map(Some)
}

/// Why it does not listen there.
const BEYOND: &str =
    "--listen: beyond this machine a proxy with TLS stands before the console: say its https URL with --url";

/// Scheme, host and port of a URL, which says nothing else.
fn origin(url: &str) -> Result<String, Failure> {
    let wrong = || Failure::Usage("--url: expected https://HOST or http://HOST, without a path".to_owned());
    let uri: http::Uri = url.trim_end_matches('/').parse().map_err(|_| wrong())?;
    let host = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(wrong)?;
    match (uri.scheme_str(), uri.path(), uri.query()) {
        (Some(scheme @ ("http" | "https")), "" | "/", None) => {
            Ok(format!("{scheme}://{host}").to_lowercase())
        }
        _ => Err(wrong()),
    }
}

/// Where the console of a state folder is reached.
fn address(folder: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(folder.join(ADDRESS));
    text.map_err(|_| Failure::Usage("no console has been started on this state".to_owned()))
}

/// Reads a table of API keys. Nothing of it is quoted.
fn api_keys(path: &Path) -> Result<ApiKeys, Failure> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Holder {
        sha256: String,
    }
    let wrong = |what: &str| Failure::Usage(format!("--api-keys: {}: {what}", path.display()));
    let text = fs::read(path).map_err(|_| wrong("cannot be read"))?;
    let table: std::collections::BTreeMap<String, Holder> = serde_json::from_slice(&text)
        .map_err(|_| wrong("expected a JSON object such as {\"bot\": {\"sha256\": \"...\"}}"))?;
    let mut keys = ApiKeys::default();
    for (name, holder) in table {
        let digest = unhex(&holder.sha256)
            .ok_or_else(|| wrong("expected SHA-256 digests of 64 hexadecimal digits"))?;
        if !keys.add(digest, Identity::new(name), None) {
            return Err(wrong("two names have one key"));
        }
    }
    Ok(keys)
}
