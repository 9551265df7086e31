"""A statement as a driver runs it: judged before, its rows masked and counted before they are handed on.

>>> bound([("ada", 7)])
b'[["ada", 7]]'
"""

from __future__ import annotations

import inspect
import itertools
import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, Union

from ._errors import ExchangeCut, WardlineError
from ._guarded import CALLER, Guarded, Known, Policy
from ._wardline import Guard


_PARAMETER = re.compile(r"%(?:%|\([^)]*\)[sbt]|[sbt])")


class Statements(Guarded):
    """A guard of what is said to one service of its policy, and in whose name: an identity, a function without arguments, or else
    whoever called the guarded service that this runs in."""

    def __init__(
        self,
        service: str,
        identity: Union[Known, Callable[[], Known]] = None,
        dialect: Optional[str] = None,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(policy, guard)
        self._service = service
        self._identity = identity
        self._dialect = dialect

    async def begin(self, text: str, parameters: Any, style: str, beside: bool = False, *, many: bool = False, further: Any = None) -> Rows:
        """Judges a statement, whose parameters are written in this style of PEP 249; ``beside`` an event loop, or on this thread. With ``many``
        it runs once with each of them. ``further`` is what else a driver is told. Raises ``WardlineError`` where it may not run."""
        known = self._identity() if callable(self._identity) else self._identity
        if known is None:
            known = CALLER.get()
        values = bound([parameters, further] if further else parameters) if parameters or further else None
        whole = numbers(text, parameters, style) if parameters and not many else []
        times = max(1, len(parameters)) if many else 1
        if values is not None and style in ("format", "pyformat"):
            text = sent(text)
        admission = self.guard.statement(
            text,
            service=self._service,
            identity=known,
            dialect=self._dialect,
            parameters=values,
            numbers=whole,
            times=times,
        )
        return Rows(admission, await admission.__aenter__() if beside else admission.__enter__())


class Rows:
    """One statement that may run, and what comes back."""

    __slots__ = ("_admission", "_running")

    def __init__(self, admission: Any, running: Any) -> None:
        self._admission = admission
        self._running = running

    async def ran(self, description: Any, count: int) -> None:
        """It ran. Without columns that is its end."""
        if description is None:
            if count > 0:
                await self._told(self._running.touched, count)
            self.end()

    async def passed(self, description: Any, rows: Sequence[Any]) -> list[Any]:
        """The rows as they may be handed on; raises ``ExchangeCut`` where they may not be."""
        names = [column[0] for column in description]
        lines = [_line(names, _values(row)) for row in rows]
        clear = "".join(lines).encode()
        masked: bytes = await self._told(self._running.result, clear, "application/x-ndjson", True)
        vectors = sum(_is_vector(value) for row in rows for value in _values(row))
        await self._told(self._running.returned, len(rows), vectors)
        if masked == clear:
            return list(rows)
        changed = masked.decode().splitlines(keepends=True)
        if len(changed) != len(rows):
            self.end(ExchangeCut)
            raise ExchangeCut("the rows cannot be told apart once they are masked", "unmaskable_response")
        return [row if one == line else _with(row, line, one) for row, line, one in zip(rows, lines, changed)]

    def end(self, kind: Optional[type[BaseException]] = None) -> None:
        """It is over; with an exception that broke it off."""
        if self._running is not None:
            self._running = None
            # It waits for nothing, in either way of waiting.
            self._admission.__exit__(kind, None, None)

    async def _told(self, tell: Callable[..., Any], *told: Any) -> Any:
        try:
            answer = tell(*told)
            return await answer if inspect.isawaitable(answer) else answer
        except BaseException as error:
            self.end(type(error))
            raise


def sent(text: str) -> str:
    """A statement as it is sent, where its driver writes parameters as Python formats texts.

    >>> sent("SELECT a % 2 FROM t WHERE b = %s AND c LIKE '%%x' AND d = %(d)s")
    "SELECT a % 2 FROM t WHERE b = $1 AND c LIKE '%x' AND d = $2"
    """
    numbers = itertools.count(1)
    return _PARAMETER.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", text)


def numbers(text: str, parameters: Any, style: str) -> list[Optional[int]]:
    """The bound values that are whole numbers, by the places of their parameters in the statement as it is sent.

    >>> numbers("SELECT a FROM t WHERE b = %(b)s LIMIT %(n)s", {"n": 10, "b": "x"}, "pyformat")
    [None, 10]
    """
    if isinstance(parameters, Mapping):
        if style not in ("format", "pyformat"):
            return []
        names = (found[0][2:-2] for found in _PARAMETER.finditer(text) if found[0].startswith("%("))
        parameters = [parameters.get(name) for name in names]
    return [value if type(value) is int and 0 <= value < 2**63 else None for value in parameters]


def bound(parameters: Any) -> bytes:
    """Bound values in a form that is the same for the same values only."""

    def told(value: Any) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return {"bytes": bytes(value).hex()}
        if hasattr(value, "tolist"):
            return {type(value).__name__: value.tolist()}
        if type(value).__module__ in ("datetime", "decimal", "uuid", "ipaddress", "fractions"):
            return {type(value).__name__: str(value)}
        raise WardlineError(f"a bound value of type {type(value).__name__} has no form that tells it", "invalid_input")

    return json.dumps(parameters, default=told).encode()


def _line(names: list[str], values: Sequence[Any]) -> str:
    """A row as a line of JSON: columns may share a name."""
    members = (f"{json.dumps(name)}: {_json(value)}" for name, value in zip(names, values))
    return "{" + ", ".join(members) + "}\n"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=_text, allow_nan=False)
    except (ValueError, TypeError):
        return json.dumps(str(value))


def _text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def _values(row: Any) -> Sequence[Any]:
    if isinstance(row, dict):
        return list(row.values())
    if isinstance(row, (tuple, list)):
        return row
    if isinstance(row, sqlite3.Row) or _is_sequence(row):
        return tuple(row)
    raise ExchangeCut("rows of this kind cannot be read: expected tuples or dicts", "unmaskable_response")


def _is_sequence(row: Any) -> bool:
    """Whether a driver's own kind of row (asyncpg's, pyodbc's) is a sequence, as PEP 249 has them: what it goes through is what stands at its places."""
    try:
        return not isinstance(row, Mapping) and all(row[place] is value for place, value in enumerate(row))
    except Exception:  # noqa: BLE001: whatever it raises, it is none
        return False


def _is_vector(value: Any) -> bool:
    """What is no scalar may be a vector: more are counted than there are, never fewer."""
    if isinstance(value, str):
        return value.startswith("[")
    kind = type(value)
    scalar = value is None or isinstance(value, (bool, int, float)) or kind.__module__ in ("datetime", "decimal", "uuid")
    return not scalar


def _with(row: Any, line: str, changed: str) -> Any:
    """The row with the values that masking changed; the others stay what they are."""
    before = json.loads(line, object_pairs_hook=list)
    after = json.loads(changed, object_pairs_hook=list)
    if len(before) != len(after):
        raise ExchangeCut("a masked row lacks columns", "unmaskable_response")
    values = [
        value if old == new else new
        for value, (_, old), (_, new) in zip(_values(row), before, after)
    ]
    if isinstance(row, dict):
        return dict(zip(row, values))
    if hasattr(row, "_make"):
        return row._make(values)
    return type(row)(values) if type(row) in (tuple, list) else tuple(values)
