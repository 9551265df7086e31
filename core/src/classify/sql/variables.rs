//! Variables of a text and the texts they hold: `DECLARE @s nvarchar(90) = N'...'`, `SET @s = '...'`.
//!
//! A text that is put into a variable and run from there is worth as much as one that is run where it stands. What a
//! variable holds is only told where nothing else in the text touches it: each place that names it is one that was read here.
//!
//! ```text
//! SET @s = 'DROP TABLE docs'; PREPARE p FROM @s; EXECUTE p      -- two places, both read: it drops
//! SET @s = 'SELECT 1'; SELECT q INTO @s FROM t; PREPARE p FROM @s   -- a third one: nobody knows
//! ```

use super::cursor::{Tokens, at, commas, from, is, kind};
use super::lexer::{Kind, Token};

/// Most variables that are kept in mind.
const MANY: usize = 64;

#[derive(Debug, Default, Clone)]
pub(super) struct Variables(Vec<Variable>);

#[derive(Debug, Clone)]
struct Variable {
    name: String,
    /// The places of the text that name it, and how many of them were read.
    places: usize,
    read: usize,
    text: Option<String>,
}

/// The name of a variable: `@s`, Snowflake's `$s`.
fn named(token: &Token<'_>) -> Option<String> {
    // `@@version` is no variable of the text: what is behind its first mark begins no word.
    let marked = token.text.strip_prefix(['@', '$'])?;
    let name = marked.starts_with(|c: char| c.is_alphabetic() || c == '_');
    (token.kind == Kind::Parameter && name).then(|| marked.to_lowercase())
}

impl Variables {
    /// Takes note of where a text names variables that it declares or sets.
    pub(super) fn of(text: Tokens<'_, '_>) -> Self {
        let mut all = Self::default();
        if !text.iter().any(|token| token.any(&["DECLARE", "SET"])) {
            return all;
        }
        for name in text.iter().filter_map(named) {
            if let Some(known) = all.find(&name) {
                known.places += 1;
            } else if all.0.len() < MANY {
                all.0.push(Variable { name, places: 1, read: 0, text: None });
            }
        }
        all
    }

    fn find(&mut self, name: &str) -> Option<&mut Variable> {
        self.0.iter_mut().find(|known| known.name == name)
    }

    /// Reads what follows `DECLARE` or `SET`. Whether it is variables that are given values.
    pub(super) fn given(&mut self, list: Tokens<'_, '_>) -> bool {
        let mut all = true;
        for one in commas(list) {
            // Snowflake sets `s` and reads `$s`.
            let name = at(one, 0)
                .and_then(|token| named(token).or_else(|| token.names().then(|| token.text.to_lowercase())));
            // `@@global.x` is a setting.
            let marked = at(one, 0).is_some_and(|token| token.kind == Kind::Parameter)
                && kind(one, 1) != Some(Kind::Dot);
            let Some(variable) = name.and_then(|name| self.find(&name)) else {
                all &= marked;
                continue;
            };
            variable.read += usize::from(marked);
            let sets = one.iter().position(|token| token.assigns() || token.is("DEFAULT"));
            let Some(value) = sets.map(|place| from(one, place + 1)) else { continue };
            variable.text = match value {
                [text] if text.kind == Kind::Text => Some(text.text.to_string()),
                _ => None,
            };
        }
        all && !list.is_empty()
    }

    /// The text that is run where `token` stands: itself, or what a variable holds.
    pub(super) fn text(&mut self, token: &Token<'_>) -> Option<String> {
        if token.kind == Kind::Text {
            return Some(token.text.to_string());
        }
        let name = named(token)?;
        let variable = self.find(&name)?;
        variable.read += 1;
        variable.text.clone().filter(|_| variable.read == variable.places)
    }
}

/// Whether `SET` or `DECLARE` at the beginning of `tokens` is of a variable.
pub(super) fn begins(tokens: Tokens<'_, '_>) -> bool {
    at(tokens, 1).is_some_and(|token| named(token).is_some())
        && kind(tokens, 2) != Some(Kind::Dot)
        && !is(tokens, 2, "CURSOR")
}

#[cfg(test)]
mod tests {
    use crate::classify::{Dialect, sql};

    fn operations(text: &str, dialect: Dialect) -> Vec<&'static str> {
        sql(text, Some(dialect)).acts.iter().map(|act| act.operation.name()).collect()
    }

    #[test]
    fn a_text_in_a_variable_runs_as_where_it_stands() {
        for (text, dialect, told) in [
            ("SET @s = 'DROP TABLE a'; PREPARE p FROM @s; EXECUTE p", Dialect::MySql, "collection.drop"),
            ("DECLARE @s nvarchar(9) = N'DROP TABLE a'; EXEC(@s)", Dialect::SqlServer, "collection.drop"),
            (
                "DECLARE @s nvarchar(9); SET @s = N'DROP TABLE a'; EXEC sp_executesql @s",
                Dialect::SqlServer,
                "collection.drop",
            ),
            ("SET s = 'DROP TABLE a'; EXECUTE IMMEDIATE $s", Dialect::Snowflake, "collection.drop"),
            // Somebody else writes to it, or reads it before it is known.
            (
                "SET @s = 'SELECT 1'; SELECT q INTO @s FROM a LIMIT 1; PREPARE p FROM @s",
                Dialect::MySql,
                "unknown",
            ),
            (
                "DECLARE @s nvarchar(9) = N'SELECT 1'; SET @s = @s + @t; EXEC(@s)",
                Dialect::SqlServer,
                "unknown",
            ),
            (
                "DECLARE @s nvarchar(9) = N'SELECT 1'; EXEC p @s OUTPUT; EXEC(@s)",
                Dialect::SqlServer,
                "unknown",
            ),
            ("DECLARE @s nvarchar(9) = 'DROP' + ' TABLE a'; EXEC(@s)", Dialect::SqlServer, "unknown"),
        ] {
            let found = operations(text, dialect);
            assert!(found.contains(&told), "{text}: {found:?}");
            assert_eq!(found.contains(&"unknown"), told == "unknown", "{text}: {found:?}");
            assert!(!found.contains(&"session.control"), "{text}: {found:?}");
        }
        assert_eq!(operations("SET @a = 1", Dialect::MySql), ["session.control"]);
        assert_eq!(operations("SET @@GLOBAL.general_log = 'OFF'", Dialect::MySql), ["admin.config"]);
        assert_eq!(operations("SET @a = 1, @@global.general_log = 'OFF'", Dialect::MySql), ["admin.config"]);
        assert_eq!(operations("DECLARE @a int = 5", Dialect::SqlServer), ["session.control"]);
    }
}
