//! A YAML document with places: every mistake is told with its file, line and column.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// Where something stands, both from 1; the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

/// One mistake.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) file: String,
    pub(crate) place: Place,
    pub(crate) what: String,
}

/// Collects what is wrong with files.
pub(crate) struct Faults<'f> {
    file: &'f str,
    found: Vec<Fault>,
}

impl<'f> Faults<'f> {
    /// Nothing wrong so far.
    pub(crate) fn new(file: &'f str) -> Self {
        Self { file, found: Vec::new() }
    }

    /// What follows is about another file.
    pub(crate) fn in_file(&mut self, file: &'f str) {
        self.file = file;
    }

    /// Notes a mistake at a place.
    pub(crate) fn at(&mut self, place: Place, what: impl Into<String>) {
        self.found.push(Fault { file: self.file.to_owned(), place, what: what.into() });
    }

    /// All mistakes, in the order they were found.
    pub(crate) fn into_found(self) -> Vec<Fault> {
        self.found
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// A node and its place.
#[derive(Clone, Copy)]
pub(crate) struct Node<'n, 'y>(&'n MarkedYaml<'y>);

impl<'n, 'y> Node<'n, 'y> {
    /// Where it starts.
    pub(crate) fn place(self) -> Place {
        let start = self.0.span.start;
        Place { line: start.line(), column: start.col() + 1 }
    }

    /// A scalar as text: names, numbers and booleans alike.
    pub(crate) fn text(self) -> Option<String> {
        match &self.0.data {
            YamlData::Value(Scalar::String(s)) => Some(s.to_string()),
            YamlData::Value(Scalar::Integer(n)) => Some(n.to_string()),
            YamlData::Value(Scalar::Boolean(b)) => Some(b.to_string()),
            _ => None,
        }
    }

    /// A whole number.
    pub(crate) fn number(self) -> Option<u64> {
        match &self.0.data {
            YamlData::Value(Scalar::Integer(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    /// The elements of a list.
    pub(crate) fn list(self) -> Option<Vec<Self>> {
        self.0.data.as_sequence().map(|items| items.iter().map(Node).collect())
    }

    /// One text, or a list of texts.
    pub(crate) fn texts(self) -> Option<Vec<String>> {
        match self.list() {
            Some(items) => items.into_iter().map(Self::text).collect(),
            None => self.text().map(|t| vec![t]),
        }
    }

    /// The members of a mapping, in order, with the place of each key.
    pub(crate) fn members(self) -> Option<Vec<(String, Place, Self)>> {
        let map = self.0.data.as_mapping()?;
        map.iter().map(|(k, v)| Some((Node(k).text()?, Node(k).place(), Node(v)))).collect()
    }
}

/// Parses a document and hands its root to `read`.
pub(crate) fn with_root<T>(
    text: &str,
    faults: &mut Faults<'_>,
    read: impl FnOnce(Node<'_, '_>, &mut Faults<'_>) -> T,
) -> Option<T> {
    match MarkedYaml::load_from_str(text) {
        Ok(documents) => match documents.as_slice() {
            [root] => Some(read(Node(root), faults)),
            _ => {
                faults.at(Place::default(), "expected one document");
                None
            }
        },
        Err(error) => {
            let at = error.marker();
            let place = Place { line: at.line(), column: at.col() + 1 };
            faults.at(place, format!("not YAML: {}", error.info()));
            None
        }
    }
}
