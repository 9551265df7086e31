//! The kinds of single values in a policy: what each accepts, and how the JSON Schema describes it.

use std::net::IpAddr;
use std::path::Path as FilePath;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;
use serde_json::{Value as Json, json};

use super::findings::{clip, hint};
use crate::classify;
use crate::clock::{Timestamp, Window, parse_duration};
use crate::detect;
use crate::glob::Glob;
use crate::grant::Grants;
use crate::identity::{Identity, Network, Who};
use crate::json;
use crate::keys;
use crate::mask::Transform;
use crate::model::{Group, Operation, Unit};
use crate::store::StoreUrl;

/// A kind of single value.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) enum Scalar {
    Version,
    Name,
    Text,
    Person,
    State,
    StoreUrl,
    Variable,
    True,
    Choice(&'static [&'static str]),
    Who,
    Glob,
    Operation,
    Entity,
    Declared,
    FieldPath,
    System,
    Unit,
    Metered,
    Summed,
    BasePath,
    Header,
    Network,
    Digest,
    Address,
    Window,
    Duration,
    Time,
    Bytes,
    Risk,
    RiskEnd,
    Threshold,
    People,
    Kept,
    Days,
    Count,
    Bound,
    Rank,
}

/// Why a value is not accepted: a stable code and a sentence.
pub(in crate::policy) type Wrong = (&'static str, String);

impl Scalar {
    /// Checks one value.
    pub(super) fn check(self, text: &str, plain: bool) -> Result<(), Wrong> {
        if let Some((least, most)) = self.whole_numbers() {
            let fits = plain && number(text).is_some_and(|n| (least..=most).contains(&n));
            return if fits { Ok(()) } else { Err(wrong_type(self.expected())) };
        }
        // Unquoted, these are not text for any YAML reader, so they are not taken for text here.
        if plain && is_not_text(text) && !matches!(self, Self::Threshold | Self::Bytes | Self::True) {
            return Err(wrong_type(format!("{}; put it in quotes where text is meant", self.expected())));
        }
        match self {
            Self::Name if !is_name(text) => Err(("bad_name", format!("expected {}", self.expected()))),
            Self::Person if !is_person(text) => Err(("bad_name", format!("expected {}", self.expected()))),
            Self::Text | Self::State if text.trim().is_empty() || text.contains('\0') => {
                Err(wrong_type(self.expected()))
            }
            Self::StoreUrl => match StoreUrl::parse(text) {
                Ok(url) if url.has_password() => Err((
                    "secret_in_policy",
                    "a password does not stand in a policy: name the whole URL by {env: NAME} or {file: PATH}"
                        .to_owned(),
                )),
                Ok(_) => Ok(()),
                Err(e) => Err(("bad_store", e.to_string())),
            },
            Self::True if !plain || text != "true" => Err(wrong_type(self.expected())),
            Self::Variable if !is_variable(text) => {
                Err(("bad_name", format!("expected {}", self.expected())))
            }
            Self::Choice(words) if !words.contains(&text) => Err((
                "unknown_value",
                format!(
                    "expected {}, found {}{}",
                    self.expected(),
                    clip(text),
                    hint(text, words.iter().copied())
                ),
            )),
            Self::Who => Who::from_str(text).map(drop).map_err(|e| ("bad_who", e.to_string())),
            Self::Glob => glob(text).map(drop),
            Self::Operation => {
                let glob = glob(text)?;
                if Operation::ALL.iter().any(|operation| glob.matches(operation.name())) {
                    return Ok(());
                }
                let names = Operation::ALL.iter().map(|operation| operation.name());
                Err((
                    "unknown_operation",
                    format!("no operation is called {}{}", clip(text), hint(text, names)),
                ))
            }
            // Those that the policy declares are known where it is read as a whole.
            Self::Entity if text != "*" && entities(text).is_empty() && !is_declared(text) => {
                Err(unknown_entity(text, std::iter::empty()))
            }
            Self::Declared if !is_declared(text) => {
                Err(("bad_name", format!("expected {}", self.expected())))
            }
            Self::Declared if detect::entity(text).is_some() || Group::by_name(text).is_some() => {
                Err(("duplicate_name", format!("{} is the name of what is built in", clip(text))))
            }
            Self::FieldPath => json::Path::parse(text).map(drop).map_err(|e| ("bad_path", e.to_string())),
            // Which there are is known where the policy is read with its catalogues.
            Self::System if !is_declared(&text.replace('-', "_")) => {
                Err(("bad_name", format!("expected {}", self.expected())))
            }
            Self::Unit | Self::Metered | Self::Summed if !self.units().any(|unit| unit.name() == text) => {
                let names = self.units().map(Unit::name);
                Err((
                    "unknown_unit",
                    format!("expected {}, found {}{}", self.expected(), clip(text), hint(text, names)),
                ))
            }
            Self::BasePath if !is_base_path(text) => {
                Err(("bad_path", format!("expected {}", self.expected())))
            }
            Self::Header => HeaderName::from_str(text)
                .map(drop)
                .map_err(|_| ("bad_header", format!("expected {}", self.expected()))),
            Self::Network => Network::from_str(text).map(drop).map_err(|e| ("bad_network", e.to_string())),
            Self::Digest if keys::unhex::<32>(text).is_none() => {
                Err(("bad_digest", format!("expected {}", self.expected())))
            }
            Self::Address => text
                .parse::<IpAddr>()
                .map(drop)
                .map_err(|_| ("bad_network", format!("expected {}", self.expected()))),
            Self::Window => Window::from_str(text).map(drop).map_err(|e| {
                // The zone stands last; where it is known, something before it is wrong.
                let zone = text.split_ascii_whitespace().next_back().unwrap_or_default();
                let zones: Vec<String> = Window::zones().collect();
                let known = zones.iter().any(|name| name.eq_ignore_ascii_case(zone));
                let hint = if known { String::new() } else { hint(zone, zones.iter().map(String::as_str)) };
                ("bad_window", format!("{e}{hint}"))
            }),
            Self::Duration => match parse_duration(text) {
                Ok(length) if !length.is_zero() && length <= Self::LONGEST => Ok(()),
                Ok(_) => Err(("bad_duration", "expected more than nothing and at most 366d".to_owned())),
                Err(e) => Err(("bad_duration", e.to_string())),
            },
            Self::Time => Timestamp::from_str(text).map(drop).map_err(|e| ("bad_time", e.to_string())),
            Self::Threshold if threshold(text).is_none() || (!plain && text != "never") => {
                Err(wrong_type(self.expected()))
            }
            Self::Bytes if !bytes(text).is_some_and(|n| (1..=Self::MOST_BYTES).contains(&n)) => {
                Err(("bad_size", format!("expected {}", self.expected())))
            }
            _ => Ok(()),
        }
    }

    /// The longest length of time that a policy may name.
    const LONGEST: Duration = Duration::from_secs(366 * 86_400);
    /// The most that may be buffered of one body.
    const MOST_BYTES: u64 = 1 << 30;

    fn whole_numbers(self) -> Option<(u64, u64)> {
        match self {
            Self::Version => Some((1, 1)),
            Self::Risk => Some((0, 100)),
            Self::RiskEnd => Some((0, 101)),
            Self::People => Some((1, 100)),
            Self::Kept => Some((0, Transform::MAX_KEPT as u64)),
            Self::Rank => Some((0, 100)),
            Self::Days => Some((1, u64::from(Transform::MAX_DAYS))),
            Self::Count => Some((1, i64::MAX.unsigned_abs())),
            Self::Bound => Some((0, i64::MAX.unsigned_abs())),
            _ => None,
        }
    }

    fn units(self) -> impl Iterator<Item = Unit> + Clone {
        Unit::ALL.iter().copied().filter(move |unit| match self {
            Self::Metered => Grants::METERED.contains(unit),
            Self::Summed => *unit == Unit::Calls || Grants::METERED.contains(unit),
            _ => true,
        })
    }

    /// What is accepted, for a message.
    pub(super) fn expected(self) -> String {
        match self {
            Self::Version => "the version of this format, 1".into(),
            Self::Name => "a name of letters, digits, -, _ and ., at most 64 long".into(),
            Self::Text => "text".into(),
            Self::Person => "the name of a person, without * or other pattern characters".into(),
            Self::State => "a folder, or memory".into(),
            Self::StoreUrl => "the URL of a store, such as postgres://user@host/database".into(),
            Self::True => "true; leave it out where that is not meant".into(),
            Self::Variable => "the name of an environment variable".into(),
            Self::Choice(words) => words.join(" or "),
            Self::Who => "user:NAME, user:PREFIX*, group:NAME, anonymous or *".into(),
            Self::Glob => "a name or a pattern with *".into(),
            Self::Operation => "an operation such as vector.search, or a pattern such as vector.*".into(),
            Self::Entity => "an entity such as email, or *".into(),
            Self::Declared => "a name of small letters, digits and _, at most 64 long".into(),
            Self::FieldPath => "a path such as results[*].payload.ssn".into(),
            Self::System => "a system of the catalogue, or of `catalogues`".into(),
            Self::Unit | Self::Metered | Self::Summed => {
                self.units().map(Unit::name).collect::<Vec<_>>().join(" or ")
            }
            Self::BasePath => {
                "a path that starts with / and holds no empty, . or .. segment, query or escape".into()
            }
            Self::Header => "a header name such as x-user".into(),
            Self::Network => "an address or a network such as 10.0.0.0/8".into(),
            Self::Digest => "SHA-256 as 64 hexadecimal digits".into(),
            Self::Address => "an address such as 10.1.2.3".into(),
            Self::Window => "days, hours and a time zone such as mon-fri 22:00-06:00 Europe/Berlin".into(),
            Self::Duration => "a length of time such as 30s, 15m or 8h".into(),
            Self::Time => "a time such as 2026-11-25T06:25:00Z".into(),
            Self::Bytes => "a size such as 64KiB or 1MiB, at most 1GiB".into(),
            Self::Threshold => "a risk from 0 to 100, or never".into(),
            _ => match self.whole_numbers() {
                Some((least, most)) if most < 10_000 => format!("a whole number from {least} to {most}"),
                Some((least, _)) => format!("a whole number, at least {least}"),
                None => "a value".into(),
            },
        }
    }

    /// The same for the JSON Schema.
    pub(super) fn schema(self) -> Json {
        if let Some((least, most)) = self.whole_numbers() {
            return match (least, most) {
                (1, 1) => json!({"const": 1}),
                (_, most) if most < 10_000 => json!({"type": "integer", "minimum": least, "maximum": most}),
                _ => json!({"type": "integer", "minimum": least}),
            };
        }
        let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
        let pattern =
            |names: Vec<&str>| json!({"anyOf": [{"enum": names}, text(r"^[^?\[\]{}\\]*\*[^?\[\]{}\\]*$")]});
        match self {
            Self::Name => text("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
            Self::Person => text(r"^[^?*\[\]{}\\]+$"),
            Self::StoreUrl => text("^postgres(ql)?://"),
            Self::True => json!({"const": true}),
            Self::Variable => text("^[A-Za-z_][A-Za-z0-9_]{0,127}$"),
            Self::Choice(words) => json!({"enum": words}),
            Self::Who => text(r"^(\*|anonymous|group:[^*]+|user:[^?\[\]{}\\]+)$"),
            Self::Glob => text(r"^[^?\[\]{}\\]+$"),
            Self::Operation => pattern(Operation::ALL.iter().map(|operation| operation.name()).collect()),
            Self::Entity => {
                let names = detect::catalogue().iter().map(|info| info.entity.name);
                let groups =
                    Group::ALL.iter().map(|group| group.name()).filter(|name| !entities(name).is_empty());
                let mut known: Vec<_> = names.chain(groups).chain(["*"]).collect();
                known.sort_unstable();
                known.dedup();
                json!({"anyOf": [{"enum": known}, text(DECLARED)]})
            }
            Self::Declared => text(DECLARED),
            Self::System => {
                let known: Vec<_> = classify::systems().iter().map(|system| system.name()).collect();
                json!({"anyOf": [{"enum": known}, text("^[a-z][a-z0-9_-]{0,63}$")]})
            }
            Self::Unit | Self::Metered | Self::Summed => {
                json!({"enum": self.units().map(Unit::name).collect::<Vec<_>>()})
            }
            Self::Digest => text("^[0-9a-fA-F]{64}$"),
            Self::BasePath => text("^/"),
            Self::Duration => text("^([0-9]+(ms|s|m|h|d))+$"),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::Bytes => {
                json!({"anyOf": [{"type": "integer", "minimum": 1}, text("^[0-9]+ ?(B|KiB|MiB|GiB|kB|MB|GB)?$")]})
            }
            Self::Threshold => {
                json!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 100}, {"const": "never"}]})
            }
            _ => json!({"type": "string", "minLength": 1}),
        }
    }
}

fn wrong_type(expected: impl AsRef<str>) -> Wrong {
    ("wrong_type", format!("expected {}", expected.as_ref()))
}

fn glob(text: &str) -> Result<Glob, Wrong> {
    Glob::new(text).map_err(|e| ("bad_glob", e.to_string()))
}

/// The entities of a name: the one called so, or else those of the group called so.
pub(in crate::policy) fn entities(name: &str) -> Vec<crate::model::Entity> {
    if let Some(entity) = detect::entity(name) {
        return vec![entity];
    }
    let all = detect::catalogue().iter().map(|info| info.entity);
    Group::by_name(name).map_or_else(Vec::new, |group| all.filter(|entity| entity.group == group).collect())
}

/// A whole number as YAML 1.2 writes it, without sign, prefix or separators.
pub(in crate::policy) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `Some(None)` is never.
pub(in crate::policy) fn threshold(text: &str) -> Option<Option<u8>> {
    match text {
        "never" => Some(None),
        _ => number(text).filter(|n| *n <= 100).and_then(|n| u8::try_from(n).ok()).map(Some),
    }
}

/// A size: a number of bytes, or one with a binary (KiB) or decimal (kB) unit.
pub(in crate::policy) fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit.trim_start() {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number(count)?.checked_mul(factor)
}

/// What a YAML 1.2 core reader takes for a number, a truth or nothing.
fn is_not_text(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    matches!(
        plain,
        "" | "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    ) || (unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && unsigned.parse::<f64>().is_ok())
}

/// The same as [`is_declared`], for the JSON Schema.
const DECLARED: &str = "^[a-z][a-z0-9_]{0,63}$";

fn is_declared(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What to say of a name that stands for no entity; `own` are those that the policy declares.
pub(in crate::policy) fn unknown_entity<'n>(name: &str, own: impl Iterator<Item = &'n str>) -> Wrong {
    let names = detect::catalogue().iter().map(|info| info.entity.name);
    let known = names.chain(Group::ALL.iter().map(|group| group.name())).chain(own);
    ("unknown_entity", format!("no entity is called {}{}", clip(name), hint(name, known)))
}

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_variable(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Names one caller: a pattern, or the word for nobody, would make many approvers of one line.
fn is_person(text: &str) -> bool {
    text.trim() == text && text != Identity::ANONYMOUS && Glob::new(text).is_ok_and(|glob| glob.is_exact())
}

fn is_base_path(text: &str) -> bool {
    let plain = |b: u8| (0x21..=0x7e).contains(&b) && !matches!(b, b'%' | b'?' | b'#' | b';' | b'\\' | b'*');
    let inner = text.strip_suffix('/').unwrap_or(text);
    text.bytes().all(plain)
        && (text == "/"
            || (inner.starts_with('/') && inner.split('/').skip(1).all(|s| !matches!(s, "" | "." | ".."))))
}

/// A folder as the policy names it, seen from the policy's own folder. It stays the same place when the process
/// changes its working directory: the log is written for as long as it runs.
pub(in crate::policy) fn beside(policy: &str, folder: &str) -> std::path::PathBuf {
    let folder = FilePath::new(policy).parent().unwrap_or(FilePath::new("")).join(folder);
    std::path::absolute(&folder).unwrap_or(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_thresholds_read_as_written() {
        assert_eq!(bytes("1MiB"), Some(1 << 20));
        assert_eq!(bytes("64 KiB"), Some(65_536));
        assert_eq!(bytes("1048576"), Some(1 << 20));
        for wrong in ["", "MiB", "1mib", "1.5MiB", "-1", "99999999999999999999", "1MiBx"] {
            assert_eq!(bytes(wrong), None, "{wrong:?}");
        }
        assert_eq!(threshold("never"), Some(None));
        assert_eq!((threshold("100"), threshold("101")), (Some(Some(100)), None));
    }

    #[test]
    fn unquoted_truths_and_numbers_are_not_text() {
        for (text, is_text) in [
            ("true", false),
            ("~", false),
            ("1", false),
            ("1e3", false),
            ("yes", true),
            ("v1", true),
            ("-", true),
        ] {
            assert_eq!(Scalar::Text.check(text, true).is_ok(), is_text, "{text:?}");
            assert!(Scalar::Text.check("1", false).is_ok());
        }
    }

    #[test]
    fn base_paths_have_one_reading() {
        for (path, good) in [
            ("/", true),
            ("/api", true),
            ("/api/v1/", true),
            ("", false),
            ("api", false),
            ("//a", false),
            ("/a/../b", false),
            ("/a%2fb", false),
            ("/a?x", false),
        ] {
            assert_eq!(is_base_path(path), good, "{path:?}");
        }
    }
}
