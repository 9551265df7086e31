//! Counts along a document.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Error;
use crate::json::Matcher;
use crate::keys::KeyedDigest;
use crate::model::Census;

use super::cells::{self, Cells};
use super::places::{Places, Roles};
use super::tensor::Tensor;
use super::{Paths, shape};

/// A scalar value as it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string, decoded, and as it goes out, so that a masked id is noted masked.
    Text(&'a [u8], &'a [u8]),
    /// How a string begins that is too long to be held whole.
    Long(&'a [u8]),
    /// A number as written, and as it goes out.
    Number(&'a [u8], &'a [u8]),
    /// `true`, `false` or `null`.
    Literal,
}

/// Follows one document and counts.
#[derive(Debug, Clone)]
pub struct Counter {
    places: Places,
    matcher: Matcher,
    levels: Vec<Level>,
    /// What the name of the member at hand may say of a sparse vector.
    member: Member,
    /// The index of the element at hand.
    index: u64,
    /// How many rows of this document have their place as their id.
    positions: u64,
    copies: Copies,
    tensor: Option<Tensor>,
    /// The list of cells at hand.
    cells: Option<Box<Cells>>,
    /// The name of the member at hand in an address of a cell, and which dimensions the type of a tensor said to be mapped, with its depth.
    dimension: Vec<u8>,
    mapped: Option<(usize, Vec<Box<[u8]>>)>,
    census: Census,
    distinct: Option<Distinct>,
    /// Ids that are looked for, and whether one passed.
    wanted: Option<Arc<HashSet<Box<str>>>>,
    met: bool,
}

/// Ids as keyed digests, for whoever counts different ones.
#[derive(Debug, Clone)]
struct Distinct {
    key: KeyedDigest,
    /// Those that were not asked for yet.
    new: Vec<u64>,
    /// How many there were in all.
    named: u64,
}

/// An open container.
#[derive(Debug, Clone, Copy)]
struct Level {
    object: bool,
    roles: Roles,
    /// Its own numbers, or its objects of an index and a value, were counted as a vector.
    counted: bool,
    /// How many numbers stood in it, and whether some were measured.
    numbers: u64,
    measured: bool,
    /// An object of which every member so far is a number, and every name too, as in `{"7": 0.5}`.
    weights: bool,
    indexed: bool,
    /// A list of columns under a name that says what it is, or in such a list.
    told: bool,
    /// The cells of a tensor: a list of `{address, value}`, or an object of values by their label.
    cells: bool,
}

impl Level {
    /// Whether it is a sparse vector that names its weights by their index, or by anything where it is known to be a vector.
    fn is_weights(&self) -> bool {
        let column = self.roles.has(Roles::COLUMN) && (self.indexed || self.cells) && self.measured;
        let declared = self.roles.has(Roles::VECTOR.and(Roles::ENCODED));
        self.object && self.weights && self.numbers > 0 && !self.counted && (column || declared)
    }
}

/// A member of a vector, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Indices,
    Values,
    /// `index` or `value`.
    Part,
    Cells,
    Type,
    Number,
    /// A name that says so: `title_vector`.
    Vector,
    Other,
}

/// A value, as far as it may be an input of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Container,
    Other,
}

/// Lists that hold the same vectors.
#[derive(Debug, Clone, Copy, Default)]
struct Copies {
    /// How many containers are open within the list at hand, itself included; 0 outside of any.
    depth: usize,
    /// Vectors of the list at hand, and of the longest.
    here: u64,
    most: u64,
}

/// How deep most documents are nested.
const ORDINARY_DEPTH: usize = 8;

/// An array of numbers here is a vector.
const DECLARED: Roles = Roles::VECTOR.and(Roles::NAMED).and(Roles::ENCODED).and(Roles::COPY);

impl Counter {
    /// A counter for one kind of body. Where many bodies come, compile the [`Places`] once.
    ///
    /// # Errors
    /// Where one of the paths is not a path.
    pub fn new(paths: &Paths) -> Result<Self, Error> {
        Ok(Self::at(&Places::compile(paths)?))
    }

    /// A counter for one kind of body.
    pub fn at(places: &Places) -> Self {
        Self {
            places: places.clone(),
            matcher: Matcher::new(&places.0.set),
            levels: Vec::with_capacity(ORDINARY_DEPTH),
            member: Member::Other,
            index: 0,
            positions: 0,
            copies: Copies::default(),
            tensor: None,
            cells: None,
            dimension: Vec::new(),
            mapped: None,
            census: Census::default(),
            distinct: None,
            wanted: None,
            met: false,
        }
    }

    /// The same, keeping the digest of each id under `key` for [`take_ids`](Self::take_ids).
    #[must_use]
    pub fn telling_apart(mut self, key: KeyedDigest) -> Self {
        self.distinct = Some(Distinct { key, new: Vec::new(), named: 0 });
        self
    }

    /// The same, looking for these ids.
    #[must_use]
    pub fn looking_for(mut self, ids: Arc<HashSet<Box<str>>>) -> Self {
        self.wanted = Some(ids);
        self
    }

    /// Whether one of them passed, whatever it went out as.
    pub fn met(&self) -> bool {
        self.met
    }

    /// The digests of the ids that passed since this was asked last: of the ids themselves, also where they went out masked.
    pub fn take_ids(&mut self) -> Vec<u64> {
        self.distinct.as_mut().map(|distinct| std::mem::take(&mut distinct.new)).unwrap_or_default()
    }

    /// How many rows passed that have no id to be told apart by: what stands in a place of its own but has no name, and ids that are
    /// nothing but that place.
    pub fn nameless(&self) -> u64 {
        let Census { rows, vectors, .. } = self.census;
        let things = if rows == 0 { vectors } else { rows };
        things.saturating_sub(self.distinct.as_ref().map_or(0, |distinct| distinct.named))
    }

    /// What was counted in all.
    pub fn into_census(self) -> Census {
        self.census
    }

    /// What was counted so far.
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// Before a document.
    pub fn root(&mut self) {
        self.matcher.root(&self.places.0.set);
        self.levels.clear();
        self.member = Member::Other;
        self.positions = 0;
        self.copies = Copies::default();
        self.tensor = None;
        self.cells = None;
        self.mapped = None;
    }

    /// Before the value of the member called `name` (decoded). `shown`: the name as it goes out.
    ///
    /// False where nothing of that value is counted: no path leads to it or into it, and what it stands in is nothing.
    pub fn key(&mut self, name: &[u8], shown: &[u8]) -> bool {
        self.matcher.key(&self.places.0.set, name);
        self.member = Member::Other;
        let counts = self.matcher.is_alive()
            || self.levels.last().is_some_and(|level| level.roles != Roles::NONE)
            || self.tensor.is_some()
            || self.cells.is_some();
        if counts {
            self.member(name, shown);
        }
        counts
    }

    /// What the name of a member says that may count.
    fn member(&mut self, name: &[u8], shown: &[u8]) {
        self.member = match name {
            b"indices" => Member::Indices,
            b"values" => Member::Values,
            b"index" | b"value" => Member::Part,
            b"cells" => Member::Cells,
            b"type" => Member::Type,
            _ if !name.is_empty() && name.iter().all(u8::is_ascii_digit) => Member::Number,
            _ if shape::names_vector(name) => Member::Vector,
            _ => Member::Other,
        };
        if let Some(tensor) = &mut self.tensor {
            tensor.member(name, self.levels.len());
        }
        if self.cells.is_some() {
            self.dimension.clear();
            self.dimension.extend_from_slice(name);
        }
        if let Some(level) = self.levels.last_mut() {
            level.indexed &= self.member == Member::Number;
            if level.roles.has(Roles::ID) {
                self.id(name, shown);
            }
        }
    }

    /// An id passes; `shown`: as it goes out.
    fn id(&mut self, id: &[u8], shown: &[u8]) {
        self.census.note_id(|| match std::str::from_utf8(shown) {
            Ok(id) => id.to_owned(),
            Err(_) => String::from_utf8_lossy(shown).into_owned(),
        });
        if let Some(wanted) = &self.wanted {
            self.met |= std::str::from_utf8(id).is_ok_and(|id| wanted.contains(id));
        }
        if let Some(distinct) = &mut self.distinct {
            let mut digest = distinct.key.clone();
            digest.update(id);
            let [a, b, c, d, e, f, g, h, ..] = digest.finish();
            distinct.new.push(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            distinct.named = distinct.named.saturating_add(1);
        }
    }

    /// Before the element with this index.
    pub fn element(&mut self, index: u64) {
        self.matcher.element(&self.places.0.set, index);
        self.index = index;
    }

    /// Whether elements of the innermost array must come one by one and not as [`numbers`](Self::numbers).
    pub fn wants_elements(&self) -> bool {
        self.levels.last().is_some_and(|level| level.roles.has(Roles::ID))
            || self.tensor.as_ref().is_some_and(|tensor| tensor.reads_shape(self.levels.len()))
            || self.matcher.wants_elements(&self.places.0.set)
    }

    /// Whether it is enough to know that the innermost array holds some number.
    pub fn skips(&self) -> bool {
        let asks = Roles::COLUMN.and(Roles::ROWS);
        !self.wants_elements()
            && self.levels.last().is_some_and(|level| !level.object && !level.roles.has(asks))
    }

    /// Whether the value here is one that counts as a vector even where it is a text.
    pub fn is_vector(&self) -> bool {
        self.roles().has(Roles::ENCODED.and(Roles::COPY))
    }

    /// A container begins.
    pub fn open(&mut self, object: bool) {
        let roles = self.value(Kind::Container);
        if self.places.0.one_or_list && self.levels.is_empty() && !object {
            // Its elements are the rows.
            self.census.rows = self.census.rows.saturating_sub(1);
        }
        if roles.has(Roles::COPY) || self.copies.depth > 0 {
            self.copies.depth += 1;
        }
        if roles.has(Roles::TENSOR) && object {
            self.tensor = Some(Tensor::at(self.levels.len() + 1));
        }
        if let Some(level) = self.levels.last_mut() {
            level.weights = false;
        }
        let (weights, indexed) = (object, object);
        let told = !object && self.tells_vector();
        let cells = roles.has(Roles::COLUMN) && self.member == Member::Cells;
        if cells && !object {
            let depth = self.levels.len();
            let mapped = self.mapped.take().filter(|(at, _)| *at == depth).map(|(_, mapped)| mapped);
            self.cells = Some(Box::new(Cells::at(depth + 1, mapped)));
        }
        self.levels.push(Level {
            object,
            roles,
            counted: false,
            numbers: 0,
            measured: false,
            weights,
            indexed,
            told,
            cells,
        });
        self.matcher.open();
    }

    /// The innermost container ends.
    pub fn close(&mut self) {
        if let Some(tensor) = self.tensor.take_if(|tensor| tensor.depth == self.levels.len()) {
            self.vectors(tensor.vectors());
            // One row may have its vectors in several tensors.
            let rows = tensor.rows().saturating_sub(self.positions);
            self.positions += rows;
            self.census.rows = self.census.rows.saturating_add(rows);
            self.census.ids_total = self.census.ids_total.saturating_add(rows);
            self.census.texts = self.census.texts.saturating_add(tensor.texts());
        }
        if let Some(level) = self.levels.pop()
            && level.is_weights()
        {
            self.vectors(1);
        }
        self.cell_ends();
        self.mapped.take_if(|(at, _)| *at > self.levels.len());
        self.copies.depth = self.copies.depth.saturating_sub(1);
        self.matcher.close();
    }

    /// Where a cell of a tensor ended: further vectors, where its address names one.
    fn cell_ends(&mut self) {
        let depth = self.levels.len();
        let Some(cells) = &mut self.cells else { return };
        if depth < cells.depth {
            self.cells = None;
        } else if depth == cells.depth {
            cells.end();
            if self.levels.last().is_some_and(|list| list.counted) {
                let more = cells.take_more();
                self.vectors(more);
            }
        }
    }

    /// A scalar passes.
    pub fn scalar(&mut self, scalar: Scalar<'_>) {
        let text = matches!(scalar, Scalar::Text(..) | Scalar::Long(_));
        let roles = self.value(if text { Kind::Text } else { Kind::Other });
        let copy = usize::from(roles.has(Roles::COPY));
        self.copies.depth += copy;
        self.read(roles, scalar);
        self.copies.depth -= copy;
    }

    fn read(&mut self, roles: Roles, scalar: Scalar<'_>) {
        if let (Some(tensor), Scalar::Text(_, text) | Scalar::Number(_, text)) = (&mut self.tensor, scalar) {
            tensor.scalar(text, self.levels.len());
        }
        if let Some(level) = self.levels.last_mut() {
            level.weights &= matches!(scalar, Scalar::Number(..));
        }
        if let Scalar::Text(text, _) = scalar {
            let depth = self.levels.len();
            if let Some(cells) = self.cells.as_mut().filter(|cells| depth == cells.depth + 2) {
                cells.label(&self.dimension, text);
            } else if self.member == Member::Type && roles.has(Roles::COLUMN) {
                self.mapped = cells::mapped(text).map(|mapped| (depth, mapped));
            }
        }
        let (id, shown) = match scalar {
            Scalar::Number(id, number) => {
                self.number(1, || shape::is_measured(number));
                (id, number)
            }
            Scalar::Text(id, text) => {
                let encoded = roles.has(Roles::ENCODED.and(Roles::COPY)) && !text.is_empty();
                let column = roles.has(Roles::COLUMN)
                    && (shape::is_vector(text) || self.tells_vector() && shape::is_hexadecimal(text));
                let written = if roles.has(Roles::QUERY) { shape::in_query(text) } else { 0 };
                self.vectors(written.saturating_add(u64::from(encoded || column)));
                (id, text)
            }
            Scalar::Long(start) => {
                let column = roles.has(Roles::COLUMN) && shape::begins_vector(start);
                self.vectors(u64::from(column || roles.has(Roles::ENCODED.and(Roles::COPY))));
                if roles.has(Roles::ID) {
                    // No id is this long; what stands in its place counts as one that nothing tells apart.
                    self.census.note_id(|| "...".to_owned());
                }
                return;
            }
            Scalar::Literal => return,
        };
        if roles.has(Roles::ID) {
            self.id(id, shown);
        }
    }

    /// So many elements of the innermost array pass, all of them numbers; `bytes` are what they are written in, or begin so.
    pub fn numbers(&mut self, count: u64, bytes: &[u8]) {
        self.number(count, || shape::is_measured(bytes));
        if self.levels.last().is_some_and(|level| level.roles.has(Roles::ROWS)) {
            self.census.rows += count;
        }
    }

    /// So many vectors pass as elements of the innermost array, each a list of numbers: told at once, however many there are.
    pub fn arrays(&mut self, count: u64) {
        if self.levels.last().is_some_and(|level| level.roles.has(DECLARED)) {
            self.vectors(count);
        }
    }

    /// So many numbers pass in the innermost container.
    fn number(&mut self, count: u64, measured: impl FnOnce() -> bool) {
        let part = self.member == Member::Part;
        let Some((level, around)) = self.levels.split_last_mut() else { return };
        let first = level.numbers == 0;
        level.numbers = level.numbers.saturating_add(count);
        if level.roles.has(Roles::TEXT) && !level.object {
            // A list of token ids is one text.
            self.census.texts += u64::from(first);
        }
        if level.roles.has(Roles::COLUMN) {
            // Of a cell's value, what counts is the list of cells.
            let list = around.last_mut().filter(|list| part && list.cells && !list.object);
            let (level, object) = match list {
                Some(list) => {
                    list.numbers = list.numbers.saturating_add(count);
                    (list, false)
                }
                None => {
                    let object = level.object;
                    (level, object)
                }
            };
            level.measured = level.measured || measured();
            let enough = match (level.told, level.measured) {
                (true, _) => 1,
                (false, true) => shape::SHORTEST,
                (false, false) => shape::SHORTEST_WHOLE,
            };
            let is_vector = !object && level.numbers >= enough;
            let counted = std::mem::replace(&mut level.counted, is_vector);
            return self.vectors(u64::from(is_vector && !counted));
        }
        let mut array = Some(level);
        if array.as_ref().is_some_and(|level| level.object) {
            // Of an index and a value: with others of its kind a vector, which is the list that holds them.
            let parts = array.take().filter(|_| part);
            let list = around.last_mut().filter(|list| !list.object && list.roles.has(DECLARED));
            array = parts.zip(list).map(|(parts, list)| {
                parts.counted = true;
                list
            });
        }
        if let Some(array) = array.filter(|array| array.roles.has(DECLARED))
            && !std::mem::replace(&mut array.counted, true)
        {
            self.vectors(1);
        }
    }

    /// So many vectors pass.
    fn vectors(&mut self, count: u64) {
        let new = if self.copies.depth == 0 {
            count
        } else {
            self.copies.here = self.copies.here.saturating_add(count);
            let new = self.copies.here.saturating_sub(self.copies.most);
            self.copies.most += new;
            new
        };
        self.census.vectors = self.census.vectors.saturating_add(new);
    }

    /// What the value here is, by its own place or by the container it stands in.
    fn roles(&self) -> Roles {
        let mut roles = self.levels.last().map_or(Roles::NONE, |level| self.inherited(level));
        if self.matcher.ends(&self.places.0.set) {
            for path in self.matcher.matches(&self.places.0.set) {
                roles = self.places.0.roles.get(path).map_or(roles, |own| roles.and(*own));
            }
        }
        roles
    }

    /// Whether the value here stands under a name that says that it is a vector, or in a list that does.
    fn tells_vector(&self) -> bool {
        self.levels
            .last()
            .is_some_and(|level| if level.object { self.member == Member::Vector } else { level.told })
    }

    fn in_array(&self) -> bool {
        self.levels.last().is_some_and(|level| !level.object)
    }

    /// What a value is by the container that it stands in.
    fn inherited(&self, level: &Level) -> Roles {
        if level.roles == Roles::NONE {
            return Roles::NONE;
        }
        let within = |role, then| if level.roles.has(role) { then } else { Roles::NONE };
        if level.object {
            let values = self.member == Member::Values;
            let sparse =
                if values { within(Roles::VECTOR.and(Roles::ENCODED), Roles::VECTOR) } else { Roles::NONE };
            let column =
                if self.member == Member::Indices { Roles::NONE } else { level.roles.only(Roles::COLUMN) };
            return sparse.and(column).and(within(Roles::NAMED, Roles::VECTOR));
        }
        level
            .roles
            .only(Roles::VECTOR.and(Roles::ENCODED).and(Roles::COLUMN).and(Roles::ID))
            .and(within(Roles::NAMED, Roles::VECTOR))
            .and(within(Roles::COPY, Roles::ENCODED))
    }

    /// A value passes: counted where it is a row or an input.
    fn value(&mut self, kind: Kind) -> Roles {
        let roles = self.roles();
        let around = self.levels.last().map_or(Roles::NONE, |level| level.roles);
        let whole = roles.has(Roles::WHOLE) && kind == Kind::Container;
        self.census.rows += u64::from(roles.has(Roles::ROW) || around.has(Roles::ROWS) || whole);
        if roles.has(Roles::POSITION) && self.index >= self.positions {
            self.positions = self.index + 1;
            self.census.rows += 1;
            let index = self.index;
            self.census.note_id(|| index.to_string());
        }
        if roles.has(Roles::COPY) {
            self.copies.here = 0;
        }
        // A list is counted by its elements, of token ids by itself.
        let listed = around.has(Roles::TEXT) && kind != Kind::Other && self.in_array();
        self.census.texts += u64::from(listed || (roles.has(Roles::TEXT) && kind == Kind::Text));
        roles
    }
}

#[cfg(test)]
mod tests;
