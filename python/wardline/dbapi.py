"""The door for drivers of databases: psycopg 3, sqlite3 and others of PEP 249, and psycopg's connections of asyncio.

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
>>> connection.close()

Each statement is judged with the values bound to it before it runs, and ``WardlineError`` raised where it may not: ``error.approval`` is the ticket
of what is held. Rows are masked and counted as they are fetched, and what was written when it ran; where no grant covers them ``ExchangeCut`` is
raised: roll back then. Of a row only the values that masking changes are replaced. A value that is no scalar (an array, bytes, text that begins like
one) counts as a vector. What a driver has besides (COPY, streams, procedures by name, blobs) is not guarded, and not there.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Optional, Union

from ._errors import WardlineError
from ._flow import run
from ._guarded import Known, Policy
from ._rows import Rows, Statements
from ._wardline import Guard

__all__ = ["AsyncGuardedConnection", "AsyncGuardedCursor", "GuardedConnection", "GuardedCursor", "guarded", "guarded_async"]

# What a connection has that says nothing to the database, or only where a transaction begins and ends.
_PASSING = frozenset({
    "autocommit", "closed", "in_transaction", "info", "isolation_level", "notices", "row_factory", "set_autocommit",
    "set_isolation_level", "text_factory", "total_changes", "transaction",
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
    _expect(connection, beside=False)
    return GuardedConnection(connection, Statements(service, identity, dialect, policy, guard))


def guarded_async(
    connection: Any,
    *,
    service: str,
    identity: Union[Known, Callable[[], Known]] = None,
    dialect: Optional[str] = None,
    policy: Optional[Policy] = None,
    guard: Optional[Guard] = None,
) -> AsyncGuardedConnection:
    """The same for a ``psycopg.AsyncConnection``."""
    _expect(connection, beside=True)
    return AsyncGuardedConnection(connection, Statements(service, identity, dialect, policy, guard))


def _expect(connection: Any, beside: bool) -> None:
    """Raises where it is no connection of this kind."""
    kinds = ("guarded", "PEP 249"), ("guarded_async", "asyncio")
    commit = getattr(connection, "commit", None)
    if not callable(commit) or not callable(getattr(connection, "cursor", None)):
        raise WardlineError(f"expected a connection of {kinds[beside][1]}, got {type(connection).__name__}", "invalid_input")
    if inspect.iscoroutinefunction(commit) != beside:
        raise WardlineError(f"expected a connection of {kinds[beside][1]}: this one is for {kinds[not beside][0]}", "invalid_input")


class _Connection:
    """What both kinds have in common: what there is of a connection, and nothing else."""

    _connection: Any
    _statements: Statements

    def __init__(self, connection: Any, statements: Statements) -> None:
        self.__dict__.update(_connection=connection, _statements=statements)

    def __getattr__(self, name: str) -> Any:
        if name not in _PASSING:
            raise AttributeError(f"{name!r} of a connection is not guarded")
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _PASSING:
            raise AttributeError(f"{name!r} of a connection is not guarded")
        setattr(self._connection, name, value)


class GuardedConnection(_Connection):
    """A connection under guard."""

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


class AsyncGuardedConnection(_Connection):
    """A connection of asyncio under guard."""

    def cursor(self, *args: Any, **kwargs: Any) -> AsyncGuardedCursor:
        return AsyncGuardedCursor(self._connection.cursor(*args, **kwargs), self._statements, self)

    async def execute(self, statement: Any, *args: Any, **kwargs: Any) -> AsyncGuardedCursor:
        return await self.cursor().execute(statement, *args, **kwargs)

    async def commit(self) -> None:
        await self._connection.commit()

    async def rollback(self) -> None:
        await self._connection.rollback()

    async def close(self) -> None:
        await self._connection.close()

    async def __aenter__(self) -> AsyncGuardedConnection:
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._connection.__aexit__(*raised)


class _Cursor:
    """What both kinds have in common."""

    # Whether statements are waited for beside an event loop.
    _beside = False

    def __init__(self, cursor: Any, statements: Statements, connection: Any) -> None:
        self._rows: Optional[Rows] = None
        self._cursor = cursor
        self._statements = statements
        self.connection = connection

    def setinputsizes(self, *sizes: Any) -> None:
        self._cursor.setinputsizes(*sizes)

    def setoutputsize(self, *size: Any) -> None:
        self._cursor.setoutputsize(*size)

    def nextset(self) -> Any:
        return self._cursor.nextset()

    def __del__(self) -> None:
        self._end()

    def __getattr__(self, name: str) -> Any:
        if name not in _TOLD:
            raise AttributeError(f"{name!r} of a cursor is not guarded")
        return getattr(self._cursor, name)

    async def _run(
        self, work: Callable[..., Any], statement: Any, args: tuple[Any, ...], kwargs: dict[str, Any], many: bool = False
    ) -> None:
        self._end()
        values = args[0] if args else kwargs.get("params", kwargs.get("parameters"))
        further = [*args[1:], kwargs] if args[1:] or kwargs else None
        style = _style(self._cursor)
        rows = await self._statements.begin(self._text(statement), values, style, self._beside, many=many, further=further)
        try:
            pending = work(statement, *args, **kwargs)
            if self._beside:
                await pending
            elif inspect.isawaitable(pending):
                pending.close()  # type: ignore[attr-defined]
                raise WardlineError("a driver that awaits is guarded by guarded_async", "invalid_input")
        except BaseException as error:
            rows.end(type(error))
            raise
        self._rows = rows
        await rows.ran(self._cursor.description, self._cursor.rowcount)

    async def _passed(self, rows: list[Any], last: bool = False) -> list[Any]:
        """The rows as they may be handed on; where there are none, or with the last ones, the statement is over."""
        passed: list[Any] = []
        if rows:
            if self._rows is None:
                raise WardlineError("rows that nobody asked for in sight of the guard", "invalid_input")
            passed = await self._rows.passed(self._cursor.description, rows)
        if last or not rows:
            self._end()
        return passed

    def _end(self) -> None:
        rows, self._rows = self._rows, None
        if rows is not None:
            rows.end()

    def _text(self, statement: Any) -> str:
        if hasattr(statement, "as_string"):
            statement = statement.as_string(self._cursor)
        if isinstance(statement, (bytes, bytearray)):
            statement = bytes(statement).decode()
        if not isinstance(statement, str):
            raise WardlineError("expected a statement as text", "invalid_input")
        return statement


class GuardedCursor(_Cursor):
    """A cursor under guard."""

    def execute(self, statement: Any, *args: Any, **kwargs: Any) -> GuardedCursor:
        run(self._run(self._cursor.execute, statement, args, kwargs))
        return self

    def executemany(self, statement: Any, parameters: Any, **kwargs: Any) -> GuardedCursor:
        run(self._run(self._cursor.executemany, statement, (list(parameters),), kwargs, True))
        return self

    def executescript(self, script: str) -> GuardedCursor:
        run(self._run(self._cursor.executescript, script, (), {}))
        return self

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        passed = run(self._passed([] if row is None else [row]))
        return passed[0] if passed else None

    def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        return run(self._passed(self._cursor.fetchmany(*args, **kwargs)))

    def fetchall(self) -> list[Any]:
        return run(self._passed(self._cursor.fetchall(), last=True))

    def close(self) -> None:
        self._cursor.close()
        self._end()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def __enter__(self) -> GuardedCursor:
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()


class AsyncGuardedCursor(_Cursor):
    """A cursor of asyncio under guard."""

    _beside = True

    async def execute(self, statement: Any, *args: Any, **kwargs: Any) -> AsyncGuardedCursor:
        await self._run(self._cursor.execute, statement, args, kwargs)
        return self

    async def executemany(self, statement: Any, parameters: Any, **kwargs: Any) -> None:
        await self._run(self._cursor.executemany, statement, (list(parameters),), kwargs, True)

    async def fetchone(self) -> Any:
        row = await self._cursor.fetchone()
        passed = await self._passed([] if row is None else [row])
        return passed[0] if passed else None

    async def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        return await self._passed(await self._cursor.fetchmany(*args, **kwargs))

    async def fetchall(self) -> list[Any]:
        return await self._passed(await self._cursor.fetchall(), last=True)

    async def close(self) -> None:
        await self._cursor.close()
        self._end()

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (row := await self.fetchone()) is not None:
            yield row

    async def __aenter__(self) -> AsyncGuardedCursor:
        return self

    async def __aexit__(self, *raised: Any) -> None:
        await self.close()


def _style(cursor: Any) -> str:
    """How the cursor's driver writes parameters."""
    driver = sys.modules.get(type(cursor).__module__.partition(".")[0])
    return getattr(driver, "paramstyle", "")
