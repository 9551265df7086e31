//! What each place of a body is to the census.

use std::sync::Arc;

use crate::error::Error;
use crate::json::{Path, PathSet, Segment};

use super::Paths;

/// [`Paths`], compiled once for many bodies.
#[derive(Debug, Clone)]
pub struct Places(pub(super) Arc<Compiled>);

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) set: PathSet,
    /// What each path of the set stands for.
    pub(super) roles: Vec<Roles>,
    /// A document is one row, or a list of them.
    pub(super) one_or_list: bool,
}

/// What a value is to the census; several at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Roles(u16);

impl Roles {
    pub(super) const NONE: Self = Self(0);
    pub(super) const VECTOR: Self = Self(1);
    pub(super) const NAMED: Self = Self(1 << 1);
    /// A vector that may be a text.
    pub(super) const ENCODED: Self = Self(1 << 2);
    pub(super) const COPY: Self = Self(1 << 3);
    pub(super) const COLUMN: Self = Self(1 << 4);
    pub(super) const TENSOR: Self = Self(1 << 5);
    pub(super) const QUERY: Self = Self(1 << 7);
    pub(super) const TEXT: Self = Self(1 << 8);
    pub(super) const ROW: Self = Self(1 << 9);
    /// What holds rows.
    pub(super) const ROWS: Self = Self(1 << 10);
    pub(super) const ID: Self = Self(1 << 11);
    pub(super) const POSITION: Self = Self(1 << 12);
    /// A list or an object that is one row itself.
    pub(super) const WHOLE: Self = Self(1 << 13);

    /// Whether it is any of these.
    pub(super) fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of them that are among `others`.
    pub(super) fn only(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}

impl Places {
    /// Compiles the places of one kind of body.
    ///
    /// # Errors
    /// Where one of them is not a path.
    pub fn compile(paths: &Paths) -> Result<Self, Error> {
        let (mut compiled, mut roles) = (Vec::new(), Vec::new());
        for (texts, role) in [
            (paths.vectors, Roles::VECTOR),
            (paths.named, Roles::NAMED),
            (paths.encoded, Roles::ENCODED),
            (paths.copies, Roles::COPY),
            (paths.columns, Roles::COLUMN),
            (paths.tensors, Roles::TENSOR),
            (paths.queries, Roles::QUERY),
            (paths.texts, Roles::TEXT),
            (paths.rows, Roles::ROWS),
            (paths.ids, Roles::ID),
            (paths.positions, Roles::POSITION),
        ] {
            for text in texts {
                let whole = text.strip_prefix('=').filter(|_| role == Roles::ROWS);
                let path = Path::parse(whole.unwrap_or(text))?;
                let each = matches!(path.segments().last(), None | Some(Segment::AnyIndex));
                roles.push(match role {
                    Roles::ROWS if whole.is_some() => Roles::WHOLE,
                    Roles::ROWS if each => Roles::ROW,
                    other => other,
                });
                compiled.push(path);
            }
        }
        let one_or_list = ["$", "[*]"].iter().all(|path| paths.rows.contains(path));
        Ok(Self(Arc::new(Compiled { set: PathSet::new(compiled), roles, one_or_list })))
    }
}
