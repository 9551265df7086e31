//! Files in the parts of a multipart body (RFC 2046): each is counted by what it is, as the bytes pass.
//!
//! A part is a file where it has a name of one, or a type that no text has. What its sender says of a form, beside the files, is not
//! counted. Where a file cannot be counted the body cannot, and while a header is not complete nothing is known.
//!
//! ```text
//! --x-1 CRLF Content-Disposition: form-data; name="file"; filename="a.npy" CRLF CRLF ..NUMPY.. CRLF --x-1--
//! ```

use memchr::memmem;

use super::FileCounter;
use crate::model::Census;

/// The most bytes of the headers of one part.
const MAX_HEADERS: usize = 16 * 1024;

/// Follows one body.
#[derive(Debug)]
pub(super) struct Parts {
    /// CR LF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    state: State,
    /// Bytes that are not read yet: of headers, or of what may be a delimiter.
    held: Vec<u8>,
    /// Of the files that are over.
    closed: Census,
    /// With what the file at hand has shown.
    all: Census,
    known: bool,
}

#[derive(Debug)]
enum State {
    /// In front of the first part, or in one that is no file.
    Passing,
    Headers,
    File(Box<FileCounter>),
    Over,
}

impl Parts {
    pub(super) fn new(boundary: &[u8]) -> Self {
        Self {
            delimiter: [b"\r\n--", boundary].concat(),
            state: State::Passing,
            // The first delimiter has no line in front of it.
            held: b"\r\n".to_vec(),
            closed: Census::default(),
            all: Census::default(),
            known: true,
        }
    }

    /// What was counted so far; `None` where a file cannot be counted, or its header has not come.
    pub(super) fn census(&self) -> Option<&Census> {
        let open = !matches!(&self.state, State::File(file) if file.census().is_none());
        (self.known && open).then_some(&self.all)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut window = std::mem::take(&mut self.held);
        window.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(read) = self.step(window.get(at..).unwrap_or_default()) {
            at += read;
        }
        window.drain(..at.min(window.len()));
        self.held = window;
        let shown = if let State::File(file) = &self.state { file.census() } else { None };
        self.all = both(&self.closed, shown);
    }

    /// Reads on: how much of `window` is read, or `None` where more must come.
    fn step(&mut self, window: &[u8]) -> Option<usize> {
        match &mut self.state {
            State::Over => (!window.is_empty()).then_some(window.len()),
            State::Headers => {
                if window.starts_with(b"--") {
                    self.state = State::Over;
                    return Some(2);
                }
                let Some(end) = memmem::find(window, b"\r\n\r\n") else {
                    if window.len() > MAX_HEADERS {
                        (self.known, self.state) = (false, State::Over);
                        return Some(window.len());
                    }
                    return None;
                };
                self.state = match file(window.get(..end).unwrap_or_default()) {
                    Some(name) => State::File(Box::new(FileCounter::new(&name))),
                    None => State::Passing,
                };
                // Of a part without content, the line's end before the next delimiter is that of the headers.
                let bare = window.get(end + 2..).is_some_and(|rest| rest.starts_with(&self.delimiter));
                Some(if bare { end + 2 } else { end + 4 })
            }
            State::Passing | State::File(_) => {
                let found = memmem::find(window, &self.delimiter);
                let safe = window.len().saturating_sub(self.delimiter.len() - 1);
                let length = found.unwrap_or(safe);
                if let State::File(file) = &mut self.state {
                    file.push(window.get(..length).unwrap_or_default());
                }
                if found.is_some() {
                    self.close();
                    return Some(length + self.delimiter.len());
                }
                (length > 0).then_some(length)
            }
        }
    }

    /// A part is over.
    fn close(&mut self) {
        if let State::File(file) = std::mem::replace(&mut self.state, State::Headers) {
            self.known &= file.census().is_some();
            self.closed = both(&self.closed, file.census());
        }
    }
}

/// Two files' counts. Their rows' places are ids of their own.
fn both(a: &Census, b: Option<&Census>) -> Census {
    let Some(b) = b else { return a.clone() };
    let mut sum = a.clone();
    sum.vectors = sum.vectors.saturating_add(b.vectors);
    sum.rows = sum.rows.saturating_add(b.rows);
    sum.ids_total = sum.ids_total.saturating_add(b.ids_total);
    sum
}

/// The name of the file that a part with these headers is, which may be empty; `None` where it is none.
fn file(headers: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(headers);
    let (mut name, mut kind) = (None, None);
    for line in text.split("\r\n") {
        let Some((header, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match header.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => name = filename(value),
            "content-type" => kind = Some(value.to_ascii_lowercase()),
            _ => {}
        }
    }
    let texts = ["application/json", "text/", "application/x-www-form-urlencoded", "multipart/"];
    let binary = kind.is_some_and(|kind| !texts.iter().any(|text| kind.starts_with(text)));
    name.or_else(|| binary.then(String::new))
}

fn filename(disposition: &str) -> Option<String> {
    let at = disposition.to_ascii_lowercase().find("filename")?;
    let (_, value) = disposition.get(at..)?.split_once('=')?;
    let value = value.trim_start();
    let name = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => value.split(';').next(),
    };
    Some(name.unwrap_or_default().trim().to_owned())
}
