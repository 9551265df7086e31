//! Statements and commands of a service: read by what its system takes.

use std::borrow::Cow;

use super::catalogue::System;
use super::risk::raised;
use super::{Classified, Refusal, command, shell, sql_with};
use crate::model::{Act, Command, Line, Statement};

/// What statements do, by the dialect that they name or else the system's. Where the system takes none, that is unknown.
///
/// ```
/// use wardline::classify;
/// use wardline::model::{Operation, Statement};
///
/// let text = "DELETE FROM docs WHERE id = $1".to_owned();
/// let statement = Statement { service: "warehouse".into(), text, dialect: None, parameters: Default::default(), numbers: Vec::new(), times: 1 };
/// let done = classify::statement(classify::system("postgres").unwrap(), &statement);
/// assert_eq!((done.acts[0].operation, done.acts[0].resource.as_str()), (Operation::DataDelete, "docs"));
/// ```
pub fn statement(system: &'static System, statement: &Statement) -> Classified {
    match system.dialect() {
        Some(own) => {
            let dialect = Some(statement.dialect.unwrap_or(own));
            let mut acts = sql_with(&statement.text, dialect, &statement.numbers).acts;
            if statement.times > 1 {
                acts.iter_mut().for_each(|act| repeated(act, statement.times));
            }
            Classified::of_acts(acts)
        }
        None => Classified::unknown(),
    }
}

/// An act that is done so many times, in one go.
fn repeated(act: &mut Act, times: u64) {
    act.magnitude.count = act.magnitude.count.map(|count| count.saturating_mul(times));
    act.risk = act.risk.max(raised(act.operation, act.operation.base_risk(), act.magnitude));
}

/// What a command does: a shell's by its words and the tables of tools, a server's by the entries of its system. Where the system takes
/// none, that is unknown.
///
/// # Errors
/// An argument that is not what its command takes there.
pub fn said(system: &'static System, said: &Command) -> Result<Classified, Refusal> {
    match &said.line {
        Line::Script(text) if system.shell => Ok(Classified::of_acts(shell::script(text).acts)),
        Line::Script(_) => Ok(Classified::unknown()),
        Line::Words(words) if system.shell => {
            let words: Option<Vec<&str>> = words.iter().map(|word| std::str::from_utf8(word).ok()).collect();
            Ok(words.map_or_else(Classified::unknown, |words| Classified::of_acts(shell::argv(&words).acts)))
        }
        Line::Words(words) => {
            // A value may be any bytes; names of commands and what they decide by are text.
            let words: Vec<Cow<'_, str>> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
            let words: Vec<&str> = words.iter().map(|word| &**word).collect();
            command(system, &words)
        }
    }
}
