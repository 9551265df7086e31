//! Kinds of messages that a system's bodies of gRPC are: `ScrollResponse: {result: 2 each RetrievedPoint}`.

use super::node::{Faults, Node, Place};
use super::schema::{Kind, Shape};

/// One kind of message.
pub(crate) struct Message {
    pub(crate) place: Place,
    pub(crate) file: usize,
    pub(crate) name: String,
    /// Sorted by their number.
    pub(crate) fields: Vec<Field>,
    /// Whether it is seen as an object.
    pub(crate) object: bool,
}

/// One of its fields.
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: String,
    pub(crate) inline: bool,
    pub(crate) shape: Shape,
    /// What a value is, in the words of the file.
    kind: String,
    place: Place,
}

/// The words for what is no message, and for no vectors side by side.
const PLAIN: [(&str, Kind); 12] = [
    ("text", Kind::Text),
    ("bytes", Kind::Bytes),
    ("json", Kind::Json),
    ("int", Kind::Int),
    ("uint", Kind::Uint),
    ("float", Kind::Float),
    ("double", Kind::Double),
    ("word", Kind::Word),
    ("skip", Kind::Skip),
    ("dimensions", Kind::Dimensions),
    ("pieces", Kind::Pieces),
    ("name", Kind::Name),
];

pub(super) fn message(
    (name, place, node): (String, Place, Node<'_, '_>),
    file: usize,
    faults: &mut Faults<'_>,
) -> Message {
    let mut fields: Vec<Field> = Vec::new();
    for (name, place, value) in node.members().unwrap_or_default() {
        match value.text().as_deref().and_then(|text| field(&name, place, text)) {
            Some(field) => fields.push(field),
            None => faults.at(
                place,
                "a field is its number, each, named or columns where it has several values, and what one is",
            ),
        }
    }
    fields.sort_by_key(|field| field.number);
    if fields.windows(2).any(|pair| matches!(pair, [one, two] if one.number == two.number)) {
        faults.at(place, "two fields have one number");
    }
    let shown = |field: &&Field| {
        !matches!(field.kind.as_str(), "skip" | "dimensions" | "pieces" | "name")
            && !field.kind.starts_with("several")
    };
    let under_name = fields.iter().any(|field| field.kind == "name");
    let object = under_name || !fields.iter().filter(shown).all(|field| field.inline);
    if object && !under_name && fields.iter().filter(shown).any(|field| field.inline) {
        faults.at(place, "all of its fields stand in its place, or none does");
    }
    Message { place, file, name, object: object || fields.is_empty(), fields }
}

fn field(name: &str, place: Place, text: &str) -> Option<Field> {
    let words: Vec<&str> = text.split(' ').collect();
    let (number, shape, kind) = match words.as_slice() {
        [number, kind] => (number, Shape::Single, kind),
        [number, "each", kind] => (number, Shape::Each, kind),
        [number, "named", kind] => (number, Shape::Named, kind),
        [number, "columns", kind] => (number, Shape::Columns, kind),
        _ => return None,
    };
    let number = number.parse().ok().filter(|number| (1..1 << 29).contains(number))?;
    let inline = name.starts_with('=');
    let (name, kind) = (name.trim_start_matches('=').to_owned(), (*kind).to_owned());
    Some(Field { number, name, inline, shape, kind, place })
}

impl Field {
    /// What a value of it is, where one of these messages or a word says it.
    pub(crate) fn kind(&self, messages: &[Message]) -> Option<Kind> {
        if let Some(bits) = self.kind.strip_prefix("dense").and_then(|bits| bits.parse().ok()) {
            return Some(Kind::Dense(bits));
        }
        if let Some(number) = self.kind.strip_prefix("several").and_then(|number| number.parse().ok()) {
            return Some(Kind::Several(number));
        }
        if let Some((_, kind)) = PLAIN.iter().find(|(word, _)| *word == self.kind) {
            return Some(*kind);
        }
        messages.iter().position(|message| message.name == self.kind).map(Kind::Message)
    }
}

/// Says what is no kind of value.
pub(super) fn check<'f>(messages: &[Message], files: &[&'f str], faults: &mut Faults<'f>) {
    for message in messages {
        faults.in_file(files.get(message.file).copied().unwrap_or_default());
        if messages.iter().filter(|other| other.name == message.name).nth(1).is_some() {
            faults.at(message.place, "said twice");
        }
        for field in message.fields.iter().filter(|field| field.kind(messages).is_none()) {
            faults.at(
                field.place,
                format!("{:?} is no message of this system, and no other kind of value", field.kind),
            );
        }
    }
}
