//! The plain form of a text: its words in lower case, without accents, one space before and after each.
//!
//! `customerSSN_no` is ` customer ssn no `, `RODNÉ ČÍSLO` is ` rodne cislo `, and `身份证` is ` 身 份 证 `.

/// Words in lower case, without accents, with one space before and after each.
pub(in crate::detect) struct Plain {
    bytes: [u8; Plain::SIZE],
    length: usize,
}

impl Plain {
    /// How many bytes of a text are looked at, at most: its last ones.
    pub(in crate::detect) const MOST: usize = 64;
    const SIZE: usize = 2 * Self::MOST + 4;

    /// `starts`: the text's first byte is a word's first byte; otherwise a word cut off there does not count.
    pub(in crate::detect) fn of(text: &[u8], starts: bool) -> Self {
        let mut plain = Self { bytes: [b' '; Self::SIZE], length: 1 };
        let cut = text.len().saturating_sub(Self::MOST);
        let mut rest = text.get(cut..).unwrap_or_default();
        let mut skips = !starts || cut > 0;
        let mut last = Kind::Other;
        while let Some((&byte, after)) = rest.split_first() {
            if byte < 0x80 {
                let kind = Kind::of(byte);
                if skips && kind != Kind::Other {
                    rest = after;
                    continue;
                }
                skips = false;
                let humps = kind == Kind::Upper
                    && (last == Kind::Lower
                        || (last == Kind::Upper && after.first().is_some_and(u8::is_ascii_lowercase)));
                if humps || kind == Kind::Other {
                    plain.space();
                }
                if kind != Kind::Other {
                    plain.push(byte.to_ascii_lowercase());
                }
                (rest, last) = (after, kind);
                continue;
            }
            let (c, length) = decoded(rest);
            rest = rest.get(length..).unwrap_or_default();
            let alone = c.is_some_and(stands_alone);
            if skips && !alone {
                continue;
            }
            skips = false;
            last = plain.letter(c, alone, last);
        }
        plain.space();
        plain
    }

    /// A character beyond ASCII.
    fn letter(&mut self, c: Option<char>, alone: bool, last: Kind) -> Kind {
        let Some(c) = c else {
            self.push(0xFF);
            return Kind::Lower;
        };
        if !c.is_alphanumeric() && !is_mark(c) {
            self.space();
            return Kind::Other;
        }
        if alone {
            self.space();
        }
        let kind = if c.is_uppercase() { Kind::Upper } else { Kind::Lower };
        if kind == Kind::Upper && last == Kind::Lower {
            self.space();
        }
        let mut bytes = [0; 4];
        let small = c.to_lowercase().next().unwrap_or(c);
        for &byte in bare(small).encode_utf8(&mut bytes).as_bytes() {
            self.push(byte);
        }
        if alone {
            self.space();
        }
        kind
    }

    /// The words, each between spaces.
    pub(in crate::detect) fn words(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn space(&mut self) {
        if self.bytes.get(self.length.wrapping_sub(1)) != Some(&b' ') {
            self.push(b' ');
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Upper,
    Lower,
    /// No letter. Digits end a word, so that `phone2` and `ssn1` count.
    Other,
}

impl Kind {
    #[inline]
    fn of(byte: u8) -> Self {
        match byte {
            b'A'..=b'Z' => Self::Upper,
            b'a'..=b'z' => Self::Lower,
            _ => Self::Other,
        }
    }
}

/// The character that a text begins with, or `None` for a byte of none, and its length.
pub(in crate::detect) fn decoded(text: &[u8]) -> (Option<char>, usize) {
    let length = match text.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 1,
    };
    let head = text.get(..length).and_then(|head| std::str::from_utf8(head).ok());
    head.and_then(|head| head.chars().next()).map_or((None, 1), |c| (Some(c), length))
}

/// Scripts without spaces between words (Thai, Lao, kana, Han), and Hangul, whose words take endings.
pub(in crate::detect) fn stands_alone(c: char) -> bool {
    matches!(c, '\u{E00}'..='\u{EFF}' | '\u{1100}'..='\u{11FF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
}

/// Marks that belong to the letter before (Indic and Thai vowel signs, combining accents).
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{900}'..='\u{DFF}' | '\u{E31}'..='\u{E4E}' | '\u{30FC}')
}

/// A small letter without its accent.
fn bare(c: char) -> char {
    /// U+00C0 to U+017F.
    const LATIN: &[u8; 192] = b"aaaaaa.ceeeeiiii.nooooo.ouuuuy.saaaaaa.ceeeeiiiidnooooo.ouuuuy.y\
        aaaaaaccccccccddddeeeeeeeeeegggggggghh.hiiiiiiiiii..jjkkkllllll.\
        lllnnnnnn...oooooo..rrrrrrsssssssstttt.tuuuuuuuuuuuuwwyyyzzzzzzs";
    let latin = (c as u32).checked_sub(0xC0).and_then(|at| LATIN.get(at as usize));
    match (c, latin) {
        (_, Some(&byte)) if byte != b'.' => char::from(byte),
        ('ș', _) => 's',
        ('ț', _) => 't',
        ('ư', _) => 'u',
        ('ơ', _) => 'o',
        ('ạ'..='ặ', _) => 'a',
        ('ẹ'..='ệ', _) => 'e',
        ('ỉ'..='ị', _) => 'i',
        ('ọ'..='ợ', _) => 'o',
        ('ụ'..='ự', _) => 'u',
        ('ά', _) => 'α',
        ('έ', _) => 'ε',
        ('ή', _) => 'η',
        ('ί' | 'ϊ' | 'ΐ', _) => 'ι',
        ('ό', _) => 'ο',
        ('ύ' | 'ϋ' | 'ΰ', _) => 'υ',
        ('ώ', _) => 'ω',
        ('ς', _) => 'σ',
        ('ё', _) => 'е',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        String::from_utf8(Plain::of(text.as_bytes(), true).words().to_vec()).unwrap()
    }

    #[test]
    fn texts_become_plain_words() {
        assert_eq!(plain("customerSSN_no1"), " customer ssn no ");
        assert_eq!(plain("RODNÉ ČÍSLO = "), " rodne cislo ");
        assert_eq!(plain("FØDSELSNUMMER, ΑΜΚΑ Ţâţé"), " fodselsnummer αμκα tate ");
        assert_eq!(plain("身份证号 是"), " 身 份 证 号 是 ");
        assert_eq!(plain("ŽMOGUS İĞŞ šů"), " zmogus igs su ");
    }

    #[test]
    fn a_word_that_is_cut_off_does_not_count() {
        let cut = Plain::of("\u{e9}ssn tin 号".as_bytes().get(1..).unwrap(), false);
        assert_eq!(cut.words(), " tin 号 ".as_bytes());
    }
}
