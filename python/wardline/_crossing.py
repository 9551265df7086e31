"""An exchange whose bodies are pulled through it, piece by piece: what clients' doors and those of gRPC have in common.

>>> crossing = Crossing(exchange, step, headers, blocking)      # doctest: +SKIP
>>> passes = run(crossing.judged(source))                       # doctest: +SKIP
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Optional

from ._flow import Flow, Source
from ._wardline import Exchange

Headers = list[tuple[bytes, bytes]]

# Looked up once: they are asked for in every exchange.
_NEED_BODY, _EFFECT = Exchange.NEED_BODY, Exchange.EFFECT
_ANSWER, _UNCHANGED, _WHOLE = Exchange.ANSWER, Exchange.UNCHANGED, Exchange.WHOLE
_COLLECT, _REFUSE = Exchange.COLLECT, Exchange.REFUSE


class Crossing(Flow):
    """One request and its response, on either side of a service. ``answer`` is the guard's own, once there is one."""

    __slots__ = ("answer", "headers", "body", "_step", "_read", "_source", "_feeding", "_more", "_ended")

    def __init__(
        self, exchange: Exchange, step: Any, headers: Headers, wait: Callable[[Exchange], Awaitable[None]]
    ) -> None:
        super().__init__(exchange, wait)
        self.answer: Any = None
        # The request's headers, and all of its body where that is known at once; `following` hands it out in any case.
        self.headers = headers
        self.body: Optional[bytes] = None
        self._step = step
        # What was read of the request to judge it.
        self._read: deque[bytes] = deque()
        self._source: Optional[Source] = None
        # Whether what goes on passes the exchange piece by piece.
        self._feeding = False
        # Whether there is more to read, and whether the end went on.
        self._more, self._ended = True, False

    async def judged(self, source: Source) -> bool:
        """Drives the exchange to its verdict; ``False`` where ``answer`` stands in the response's place."""
        self._source = source
        step = await self.judge(self._step, self._reading)
        if step[0] == _ANSWER:
            return self._answered(step[1])
        _, headers, how, changed = step
        if headers is not None:
            self.headers = headers
        if how == _WHOLE:
            self.body = changed
            self._read.clear()
        elif how == _UNCHANGED:
            if not self._more:
                self.body = b"".join(self._read)
                self._read.clear()
        else:
            self._read, self._feeding = deque([changed] if changed else ()), True
        return True

    async def whole(self, body: bytes) -> Optional[bytes]:
        """The same for a body that is all at hand: what goes on of it; ``None`` where ``answer`` stands in the response's place."""
        exchange, step, rest = self.exchange, self._step, body
        while True:
            if step[0] == _NEED_BODY:
                step, rest = exchange.push(body, False), b""
            elif step[0] == _EFFECT:
                await self._wait(exchange)
                step = exchange.step()
            else:
                break
        if step[0] == _ANSWER:
            self._answered(step[1])
            return None
        _, headers, how, changed = step
        if headers is not None:
            self.headers = headers
        if how == _UNCHANGED:
            return body
        if how == _WHOLE:
            return changed  # type: ignore[no-any-return]
        out = await self.request(rest, False)
        if self.cut is not None:
            raise OSError("the exchange is over")
        return changed + out  # type: ignore[no-any-return]

    async def begun(self) -> None:
        """Looks for the beginning of a body that is handed out: a request without one is not to become one with an empty body."""
        if self._feeding:
            first = await self.following()
            if first is None:
                self.body = b""
            else:
                self._read.appendleft(first)

    @property
    def untouched(self) -> bool:
        """Whether nothing of the body was read, and nothing of it changes."""
        return self.body is None and not self._read and not self._feeding

    async def _reading(self) -> Optional[bytes]:
        piece = await self._next()
        if piece is not None:
            self._read.append(piece)
        return piece

    async def _next(self) -> Optional[bytes]:
        assert self._source is not None
        piece = await self._source()
        self._more = piece is not None
        return piece

    async def following(self) -> Optional[bytes]:
        """The next piece of the request's body as it goes on; ``None`` at its end."""
        if self._read:
            return self._read.popleft()
        if self.body is not None:
            body, self._ended = b"" if self._ended else self.body, True
            return body or None
        while not self._ended:
            piece = await self._next() if self._more else None
            self._ended = piece is None
            if not self._feeding:
                return piece
            out = await self.request(piece or b"", not self._ended)
            if self.cut is not None:
                raise OSError("the exchange is over")
            if out:
                return out
        return None

    def broke(self, error: BaseException) -> bool:
        """The request came to nothing. Whether that is for it was cut: then ``answer`` says why."""
        if isinstance(error, Exception) and self.cut is not None:
            self._answered(self.cut)
            return True
        if isinstance(error, Exception):
            self.exchange.fail()
        else:
            self.exchange.disconnect()
        return False

    async def returned(self, status: int, headers: Headers, source: Source) -> tuple[Headers, Optional[bytes]]:
        """The head of the response as it goes on, and all of its body where that goes on as one. Else the body passes
        through a ``Returning``, or ``answer`` stands in its place."""
        if self.cut is not None:
            # Whoever got it made something of half a request.
            self._answered(self.cut)
            return headers, None
        how, edited, answer = self.exchange.head(status, headers)
        if how == _REFUSE:
            self._answered(answer)
            return headers, None
        if edited is not None:
            headers = edited
        if how != _COLLECT:
            return headers, None
        while (piece := await source()) is not None:
            await self.response(piece, True)
        body = await self.response(b"", False)
        if self.cut is not None:
            self._answered(self.cut)
            return headers, None
        self.exchange.complete()
        headers = [field for field in headers if field[0].lower() != b"content-length"]
        return [*headers, (b"content-length", b"%d" % len(body))], body

    def _answered(self, answer: Any) -> bool:
        self.answer = answer
        self.exchange.complete()
        return False


class Returning:
    """A response's body on its way back. ``error`` makes what is raised where it is cut."""

    __slots__ = ("_crossing", "_source", "_error", "_more")

    def __init__(self, crossing: Crossing, source: Source, error: Callable[[Any], Exception]) -> None:
        self._crossing = crossing
        self._source = source
        self._error = error
        self._more = True

    async def following(self) -> Optional[bytes]:
        """The next piece; ``None`` at its end."""
        crossing = self._crossing
        try:
            while self._more and crossing.cut is None:
                piece = await self._source()
                self._more = piece is not None
                out = await crossing.response(piece or b"", self._more)
                if out:
                    return out
        except BaseException as error:
            crossing.broke(error)
            raise
        crossing.exchange.complete()
        if crossing.cut is not None:
            raise self._error(crossing.cut)
        return None


def source_of(pieces: Any) -> Source:
    """The pieces of an iterable, without waiting."""
    iterator = iter(pieces)

    async def following() -> Optional[bytes]:
        return next(iterator, None)

    return following


def source_beside(pieces: Any) -> Source:
    """The pieces of an asynchronous iterable."""
    iterator = pieces.__aiter__()

    async def following() -> Optional[bytes]:
        try:
            piece: bytes = await iterator.__anext__()
        except StopAsyncIteration:
            return None
        return piece

    return following
