//! A YAML document with places: every mistake is reported as `file:line: what`.

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

/// Collects what is wrong with one file.
pub(crate) struct Faults<'f> {
    file: &'f str,
    found: Vec<String>,
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
    pub(crate) fn at(&mut self, line: usize, what: impl AsRef<str>) {
        self.found.push(format!("{}:{line}: {}", self.file, what.as_ref()));
    }

    /// All mistakes, in the order they were found.
    pub(crate) fn into_found(self) -> Vec<String> {
        self.found
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// A node and its line.
#[derive(Clone, Copy)]
pub(crate) struct Node<'n, 'y>(&'n MarkedYaml<'y>);

impl<'n, 'y> Node<'n, 'y> {
    /// The line it starts on, from 1.
    pub(crate) fn line(self) -> usize {
        self.0.span.start.line()
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

    /// The members of a mapping, in order, with the line of each key.
    pub(crate) fn members(self) -> Option<Vec<(String, usize, Self)>> {
        let map = self.0.data.as_mapping()?;
        map.iter().map(|(k, v)| Some((Node(k).text()?, Node(k).line(), Node(v)))).collect()
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
                faults.at(1, "expected one document");
                None
            }
        },
        Err(error) => {
            faults.at(error.marker().line(), format!("not YAML: {}", error.info()));
            None
        }
    }
}
