//! How random a value looks: the last thing that is asked, and the only thing that is asked of values without a format.

/// How often each byte stands in a value.
#[derive(Debug)]
pub(super) struct Tally {
    counts: [u16; 256],
    total: usize,
    different: usize,
    most: u16,
}

impl Default for Tally {
    fn default() -> Self {
        Self { counts: [0; 256], total: 0, different: 0, most: 0 }
    }
}

impl Tally {
    pub(super) fn of(value: &[u8]) -> Self {
        let mut tally = Self::default();
        tally.add(value);
        tally
    }

    pub(super) fn add(&mut self, value: &[u8]) {
        for &byte in value {
            if let Some(count) = self.counts.get_mut(usize::from(byte)) {
                *count = count.saturating_add(1);
                self.different += usize::from(*count == 1);
                self.most = self.most.max(*count);
            }
        }
        self.total += value.len();
    }

    /// How many different bytes there are: a secret has many, a placeholder such as `xxxxxxxx` few.
    pub(super) fn variety(&self) -> usize {
        self.different
    }

    /// Whether one byte fills it for the most part: `xxxx…`, `0000…`, `****`.
    pub(super) fn is_filled(&self) -> bool {
        usize::from(self.most) * 2 > self.total
    }
}

/// How much a value must look like chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Floor {
    /// Its name says plainly that it is a secret, and it is assigned to that name.
    Named,
    /// A word near it says so.
    Near,
}

/// What kinds of bytes a value has, and how they alternate.
#[derive(Debug, Default)]
struct Kinds {
    digits: usize,
    letters: usize,
    others: usize,
    /// Changes between letters and digits.
    turns: usize,
    /// Changes between small letters and capitals.
    humps: usize,
}

impl Kinds {
    fn of(value: &[u8]) -> Self {
        let mut kinds = Self::default();
        let mut last = 0u8;
        for &byte in value {
            match byte {
                b'0'..=b'9' => kinds.digits += 1,
                b'a'..=b'z' | b'A'..=b'Z' => kinds.letters += 1,
                _ => kinds.others += 1,
            }
            let turned = (last.is_ascii_digit() && byte.is_ascii_alphabetic())
                || (last.is_ascii_alphabetic() && byte.is_ascii_digit());
            kinds.turns += usize::from(turned);
            let humped = last.is_ascii_alphabetic()
                && byte.is_ascii_alphabetic()
                && last.is_ascii_lowercase() != byte.is_ascii_lowercase();
            kinds.humps += usize::from(humped);
            last = byte;
        }
        kinds
    }
}

/// Shorter values are never taken.
pub(super) const SHORTEST: usize = 8;
/// A value near a word, and one of letters and digits with few changes between them, has so many bytes.
const LONG: usize = 16;

/// Whether a value looks like chance: no word, no name, no number, no date, no path, no placeholder.
pub(super) fn is_random(value: &[u8], floor: Floor) -> bool {
    let length = value.len();
    if length < SHORTEST || (floor == Floor::Near && length < LONG) {
        return false;
    }
    let unspeakable = length >= LONG && is_unspeakable(value);
    if !unspeakable && is_plain(value) {
        return false;
    }
    let tally = Tally::of(value);
    let kinds = Kinds::of(value);
    if tally.is_filled() || tally.variety() < 6 {
        return false;
    }
    if unspeakable || is_hexadecimal(value, &kinds) {
        return true;
    }
    let mixed = kinds.digits > 0 && kinds.letters > 0;
    if length < LONG {
        return mixed
            && kinds.digits > 1
            && (kinds.turns > 2 || (kinds.turns > 1 && kinds.humps + kinds.others > 0));
    }
    // Sixteen letters of chance without a digit are rare; where there are none, capitals must alternate as chance does.
    let symbols =
        value.iter().filter(|byte| matches!(byte, b'!' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*')).count();
    (mixed && kinds.turns > 2)
        || (length >= 20 && kinds.humps > 5)
        || (kinds.others > 1 && kinds.humps > 2)
        || (floor == Floor::Named && symbols > 0 && tally.variety() > 7)
}

/// Whether a run of letters in it has so many consonants together that no word of a European language has them: letters
/// drawn by chance do in every second value of forty.
fn is_unspeakable(value: &[u8]) -> bool {
    let consonant = |byte: &u8| {
        byte.is_ascii_alphabetic() && !matches!(byte | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
    };
    value.split(|byte| !consonant(byte)).any(|run| run.len() >= 8)
}

/// Whether all of it is hexadecimal, digits and letters both, perhaps in the groups of a UUID.
fn is_hexadecimal(value: &[u8], kinds: &Kinds) -> bool {
    let hexadecimal = value.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let groups = value.split(|byte| *byte == b'-').map(<[u8]>::len);
    let plain = kinds.others == 0 && value.len() >= LONG;
    hexadecimal && kinds.digits > 1 && kinds.letters > 1 && (plain || groups.eq([8, 4, 4, 4, 12]))
}

/// Whether every part of it is a word, a number or a version: `embedding-db-2`, `process.env.API_KEY`, `10.0.19041`,
/// `2026-11-04T09:12:33Z`, `/var/run/token`; or it is a digest by its own word, a resource name or an address.
fn is_plain(value: &[u8]) -> bool {
    const NAMED: [&[u8]; 8] = [b"sha1", b"sha256", b"sha384", b"sha512", b"md5", b"arn:", b"urn:", b"data:"];
    let starts = |word: &&[u8]| value.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if NAMED.iter().any(starts) || value.windows(3).any(|window| window == b"://") {
        return true;
    }
    value
        .split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':' | b'+' | b'@' | b',' | b'~'))
        .all(is_word)
}

/// Letters of one word or of several in camel case, with a number of a few digits at one place, or a number, perhaps with
/// the letters of dates and versions (`v1`, `T09`, `33Z`).
fn is_word(part: &[u8]) -> bool {
    let kinds = Kinds::of(part);
    if kinds.others > 0 {
        return false;
    }
    let dated = |byte: &u8| byte.is_ascii_digit() || b"TZvVxX".contains(byte);
    let number = kinds.letters == 0 || (kinds.letters <= 2 && part.len() <= 10 && part.iter().all(dated));
    // Of letters drawn by chance every second changes its case.
    let camel = kinds.humps * 3 <= kinds.letters + 2;
    let word = camel
        && (kinds.digits == 0
            || (kinds.turns <= 2 && kinds.digits <= 5 && (kinds.letters > 2 || kinds.turns == 1)));
    number || (word && part.len() <= 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_told_from_words() {
        for value in [
            "Wardl1neExampleNotReal01",
            "e3b0c44298fc1c149afbf4c8996fb924",
            "a1B2c3D4",
            "QmFzZTY0Rm9yVGVzdHM+/x==",
            "wJardL1neXUtnFEMI/K7MDENG+bPxRfiCY",
            "7f20bcd1-a31d-453a-8046-129790155002",
            "872b7662-e89b-33d0-c506-327618347502",
            "wardline-example#notareal",
            "WRDLNXKPQRZEXAMPLENOTAREALONE",
            "0000abcdabcdabcdef0000000",
            "12345678-2000-3000-4000-50000000abcd",
        ] {
            assert!(is_random(value.as_bytes(), Floor::Named), "{value}");
        }
        for value in [
            "embedding-db-2",
            "process.env.API_KEY",
            "YOUR_API_KEY_HERE",
            "request.headers.get",
            "2026-11-04T09:12:33Z",
            "10.0.19041.1",
            "/var/run/secrets/token",
            "xxxxxxxxxxxxxxxxxxxx1a2",
            "12345678901234567890",
            "https://example.org/a1b2c3d4e5",
            "sha256:e3b0c44298fc1c149afbf4c8996fb924",
            "text-embedding-3-large",
            "hunter22",
            "arn:aws:s3:::bucket-x1y2z3",
            "some.module.ClassName2",
            "ExtendedKeyUsageOID.CLIENT_AUTH",
            "ed25519.Ed25519PrivateKey",
            "ASAuthorizationSingleSignOnProvider",
        ] {
            assert!(!is_random(value.as_bytes(), Floor::Named), "{value}");
        }
    }
}
