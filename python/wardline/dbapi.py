"""The door for drivers of databases (PEP 249): psycopg 3, sqlite3 and others that do not await.

>>> import sqlite3
>>> from wardline import Guard
>>> guard = Guard.parse('''
... version: 1
... state: memory
... services: {docs: {system: sqlite}}
... rules: [{name: read, who: ["user:*"], operations: [data.read, data.query], effect: allow}]
... mask: [{name: mail, entities: {email: redact}}]
... ''')
>>> connection = guarded(sqlite3.connect(":memory:"), service="docs", identity="ana", guard=guard)
>>> connection.execute("SELECT 1, 'ask ana@' || 'example.org' LIMIT 1").fetchall()
[(1, 'ask [EMAIL]')]

Each statement is judged with the values bound to it before it runs, and ``WardlineError`` raised where it may not: ``error.approval`` is the ticket
of what is held. Rows are masked and counted as they are fetched, and what was written when it ran; where no grant covers them ``ExchangeCut`` is
raised: roll back then. Of a row only the values that masking changes are replaced. A value that is no scalar (an array, bytes, text that begins like
one) counts as a vector. What a driver has besides (COPY, streams, procedures by name, blobs) is not guarded, and not there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, Optional, Union

from ._errors import WardlineError
from ._guarded import Known, Policy
from ._rows import Rows, Statements
from ._wardline import Guard

__all__ = ["GuardedConnection", "GuardedCursor", "guarded"]

# What a connection has that says nothing to the database, or only where a transaction begins and ends.
_PASSING = frozenset({
    "autocommit", "closed", "in_transaction", "info", "isolation_level", "notices", "row_factory", "text_factory", "total_changes",
    "transaction",
})  # fmt: skip
_TOLD = frozenset({"arraysize", "description", "lastrowid", "rowcount", "rownumber", "statusmessage", "row_factory"})


def guarded(
    connection: Any,
    *,
    service: str,
    identity: Union[Known, Callable[[], Known]] = None,
    dialect: Optional[str] = None,
    policy: Optional[Policy] = None,
    guard: Optional[Guard] = None,
) -> GuardedConnection:
    """A connection whose statements are judged as ones to ``service``. Who asks is ``identity`` (a function of no arguments, too), or else
    whoever called the guarded service that this runs in."""
    return GuardedConnection(connection, Statements(service, identity, dialect, policy, guard))


class GuardedConnection:
    """A connection under guard."""

    _connection: Any
    _statements: Statements

    def __init__(self, connection: Any, statements: Statements) -> None:
        self.__dict__.update(_connection=connection, _statements=statements)

    def cursor(self, *args: Any, **kwargs: Any) -> GuardedCursor:
        return GuardedCursor(self._connection.cursor(*args, **kwargs), self._statements, self)

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> GuardedCursor:
        return self.cursor().execute(statement, *args, **kwargs)

    def executemany(self, statement: Any, parameters: Any, **kwargs: Any) -> GuardedCursor:
        return self.cursor().executemany(statement, parameters, **kwargs)

    def executescript(self, script: str) -> GuardedCursor:
        return self.cursor().executescript(script)

    def commit(self) -> None:
        self._connection.commit()

    def rollback(self) -> None:
        self._connection.rollback()

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> GuardedConnection:
        self._connection.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return self._connection.__exit__(*raised)

    def __getattr__(self, name: str) -> Any:
        if name not in _PASSING:
            raise AttributeError(f"{name!r} of a connection is not guarded")
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _PASSING:
            raise AttributeError(f"{name!r} of a connection is not guarded")
        setattr(self._connection, name, value)


class GuardedCursor:
    """A cursor under guard."""

    def __init__(self, cursor: Any, statements: Statements, connection: Any) -> None:
        self.connection = connection
        self._cursor = cursor
        self._statements = statements
        self._rows: Optional[Rows] = None

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> GuardedCursor:
        return self._run(self._cursor.execute, statement, args, kwargs)

    def executemany(self, statement: Any, parameters: Any, **kwargs: Any) -> GuardedCursor:
        return self._run(self._cursor.executemany, statement, (list(parameters),), kwargs)

    def executescript(self, script: str) -> GuardedCursor:
        return self._run(self._cursor.executescript, script, (), {})

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        if row is None:
            self._end()
            return None
        return self._passed([row])[0]

    def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        rows = self._cursor.fetchmany(*args, **kwargs)
        if not rows:
            self._end()
            return []
        return self._passed(rows)

    def fetchall(self) -> list[Any]:
        rows = self._cursor.fetchall()
        passed = self._passed(rows) if rows else []
        self._end()
        return passed

    def nextset(self) -> Any:
        return self._cursor.nextset()

    def setinputsizes(self, *sizes: Any) -> None:
        self._cursor.setinputsizes(*sizes)

    def setoutputsize(self, *size: Any) -> None:
        self._cursor.setoutputsize(*size)

    def close(self) -> None:
        self._cursor.close()
        self._end()

    def __del__(self) -> None:
        self._end()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> GuardedCursor:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name not in _TOLD:
            raise AttributeError(f"{name!r} of a cursor is not guarded")
        return getattr(self._cursor, name)

    def _run(self, work: Callable[..., Any], statement: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GuardedCursor:
        self._end()
        values = [*args, kwargs] if args or kwargs else None
        rows = self._statements.begin(self._text(statement), values, _style(self._cursor))
        try:
            pending = work(statement, *args, **kwargs)
            if inspect.isawaitable(pending):
                pending.close()  # type: ignore[attr-defined]
                raise WardlineError("a driver that awaits is not guarded", "invalid_input")
        except BaseException as error:
            rows.end(type(error))
            raise
        self._rows = rows
        rows.ran(self._cursor.description, self._cursor.rowcount)
        return self

    def _text(self, statement: Any) -> str:
        if hasattr(statement, "as_string"):
            statement = statement.as_string(self._cursor)
        if isinstance(statement, (bytes, bytearray)):
            statement = bytes(statement).decode()
        if not isinstance(statement, str):
            raise WardlineError("expected a statement as text", "invalid_input")
        return statement

    def _passed(self, rows: list[Any]) -> list[Any]:
        if self._rows is None:
            raise WardlineError("rows that nobody asked for in sight of the guard", "invalid_input")
        return self._rows.passed(self._cursor.description, rows)

    def _end(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.end()


def _style(cursor: Any) -> str:
    """How the cursor's driver writes parameters."""
    driver = sys.modules.get(type(cursor).__module__.partition(".")[0])
    return getattr(driver, "paramstyle", "")
