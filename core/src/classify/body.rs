//! The deciding fields of a request body, and nothing else of it.
//!
//! One pass over the JSON, driven by the fields that the entry names: the rest is skipped without being built. A batch
//! yields one [`Record`] an element, so that what belongs together stays together. A deciding key that comes twice is
//! refused (servers differ on whether the first or the last counts), and so is one of a type that its API does not know.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::{SmallVec, smallvec};

use super::catalogue::{Entry, Field, Kinds, Level, Lines, Step, System};
use super::{Refusal, graphql, piped, sql, target, yql};

/// A value at a deciding field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A whole number from 0 on, or one that is not whole.
    Number(Option<u64>),
    /// A whole number below 0.
    Below,
    Text(String),
    /// How many elements, and how many of them are numbers (counted only where that matters).
    List {
        len: u64,
        numbers: u64,
    },
    Object {
        len: u64,
    },
}

/// What was found in a body, or in one element of a batch.
#[derive(Debug)]
pub(super) struct Record {
    /// The entry that judges it; `None` for an element of a kind that the catalogue does not know.
    pub(super) entry: Option<&'static Entry>,
    pub(super) values: Values,
}

/// What stands at its deciding fields, by their numbers: mostly a few.
pub(super) type Values = SmallVec<[(usize, Value); 4]>;

/// Those of one request: mostly one.
pub(super) type Records = SmallVec<[Record; 1]>;

impl Record {
    /// One in which nothing was found yet.
    pub(super) fn of(entry: &'static Entry) -> Self {
        Self { entry: Some(entry), values: Values::new() }
    }

    /// What stands at the field with this number.
    #[inline]
    pub(super) fn at(&self, field: usize) -> impl Iterator<Item = &Value> + Clone {
        self.values.iter().filter(move |(at, _)| *at == field).map(|(_, value)| value)
    }

    /// One of a kind that the catalogue does not know.
    fn unknown() -> Self {
        Self { entry: None, values: Values::new() }
    }
}

/// How many elements a batch may have.
pub(super) const MAX_ELEMENTS: usize = 65_536;

/// Reads the fields that decide `entry`.
pub(super) fn read(system: &'static System, entry: &'static Entry, body: &[u8]) -> Result<Records, Refusal> {
    let variables = if entry.fields.iter().any(|field| field.uses & Field::GRAPHQL != 0) {
        graphql::variables(body)
    } else {
        Vec::new().into_iter()
    };
    let mut state = State { system, records: Records::new(), outer: Vec::new(), variables, refusal: None };
    if !has_elements(entry) {
        state.records.push(Record::of(entry));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(state.records);
    }
    let place = Place::root(entry);
    match entry.lines {
        None => document(&mut state, place, body)?,
        Some(lines) => by_lines(&mut state, place, lines, body)?,
    }
    beside(entry, &mut state)?;
    Ok(state.records)
}

/// How many bytes of texts may stand beside the elements of a batch, each element's counted.
pub(super) const MAX_BESIDE: usize = 4 << 20;

/// Gives each element what stands beside all of them.
fn beside(entry: &'static Entry, state: &mut State) -> Result<(), Refusal> {
    if state.outer.is_empty() {
        return Ok(());
    }
    let text = |(_, value): &(usize, Value)| if let Value::Text(text) = value { text.len() } else { 0 };
    let texts: usize = state.outer.iter().map(text).sum();
    if texts.saturating_mul(state.records.len()) > MAX_BESIDE {
        return Err(Refusal { code: "too_many_elements", at: "body" });
    }
    let own = |record: &&mut Record| record.entry.is_some_and(|of| std::ptr::eq(of, entry));
    for record in state.records.iter_mut().filter(own) {
        record.values.extend(state.outer.iter().cloned());
    }
    Ok(())
}

/// Reads the statement that a parameter of the query holds, where `entry` knows one, as if it stood in the body.
pub(super) fn read_query(
    system: &'static System,
    entry: &'static Entry,
    query: Option<&str>,
) -> Result<Values, Refusal> {
    let statement = entry.fields.iter().find(|field| field.uses & Field::YQL != 0);
    let Some(field) = statement else { return Ok(Values::new()) };
    let found = target::parameter(query, field.name);
    let found = found.ok_or(Refusal { code: "malformed_query", at: field.name })?;
    let text = match found.as_slice() {
        [] => return Ok(Values::new()),
        [text] => text,
        _ => return Err(Refusal { code: "repeated_key", at: field.name }),
    };
    let place =
        Place::root(entry).down(|step| matches!(step, Step::Key(names) if names.contains(&field.name)));
    let records = smallvec![Record::of(entry)];
    let variables = Vec::new().into_iter();
    let mut state = State { system, records, outer: Vec::new(), variables, refusal: None };
    let read = Walk { state: &mut state, place }.visit_str::<serde::de::value::Error>(text);
    read.map_err(|_| state.refusal.unwrap_or(MALFORMED))?;
    Ok(state.records.pop().map_or_else(Values::new, |record| record.values))
}

/// One JSON document.
fn document(state: &mut State, place: Place, text: &[u8]) -> Result<(), Refusal> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let done = Walk { state: &mut *state, place }.deserialize(&mut reader).and_then(|()| reader.end());
    match (done, state.refusal.take()) {
        (_, Some(refusal)) => Err(refusal),
        (Err(_), None) => Err(MALFORMED),
        (Ok(()), None) => Ok(()),
    }
}

const MALFORMED: Refusal = Refusal { code: "malformed_json", at: "body" };

/// A document a line; what belongs together is one record.
fn by_lines(state: &mut State, place: Place, lines: Lines, body: &[u8]) -> Result<(), Refusal> {
    let blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let head = place.down(|step| matches!(step, Step::Key(names) if names.contains(&"head")));
    let mut rest = body.split(|byte| *byte == b'\n');
    while let Some(line) = rest.next() {
        // An empty line of settings stands for none; what is left may also be only the end.
        let empty = blank(line);
        if empty && !matches!(lines, Lines::Pairs) {
            continue;
        }
        if empty && rest.clone().all(blank) {
            break;
        }
        if state.records.len() >= MAX_ELEMENTS {
            return Err(Refusal { code: "too_many_elements", at: "body" });
        }
        let place = Place { record: state.records.len(), ..place };
        state.records.push(Record::of(place.entry));
        match lines {
            Lines::Each => document(state, place, line)?,
            Lines::Pairs => {
                // Whether a first empty line counts depends on the version of the server.
                if empty && place.record == 0 {
                    return Err(MALFORMED);
                }
                if !empty {
                    document(state, Place { record: place.record, root: true, ..head }, line)?;
                }
                let body = Place { mask: place.mask & !head.mask, ..place };
                document(state, body, rest.next().ok_or(MALFORMED)?)?;
            }
            Lines::Documents { alone } => {
                document(state, place, line)?;
                let found = state.records.last().map_or(&[][..], |record| &record.values);
                if !found.iter().any(|(at, _)| alone.contains(at)) {
                    rest.next().ok_or(MALFORMED)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn has_elements(entry: &Entry) -> bool {
    entry.lines.is_some() || entry.fields.iter().any(|field| field.uses & Field::ELEMENT != 0)
}

struct State {
    system: &'static System,
    records: Records,
    /// What stands beside the elements of a batch, and belongs to each.
    outer: Vec<(usize, Value)>,
    /// What the variables of the documents of GraphQL are, document by document.
    variables: graphql::Variables,
    refusal: Option<Refusal>,
}

impl State {
    /// Stops the pass for a reason that is kept apart from serde's own.
    fn refuse<T, E: serde::de::Error>(&mut self, code: &'static str, at: &'static str) -> Result<T, E> {
        self.refusal = Some(Refusal { code, at });
        Err(E::custom(code))
    }
}

/// Where in the document the pass stands: the fields (as bits) whose first `depth` steps led here.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) entry: &'static Entry,
    pub(super) mask: u64,
    pub(super) depth: usize,
    pub(super) record: usize,
    pub(super) root: bool,
}

impl Place {
    /// The whole of a body.
    pub(super) fn root(entry: &'static Entry) -> Self {
        Self { entry, mask: all(entry), depth: 0, record: 0, root: true }
    }

    fn fields(self) -> impl Iterator<Item = (usize, &'static Field)> {
        self.of(self.mask)
    }

    /// The fields with these bits.
    pub(super) fn of(self, mask: u64) -> impl Iterator<Item = (usize, &'static Field)> {
        let mut left = mask;
        let places = std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.checked_sub(1)?;
            Some(at)
        });
        places.filter_map(move |at| self.entry.fields.get(at).map(|field| (at, field)))
    }

    /// The fields that this very value is.
    pub(super) fn here(self) -> impl Iterator<Item = (usize, &'static Field)> {
        self.of(self.ends())
    }

    /// The bits of the fields that this very value is.
    pub(super) fn ends(self) -> u64 {
        self.mask & self.level().ends
    }

    /// The entry's fields at this depth.
    #[inline]
    pub(super) fn level(self) -> &'static Level {
        self.entry.levels.get(self.depth).unwrap_or(&Level::NONE)
    }

    /// The steps that lead on from here, each with the bits of its fields.
    #[inline]
    fn steps(self) -> impl Iterator<Item = (&'static Step, u64)> {
        self.level().steps.iter().map(move |(step, of)| (step, of & self.mask)).filter(|(_, of)| *of != 0)
    }

    /// The fields one step down, for those steps that `fits`.
    #[inline]
    pub(super) fn down(self, fits: impl Fn(&Step) -> bool) -> Self {
        let mut mask = 0;
        for (step, of) in self.steps() {
            if fits(step) {
                mask |= of;
            }
        }
        self.below(mask)
    }

    /// One step down, where these fields are.
    pub(super) fn below(self, mask: u64) -> Self {
        Self { mask, depth: self.depth + 1, root: false, ..self }
    }

    /// The fields one step down, by the kind of the step.
    #[inline]
    pub(super) fn kinds(self) -> Kinds {
        self.level().kinds.of(self.mask)
    }

    pub(super) fn name(self) -> &'static str {
        self.fields().next().map_or("body", |(_, field)| field.name)
    }
}

pub(super) fn bit(at: usize) -> u64 {
    1_u64.checked_shl(u32::try_from(at).unwrap_or(u32::MAX)).unwrap_or(0)
}

fn all(entry: &Entry) -> u64 {
    // Of as many fields as there are bits, all of them.
    bit(entry.fields.len()).wrapping_sub(1)
}

/// One value, read at a place.
struct Walk<'s> {
    state: &'s mut State,
    place: Place,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<(), D::Error> {
        if self.place.mask == 0 && (!self.place.root || self.place.entry.fields.is_empty()) {
            return IgnoredAny::deserialize_into(deserializer);
        }
        if self.is(Field::ELEMENT) {
            if self.state.records.len() >= MAX_ELEMENTS {
                return self.state.refuse("too_many_elements", self.place.name());
            }
            // The element of a batch of several kinds gets its records from its members.
            if self.place.entry.members.is_empty() {
                self.place.record = self.state.records.len();
                self.state.records.push(Record::of(self.place.entry));
            }
        }
        deserializer.deserialize_any(self)
    }
}

/// Skips a value.
trait Skip: Sized {
    fn deserialize_into<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error>;
}

impl Skip for IgnoredAny {
    fn deserialize_into<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }
}

impl Walk<'_> {
    /// Whether a field that stands here is used so.
    fn is(&self, uses: u16) -> bool {
        self.place.here().any(|(_, field)| field.uses & uses != 0)
    }

    fn note(&mut self, value: &Value) {
        if self.place.ends() == 0 {
            return;
        }
        for (at, field) in self.place.here().filter(|(_, field)| field.uses & Field::ELEMENT == 0) {
            if field.uses & Field::OUTER != 0 {
                self.state.outer.push((at, value.clone()));
            } else if let Some(record) = self.state.records.get_mut(self.place.record) {
                record.values.push((at, value.clone()));
            }
        }
    }

    /// A value without parts. Where only parts could decide, it has a type that the API does not know.
    fn scalar<E: serde::de::Error>(mut self, value: Value) -> Result<(), E> {
        let expected_parts = self.place.root
            || self.place.here().all(|(_, field)| field.uses & Field::ELEMENT != 0) && self.place.mask != 0;
        // A statement or a document is a text, and was read before.
        let expected_text = self.is(Field::GRAPHQL | Field::YQL | Field::SQL);
        if (expected_parts || expected_text) && value != Value::Null {
            return self.state.refuse("wrong_type", self.place.name());
        }
        self.note(&value);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Value::Number(Some(value)))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.scalar(u64::try_from(value).map_or(Value::Below, |value| Value::Number(Some(value))))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar(Value::Number(None))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar(Value::Null)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if self.place.root && self.state.system.protobuf {
            // Old clients encode twice, and the server decodes twice.
            let place = Place { root: false, ..self.place };
            let mut reader = serde_json::Deserializer::from_str(text);
            let inner =
                Walk { state: self.state, place }.deserialize(&mut reader).and_then(|()| reader.end());
            return inner.map_err(|_| E::custom("twice encoded"));
        }
        let uses = self.place.here().fold(0, |uses, (_, field)| uses | field.uses);
        if uses & Field::GRAPHQL != 0 {
            let given = self.state.variables.next().unwrap_or_default();
            let Some(selections) = graphql::selections(text, &given) else {
                return self.state.refuse("malformed_graphql", self.place.name());
            };
            return Walk { state: self.state, place: self.place }
                .deserialize(selections)
                .map_err(|_| E::custom("selections"));
        }
        if uses & Field::YQL != 0 {
            let piped = piped::is_piped(text);
            let parts = if piped { piped::reading(text) } else { yql::reading(text) };
            let Some(parts) = parts else {
                let code = if piped { "malformed_statement" } else { "malformed_yql" };
                return self.state.refuse(code, self.place.name());
            };
            return Walk { state: self.state, place: self.place }
                .deserialize(parts)
                .map_err(|_| E::custom("statement"));
        }
        if uses & Field::SQL != 0 {
            return Walk { state: self.state, place: self.place }
                .deserialize(sql::asked::reading(text))
                .map_err(|_| E::custom("statement"));
        }
        let kept = uses & Field::TEXT != 0;
        self.scalar(Value::Text(if kept { text.to_owned() } else { String::new() }))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let kinds = self.place.kinds();
        let (first, down) = (self.place.below(kinds.each | kinds.first), self.place.below(kinds.each));
        if self.place.ends() == 0 && first.mask == 0 {
            return self.state.refuse("wrong_type", self.place.name());
        }
        let inputs = self.is(Field::TEXTS);
        let (mut len, mut numbers) = (0, 0);
        loop {
            let more = if inputs {
                list.next_element::<IsNumber>()?.map(|kind| numbers += u64::from(kind.0)).is_some()
            } else {
                let place = if len == 0 { first } else { down };
                list.next_element_seed(Walk { state: &mut *self.state, place })?.is_some()
            };
            if !more {
                break;
            }
            len += 1;
        }
        self.note(&Value::List { len, numbers });
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let by_kind = !self.place.entry.members.is_empty() && self.is(Field::ELEMENT);
        if by_kind {
            return self.element(map);
        }
        let kinds = self.place.kinds();
        if self.place.root && self.place.ends() == 0 && kinds.keys == 0 {
            // Of a body that is a list of elements: one of them, without the list.
            let one = self.place.below(kinds.each);
            if one.here().any(|(_, field)| field.uses & Field::ELEMENT != 0) {
                let place = Place { record: self.state.records.len(), ..one };
                self.state.records.push(Record::of(place.entry));
                return Walk { state: self.state, place }.visit_map(map);
            }
        }
        if self.place.ends() == 0 && self.place.kinds().keys == 0 {
            return self.state.refuse("wrong_type", self.place.name());
        }
        let system = self.state.system;
        let spelled = system.protobuf || system.any_case;
        let (mut len, mut seen) = (0, 0);
        while let Some(key) = map.next_key::<Name<'_>>()?.map(|name| name.0) {
            len += 1;
            let down = self.place.down(|step| match step {
                Step::Key(names) => {
                    names.iter().any(|name| *name == key || (spelled && same_name(name, &key, system)))
                }
                Step::Each | Step::First | Step::Tag(_) | Step::Pair(_) => false,
            });
            if down.mask & seen != 0 {
                return self.state.refuse("repeated_key", down.name());
            }
            seen |= down.mask;
            map.next_value_seed(Walk { state: &mut *self.state, place: down })?;
        }
        self.note(&Value::Object { len });
        Ok(())
    }
}

impl Walk<'_> {
    /// An element whose one member names its kind: `{"delete": {...}}`.
    fn element<'de, A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { state, place } = self;
        let (mut seen, mut any) = (0, false);
        while let Some(key) = map.next_key::<Name<'_>>()?.map(|name| name.0) {
            any = true;
            let kind = place.entry.members.iter().enumerate().find(|(_, (member, _))| *member == key);
            let Some((number, entry)) =
                kind.and_then(|(n, (_, at))| Some((n, state.system.entries.get(*at)?)))
            else {
                state.records.push(Record::unknown());
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if seen & bit(number) != 0 {
                return state.refuse("repeated_key", place.name());
            }
            seen |= bit(number);
            let record = state.records.len();
            state.records.push(Record::of(entry));
            let inner = Place { entry, mask: all(entry), depth: 0, record, root: true };
            map.next_value_seed(Walk { state: &mut *state, place: inner })?;
        }
        if !any {
            state.records.push(Record::unknown());
        }
        Ok(())
    }
}

/// Whether a key is another spelling of a field's name; protobuf's JSON mapping also knows `maxResults` for `max_results`, Go any case.
fn same_name(name: &str, key: &str, system: &System) -> bool {
    (system.protobuf && camel_case(name).eq(key.chars()))
        || (system.any_case && key.chars().map(folded).eq(name.chars().map(folded)))
}

/// A letter as Go compares it: two letters beyond ASCII are also spellings of `k` and `s`.
pub(super) fn folded(letter: char) -> char {
    match letter {
        '\u{212a}' => 'k',
        '\u{17f}' => 's',
        _ => letter.to_ascii_lowercase(),
    }
}

fn camel_case(name: &str) -> impl Iterator<Item = char> {
    let mut after = false;
    name.chars().filter_map(move |c| {
        let raise = std::mem::replace(&mut after, c == '_');
        (c != '_').then(|| if raise { c.to_ascii_uppercase() } else { c })
    })
}

/// The name of a member; one without escapes is not copied.
struct Name<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Reads a value only for whether it is a number.
struct IsNumber(bool);

impl<'de> serde::Deserialize<'de> for IsNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kind;
        impl<'de> Visitor<'de> for Kind {
            type Value = IsNumber;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }
            fn visit_u64<E>(self, _: u64) -> Result<IsNumber, E> {
                Ok(IsNumber(true))
            }
            fn visit_i64<E>(self, _: i64) -> Result<IsNumber, E> {
                Ok(IsNumber(true))
            }
            fn visit_f64<E>(self, _: f64) -> Result<IsNumber, E> {
                Ok(IsNumber(true))
            }
            fn visit_bool<E>(self, _: bool) -> Result<IsNumber, E> {
                Ok(IsNumber(false))
            }
            fn visit_unit<E>(self) -> Result<IsNumber, E> {
                Ok(IsNumber(false))
            }
            fn visit_str<E>(self, _: &str) -> Result<IsNumber, E> {
                Ok(IsNumber(false))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<IsNumber, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(IsNumber(false))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<IsNumber, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(IsNumber(false))
            }
        }
        deserializer.deserialize_any(Kind)
    }
}
