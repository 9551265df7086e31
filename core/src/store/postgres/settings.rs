//! What a URL asks for: where the server is, as whom, and under which certificates.
//!
//! A connection that leaves the machine is encrypted and the server's certificate verified, unless the URL says `sslmode=disable`.
//! There is no mode between: one that encrypts without verifying protects from nobody who can stand in the way.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, ErrorKind};
use crate::store::StoreUrl;

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How to connect, and what to call the server where people read it.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    pub(super) name: String,
}

impl Settings {
    pub(super) fn read(url: &StoreUrl) -> Result<Self, Error> {
        let wrong = |what: &str| Error::new(ErrorKind::Input, format!("the store's URL {what}"));
        let (place, query) = url.text().split_once('?').unwrap_or((url.text(), ""));
        let (mut mode, mut roots, mut rest) = (None, None, Vec::new());
        for setting in query.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let value = || percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = Some(value()),
                "sslrootcert" => roots = Some(value()),
                _ => rest.push(setting),
            }
        }
        // What the parser says may quote what it read: it is not passed on.
        let mut config: Config = format!("{place}?{}", rest.join("&"))
            .parse()
            .map_err(|_| wrong("cannot be read; expected postgres://user@host:port/database?sslmode=..."))?;
        let near = |host: &Host| match host {
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1" | "[::1]"),
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        let encrypted = match mode.as_deref() {
            None => !config.get_hosts().iter().all(near),
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => {
                return Err(wrong(
                    "has an unknown sslmode: disable, or require (the certificate is verified)",
                ));
            }
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("wardline");
        }
        let name = name(&config);
        Ok(Self { config, tls: MakeRustlsConnect::new(tls(encrypted, roots.as_deref())?), name })
    }
}

/// The certificates of the machine, or those of the file that the URL names.
fn tls(encrypted: bool, file: Option<&str>) -> Result<ClientConfig, Error> {
    let wrong = |what: String| Error::new(ErrorKind::Store, what);
    let mut roots = rustls::RootCertStore::empty();
    match file {
        Some(file) => {
            let unreadable = |e| wrong(format!("the store's sslrootcert {file} cannot be read: {e}"));
            for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|e| wrong(format!("the store's sslrootcert {file}: {e}")))?;
            }
        }
        None if encrypted => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    if encrypted && roots.is_empty() {
        return Err(wrong("no certificate authority is known: the machine has none, and the store's URL names no sslrootcert".into()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::new(ErrorKind::Internal, "TLS cannot be set up").with_source(e))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Host, port and database: neither user nor password.
fn name(config: &Config) -> String {
    let ports = config.get_ports();
    let host = |(index, host): (usize, &Host)| match host {
        Host::Tcp(name) => {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            format!("{name}:{port}")
        }
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    format!("postgres://{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}
