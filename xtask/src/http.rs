//! The least HTTP/1.1 client that the demo needs: one request a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Sends a request as `user`, a member of `groups`.
pub(crate) fn send(
    address: &str,
    method: &str,
    target: &str,
    user: &str,
    groups: &str,
    body: Option<&str>,
) -> Result<Response, String> {
    let wrong = |e: std::io::Error| format!("{method} {target}: {e}");
    let mut stream = TcpStream::connect(address).map_err(wrong)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(wrong)?;
    let content = body.map_or_else(String::new, |body| {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    });
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nx-user: {user}\r\nx-groups: {groups}\r\n{content}connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).map_err(wrong)?;
    stream.write_all(body.unwrap_or("").as_bytes()).map_err(wrong)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(wrong)?;
    read(&answer).ok_or_else(|| format!("{method} {target}: the answer is not HTTP"))
}

fn read(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?.to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let rest = answer.get(end + 4..)?;
    let body = if head.contains("transfer-encoding: chunked") { unchunk(rest)? } else { rest.to_vec() };
    Some(Response { status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// `None` where the last chunk is missing: a body that was cut must not pass for a whole one.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|w| w == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(rest.get(..line)?).ok()?.trim(), 16).ok()?;
        rest = rest.get(line + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
