//! Checksums that vendors put into their tokens. One that agrees makes a finding certain; one that does not leaves it
//! as it was: a token cut or changed by a letter is still one that should not be read.

/// How a token proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checksum {
    /// The last six characters are the CRC-32 of what follows the last `_` before them, in base 62.
    Base62,
    /// The last eight characters are the CRC-32 of all before the last `_`, in hexadecimal.
    Hex,
}

impl Checksum {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "crc32_base62" => Self::Base62,
            "crc32_hex" => Self::Hex,
            _ => return None,
        })
    }

    pub(super) fn agrees(self, token: &[u8]) -> bool {
        match self {
            Self::Base62 => {
                let start = token.iter().rposition(|&byte| byte == b'_').map_or(0, |at| at + 1);
                let Some((body, sum)) = token.split_last_chunk::<6>() else { return false };
                body.get(start..).is_some_and(|body| base62(crc32(body)) == *sum)
            }
            Self::Hex => {
                let Some((body, sum)) = token.split_last_chunk::<8>() else { return false };
                body.strip_suffix(b"_").is_some_and(|body| format!("{:08x}", crc32(body)).as_bytes() == sum)
            }
        }
    }
}

/// CRC-32 of ISO 3309, as in zip and PNG. Tokens are short: no table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Six digits of `0-9A-Za-z`, the first the highest.
fn base62(mut number: u32) -> [u8; 6] {
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        let digit = (number % 62) as u8;
        *place = match digit {
            0..10 => b'0' + digit,
            10..36 => b'A' + digit - 10,
            _ => b'a' + digit - 36,
        };
        number /= 62;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn sums_of_made_up_tokens() {
        let body = b"Wardl1neExampleTokenNotReal012";
        let sum = base62(crc32(body));
        let token = [&b"ghp_"[..], body, &sum].concat();
        assert!(Checksum::Base62.agrees(&token));
        assert!(!Checksum::Base62.agrees(&[&token[..], b"0"].concat()));
        let body = b"glsa_Wardl1neExampleTokenNotReal01234";
        let token = [&body[..], b"_", format!("{:08x}", crc32(body)).as_bytes()].concat();
        assert!(Checksum::Hex.agrees(&token) && !Checksum::Hex.agrees(body));
    }
}
