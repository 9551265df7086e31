//! Events sent to a syslog server (RFC 5424), each with its length before it: over TLS (RFC 5425), or in clear to this machine (RFC 6587).
//!
//! A syslog server never says that it has something. What it had not read when it went away is lost, though TCP had taken it; a
//! connection that it has closed by then is noticed before anything is sent.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Undelivered, away};
use crate::audit::export::Event;

/// How long one waits for a connection, or to send.
const PATIENCE: Duration = Duration::from_secs(10);

/// The facility for logs of security audits (RFC 5424, 6.2.1).
const FACILITY: u8 = 13;

pub(super) struct Syslog {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    stream: Option<Stream>,
}

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Syslog {
    pub(super) fn at(url: &str) -> Result<Self, &'static str> {
        let expected = "expected syslog+tls://HOST:PORT";
        let uri: ::http::Uri = url.parse().map_err(|_| expected)?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(expected) };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let near = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let (tls, port) = match scheme {
            "syslog+tls" => (Some(config()?), uri.port_u16().unwrap_or(6514)),
            "syslog" if near => (None, uri.port_u16().unwrap_or(601)),
            "syslog" => return Err("what is beyond this machine is reached by syslog+tls"),
            _ => return Err(expected),
        };
        Ok(Self { host, port, tls, stream: None })
    }

    pub(super) fn write(&mut self, frames: &[u8]) -> Result<(), Undelivered> {
        if self.stream.as_mut().is_some_and(Stream::is_closed) {
            self.stream = None;
        }
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(
                connect(&self.host, self.port, self.tls.as_ref())
                    .map_err(|e| away(format!("cannot be reached: {}", e.kind())))?,
            ),
        };
        stream.send(frames).map_err(|e| {
            self.stream = None;
            away(match e.kind() {
                io::ErrorKind::InvalidData => {
                    "does not prove that it is who it should be: no TLS with it".to_owned()
                }
                kind => format!("went away: {kind}"),
            })
        })
    }
}

impl Stream {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Whether the other side ended the connection: it has nothing to say but that, and what TLS itself sends unasked.
    fn is_closed(&mut self) -> bool {
        match self {
            Self::Clear(socket) => {
                let quiet = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
                let open = matches!(&quiet, Err(e) if e.kind() == io::ErrorKind::WouldBlock);
                socket.set_nonblocking(false).is_err() || !open
            }
            Self::Tls(stream) => {
                let StreamOwned { conn, sock } = &mut **stream;
                let open = loop {
                    match sock.set_nonblocking(true).and_then(|()| conn.read_tls(sock)) {
                        Ok(0) => break false,
                        Ok(_) if conn.process_new_packets().is_ok_and(|state| !state.peer_has_closed()) => {}
                        Ok(_) => break false,
                        Err(e) => break e.kind() == io::ErrorKind::WouldBlock,
                    }
                };
                sock.set_nonblocking(false).is_err() || !open
            }
        }
    }
}

fn connect(host: &str, port: u16, tls: Option<&Arc<ClientConfig>>) -> io::Result<Stream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let Some(tls) = tls else { return Ok(Stream::Clear(stream)) };
                let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                let connection = ClientConnection::new(Arc::clone(tls), name).map_err(io::Error::other)?;
                return Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))));
            }
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

fn config() -> Result<Arc<ClientConfig>, &'static str> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|_| "this build speaks no TLS")?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Appends a message with its length before it.
pub(super) fn frame(event: &Event<'_>, line: &[u8], out: &mut Vec<u8>) {
    // Informational, warning or error, by the risk.
    let severity = match event.record.risk.as_ref().map_or(0, |risk| risk.total.value()) {
        0..60 => 6,
        60..80 => 4,
        _ => 3,
    };
    let head =
        format!("<{}>1 {} - wardline {} audit - ", FACILITY * 8 + severity, event.record.at, event.log);
    out.extend_from_slice(format!("{} {head}", head.len() + line.len()).as_bytes());
    out.extend_from_slice(line);
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Syslog({}:{})", self.host, self.port)
    }
}
