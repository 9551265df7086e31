"""What the service of a player is asked to do, by the header `x-play`, and what it tells in files beside it.

`{"status": 200, "headers": [["a", "b"]], "pieces": ["latin-1"], "length": true, "reads": "all" | "none" | "twice", "gated": true,
"endless": 1000, "fails": "before" | "after", "trailers": [["a", "b"]], "task": true}`. A gated piece waits for the file `gate-N`; of an endless answer the first piece comes
again and again, so many times at once, and `made` is how many bytes it has come to. `saw.json` is what the service was asked, `closed` tells that its
answer was ended or let go. A task goes on behind the answer until the file `gate-task` is there, and tells so in `task`. What stands before the guard
puts the header `x-variable` into a variable of the context, which `saw.json` has as the service found it. A compression of the host's stands outside and
inside of the guard, and takes what `x-compress` gives it: `outside`, `inside` or `both`.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

PLACE = Path(os.environ.get("WARDLINE_PLAYER", "."))

# What stands before the guard sets it, and the service finds it.
VARIABLE: ContextVar[str] = ContextVar("variable", default="")


def compresses(place: str, told: str) -> bool:
    """Whether the compression at this place does anything."""
    return told in (place, "both")


class Play:
    def __init__(self, told: str) -> None:
        self.asked: dict[str, Any] = json.loads(told or "{}")
        self.status: int = self.asked.get("status", 200)
        self.pieces = [piece.encode("latin-1") for piece in self.asked.get("pieces", [])]
        self.reads: str = self.asked.get("reads", "all")
        self.fails: str = self.asked.get("fails", "")
        self.number = -1

    def headers(self) -> list[tuple[str, str]]:
        fields = [(name, value) for name, value in self.asked.get("headers", [])]
        if self.asked.get("length"):
            fields.append(("content-length", str(sum(map(len, self.pieces)))))
        return fields

    def saw(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        found = VARIABLE.get()
        VARIABLE.set("of the service")
        told = {"method": method, "target": target, "headers": headers, "body": body.decode("latin-1"), "variable": found}
        fresh = PLACE / "saw.fresh"
        fresh.write_text(json.dumps(told))
        fresh.rename(PLACE / "saw.json")

    def each(self) -> Iterator[tuple[int, bytes]]:
        """The pieces, by number."""
        if not self.asked.get("endless"):
            yield from enumerate(self.pieces)
            return
        piece, made = self.pieces[0] * self.asked["endless"], 0
        while True:
            yield 0, piece
            made += len(piece)
            (PLACE / "made").write_text(str(made))

    def may(self, number: int) -> bool:
        """Whether this piece may leave."""
        return not self.asked.get("gated") or (PLACE / f"gate-{number}").exists()

    def task(self) -> None:
        """Starts what goes on behind the answer, where one is asked for."""
        if self.asked.get("task"):
            threading.Thread(target=self.works, daemon=True).start()

    def works(self) -> None:
        while not (PLACE / "gate-task").exists():
            time.sleep(0.005)
        (PLACE / "task").touch()

    def closed(self) -> None:
        (PLACE / "closed").touch()
