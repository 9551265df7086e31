"""Rows of a table as lines of JSON, and the lines that came back as the values of the table.

>>> import datetime
>>> values = ["rosa@example.org", [datetime.date(1980, 2, 3), None]]
>>> shown = {"mail": told(values[0], "mail"), "days": told(values[1], "days")}
>>> shown
{'mail': 'rosa@example.org', 'days': ['1980-02-03', None]}
>>> merged(values[0], shown["mail"], "[EMAIL]", "mail")
'[EMAIL]'
>>> merged(values[1], shown["days"], ["1980-02-03", None], "days")
[datetime.date(1980, 2, 3), None]
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ._errors import ExchangeCut, WardlineError

_TEXTUAL = ("datetime", "decimal", "uuid", "ipaddress", "zoneinfo")
_MISSING = ("NAType", "NaTType")


def told(value: Any, column: str) -> Any:
    """A value as JSON has it. Missing ones are ``null``; a whole number that a hole in its column made a float is a whole number again.

    Raises ``WardlineError`` for what has no text, such as ``bytes``: nobody could say what is in it.
    """
    kind = type(value)
    if value is None or kind in (str, bool, int):
        return value
    if kind is float:
        return _number(value)
    if isinstance(value, Mapping):
        return {_name(name, column): told(item, column) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(item, column) for item in value]
    if kind.__name__ in _MISSING:
        return None
    if isinstance(value, str):
        return str(value)
    if kind.__module__.partition(".")[0] in _TEXTUAL or kind.__name__ in ("Timestamp", "Timedelta"):
        return str(value)
    if hasattr(value, "tolist") and getattr(value, "dtype", None) is not None and value.dtype.kind in "biufUO":
        return told(value.tolist(), column)
    raise unfit(column, kind.__name__)


def merged(value: Any, before: Any, after: Any, column: str) -> Any:
    """The value with what masking changed: ``before`` was told of it, ``after`` came back."""
    if before == after:
        return value
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = zip(value.items(), before.values(), aligned(before, after).values())
        return {name: merged(item, old, new, column) for (name, item), old, new in pairs}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        items = value.tolist() if hasattr(value, "tolist") else value
        changed = [merged(item, old, new, column) for item, old, new in zip(items, before, after)]
        return tuple(changed) if isinstance(value, tuple) else changed
    return after


def aligned(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What came back of named values, under all their names: what was dropped is missing.

    >>> aligned({"a": 1, "b": 2}, {"b": 2})
    {'a': None, 'b': 2}
    """
    if not after.keys() <= before.keys():
        raise ExchangeCut("the name of a column or field would be masked", "unmaskable_response")
    return {name: after.get(name) for name in before}


def line(shown: Mapping[str, Any]) -> str:
    """A row as a line of JSON."""
    return json.dumps(shown, allow_nan=False) + "\n"


def unfit(column: str, kind: str) -> WardlineError:
    """Why a column cannot be masked."""
    return WardlineError(
        f"column {column!r} holds {kind}, which cannot be masked: make it text, or name the columns to be masked without it",
        "invalid_input",
    )


def _number(value: float) -> Any:
    if value != value or value in (float("inf"), float("-inf")):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _name(name: Any, column: str) -> str:
    if not isinstance(name, str):
        raise unfit(column, f"a mapping with keys of {type(name).__name__}")
    return name
