"""The door for what SQLAlchemy says to a database, through its core and its ORM.

>>> from wardline.sqlalchemy import guard_engine                                                # doctest: +SKIP
>>> engine = create_engine("postgresql+psycopg://...")                                          # doctest: +SKIP
>>> guard_engine(engine, service="warehouse", policy="wardline.yaml")                           # doctest: +SKIP

Each statement is judged with its parameters before it is sent: one that may not run raises ``WardlineError`` out of ``execute``, and its
transaction is the application's to roll back. Rows are masked and counted as SQLAlchemy fetches them; where no grant covers them
``ExchangeCut`` is raised.

What does not go through SQLAlchemy's execution is not seen: ``engine.raw_connection()`` (take ``wardline.dbapi``), and what a dialect asks when
it connects. Of an ``AsyncEngine`` statements are judged beside the event loop, which waits for nothing but rows that were fetched ahead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, Optional, TypeVar, Union

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from ._flow import run
from ._guarded import Known, Policy
from ._rows import Rows, Statements
from ._wardline import Guard

__all__ = ["guard_engine"]

T = TypeVar("T")
Guardable = TypeVar("Guardable", Engine, AsyncEngine)


def guard_engine(
    engine: Guardable,
    *,
    service: str,
    identity: Union[Known, Callable[[], Known]] = None,
    dialect: Optional[str] = None,
    policy: Optional[Policy] = None,
    guard: Optional[Guard] = None,
) -> Guardable:
    """Guards all that an engine executes, as said to ``service``. Who asks is ``identity`` (a function of no arguments, too), or else whoever
    called the guarded service that this runs in."""
    guarded = engine.sync_engine if isinstance(engine, AsyncEngine) else engine
    waited = _waited if guarded.dialect.is_async else run
    statements = Statements(service, identity, dialect, policy, guard)

    def before(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if isinstance(context.cursor, _Cursor):
            # One of several statements that it makes of one.
            context.cursor.end()
        elif many:
            _also_returning(context)
        # One of the statements that it makes of many rows names all of its own.
        times = many and isinstance(parameters, list)
        rows = waited(statements.begin(statement, parameters, guarded.dialect.paramstyle, many=times))
        context.cursor = _Cursor(cursor, rows, waited)

    def after(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        waited(context.cursor.rows.ran(cursor.description, cursor.rowcount))

    def failed(told: Any) -> None:
        context = told.execution_context
        if context is not None and isinstance(context.cursor, _Cursor):
            context.cursor.end(type(told.original_exception))

    event.listen(guarded, "before_cursor_execute", before)
    event.listen(guarded, "after_cursor_execute", after)
    event.listen(guarded, "handle_error", failed)
    return engine


def _waited(coroutine: Coroutine[Any, Any, T]) -> T:
    """Waits for people, the store or the log on a thread, in the context of its caller, while SQLAlchemy's greenlet awaits that. Outside
    of one there are only rows that were fetched ahead."""
    if not in_greenlet():
        return run(coroutine)
    done: T = await_only(asyncio.get_running_loop().run_in_executor(None, copy_context().run, run, coroutine))
    return done


def _also_returning(context: Any) -> None:
    """Of an ``INSERT`` of many rows SQLAlchemy fetches what it returns from the driver's cursor, by this hook of its dialects."""
    fetched = context.fetchall_for_returning

    def passed(cursor: Any) -> Any:
        return context.cursor.passed(fetched(cursor))

    context.fetchall_for_returning = passed


class _Cursor:
    """What SQLAlchemy fetches from in the driver's cursor's place."""

    def __init__(self, cursor: Any, rows: Rows, waited: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._cursor = cursor
        self.rows = rows
        self._waited = waited

    def fetchone(self) -> Any:
        row = self._cursor.fetchone()
        return None if row is None else self.passed([row])[0]

    def fetchmany(self, *args: Any, **kwargs: Any) -> list[Any]:
        return self.passed(self._cursor.fetchmany(*args, **kwargs))

    def fetchall(self) -> list[Any]:
        return self.passed(self._cursor.fetchall())

    def close(self) -> None:
        self._cursor.close()
        self.end()

    def __del__(self) -> None:
        self.end()

    def end(self, kind: Optional[type[BaseException]] = None) -> None:
        self.rows.end(kind)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def passed(self, rows: list[Any]) -> list[Any]:
        return self._waited(self.rows.passed(self._cursor.description, rows)) if rows else []
