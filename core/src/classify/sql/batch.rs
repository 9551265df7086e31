//! Where a statement of SQL Server ends: its batches need no semicolons.
//!
//! `SET NOCOUNT ON EXEC xp_cmdshell 'dir'` is two statements. The words that begin one are reserved there, so they stand elsewhere
//! only as parts of others: `ON DELETE CASCADE`, `THEN UPDATE SET`, `WITH EXECUTE AS`, `GRANT DELETE ON`.

use super::cursor::{Tokens, any, between, find, from, is, keyword, kind, places};
use super::lexer::Kind;

/// Words that begin a statement.
const BEGINS: [&str; 46] = [
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "EXEC",
    "EXECUTE",
    "DROP",
    "TRUNCATE",
    "CREATE",
    "ALTER",
    "GRANT",
    "REVOKE",
    "DENY",
    "BACKUP",
    "RESTORE",
    "DECLARE",
    "SET",
    "PRINT",
    "USE",
    "IF",
    "ELSE",
    "WHILE",
    "BEGIN",
    "END",
    "COMMIT",
    "ROLLBACK",
    "SAVE",
    "KILL",
    "DBCC",
    "SHUTDOWN",
    "RECONFIGURE",
    "WAITFOR",
    "OPEN",
    "CLOSE",
    "DEALLOCATE",
    "FETCH",
    "RETURN",
    "RAISERROR",
    "THROW",
    "GO",
    "BULK",
    "REVERT",
    "CHECKPOINT",
    "BREAK",
    "CONTINUE",
];

/// Behind these stands a part of the same statement.
const WITHIN: [&str; 11] =
    ["WITH", "AS", "THEN", "FOR", "AFTER", "OF", "UNION", "ALL", "EXCEPT", "INTERSECT", "BULK"];

/// What is made, changed or taken away by a statement of its own, and not by a clause.
const OBJECTS: [&str; 13] = [
    "TABLE",
    "DATABASE",
    "VIEW",
    "PROC",
    "PROCEDURE",
    "FUNCTION",
    "SCHEMA",
    "LOGIN",
    "USER",
    "ROLE",
    "TRIGGER",
    "SEQUENCE",
    "SERVER",
];

/// The statement that is walked over.
#[derive(Default)]
struct Head {
    place: usize,
    /// How many `SET` it had.
    sets: usize,
    /// Whether its `TO` or `FROM` came.
    to: bool,
}

/// Where the statement at the beginning of `tokens` ends, which end at a semicolon.
pub(super) fn end(tokens: Tokens<'_, '_>) -> usize {
    // A condition, a block, a `WITH` and an `INSERT` have a statement within them.
    let mut open = holds(tokens, 0);
    if routine(tokens) {
        return tokens.len();
    }
    let (mut head, mut cases) = (Head::default(), 0_usize);
    for place in places(tokens).skip(1) {
        head.to |= any(tokens, place, &["TO", "FROM"]);
        if is(tokens, place, "CASE") {
            cases += 1;
        } else if cases > 0 {
            cases -= usize::from(is(tokens, place, "END"));
        } else if begins(tokens, &mut head, place) {
            if !open {
                return place;
            }
            (head, open) = (Head { place, ..Head::default() }, holds(tokens, place));
            if routine(from(tokens, place)) {
                return tokens.len();
            }
        } else if is(tokens, head.place, "INSERT") && any(tokens, place, &["VALUES", "DEFAULT"]) {
            open = false;
        }
    }
    tokens.len()
}

/// Whether the statement at `place` has another one within it.
fn holds(tokens: Tokens<'_, '_>, place: usize) -> bool {
    let block = is(tokens, place, "BEGIN")
        && !any(tokens, place + 1, &["TRAN", "TRANSACTION", "DISTRIBUTED", "DIALOG", "CONVERSATION"]);
    block || any(tokens, place, &["IF", "WHILE", "ELSE", "WITH", "INSERT", "EXPLAIN"])
}

/// Whether what is defined goes on to the end of the batch.
fn routine(tokens: Tokens<'_, '_>) -> bool {
    let kinds = ["PROC", "PROCEDURE", "FUNCTION", "TRIGGER", "VIEW"];
    let schema = is(tokens, 0, "CREATE") && is(tokens, 1, "SCHEMA");
    schema || any(tokens, 0, &["CREATE", "ALTER"]) && find(between(tokens, 0, 5), 1, &kinds).is_some()
}

/// Whether a statement begins at `place`, behind that of `head`.
fn begins(tokens: Tokens<'_, '_>, head: &mut Head, place: usize) -> bool {
    if !keyword(tokens, place, &BEGINS) {
        return false;
    }
    let before = place.checked_sub(1);
    let clause = any(tokens, head.place, &["ALTER", "CREATE"]);
    // `REFERENCES t ON DELETE CASCADE`, where `SET NOCOUNT ON` ends with that word.
    let behind_on = before.is_some_and(|before| is(tokens, before, "ON"));
    let within = behind_on && clause && any(tokens, place, &["DELETE", "UPDATE"])
        || before.is_some_and(|before| {
            any(tokens, before, &WITHIN)
                || matches!(kind(tokens, before), Some(Kind::Comma | Kind::Dot | Kind::Operator))
        });
    // Privileges are named by the words of statements.
    let privilege = !head.to && any(tokens, head.place, &["GRANT", "REVOKE", "DENY"]);
    if within || privilege {
        return false;
    }
    match () {
        () if is(tokens, place, "SET") => {
            head.sets += 1;
            !(clause || any(tokens, head.place, &["UPDATE", "MERGE"]) && head.sets == 1)
        }
        () if any(tokens, place, &["DROP", "ALTER", "CREATE"]) => {
            !is(tokens, head.place, "ALTER") || any(tokens, place + 1, &OBJECTS)
        }
        // `DROP TABLE IF EXISTS t`
        () if is(tokens, place, "IF") => {
            !is(tokens, place + 1, "EXISTS") || kind(tokens, place + 2) == Some(Kind::Open)
        }
        // `OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY`
        () if is(tokens, place, "FETCH") => {
            !before.is_some_and(|before| any(tokens, before, &["ROW", "ROWS"]))
        }
        // `INNER MERGE JOIN`
        () if is(tokens, place, "MERGE") => !any(tokens, place + 1, &["JOIN", "UNION"]),
        () => true,
    }
}

/// Whether a text of another dialect, which needs semicolons, goes on with a statement behind one that has none: `SET a = 1 DROP TABLE b`.
/// It may be for a server that takes it.
pub(super) fn goes_on(tokens: Tokens<'_, '_>) -> bool {
    let verbs = ["DROP", "DELETE", "TRUNCATE", "EXEC", "EXECUTE", "INSERT"];
    any(tokens, 0, &["SET", "USE", "COMMIT", "ROLLBACK"])
        && places(tokens).skip(1).any(|place| {
            keyword(tokens, place, &verbs) && matches!(kind(tokens, place + 1), Some(Kind::Word | Kind::Name))
        })
}

#[cfg(test)]
mod tests {
    use crate::classify::{Dialect, sql};

    #[test]
    fn statements_without_semicolons_are_told_apart() {
        for (text, told) in [
            ("SET NOCOUNT ON EXEC xp_cmdshell 'dir'", "code.execute,session.control"),
            ("SET NOCOUNT ON SELECT * FROM a", "data.export,session.control"),
            ("DECLARE @x int DELETE FROM a", "data.delete"),
            ("DECLARE @s varchar(9) = 'DROP TABLE x' EXEC(@s)", "code.execute,collection.drop"),
            ("USE master DROP TABLE a", "collection.drop,session.control"),
            ("SELECT 1 DROP TABLE a", "collection.drop,data.query"),
            ("SELECT a FROM b WHERE id = 1 DELETE FROM c", "data.delete,data.read"),
            ("SELECT a FROM b WHERE id = 1 WAITFOR DELAY '0:0:9'", "data.read,session.control"),
            ("DROP TABLE a DELETE FROM b", "collection.drop,data.delete"),
            ("DROP TABLE IF EXISTS a DROP DATABASE b", "collection.drop"),
            ("INSERT INTO a (id) VALUES (1) SELECT b FROM c WHERE id = 1", "data.ingest,data.read"),
            ("INSERT INTO a SELECT 1 DROP TABLE b", "collection.drop,data.ingest"),
            ("CREATE TABLE a (id int) INSERT INTO a VALUES (1)", "collection.create,data.ingest"),
            ("COMMIT DROP TABLE a", "collection.drop,session.control"),
            ("GRANT SELECT, DELETE ON a TO b DROP TABLE c", "admin.access,collection.drop"),
            ("IF EXISTS (SELECT 1 FROM a) DROP TABLE a ELSE DELETE FROM b", "collection.drop,data.delete"),
            ("BEGIN TRAN DELETE FROM a COMMIT", "data.delete,session.control"),
            ("BEGIN DELETE FROM a DROP TABLE b END", "collection.drop,data.delete"),
            ("ALTER TABLE a ADD b int DROP TABLE c", "collection.alter,collection.drop"),
            // One statement each.
            ("GRANT INSERT, UPDATE, EXECUTE ON a TO b", "admin.access"),
            (
                "ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (d) REFERENCES e (d) ON DELETE SET NULL",
                "collection.alter",
            ),
            ("ALTER DATABASE a SET SINGLE_USER WITH ROLLBACK IMMEDIATE", "admin.config"),
            ("ALTER TABLE a ALTER COLUMN b int", "collection.alter"),
            (
                "MERGE a USING b ON a.id = b.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (1);",
                "data.delete,data.ingest",
            ),
            ("SELECT TOP 5 a FROM b UNION ALL SELECT TOP 5 a FROM c", "data.read"),
            ("SELECT a FROM b ORDER BY a OFFSET 0 ROWS FETCH NEXT 5 ROWS ONLY", "data.read"),
            ("UPDATE a SET b = CASE WHEN c = 1 THEN 2 ELSE 3 END WHERE id = 1", "data.ingest"),
            ("WITH x AS (SELECT id FROM a) DELETE FROM a WHERE id IN (SELECT id FROM x)", "data.delete"),
            ("DECLARE c CURSOR FOR SELECT a FROM b", "data.export"),
            ("INSERT INTO a EXEC p", "code.execute,data.ingest"),
        ] {
            let read = sql(text, Some(Dialect::SqlServer));
            let mut found: Vec<&str> = read.acts.iter().map(|act| act.operation.name()).collect();
            found.sort_unstable();
            found.dedup();
            assert_eq!(found.join(","), told, "{text} {:?}", read.reason);
        }
    }

    #[test]
    fn many_statements_are_too_many() {
        let read = sql(&"DROP TABLE a ".repeat(20_000), Some(Dialect::SqlServer));
        assert_eq!(read.reason, Some("too_many_statements"));
    }

    #[test]
    fn what_another_dialect_would_not_take_is_unknown_there() {
        for text in ["SET NOCOUNT ON DROP TABLE a", "USE master EXEC p", "COMMIT DELETE FROM a"] {
            assert_eq!(sql(text, None).reason, Some("not_understood"), "{text}");
        }
        assert_eq!(sql("SET a = 1", None).reason, None);
    }
}
