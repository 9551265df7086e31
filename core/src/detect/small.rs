//! A short text in small letters, without allocation.

/// At most so many bytes are kept.
const MOST: usize = 64;

#[derive(Debug, Clone, Copy)]
pub(super) struct Small {
    bytes: [u8; MOST],
    length: usize,
}

impl Small {
    pub(super) fn of(text: &str) -> Self {
        let mut small = Self { bytes: [0; MOST], length: 0 };
        if text.is_ascii() {
            small.length = text.len().min(MOST);
            small
                .bytes
                .iter_mut()
                .zip(text.bytes())
                .for_each(|(slot, byte)| *slot = byte.to_ascii_lowercase());
            return small;
        }
        for c in text.chars().flat_map(char::to_lowercase) {
            let Some(slot) = small.bytes.get_mut(small.length..small.length + c.len_utf8()) else { break };
            c.encode_utf8(slot);
            small.length += c.len_utf8();
        }
        small
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}
