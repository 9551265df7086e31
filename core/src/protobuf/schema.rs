//! What the fields of messages are: static tables that the catalogue is built into.

/// A kind of message among those of its system, which name each other by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Schema {
    /// All of them.
    pub messages: &'static [Message],
    /// Which one it is.
    pub root: usize,
}

/// One kind of message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// As its specification calls it.
    pub name: &'static str,
    /// Sorted by their number.
    pub fields: &'static [Field],
    /// Whether it is seen as an object: not where all that it holds stands in its place.
    pub object: bool,
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Its number on the wire.
    pub number: u32,
    /// Its name.
    pub name: &'static str,
    /// Whether what it holds stands in the place of its message.
    pub inline: bool,
    /// How many values it has.
    pub shape: Shape,
    /// What one of them is.
    pub kind: Kind,
}

/// How many values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One.
    Single,
    /// A list.
    Each,
    /// A map from texts.
    Named,
    /// A list of the columns of one table, which has as many rows as its longest column.
    Columns,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A text in UTF-8.
    Text,
    /// Bytes of any kind.
    Bytes,
    /// Bytes that are a JSON document.
    Json,
    /// A whole number with a sign, as a plain varint.
    Int,
    /// A whole number without one.
    Uint,
    /// Four bytes of a floating-point number, or of a whole one.
    Float,
    /// Eight bytes of one.
    Double,
    /// A truth, or the number of a name.
    Word,
    /// Nothing that anybody looks at.
    Skip,
    /// How many numbers each vector has that stands in this message or beneath.
    Dimensions,
    /// How many vectors stand in this message.
    Pieces,
    /// With this number: several vectors stand in the bytes of this message, behind two bytes that say how many numbers each has.
    Several(u64),
    /// The name that the inline members of this message stand under.
    Name,
    /// Vectors, one after the other, of components of so many bits.
    Dense(u32),
    /// Another message, by its place.
    Message(usize),
}

impl Schema {
    /// A message of which nothing is known.
    pub const OPAQUE: Self = Self { messages: &[Message { name: "", fields: &[], object: true }], root: 0 };

    /// What it is.
    pub fn message(&self) -> Option<&'static Message> {
        self.messages.get(self.root)
    }

    /// Another message of the same system.
    pub fn at(&self, root: usize) -> Self {
        Self { root, ..*self }
    }
}

impl Message {
    /// The field of this number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        let place = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(place)
    }
}
