"""The door for what SQLAlchemy says to a database, through its core and its ORM.

>>> from wardline.sqlalchemy import guard_engine                                                # doctest: +SKIP
>>> engine = create_engine("postgresql+psycopg://...")                                          # doctest: +SKIP
>>> guard_engine(engine, service="warehouse", policy="wardline.yaml")                           # doctest: +SKIP

Each statement is judged with its parameters before it is sent: one that may not run raises ``WardlineError`` out of ``execute``, and its
transaction is the application's to roll back. Rows are masked and counted as SQLAlchemy fetches them; where no grant covers them
``ExchangeCut`` is raised.

What does not go through SQLAlchemy's execution is not seen: ``engine.raw_connection()`` (take ``wardline.dbapi``), and what a dialect asks when
it connects. Engines that await are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional, Union

from sqlalchemy import Engine, event

from ._errors import WardlineError
from ._flow import run
from ._guarded import Known, Policy
from ._rows import Rows, Statements
from ._wardline import Guard

__all__ = ["guard_engine"]


def guard_engine(
    engine: Engine,
    *,
    service: str,
    identity: Union[Known, Callable[[], Known]] = None,
    dialect: Optional[str] = None,
    policy: Optional[Policy] = None,
    guard: Optional[Guard] = None,
) -> Engine:
    """Guards all that an engine executes, as said to ``service``. Who asks is ``identity`` (a function of no arguments, too), or else whoever
    called the guarded service that this runs in."""
    if engine.dialect.is_async:
        raise WardlineError("an engine that awaits is not guarded", "invalid_input")
    statements = Statements(service, identity, dialect, policy, guard)

    def before(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if isinstance(context.cursor, _Cursor):
            # One of several statements that it makes of one.
            context.cursor.end()
        elif many:
            _also_returning(context)
        rows = run(statements.begin(statement, parameters, engine.dialect.paramstyle, many=many))
        context.cursor = _Cursor(cursor, rows)

    def after(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        run(context.cursor.rows.ran(cursor.description, cursor.rowcount))

    def failed(told: Any) -> None:
        context = told.execution_context
        if context is not None and isinstance(context.cursor, _Cursor):
            context.cursor.end(type(told.original_exception))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
    return engine


def _also_returning(context: Any) -> None:
    """Of an ``INSERT`` of many rows SQLAlchemy fetches what it returns from the driver's cursor, by this hook of its dialects."""
    fetched = context.fetchall_for_returning

    def passed(cursor: Any) -> Any:
        return context.cursor.passed(fetched(cursor))

    context.fetchall_for_returning = passed


class _Cursor:
    """What SQLAlchemy fetches from in the driver's cursor's place."""

    def __init__(self, cursor: Any, rows: Rows) -> None:
        self._cursor = cursor
        self.rows = rows

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
        return run(self.rows.passed(self._cursor.description, rows)) if rows else []
