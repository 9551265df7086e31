//! What has been found so far, and how it becomes acts.

use std::cell::RefCell;
use std::rc::Rc;

use super::Dialect;
use super::knowledge::Meaning;
use super::lexer::Token;
use super::variables::Variables;
use crate::classify::raised;
use crate::model::{Act, Magnitude, Operation, Risk};

/// How many rows at most; `None` where nothing limits them.
pub(super) type Bound = Option<u64>;

/// As many rows as this are taken out in bulk.
pub(super) const BULK: u64 = 1_000;
/// Most tables, and most different acts, of one text.
const MANY: usize = 256;
/// Most columns of vectors of one statement.
pub(super) const VECTORS: usize = 32;
/// How many tokens are looked at in all: what nests is read once for each level that it stands in.
const STEPS: usize = 1 << 20;
/// What a write to every row adds: no condition names the rows it means.
const EVERY_ROW: u8 = 20;

/// The smaller of two bounds.
pub(super) fn least(a: Bound, b: Bound) -> Bound {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

pub(super) struct Effects {
    pub dialect: Dialect,
    pub acts: Vec<Act>,
    pub tables: Vec<String>,
    /// Why something is unknown.
    pub reason: Option<&'static str>,
    /// Statements prepared in this text.
    pub prepared: Vec<String>,
    /// Cursors that this text declared, whose queries are among the acts.
    pub cursors: Vec<String>,
    /// Variables that this text gives a value, each with the text that it is, where that is known.
    pub variables: Variables,
    /// Whether variables were given values or blocks begun: nothing that anybody would mind, and not nothing.
    pub set: bool,
    /// Blocks of statements that have begun and not ended.
    pub blocks: usize,
    /// Names of sources, each of which stands for its whole row.
    pub whole_rows: Vec<String>,
    /// Columns next to a distance operator or with a vector type in this statement.
    pub vector_columns: Vec<String>,
    /// Whether the form is known here and the AST's grammar need not know it.
    pub own_form: bool,
    /// Whether this is the body of a procedure: its `INTO` fills variables and its queries give nothing back.
    pub procedure: bool,
    /// Whether what runs this text gives back the rows of queries alone, and none that a write returns.
    pub only_queries: bool,
    /// Whether variables of a block are declared, until it begins.
    pub declares: bool,
    /// How many rows the last write had at most.
    pub wrote: Bound,
    /// Whether this is a write in a `WITH`, and what it gives back to the query behind.
    pub within_with: bool,
    pub gave: Option<Rows>,
    /// How deep statements within statements are.
    pub within: usize,
    /// How deep texts within texts are.
    pub depth: usize,
    /// What parameters are bound to.
    pub bounds: Bounds,
    /// How many tokens may still be looked at.
    steps: usize,
    /// Where somebody asks why: what was added, in order.
    pub notes: Option<Vec<Note>>,
    /// Which statement is read, from 1, and its first words.
    pub statement: (usize, String),
    /// The line of the data file that is applied.
    line: Option<usize>,
}

/// The whole numbers that parameters are bound to, and which of them bounded something.
#[derive(Default, Clone)]
pub(super) struct Bounds {
    pub numbers: Rc<[Option<u64>]>,
    /// Shared by all who read the same text: what one of them asked for, the answer rests on.
    used: Rc<RefCell<Vec<Used>>>,
}

/// The place of a parameter, and what was bound there: nothing, where that is not known or no whole number.
pub(super) type Used = (usize, Option<u64>);

impl Bounds {
    /// What a parameter is bound to: `$1` by its number, `?` and `%s` by their order. Others go by names.
    pub(super) fn of(&self, parameter: &Token<'_>) -> Bound {
        let place = match parameter.text.strip_prefix('$') {
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1)?,
            None if matches!(&*parameter.text, "?" | "%s") => parameter.more as usize,
            None => return None,
        };
        let number = self.numbers.get(place).copied().flatten();
        self.used.borrow_mut().push((place, number));
        number
    }

    /// What was asked for.
    pub(super) fn used(&self) -> Vec<Used> {
        self.used.borrow().clone()
    }
}

/// What one statement added.
pub(super) struct Note {
    pub act: Act,
    pub base: Risk,
    pub statement: (usize, String),
    pub line: Option<usize>,
}

impl Effects {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            acts: Vec::new(),
            tables: Vec::new(),
            reason: None,
            prepared: Vec::new(),
            cursors: Vec::new(),
            variables: Variables::default(),
            set: false,
            blocks: 0,
            whole_rows: Vec::new(),
            vector_columns: Vec::new(),
            own_form: false,
            procedure: false,
            only_queries: false,
            declares: false,
            wrote: None,
            within_with: false,
            gave: None,
            within: 0,
            depth: 0,
            bounds: Bounds::default(),
            steps: STEPS,
            notes: None,
            statement: (0, String::new()),
            line: None,
        }
    }

    /// The same reader for what is only looked at: its acts do not count, what it spends does.
    pub(super) fn apart(&self) -> Self {
        let bounds = self.bounds.clone();
        Self { within: self.within, depth: self.depth, steps: self.steps, bounds, ..Self::new(self.dialect) }
    }

    /// What was looked at apart is spent here too: what nests would otherwise be read twice at each level.
    pub(super) fn spent(&mut self, apart: &Self) {
        self.steps = self.steps.min(apart.steps);
    }

    /// Takes note that so many tokens are looked at. Whether there is still room.
    pub(super) fn spend(&mut self, tokens: usize) -> bool {
        let left = self.steps.checked_sub(tokens);
        self.steps = left.unwrap_or(0);
        if left.is_none() {
            self.unknown("too_complex");
        }
        left.is_some()
    }

    /// An operation on `resource`, on at most `count` of its things.
    pub(super) fn add(&mut self, operation: Operation, resource: &str, count: Bound) {
        self.act(operation, resource, count, operation.base_risk());
    }

    pub(super) fn act(&mut self, operation: Operation, resource: &str, count: Bound, base: Risk) {
        let magnitude = match operation.unit() {
            Some(unit) => Magnitude { unit: Some(unit), count },
            None => Magnitude { count, ..Magnitude::default() },
        };
        let risk = raised(operation, base, magnitude);
        if let Some(notes) = &mut self.notes {
            let act = Act { operation, resource: resource.to_owned(), magnitude, risk };
            notes.push(Note { act, base, statement: self.statement.clone(), line: self.line });
        }
        let full = self.acts.len() >= MANY && operation != Operation::Unknown;
        let same = self.acts.iter_mut().find(|act| act.operation == operation && act.resource == resource);
        match same {
            Some(act) if (act.risk, act.magnitude.exceeds(count.unwrap_or(u64::MAX))) >= (risk, false) => {}
            Some(act) => (act.magnitude, act.risk) = (magnitude, risk),
            None if full => self.unknown("too_complex"),
            None => {
                self.acts.push(Act { operation, resource: resource.to_owned(), magnitude, risk });
            }
        }
    }

    pub(super) fn means(&mut self, meaning: Meaning, resource: &str) {
        let count = if meaning.unbounded { None } else { Some(1) };
        self.told(meaning, resource, count);
        if let Some(also) = meaning.also {
            self.told(Meaning { operation: also, risk: also.base_risk(), ..meaning }, resource, count);
        }
    }

    /// What a line of the data file says.
    fn told(&mut self, meaning: Meaning, resource: &str, count: Bound) {
        self.line = Some(meaning.line);
        self.act(meaning.operation, resource, count, meaning.risk);
        self.line = None;
    }

    /// A write to rows; `every` where it names none of them.
    pub(super) fn write(&mut self, operation: Operation, table: &str, count: Bound, every: bool) {
        self.wrote = count;
        let base = operation.base_risk().plus(if every { EVERY_ROW } else { 0 });
        self.act(operation, table, count, base);
    }

    pub(super) fn unknown(&mut self, reason: &'static str) {
        self.reason = self.reason.or(Some(reason));
        self.act(Operation::Unknown, "", None, Operation::Unknown.base_risk());
    }

    pub(super) fn table(&mut self, name: &str) {
        if self.tables.iter().any(|table| table == name) {
            return;
        }
        if self.tables.len() >= MANY {
            return self.unknown("too_complex");
        }
        self.tables.push(name.to_owned());
    }

    pub(super) fn vector_column(&mut self, name: &str) {
        let column = name.to_lowercase();
        if self.vector_columns.contains(&column) {
            return;
        }
        if self.vector_columns.len() >= VECTORS {
            return self.unknown("too_complex");
        }
        self.vector_columns.push(column);
    }

    pub(super) fn is_vector(&self, column: &str) -> bool {
        super::knowledge::is_vector_column(column) || self.vector_columns.iter().any(|known| known == column)
    }

    /// What the system tables among the sources of a reading make of it.
    pub(super) fn read_system(&mut self, rows: &Rows) {
        for meaning in &rows.system {
            self.told(*meaning, &rows.resource, rows.bound);
        }
    }

    /// The acts of a reading whose rows come out.
    pub(super) fn read(&mut self, rows: &Rows) {
        let resource = rows.resource.as_str();
        self.read_system(rows);
        if rows.searches {
            self.add(Operation::VectorSearch, resource, rows.bound);
        }
        let bulk = rows.bound.is_none_or(|count| count >= BULK);
        let operation = match rows.shape {
            Shape::Vectors if bulk && !rows.written => Operation::VectorExport,
            Shape::Vectors => Operation::VectorFetch,
            _ if rows.searches && !bulk => return,
            Shape::Rows if bulk && !rows.written => Operation::DataExport,
            Shape::Rows => Operation::DataRead,
            Shape::Computed => Operation::DataQuery,
            Shape::Nothing => return,
        };
        if operation == Operation::DataQuery
            && self.acts.iter().any(|act| act.resource == resource)
            && resource.is_empty()
        {
            return;
        }
        self.add(operation, resource, rows.bound);
    }
}

/// What a row that comes out holds, the weightier the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Shape {
    /// No rows of a table's content: system tables, or only what a function does.
    #[default]
    Nothing,
    /// Constants and aggregates.
    Computed,
    /// Columns of tables.
    Rows,
    /// Vectors among them.
    Vectors,
}

/// What a query gives.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rows {
    pub shape: Shape,
    pub bound: Bound,
    /// By nearness of vectors.
    pub searches: bool,
    /// Rows that a write of the same statement gave back.
    pub written: bool,
    /// Whether all of them are rows that a delete of the same statement took away.
    pub moved: bool,
    /// Whether they went to a file.
    pub filed: bool,
    /// Whether aggregates put many rows into one, so that no limit on rows limits them.
    pub gathers: bool,
    pub system: Vec<Meaning>,
    pub resource: String,
    /// Whether `*` is among the columns.
    pub star: bool,
}

impl Rows {
    /// Both, one after the other or side by side.
    pub(super) fn join(&mut self, other: Rows) {
        self.moved = other.moved && (self.moved || *self == Rows::default());
        self.shape = self.shape.max(other.shape);
        self.searches |= other.searches;
        self.filed |= other.filed;
        self.written |= other.written;
        self.gathers |= other.gathers;
        self.star |= other.star;
        for meaning in other.system {
            if !self.system.contains(&meaning) {
                self.system.push(meaning);
            }
        }
        if self.resource.is_empty() {
            self.resource = other.resource;
        }
    }
}
