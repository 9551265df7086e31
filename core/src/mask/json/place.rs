//! Where one stands in a document: for the report, and as context of a value.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

/// The most bytes of a path in a report, about.
const MAX_PATH: usize = 1_024;

/// The most characters of a name in it.
const MAX_NAME: usize = 128;

/// Room for a path as most are.
const ORDINARY_PATH: usize = 48;

/// How deep most documents are nested, and how many bytes the names on the way there have.
const ORDINARY: (usize, usize) = (8, 64);

/// Names of members that say nothing of their value, and of members that name what stands under them, as in
/// `{"name": "phone", "value": "..."}`.
const SILENT: [&[u8]; 4] = [b"value", b"values", b"answer", b"val"];
const NAMING: [&[u8]; 8] =
    [b"name", b"key", b"field", b"label", b"question", b"attribute", b"property", b"parameter"];

/// The longest text that names a value.
const MAX_NAMING: usize = 64;

/// Where one stands in a document.
#[derive(Debug, Clone)]
pub(in crate::mask) struct Place {
    /// The place of the string that holds this document.
    above: String,
    /// The names of the members on the way here, one after the other.
    names: Vec<u8>,
    /// Of them, the one that a value at the root stands under.
    root: Range<usize>,
    frames: Vec<Frame>,
    /// What a member named, and in which object: so many containers were open.
    naming: Vec<u8>,
    naming_depth: usize,
}

#[derive(Debug, Clone)]
struct Frame {
    object: bool,
    /// How many elements began.
    elements: u64,
    /// How many bytes of names belong to the containers around it.
    base: usize,
    /// The name that values in it stand under.
    name: Range<usize>,
    /// That name as it goes out, where it was masked.
    shown: Option<String>,
    /// Whether some member or element stayed.
    kept: bool,
}

impl Default for Place {
    /// Before a document.
    fn default() -> Self {
        let (depth, bytes) = ORDINARY;
        Self {
            above: String::new(),
            names: Vec::with_capacity(bytes),
            root: 0..0,
            frames: Vec::with_capacity(depth),
            naming: Vec::new(),
            naming_depth: 0,
        }
    }
}

impl Place {
    /// For a document in a string at this path, under this name.
    pub(in crate::mask) fn inside(above: String, name: &[u8]) -> Self {
        Self {
            above,
            names: name.to_vec(),
            root: 0..name.len(),
            frames: Vec::new(),
            naming: Vec::new(),
            naming_depth: 0,
        }
    }

    pub(in crate::mask) fn is_root(&self) -> bool {
        self.frames.is_empty()
    }

    pub(in crate::mask) fn in_array(&self) -> bool {
        self.frames.last().is_some_and(|frame| !frame.object)
    }

    /// How many containers are open.
    pub(in crate::mask) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// How many elements of the innermost array began.
    pub(in crate::mask) fn elements(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.elements)
    }

    pub(in crate::mask) fn open(&mut self, object: bool) {
        let base = self.names.len();
        let around = self.frames.last().map_or(&self.root, |frame| &frame.name).clone();
        let name = if object { base..base } else { around };
        self.frames.push(Frame { object, elements: 0, base, name, shown: None, kept: false });
    }

    pub(in crate::mask) fn close(&mut self) {
        if self.naming_depth == self.frames.len() {
            self.naming.clear();
        }
        if let Some(frame) = self.frames.pop() {
            self.names.truncate(frame.base);
        }
    }

    /// A member of this name (decoded) begins.
    pub(in crate::mask) fn name(&mut self, name: &[u8]) {
        if let Some(frame) = self.frames.last_mut() {
            self.names.truncate(frame.base);
            self.names.extend_from_slice(name);
            frame.name = frame.base..self.names.len();
            frame.shown = None;
        }
    }

    /// The member's name goes out like this.
    pub(in crate::mask) fn show(&mut self, name: &[u8]) {
        if let Some(frame) = self.frames.last_mut() {
            frame.shown = Some(String::from_utf8_lossy(name).into_owned());
        }
    }

    /// In an array, so many elements begin: the index of the first.
    pub(in crate::mask) fn element(&mut self, count: u64) -> Option<u64> {
        let frame = self.frames.last_mut().filter(|frame| !frame.object)?;
        let index = frame.elements;
        frame.elements += count;
        Some(index)
    }

    /// A member or element stays; whether it is the first that does.
    pub(in crate::mask) fn keep(&mut self) -> bool {
        self.frames.last_mut().is_some_and(|frame| !std::mem::replace(&mut frame.kept, true))
    }

    /// The name of the member that a value here belongs to.
    pub(in crate::mask) fn key(&self) -> Option<&str> {
        let range = self.frames.last().map_or(&self.root, |frame| &frame.name);
        self.names
            .get(range.clone())
            .and_then(|name| std::str::from_utf8(name).ok())
            .filter(|name| !name.is_empty())
    }

    /// A string stands here that may name what follows in its object.
    pub(in crate::mask) fn tell(&mut self, text: &[u8]) {
        let Some(frame) = self.frames.last().filter(|frame| frame.object) else { return };
        let name = self.names.get(frame.name.clone()).unwrap_or_default();
        if NAMING.iter().any(|naming| name.eq_ignore_ascii_case(naming)) {
            self.naming.clear();
            if text.len() <= MAX_NAMING {
                self.naming.extend_from_slice(text);
            }
            self.naming_depth = self.frames.len();
        }
    }

    /// What names a value here: its member, or another one where that says nothing.
    pub(in crate::mask) fn told(&self) -> Option<&str> {
        let key = self.key();
        let objects = self.frames.iter().rposition(|frame| frame.object).map_or(0, |last| last + 1);
        let named = !self.naming.is_empty()
            && self.naming_depth == objects
            && key.is_some_and(|key| SILENT.iter().any(|silent| key.as_bytes().eq_ignore_ascii_case(silent)));
        if named { std::str::from_utf8(&self.naming).ok() } else { key }
    }

    /// As text, e.g. `a[3].b`.
    pub(in crate::mask) fn path(&self) -> String {
        self.write(&self.frames, 1)
    }

    /// The path of an element that began `back` elements ago, the last being 1.
    pub(in crate::mask) fn path_of(&self, back: u64) -> String {
        self.write(&self.frames, back)
    }

    /// The path of the container around.
    pub(in crate::mask) fn path_above(&self) -> String {
        let outer = self.frames.len().saturating_sub(1);
        self.write(self.frames.get(..outer).unwrap_or_default(), 1)
    }

    fn write(&self, frames: &[Frame], back: u64) -> String {
        let mut path = String::with_capacity(self.above.len() + ORDINARY_PATH);
        path.push_str(&self.above);
        for (depth, frame) in frames.iter().enumerate() {
            if path.len() > MAX_PATH {
                path.push_str("...");
                break;
            }
            if !frame.object {
                let back = if depth + 1 == frames.len() { back } else { 1 };
                path.push('[');
                path.push_str(itoa::Buffer::new().format(frame.elements.saturating_sub(back)));
                path.push(']');
                continue;
            }
            let bytes = self.names.get(frame.name.clone()).unwrap_or_default();
            if let (None, Some(name)) = (&frame.shown, plain(bytes)) {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                continue;
            }
            let full = match &frame.shown {
                Some(shown) => Cow::Borrowed(shown.as_str()),
                None => String::from_utf8_lossy(bytes),
            };
            let name =
                full.char_indices().nth(MAX_NAME).map_or(&*full, |(end, _)| full.get(..end).unwrap_or(""));
            if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$')) {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            } else {
                // Writing to a string cannot fail.
                let _ = write!(path, "[{name:?}]");
            }
        }
        path
    }
}

/// A name as nearly all are: short, and of letters of ASCII, digits, `_`, `-` and `$`.
fn plain(name: &[u8]) -> Option<&str> {
    let plain = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$');
    let fits = (1..=MAX_NAME).contains(&name.len()) && name.iter().all(plain);
    fits.then(|| std::str::from_utf8(name).ok())?
}
