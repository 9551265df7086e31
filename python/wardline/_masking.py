"""A table that passes a running exchange: shown row by row, masked and counted, in whatever way is waited.

>>> changes = run(masked(running, table, ["text"]))    # doctest: +SKIP
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from typing import Any, Union

from ._cells import aligned, line, merged, told
from ._errors import ExchangeCut
from ._running import AsyncRunning, Running
from ._tables import Table

# Rows that are shown at once: few enough that their text stays small beside the table.
_ROWS = 1024


async def masked(running: Union[Running, AsyncRunning], table: Table, names: Sequence[str]) -> dict[str, dict[int, Any]]:
    """What is to stand in the rows of these columns, as the policy says. Raises ``ExchangeCut`` where they may not be handed on."""
    vectors = [name for name in names if table.is_vectors(name)]
    columns = {name: table.values(name) for name in names if name not in vectors}
    changes: dict[str, dict[int, Any]] = {}
    for start in range(0, max(table.rows, 1), _ROWS):
        rows = range(start, min(start + _ROWS, table.rows))
        shown = [{name: told(values[at], name) for name, values in columns.items()} for at in rows]
        clear = "".join(map(line, shown)).encode()
        more = start + _ROWS < table.rows
        out: bytes = await _awaited(running.result(clear, more=more))
        await _awaited(running.returned(len(rows), len(rows) * len(vectors)))
        if out == clear:
            continue
        lines = out.decode().split("\n")[:-1]
        if len(lines) != len(rows):
            raise ExchangeCut("the rows cannot be told apart once they are masked", "unmaskable_response")
        for at, before, text in zip(rows, shown, lines):
            for name, value in aligned(before, json.loads(text)).items():
                if value != before[name]:
                    changes.setdefault(name, {})[at] = merged(columns[name][at], before[name], value, name)
    return changes


async def _awaited(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer
