//! Counts along a document.

use std::sync::Arc;

use crate::error::Error;
use crate::json::{Matcher, Path, PathSet, Segment};
use crate::model::Census;

use super::Paths;

/// [`Paths`], compiled once for many bodies.
#[derive(Debug, Clone)]
pub struct Places(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    set: PathSet,
    /// What each path of the set stands for.
    roles: Vec<Roles>,
}

/// What a value is to the census.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Roles {
    vector: bool,
    row: bool,
    rows: bool,
    id: bool,
}

impl Places {
    /// Compiles the places of one kind of body.
    ///
    /// # Errors
    /// Where one of them is not a path.
    pub fn compile(paths: &Paths) -> Result<Self, Error> {
        let (mut compiled, mut roles) = (Vec::new(), Vec::new());
        for text in paths.vectors {
            compiled.push(Path::parse(text)?);
            roles.push(Roles { vector: true, ..Roles::default() });
        }
        for text in paths.rows {
            let path = Path::parse(text)?;
            let each = path.segments().last() == Some(&Segment::AnyIndex);
            roles.push(Roles { row: each, rows: !each, ..Roles::default() });
            compiled.push(path);
        }
        for text in paths.ids {
            compiled.push(Path::parse(text)?);
            roles.push(Roles { id: true, ..Roles::default() });
        }
        Ok(Self(Arc::new(Compiled { set: PathSet::new(compiled), roles })))
    }
}

/// A scalar value as it passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string, decoded; as it goes out, so that a masked id is noted masked.
    Text(&'a [u8]),
    /// A number as written.
    Number(&'a [u8]),
    /// `true`, `false` or `null`.
    Literal,
}

/// Follows one document and counts.
#[derive(Debug, Clone)]
pub struct Counter {
    places: Places,
    matcher: Matcher,
    levels: Vec<Level>,
    /// The value to come stands beside a vector's numbers and holds none.
    aside: bool,
    census: Census,
}

/// An open container.
#[derive(Debug, Clone, Copy)]
struct Level {
    object: bool,
    roles: Roles,
    /// Its own numbers were counted as a vector.
    counted: bool,
}

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
        let matcher = Matcher::new(&places.0.set);
        Self { places: places.clone(), matcher, levels: Vec::new(), aside: false, census: Census::default() }
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
        self.aside = false;
    }

    /// Before the value of the member called `name` (decoded). `shown`: the name as it goes out.
    pub fn key(&mut self, name: &[u8], shown: &[u8]) {
        self.matcher.key(&self.places.0.set, name);
        if let Some(level) = self.levels.last() {
            self.aside = level.roles.vector && name == b"indices";
            if level.roles.id {
                self.census.note_id(|| String::from_utf8_lossy(shown).into_owned());
            }
        }
    }

    /// Before the element with this index.
    pub fn element(&mut self, index: u64) {
        self.matcher.element(&self.places.0.set, index);
    }

    /// Whether elements of the innermost array must come one by one and not as [`numbers`](Self::numbers).
    pub fn wants_elements(&self) -> bool {
        self.levels.last().is_some_and(|level| level.roles.id)
            || self.matcher.wants_elements(&self.places.0.set)
    }

    /// Whether the value here is one that counts as a vector.
    pub fn is_vector(&self) -> bool {
        self.roles().vector
    }

    /// A container begins.
    pub fn open(&mut self, object: bool) {
        let roles = self.value();
        self.levels.push(Level { object, roles, counted: false });
        self.matcher.open();
    }

    /// The innermost container ends.
    pub fn close(&mut self) {
        self.levels.pop();
        self.matcher.close();
    }

    /// A scalar passes.
    pub fn scalar(&mut self, scalar: Scalar<'_>) {
        let roles = self.value();
        match scalar {
            Scalar::Number(_) => self.number(),
            Scalar::Text(text) if roles.vector && !text.is_empty() => self.census.vectors += 1,
            _ => {}
        }
        if let (true, Scalar::Text(text) | Scalar::Number(text)) = (roles.id, scalar) {
            self.census.note_id(|| String::from_utf8_lossy(text).into_owned());
        }
    }

    /// So many elements of the innermost array pass, all of them numbers.
    pub fn numbers(&mut self, count: u64) {
        self.number();
        if self.levels.last().is_some_and(|level| level.roles.rows) {
            self.census.rows += count;
        }
    }

    fn number(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && level.roles.vector
            && !level.object
            && !level.counted
        {
            level.counted = true;
            self.census.vectors += 1;
        }
    }

    /// What the value here is, by its own place or by the container it stands in.
    fn roles(&self) -> Roles {
        let mut roles = Roles::default();
        if let Some(level) = self.levels.last() {
            roles.vector = level.roles.vector && !self.aside;
            roles.id = level.roles.id && !level.object;
        }
        if self.matcher.is_alive() {
            for path in self.matcher.matches(&self.places.0.set) {
                if let Some(own) = self.places.0.roles.get(path) {
                    roles.vector |= own.vector;
                    roles.row |= own.row;
                    roles.rows |= own.rows;
                    roles.id |= own.id;
                }
            }
        }
        roles
    }

    /// Counts the value here as a row where it is one.
    fn value(&mut self) -> Roles {
        let roles = self.roles();
        let among_rows = self.levels.last().is_some_and(|level| level.roles.rows);
        self.census.rows += u64::from(roles.row || among_rows);
        roles
    }
}
