//! Stand-ins of the same type: an e-mail address for an address, a card for a card, the same for the same value.
//!
//! A pseudonym is drawn from HMAC-SHA-256 under a key of its scope over the value in one spelling (no separators, one
//! case), so `+1 415-555-2671` and `+14155552671` have the same. It is no secret text: who may send values can learn the
//! pseudonym of a value they guess, and so whether it occurs; a narrow scope bounds that. Without the key nothing of the
//! value can be computed from it but its type, and the length of a number.
//!
//! | value | pseudonym | why nobody has it | draws |
//! |---|---|---|---|
//! | e-mail | `u3f2a90c1b7de4a11@example.invalid` | RFC 2606, RFC 6761 | 2^64 |
//! | phone | its country code, then digits in its own grouping | no number begins so, see [`phone`] | 10^7 or more |
//! | card | 9999 and digits that pass the Luhn check | ISO/IEC 7812-1: 9 and a user-assigned country (ISO 3166-1) | 10^(length - 5) |
//! | IPv4 | 240.0.0.0/4 | RFC 1112, section 4: reserved | 2^28 |
//! | IPv6 | 2001:db8::/32 | RFC 3849: documentation | 2^96 |
//! | MAC | 02:00 and four octets | IEEE 802: locally administered | 2^32 |
//! | IBAN | ZZ, check digits that pass, letters and digits where they stood | ISO 3166-1: user-assigned | 10^12 or more |
//! | all else, names too | `PERSON_3f2a90c1b7de4a11` | it is no name | 2^64 |
//!
//! Two of `n` values share one with a probability of at most `n² / 2 draws`: below one in 10^7 for a million addresses,
//! 1 in 500 for a thousand IPv4 addresses, 1 in 2,000 for ten thousand cards of 16 digits. IPv4's documentation
//! networks (RFC 5737) hold 768 addresses, of which two of 33 would already share one; so they are not used. Names are not drawn
//! from a list for the same reason, and so that no pseudonym is the name of a person.

mod phone;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::keys::KeyedDigest;
use crate::model::{Entity, Group};

use super::digits;

/// The domain that no address has.
const DOMAIN: &str = "@example.invalid";
/// What a card of nobody begins with.
const CARD: [u8; 4] = [9, 9, 9, 9];
/// The country of no IBAN.
const NOWHERE: &str = "ZZ";

/// What a pseudonym looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Email,
    Phone,
    Card,
    Ip,
    Mac,
    Iban,
}

impl Type {
    fn of(entity: Entity) -> Option<Self> {
        match entity.group {
            Group::Email => Some(Self::Email),
            Group::Phone => Some(Self::Phone),
            Group::CreditCard => Some(Self::Card),
            Group::Ip => Some(Self::Ip),
            Group::Mac => Some(Self::Mac),
            Group::Iban => Some(Self::Iban),
            _ => None,
        }
    }

    /// What the value of a field looks like.
    fn seen(value: &str) -> Option<Self> {
        let email = value.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.contains('@')
        });
        let number = digits::read(value);
        let card = |number: &[u8]| {
            number
                .split_last()
                .is_some_and(|(last, rest)| (12..=18).contains(&rest.len()) && digits::luhn(rest) == *last)
        };
        match number {
            _ if email && !value.contains(char::is_whitespace) => Some(Self::Email),
            _ if value.parse::<IpAddr>().is_ok() => Some(Self::Ip),
            Some(number) if value.starts_with('+') && number.len() >= 8 => Some(Self::Phone),
            Some(number) if card(&number) => Some(Self::Card),
            _ if mac(value).is_some() => Some(Self::Mac),
            _ if iban(value).is_some_and(|text| mod_97(&text) == Some(1)) => Some(Self::Iban),
            _ => None,
        }
    }

    const fn name(self) -> &'static [u8] {
        match self {
            Self::Email => b"email",
            Self::Phone => b"phone",
            Self::Card => b"card",
            Self::Ip => b"ip",
            Self::Mac => b"mac",
            Self::Iban => b"iban",
        }
    }

    /// The one spelling of a value; `None` where it is not of this type.
    fn spelled(self, value: &str) -> Option<String> {
        let figures =
            |digits: Vec<u8>| digits.into_iter().map(|digit| char::from(b'0' + digit)).collect::<String>();
        match self {
            Self::Email => Some(value.to_lowercase()),
            Self::Phone => phone::spelled(value),
            Self::Card => digits::read(value).map(figures),
            Self::Ip => value.parse::<IpAddr>().ok().map(|address| address.to_canonical().to_string()),
            Self::Mac => mac(value),
            Self::Iban => iban(value),
        }
    }

    /// Appends the pseudonym of a value of this type, in its form.
    fn write(self, value: &str, draw: &[u8; 32], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Email => {
                out.push(b'u');
                hex(draw, out);
                out.extend_from_slice(DOMAIN.as_bytes());
            }
            Self::Phone => phone::write(value, draw, out)?,
            Self::Card => {
                let own = digits::read(value)?;
                let free = own.len().checked_sub(CARD.len() + 1).filter(|free| *free >= 7)?;
                let mut number: Vec<u8> = CARD.into_iter().chain(drawn(draw).take(free)).collect();
                number.push(digits::luhn(&number));
                digits::write(value, &number, out);
            }
            Self::Ip => {
                let address = match value.parse::<IpAddr>().ok()?.to_canonical() {
                    IpAddr::V4(_) => v4(draw).to_string(),
                    IpAddr::V6(_) => v6(draw).to_string(),
                };
                out.extend_from_slice(address.as_bytes());
            }
            Self::Mac => {
                let figures = crate::keys::hex(draw.get(..4)?);
                let mut figures = "0200".chars().chain(figures.chars());
                let upper = value.contains(|c: char| c.is_ascii_uppercase());
                for c in value.chars() {
                    let c = if c.is_ascii_hexdigit() { figures.next()? } else { c };
                    out.push(u8::try_from(if upper { c.to_ascii_uppercase() } else { c }).ok()?);
                }
            }
            Self::Iban => write_iban(value, draw, out)?,
        }
        Some(())
    }

    /// Whether a value lies where pseudonyms of this type lie, and nobody's values.
    fn wrote(self, value: &str) -> bool {
        match self {
            Self::Email => value
                .strip_suffix(DOMAIN)
                .and_then(|name| name.strip_prefix('u'))
                .is_some_and(|name| name.len() == HEX && name.bytes().all(|b| b.is_ascii_hexdigit())),
            Self::Phone => phone::wrote(value),
            Self::Card => digits::read(value).is_some_and(|digits| digits.starts_with(&CARD)),
            Self::Ip => match value.parse::<IpAddr>() {
                Ok(IpAddr::V4(address)) => matches!(address.octets(), [240..=255, ..]),
                Ok(IpAddr::V6(address)) => matches!(address.segments(), [0x2001, 0xdb8, ..]),
                Err(_) => false,
            },
            Self::Mac => mac(value).is_some_and(|figures| figures.starts_with("0200")),
            Self::Iban => value.starts_with(NOWHERE),
        }
    }
}

/// Appends the pseudonym of a value: of its entity's type, or for a field of the type that it looks like. `label` stands
/// before the digits where there is none.
pub(super) fn write(entity: Option<Entity>, label: &str, value: &str, scope: KeyedDigest, out: &mut Vec<u8>) {
    let kind = entity.map_or_else(|| Type::seen(value), Type::of);
    if let Some(kind) = kind
        && let Some(spelled) = kind.spelled(value)
    {
        let draw = draw(scope.clone(), kind.name(), spelled.as_bytes());
        let before = out.len();
        if kind.write(value, &draw, out).is_some() {
            return;
        }
        out.truncate(before);
    }
    untyped(label, &draw(scope, label.as_bytes(), value.as_bytes()), out);
}

/// Appends a pseudonym that has no type but its label.
pub(super) fn untyped(label: &str, draw: &[u8; 32], out: &mut Vec<u8>) {
    out.extend_from_slice(label.to_ascii_uppercase().as_bytes());
    out.push(b'_');
    hex(draw, out);
}

/// Whether a value is a pseudonym of this entity.
pub(super) fn wrote(entity: Option<Entity>, label: &str, value: &str) -> bool {
    let untyped = value
        .strip_prefix(&*label.to_ascii_uppercase())
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == HEX && rest.bytes().all(|b| b.is_ascii_hexdigit()));
    untyped || entity.and_then(Type::of).is_some_and(|kind| kind.wrote(value))
}

/// How many hexadecimal digits a pseudonym has: 64 bits.
const HEX: usize = 16;

fn hex(draw: &[u8; 32], out: &mut Vec<u8>) {
    out.extend_from_slice(crate::keys::hex(draw.get(..HEX / 2).unwrap_or_default()).as_bytes());
}

fn draw(mut scope: KeyedDigest, kind: &[u8], value: &[u8]) -> [u8; 32] {
    scope.field(kind);
    scope.field(value);
    scope.finish()
}

/// Digits that were drawn, at most 32.
fn drawn(draw: &[u8; 32]) -> impl Iterator<Item = u8> {
    draw.iter().map(|byte| byte % 10)
}

fn v4(draw: &[u8; 32]) -> Ipv4Addr {
    let [a, b, c, d, ..] = *draw;
    // All ones is the address of everybody.
    Ipv4Addr::new(240 | (a & 15), b, c, if d == 255 { 254 } else { d })
}

fn v6(draw: &[u8; 32]) -> Ipv6Addr {
    let mut octets = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    octets.iter_mut().skip(4).zip(draw).for_each(|(to, from)| *to = *from);
    Ipv6Addr::from(octets)
}

/// The twelve hexadecimal digits of a MAC address.
fn mac(value: &str) -> Option<String> {
    let figures: String = value.chars().filter(char::is_ascii_hexdigit).collect();
    let others = value.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '-' | '.'));
    (others && figures.len() == 12 && figures.len() < value.len()).then(|| figures.to_ascii_lowercase())
}

/// An IBAN without its spaces.
fn iban(value: &str) -> Option<String> {
    let text: String = value.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}')).collect();
    let fits = (15..=34).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let country = text.bytes().take(2).all(|b| b.is_ascii_alphabetic());
    (fits && country).then(|| text.to_ascii_uppercase())
}

fn write_iban(value: &str, draw: &[u8; 32], out: &mut Vec<u8>) -> Option<()> {
    let own = iban(value)?;
    let account: String = own
        .get(4..)?
        .chars()
        .zip(draw)
        .map(|(c, byte)| {
            let (first, count) = if c.is_ascii_digit() { (b'0', 10) } else { (b'A', 26) };
            char::from(first + byte % count)
        })
        .collect();
    let check = 98 - mod_97(&format!("{NOWHERE}00{account}"))?;
    let text = format!("{NOWHERE}{check:02}{account}");
    let mut text = text.chars();
    for c in value.chars() {
        let c = if c.is_ascii_alphanumeric() { text.next()? } else { c };
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(())
}

/// The remainder that ISO 13616 checks: 1 for a valid IBAN.
fn mod_97(iban: &str) -> Option<u32> {
    let (head, account) = iban.split_at_checked(4)?;
    account.chars().chain(head.chars()).try_fold(0, |rest, c| {
        let value = c.to_digit(36)?;
        Some((rest * if value < 10 { 10 } else { 100 } + value) % 97)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::entity;
    use crate::keys::{Keys, Purpose};

    fn scope() -> KeyedDigest {
        Keys::from_root([7; 32]).within(Purpose::Pseudonym, &[b"test"])
    }

    fn pseudonym(name: &str, value: &str) -> String {
        let mut out = Vec::new();
        write(entity(name), name, value, scope(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_type_stays_its_type() {
        for (name, value, start, form) in [
            ("email", "rosa.lind@example.com", "u", None),
            ("phone", "+49 171 123-4567", "+49 0", Some("+99 999 999-9999")),
            ("credit_card", "4111 1111 1111 1111", "9999 ", Some("9999 9999 9999 9999")),
            ("ipv4", "198.51.100.7", "2", None),
            ("ipv6", "2001:470::1", "2001:db8:", None),
            ("mac", "3C-22-FB-00-1A-7F", "02-00-", None),
            ("iban", "GB82 WEST 1234 5698 7654 32", "ZZ", None),
            ("us_ssn", "457-55-5462", "US_SSN_", None),
        ] {
            let made = pseudonym(name, value);
            assert!(made.starts_with(start), "{name}: {made}");
            assert_eq!(made, pseudonym(name, value), "{name}");
            assert!(wrote(entity(name), name, &made), "{name}: {made}");
            assert!(!wrote(entity(name), name, value) || name == "us_ssn", "{name}");
            if let Some(form) = form {
                assert_eq!(made.replace(|c: char| c.is_ascii_digit(), "9"), form);
            }
        }
        let card = digits::read(&pseudonym("credit_card", "4111 1111 1111 1111")).unwrap();
        assert_eq!(digits::luhn(&card[..15]), card[15]);
        let made = pseudonym("iban", "GB82 WEST 1234 5698 7654 32");
        assert_eq!(mod_97(&iban(&made).unwrap()), Some(1), "{made}");
        let mac = pseudonym("mac", "3C-22-FB-00-1A-7F");
        assert_eq!((mac.len(), mac.to_ascii_uppercase()), (17, mac.clone()));
    }

    #[test]
    fn one_value_in_other_spellings_is_one_value() {
        for (name, one, other) in [
            ("email", "Rosa.Lind@Example.com", "rosa.lind@example.com"),
            ("ipv6", "2001:470:0:0::1", "2001:470::1"),
        ] {
            assert_eq!(pseudonym(name, one), pseudonym(name, other));
        }
        for (name, one, other) in [
            ("credit_card", "4111 1111 1111 1111", "4111111111111111"),
            ("phone", "+1 (415) 555-2671", "+14155552671"),
            ("iban", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ] {
            let plain = |text: String| text.replace(|c: char| !c.is_ascii_alphanumeric(), "");
            assert_eq!(plain(pseudonym(name, one)), plain(pseudonym(name, other)));
        }
    }

    #[test]
    fn a_field_is_what_it_looks_like() {
        for (value, name) in [
            ("rosa.lind@example.com", "email"),
            ("+14155552671", "phone"),
            ("4111111111111111", "credit_card"),
            ("198.51.100.7", "ipv4"),
            ("3c:22:fb:00:1a:7f", "mac"),
            ("GB82WEST12345698765432", "iban"),
        ] {
            let mut out = Vec::new();
            write(None, "field", value, scope(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), pseudonym(name, value));
        }
        let mut out = Vec::new();
        write(None, "field", "Rosa Lind", scope(), &mut out);
        assert!(out.starts_with(b"FIELD_"));
    }

    #[test]
    fn ten_thousand_values_share_none_where_the_table_says_so() {
        for (name, value) in
            [("email", "a@example.org"), ("ipv6", "2001:470::"), ("mac", "3c:22:fb:00:00:00")]
        {
            let mut seen = std::collections::HashSet::new();
            for n in 0..10_000 {
                let value = match name {
                    "email" => format!("{n}{value}"),
                    "mac" => format!("3c:22:fb:00:{:02x}:{:02x}", n / 256, n % 256),
                    _ => format!("{value}{n:x}"),
                };
                assert!(seen.insert(pseudonym(name, &value)), "{name}");
            }
        }
    }
}
