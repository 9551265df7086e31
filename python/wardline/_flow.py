"""An exchange on its way through a door, written once for both ways of waiting.

The coroutines of a blocking door wait on its thread and never suspend, so ``run`` brings them to their end where they stand:

>>> flow = Flow(exchange, blocking)                # doctest: +SKIP
>>> step = run(flow.judge(step, following))        # doctest: +SKIP
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Optional, TypeVar

from ._incoming import carried_out
from ._wardline import Exchange

_Result = TypeVar("_Result")

# The next piece of a body; ``None`` at its end.
Source = Callable[[], Coroutine[Any, Any, Optional[bytes]]]

# Looked up once: these are asked for in every exchange.
_NEED_BODY, _EFFECT = Exchange.NEED_BODY, Exchange.EFFECT


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """What a coroutine that never suspends comes to."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: _Result = done.value
        return result
    coroutine.close()
    raise RuntimeError("a blocking door was made to wait for an event loop")


def each(following: Source) -> Iterator[bytes]:
    """The pieces of a blocking door's body."""
    while (piece := run(following())) is not None:
        yield piece


async def blocking(exchange: Exchange) -> None:
    """Waits for an effect on this thread, without the interpreter."""
    exchange.wait()


async def beside(exchange: Exchange) -> None:
    """Waits for an effect beside the event loop."""
    await carried_out(exchange)


class Turn:
    """Whose turn it is, of two directions on threads of their own; asyncio's lock is the one of two tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *raised: Any) -> None:
        self._lock.release()


class Flow:
    """One exchange; ``cut`` is the answer once nothing more of it may pass."""

    __slots__ = ("exchange", "cut", "turn", "_wait")

    def __init__(self, exchange: Exchange, wait: Callable[[Exchange], Awaitable[None]]) -> None:
        self.exchange = exchange
        self.cut: Any = None
        # A piece of the one direction that waits for its effect is not to be taken for one of the other; `None` where both are never
        # under way at once.
        self.turn: Any = None
        self._wait = wait

    async def judge(self, step: Any, source: Source) -> Any:
        """Drives the exchange to its verdict: the step that lets the request pass, or the answer in its place."""
        exchange = self.exchange
        while True:
            if step[0] == _NEED_BODY:
                piece = await source()
                step = exchange.push(piece or b"", piece is not None)
            elif step[0] == _EFFECT:
                await self._wait(exchange)
                step = exchange.step()
            else:
                return step

    async def request(self, piece: bytes, more: bool) -> bytes:
        """What goes on of a piece of the request's body; with ``more`` false also its end."""
        if self.turn is None:
            out: Any = self.exchange.request(piece, more)
            return out if type(out) is bytes else await self.settled(out)
        async with self.turn:
            return await self.settled(self.exchange.request(piece, more))

    async def response(self, piece: bytes, more: bool) -> bytes:
        """What goes on of a piece of the response's body; with ``more`` false also its end."""
        if self.turn is None:
            out: Any = self.exchange.response(piece, more)
            return out if type(out) is bytes else await self.settled(out)
        async with self.turn:
            return await self.settled(self.exchange.response(piece, more))

    async def settled(self, out: Any) -> bytes:
        """What comes of a piece once every effect that it asks for is carried out."""
        while out is None:
            try:
                await self._wait(self.exchange)
            except BaseException:
                self.exchange.abandon()
                raise
            out = self.exchange.resume()
        if type(out) is not tuple:
            return out  # type: ignore[no-any-return]
        if len(out) == 2:
            last, self.cut = out
            return last  # type: ignore[no-any-return]
        self.cut = out
        return b""


def reason_of(cut: Any) -> str:
    """What the exception for a cut says."""
    return f"the exchange was cut: {cut[3]}"
