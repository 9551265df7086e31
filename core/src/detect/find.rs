//! The mechanisms that find values: which one an entity uses, with what settings, and what wakes it.

use saphyr::Yaml;

use super::address::{self, Address};
use super::bic::{self, Bic};
use super::capital::Capital;
use super::catalogue::strings;
use super::coin::base58::{self, Base58};
use super::coin::bech32::{self, Prefix};
use super::coin::{ethereum, monero};
use super::digits::card::{self, Brand};
use super::digits::date::{self, Months};
use super::digits::iban::{self, Country};
use super::digits::phone::{self, Code};
use super::digits::shape::Shaped;
use super::digits::word::{Seen, Word};
use super::email::{self, Email};
use super::geo;
use super::input::Input;
use super::ip;
use super::literals::Lead;
use super::mac;
use super::person::{self, Person};
use super::secrets::assigned::{self, Assigned};
use super::secrets::authorization::{self, Authorization};
use super::secrets::named::{self, Named};
use super::secrets::token::{self, Tokens};
use super::secrets::{jwt, pem, url};
use super::user::{self, User};
use super::words::Sense;

/// How an entity is found: a mechanism of the code with the settings of its data row.
#[derive(Debug, Clone)]
pub(super) enum Find {
    Address(Box<Address>),
    Assigned(Assigned),
    Authorization(Authorization),
    Base58(Base58),
    Bech32(Vec<Prefix>),
    Bic(Bic),
    BirthDate(Months),
    Card(Vec<Brand>),
    Coordinates,
    Email(Email),
    Ethereum,
    Iban(Vec<Country>),
    Ipv4,
    Ipv6,
    Jwt,
    Latitude,
    Mac,
    Monero,
    Named(Box<Named>),
    Person(Box<Person>),
    Phone(Vec<Code>),
    PrivateKey,
    PuttyKey,
    Shape(Shaped),
    Token(Tokens),
    UrlPassword,
    User(User),
}

/// The longest extension written without a space, with its letter or letters: `x12345`.
const EXTENSION: usize = 7;

/// A byte that wakes readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    AtSign,
    Digit,
    Colon,
    /// A word with a digit that is as long as addresses of ledgers are.
    LongWord,
    /// A number that may be of degrees.
    Degrees,
}

impl Find {
    /// Whether the key that a text stands under wakes it too.
    pub(super) fn reads_keys(&self) -> bool {
        matches!(self, Self::Assigned(_) | Self::Bic(_) | Self::Named(_) | Self::Person(_) | Self::Address(_))
    }
}

/// What a reader made of an anchor.
pub(super) struct Attempt {
    /// No value that this anchor belongs to begins before this offset. Never after the anchor.
    pub low: usize,
    pub hit: Option<Hit>,
}

impl Attempt {
    pub(super) fn none(low: usize) -> Self {
        Self { low, hit: None }
    }
}

/// A value.
pub(super) struct Hit {
    pub start: usize,
    pub end: usize,
    pub score: u8,
    /// The text ended inside it, and whatever follows, it is one: only its end is unknown.
    pub open: bool,
}

impl Find {
    /// Reads the `find` of a row and the settings that belong to it.
    pub(super) fn read(row: &'static Yaml<'static>) -> Option<Self> {
        Some(match row.as_mapping_get("find")?.as_str()? {
            "address" => Self::Address(Box::new(Address::read(row)?)),
            "assigned" => Self::Assigned(Assigned::read(row)?),
            "authorization" => Self::Authorization(Authorization::read(row)?),
            "base58" => Self::Base58(Base58::read(row)?),
            "bech32" => Self::Bech32(bech32::prefixes(row)?),
            "bic" => Self::Bic(Bic::read(row)?),
            "birth_date" => Self::BirthDate(Months::read(row)?),
            "card" => Self::Card(card::brands(row)?),
            "coordinates" => Self::Coordinates,
            "email" => Self::Email(Email {
                not_tlds: strings(row, "not_tlds")?,
                spelled_tlds: strings(row, "spelled_tlds")?,
                spelled_near: strings(row, "spelled_near")?,
                not_locals: strings(row, "not_locals")?,
            }),
            "ethereum" => Self::Ethereum,
            "iban" => Self::Iban(iban::countries(row)?),
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "jwt" => Self::Jwt,
            "latitude" => Self::Latitude,
            "mac" => Self::Mac,
            "monero" => Self::Monero,
            "named" => Self::Named(Box::new(Named::read(row)?)),
            "person" => Self::Person(Box::new(Person::read(row)?)),
            "phone" => Self::Phone(phone::codes(row)?),
            "private_key" => Self::PrivateKey,
            "putty_key" => Self::PuttyKey,
            "shape" => Self::Shape(Shaped::read(row)?),
            "token" => Self::Token(Tokens::read(row)?),
            "url_password" => Self::UrlPassword,
            "user" => Self::User(User::read(row)?),
            _ => return None,
        })
    }

    /// Whether its values go over several lines.
    pub(super) fn is_by_line(&self) -> bool {
        matches!(self, Self::Address(_))
    }

    /// Whether words that begin with a capital wake it, too.
    pub(super) fn reads_capitals(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Person(_))
    }

    /// Whether words with digits wake it.
    pub(super) fn reads_digits(&self) -> bool {
        let anchor = self.anchor();
        matches!(self, Self::Shape(_))
            || anchor.is_some_and(|anchor| !matches!(anchor, Anchor::AtSign | Anchor::Colon))
    }

    /// The byte that wakes it, unless literals do. Shapes are woken by what the word at a digit looks like.
    pub(super) fn anchor(&self) -> Option<Anchor> {
        match self {
            Self::Email(_) => Some(Anchor::AtSign),
            Self::Address(_)
            | Self::BirthDate(_)
            | Self::Card(_)
            | Self::Iban(_)
            | Self::Ipv4
            | Self::Mac
            | Self::Phone(_) => Some(Anchor::Digit),
            Self::Ipv6 => Some(Anchor::Colon),
            Self::Base58(_) | Self::Bech32(_) | Self::Ethereum | Self::Monero => Some(Anchor::LongWord),
            Self::Coordinates | Self::Latitude => Some(Anchor::Degrees),
            _ => None,
        }
    }

    /// Whether a value of it can begin with this word, or hold it as its first with a digit.
    #[inline]
    pub(super) fn wants(&self, input: &Input<'_>, word: &Word) -> bool {
        match self {
            Self::Address(settings) => address::wants(input, word, settings),
            Self::BirthDate(months) => date::wants(input, word, months),
            Self::Card(_) => {
                word.is_number() && word.length() >= 4 && (word.more || card::fits(word.length()))
            }
            Self::Iban(_) => word.letters() == 2,
            Self::Ipv4 => word.is_number() && word.length() <= 3 && word.next == Some(b'.'),
            Self::Mac => mac::wants(input, word),
            // `5550142x77` has an extension.
            Self::Phone(_) => {
                word.letters() == 0
                    && (word.more || word.digits_end - word.at >= phone::SHORTEST)
                    && (word.is_number() || word.end - word.digits_end <= EXTENSION)
            }
            _ => true,
        }
    }

    /// The anchors of several bytes; none holds white space, but as its last byte.
    pub(super) fn literals(&self) -> Vec<Lead> {
        let texts = |texts: &[&str]| texts.iter().map(|text| Lead::text(text)).collect();
        match self {
            Self::Assigned(assigned) => texts(&assigned.names),
            Self::Authorization(authorization) => authorization.leads(),
            Self::Bic(bic) => texts(&bic.labels),
            Self::Email(_) => email::leads(),
            Self::Jwt => texts(&["eyJ"]),
            Self::Named(named) => named.leads(),
            Self::Person(person) => person.leads(),
            Self::PrivateKey => texts(&["-----BEGIN"]),
            Self::PuttyKey => texts(&[pem::PRIVATE_LINES]),
            Self::Token(tokens) => tokens.leads(),
            Self::UrlPassword => texts(&["://"]),
            Self::User(user) => texts(&user.announced),
            _ => Vec::new(),
        }
    }

    /// What a reader of digits makes of a word.
    pub(super) fn attempt_word(&self, input: &Input<'_>, seen: &Seen, sense: &Sense<'_>) -> Attempt {
        match self {
            Self::Address(settings) => address::attempt_word(input, &seen.word, settings, sense),
            Self::Base58(settings) => base58::attempt(input, &seen.word, settings, sense),
            Self::Bech32(prefixes) => bech32::attempt(input, &seen.word, prefixes),
            Self::BirthDate(months) => date::attempt(input, seen, months, sense),
            Self::Card(brands) => card::attempt(input, &seen.word, seen.run(input), brands, sense),
            Self::Coordinates => geo::attempt_pair(input, &seen.word, sense),
            Self::Ethereum => ethereum::attempt(input, &seen.word, sense),
            Self::Iban(countries) => iban::attempt(input, &seen.word, countries),
            Self::Ipv4 => ip::attempt_v4(input, seen.word.at, sense),
            Self::Latitude => geo::attempt_single(input, &seen.word, sense),
            Self::Mac => mac::attempt(input, seen.word.at),
            Self::Monero => monero::attempt(input, &seen.word),
            Self::Phone(codes) => phone::attempt(input, seen, codes, sense),
            _ => Attempt::none(seen.word.start),
        }
    }

    /// Whether a reader of names and addresses may make something of the word; `keyed`: the text stands under a key.
    #[inline]
    pub(super) fn wants_capital(&self, input: &Input<'_>, word: &Capital<'_>, keyed: bool) -> bool {
        match self {
            Self::Address(settings) => address::wants_capital(input, word, settings),
            Self::Person(settings) => settings.wants_capital(input, word, keyed),
            _ => true,
        }
    }

    /// What a reader of names and addresses makes of a capital.
    pub(super) fn attempt_capital(&self, input: &Input<'_>, start: usize, sense: &Sense<'_>) -> Attempt {
        match self {
            Self::Address(settings) => address::attempt_capital(input, start, settings),
            Self::Person(settings) => person::attempt(input, start, settings, sense),
            _ => Attempt::none(start),
        }
    }

    /// What any other reader makes of its anchor.
    pub(super) fn attempt(&self, input: &Input<'_>, anchor: usize) -> Attempt {
        match self {
            Self::Assigned(assigned) => assigned::attempt(input, anchor, assigned),
            Self::Authorization(of) => authorization::attempt(input, anchor, of),
            Self::Bic(settings) => bic::attempt(input, anchor, settings),
            Self::Email(settings) => email::attempt(input, anchor, settings),
            Self::Ipv6 => ip::attempt_v6(input, anchor),
            Self::Jwt => jwt::attempt(input, anchor),
            Self::Named(named) => named::attempt(input, anchor, named),
            Self::Person(settings) => person::said::attempt(input, anchor, settings),
            Self::PrivateKey => pem::attempt(input, anchor),
            Self::PuttyKey => pem::attempt_putty(input, anchor),
            Self::Token(tokens) => token::attempt(input, anchor, tokens),
            Self::UrlPassword => url::attempt(input, anchor),
            Self::User(settings) => user::attempt(input, anchor, settings),
            _ => Attempt::none(anchor),
        }
    }

    /// What it makes of a text that stands under this key: the key may name the whole of it.
    pub(super) fn attempt_key(&self, input: &Input<'_>, key: &str, sense: &Sense<'_>) -> Attempt {
        match self {
            Self::Assigned(assigned) => assigned::attempt_key(input, key, assigned),
            Self::Bic(settings) => bic::attempt_key(input, key, settings),
            Self::Named(named) => named::attempt_key(input, key, named),
            Self::Address(_) => address::attempt_key(input, sense),
            Self::Person(_) => person::attempt_key(input, sense),
            _ => Attempt::none(0),
        }
    }

    /// Whether [`tail`](Self::tail) may say more than that the text ended.
    pub(super) fn has_tail(&self) -> bool {
        match self {
            Self::Address(_) | Self::BirthDate(_) | Self::Email(_) => true,
            Self::Shape(shaped) => shaped.has_tail(),
            _ => false,
        }
    }

    /// Where a value may have begun whose anchor has not come, if that is before the last word of the text.
    pub(super) fn tail(&self, input: &Input<'_>) -> usize {
        match self {
            Self::Address(settings) => address::tail(input, settings),
            Self::BirthDate(months) => date::tail(input, months),
            Self::Email(settings) => email::tail(input, settings),
            Self::Shape(shaped) => shaped.tail(input),
            _ => input.len(),
        }
    }

    /// The end of a value that is longer than is ever kept back, read on from an offset inside it.
    pub(super) fn continued(&self, input: &Input<'_>, from: usize) -> usize {
        match self {
            Self::Authorization(_) => input.run(from, usize::MAX, authorization::is_inside),
            Self::Jwt => input.run(from, usize::MAX, jwt::is_inside),
            Self::PrivateKey => pem::end(input, from).0,
            // No other value can be that long.
            _ => from,
        }
    }
}
