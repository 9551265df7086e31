"""Calls of gRPC as the engine reads them: a ``POST`` whose body is a row of messages, each behind whether it is packed and its length.

>>> framed(b"ab")
b'\\x00\\x00\\x00\\x00\\x02ab'
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Optional
from urllib.parse import unquote

from ._crossing import Crossing, Headers, Returning
from ._flow import Source
from ._guarded import Known
from ._wardline import Exchange, Guard, Identity

_HEADERS: Headers = [(b"content-type", b"application/grpc"), (b"te", b"trailers")]
_HEAD = 5


class Refused(Exception):
    """The guard's answer in the servicer's place."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer[3])
        self.answer = answer


class Messages:
    """The messages in a body that passed."""

    __slots__ = ("_source", "_rest", "_found")

    def __init__(self, source: Source) -> None:
        self._source = source
        self._rest = b""
        self._found: deque[bytes] = deque()

    async def following(self) -> Optional[bytes]:
        """The next message; ``None`` at the end."""
        while not self._found:
            piece = await self._source()
            if piece is None:
                return None
            self._take(piece)
        return self._found.popleft()

    async def one(self) -> bytes:
        """The only message, once all of the body passed."""
        message = await self.following()
        if message is None or await self.following() is not None:
            raise ValueError("expected one message")
        return message

    def _take(self, piece: bytes) -> None:
        rest = self._rest + piece
        while len(rest) >= _HEAD:
            end = _HEAD + int.from_bytes(rest[1:_HEAD], "big")
            if len(rest) < end:
                break
            self._found.append(rest[_HEAD:end])
            rest = rest[end:]
        self._rest = rest


class Call(Crossing):
    """One call of a method, and what it answers."""

    __slots__ = ("caller", "_context")

    def __init__(
        self,
        guard: Guard,
        line: tuple[str, Optional[str]],
        context: Any,
        known: Known,
        wait: Callable[[Exchange], Awaitable[None]],
    ) -> None:
        method, host = line
        metadata = [(key, value) for key, value in context.invocation_metadata() or ()]
        headers = [(key.encode(), _text(value)) for key, value in metadata] + _HEADERS
        peer = _address(context.peer())
        exchange, step = guard.begin("POST", method.encode(), headers, peer, known, door="grpc", host=host)
        super().__init__(exchange, step, headers, wait)
        self.caller: Optional[Identity] = None
        self._context = context

    async def admitted(self, source: Source) -> Messages:
        """The messages that the servicer gets. Raises ``Refused`` where it is not called."""
        if not await self.judged(source):
            raise Refused(self.answer)
        self.caller = self.exchange.identity
        return Messages(self.following)

    async def returning(self, source: Source) -> Messages:
        """The messages that the caller gets. Raises ``Refused`` where none may pass, or none more. How a call answers is known before its servicer is
        asked, so what could not go back is refused before anything is done."""
        await self.returned(200, _HEADERS[:1], source)
        if self.answer is not None:
            raise Refused(self.answer)
        return Messages(Returning(self, source, Refused).following)

    def broke(self, error: BaseException) -> bool:
        # A servicer may answer with a status of its own; without one it is `None`, or 0 in a servicer of asyncio.
        code = self._context.code()
        if isinstance(error, Exception) and self.cut is None and code and getattr(code, "name", code) != "OK":
            self.exchange.complete()
            return False
        return super().broke(error)

    def ended(self, error: BaseException) -> Any:
        """Records how a call broke off; the guard's answer, where that is why."""
        if isinstance(error, Refused):
            return error.answer
        return self.answer if self.broke(error) else None


def framed(message: bytes) -> bytes:
    """A message as it stands in a body."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def told(answer: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What an answer says, and the trailing metadata that goes with it."""
    document = json.loads(answer[2])
    metadata = {"wardline-" + name: document.get(name) for name in ("code", "record", "approval")}
    return document["detail"], tuple((name, value) for name, value in metadata.items() if value)


def _text(value: Any) -> bytes:
    """A value of metadata as it is on the wire."""
    return value.encode() if isinstance(value, str) else base64.b64encode(value)


def _address(peer: str) -> Optional[str]:
    """The address in what grpcio calls a peer, such as ``ipv4:127.0.0.1:5000``."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else None
