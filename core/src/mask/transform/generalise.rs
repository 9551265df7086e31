//! Less exact values: a network instead of an address, a year instead of a day, ten years of age instead of one.
//!
//! What is left is true, so it can be counted and compared; and it still tells something, most where few people share it:
//! a year of birth with a postcode can point at one person.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{Entity, Group};

use super::date::Written;

/// What a value is generalised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Generalised {
    /// The first 24 bits of an IPv4 address, the first 48 of an IPv6 address: `192.0.2.0/24`.
    Ip,
    /// The year of a date.
    Year,
    /// Ten years of age, `30-39`; from 90 on one band, `90+`.
    Age,
    /// The district of a postcode that has one (`SW1A 1AA` to `SW1A`), else the first two digits of five, three of six or more.
    Postcode,
    /// Coordinates in degrees to one decimal, about 11 km.
    Coordinates,
}

impl Generalised {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::Ip, Self::Year, Self::Age, Self::Postcode, Self::Coordinates];

    /// The name that policies use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Year => "year",
            Self::Age => "age",
            Self::Postcode => "postcode",
            Self::Coordinates => "coordinates",
        }
    }

    /// The way of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// How values of an entity are made less exact; `None` where they cannot be.
    pub fn of(entity: Entity) -> Option<Self> {
        match entity.group {
            Group::Ip => Some(Self::Ip),
            Group::DateOfBirth => Some(Self::Year),
            Group::Geo => Some(Self::Coordinates),
            Group::Address if ["postal", "postcode", "zip"].iter().any(|word| entity.name.contains(word)) => {
                Some(Self::Postcode)
            }
            _ => None,
        }
    }

    /// The less exact value; `None` where this one cannot be read.
    pub(super) fn apply(self, value: &str) -> Option<String> {
        match self {
            Self::Ip => network(value.trim().parse().ok()?),
            Self::Year => Written::read(value.trim()).map(|date| format!("{:04}", date.date.year())),
            Self::Age => band(value.trim()),
            Self::Postcode => district(value.trim()),
            Self::Coordinates => coordinates(value),
        }
    }

    /// Whether a value is already as little exact as this makes it.
    pub(super) fn wrote(self, value: &str) -> bool {
        match self {
            Self::Ip => match value.parse() {
                Ok(IpAddr::V4(address)) => matches!(address.octets(), [.., 0]),
                Ok(IpAddr::V6(address)) => matches!(address.segments(), [.., 0, 0, 0, 0, 0]),
                Err(_) => false,
            },
            Self::Year | Self::Age => false,
            Self::Postcode | Self::Coordinates => self.apply(value).is_some_and(|less| less == value),
        }
    }
}

fn network(address: IpAddr) -> Option<String> {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Some(format!("{}/24", Ipv4Addr::new(a, b, c, 0)))
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Some(format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)))
        }
    }
}

fn band(value: &str) -> Option<String> {
    match value.parse::<u8>().ok()? {
        age @ 0..90 => Some(format!("{}-{}", age / 10 * 10, age / 10 * 10 + 9)),
        90..=130 => Some("90+".to_owned()),
        _ => None,
    }
}

fn district(value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-');
    if value.is_empty() || value.len() > 10 || !value.chars().all(plain) {
        return None;
    }
    if value.chars().any(|c| c.is_ascii_alphabetic()) {
        // The inward part of a British code is its last three characters; others have a space or a half.
        let (outward, _) = value.split_once([' ', '-']).or_else(|| {
            let cut = if value.len() > 4 { value.len() - 3 } else { value.len() / 2 };
            value.split_at_checked(cut)
        })?;
        return (!outward.is_empty()).then(|| outward.to_owned());
    }
    // The first part of `12345-6789` and of `123-4567` is the code or its district.
    let code = value.split(['-', ' ']).next()?;
    let kept = match code.len() {
        3..=5 => 2,
        6.. => 3,
        _ => return None,
    };
    let stars = "*".repeat(code.len() - kept);
    Some(format!("{}{stars}", code.get(..kept)?))
}

fn coordinates(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut numbers = 0;
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() || c == '-' || c == '+' {
            let end = rest
                .char_indices()
                .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && matches!(c, '-' | '+'))))
                .map_or(rest.len(), |(at, _)| at);
            let (number, after) = rest.split_at_checked(end)?;
            let degrees: f64 =
                number.parse().ok().filter(|n: &f64| n.abs() <= 180.0 && number.contains('.'))?;
            text.push_str(&format!("{degrees:.1}"));
            numbers += 1;
            rest = after;
        } else if matches!(c, ' ' | ',' | ';' | '°' | 'N' | 'S' | 'E' | 'W') {
            text.push(c);
            rest = rest.get(c.len_utf8()..)?;
        } else {
            return None;
        }
    }
    (1..=2).contains(&numbers).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_true_and_less() {
        for (way, value, less) in [
            (Generalised::Ip, "198.51.100.77", Some("198.51.100.0/24")),
            (Generalised::Ip, "2001:db8:5:6::77", Some("2001:db8:5::/48")),
            (Generalised::Ip, "::ffff:198.51.100.77", Some("198.51.100.0/24")),
            (Generalised::Ip, "198.51.100", None),
            (Generalised::Year, "April 21, 1946", Some("1946")),
            (Generalised::Year, "last spring", None),
            (Generalised::Age, "34", Some("30-39")),
            (Generalised::Age, "7", Some("0-9")),
            (Generalised::Age, "104", Some("90+")),
            (Generalised::Age, "thirty", None),
            (Generalised::Postcode, "SW1A 1AA", Some("SW1A")),
            (Generalised::Postcode, "SW1A1AA", Some("SW1A")),
            (Generalised::Postcode, "1012 AB", Some("1012")),
            (Generalised::Postcode, "94103", Some("94***")),
            (Generalised::Postcode, "94103-1234", Some("94***")),
            (Generalised::Postcode, "560001", Some("560***")),
            (Generalised::Postcode, "Baker Street", None),
            (Generalised::Coordinates, "52.520008, 13.404954", Some("52.5, 13.4")),
            (Generalised::Coordinates, "-33.86882,151.20929", Some("-33.9,151.2")),
            (Generalised::Coordinates, "48.8566° N, 2.3522° E", Some("48.9° N, 2.4° E")),
            (Generalised::Coordinates, "48°51'24\"N", None),
            (Generalised::Coordinates, "12, 13", None),
        ] {
            assert_eq!(way.apply(value).as_deref(), less, "{} {value}", way.name());
        }
    }

    #[test]
    fn a_network_is_known_for_one() {
        assert!(Generalised::Ip.wrote("198.51.100.0") && Generalised::Ip.wrote("2001:db8:5::"));
        assert!(!Generalised::Ip.wrote("198.51.100.7") && !Generalised::Ip.wrote("2001:db8:5::1"));
        assert!(Generalised::Coordinates.wrote("52.5, 13.4"));
    }
}
