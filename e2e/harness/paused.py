"""Stops a response in its middle until it may go on, so that something can happen there: a grant is revoked.

    app = GuardMiddleware(Paused(app), policy="wardline.yaml")

It stands between the guard and the service. Once the file `WARDLINE_E2E_PAUSE` is made, the next response that is longer than 64 KiB
says so in the file and waits there until it is removed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waiting import awaited

FIRST = 64 << 10
"""So many bytes leave before a response waits."""


class Paused:
    """An ASGI application whose long responses can be made to wait."""

    def __init__(self, app: Any, first: int = FIRST) -> None:
        self.app = app
        self.first = first
        self.file = Path(os.environ["WARDLINE_E2E_PAUSE"])

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        sent = 0

        async def slowly(message: dict[str, Any]) -> None:
            nonlocal sent
            body = message.get("body", b"")
            before, past = max(0, self.first - sent), sent > self.first
            sent += len(body)
            # One that is past that when it is asked for is not the one, whatever is still to come of it: its client may have it all.
            if past or sent <= self.first or not self._takes():
                await send(message)
                return
            await send({**message, "body": body[:before], "more_body": True})
            while self.file.exists():
                await asyncio.sleep(0.02)
            await send({**message, "body": body[before:]})

        await self.app(scope, receive, slowly)

    def _takes(self) -> bool:
        """Whether this response is the one to wait: the first one, once it is asked for."""
        if not self.file.exists() or self.file.read_text():
            return False
        self.file.write_text("waits")
        return True


@contextmanager
def paused(file: Path) -> Iterator[Any]:
    """Responses wait within the block; what it yields waits until one does."""
    file.write_text("")
    try:
        yield lambda: awaited(lambda: file.read_text() or None, "a response waits")
    finally:
        file.unlink()
