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
_REFUSE = Exchange.REFUSE


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
    """One call of a method that comes in, and what its servicer answers."""

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
        headers = headers_of(context.invocation_metadata())
        peer = _address(context.peer())
        exchange, step = guard.begin("POST", method.encode(), headers, peer, known, door="grpc", host=host)
        super().__init__(exchange, step, headers, wait)
        self.caller: Optional[Identity] = None
        self._context = context

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


async def admitted(call: Crossing, source: Source) -> Messages:
    """The messages that go on. Raises ``Refused`` where none do."""
    if not await call.judged(source):
        raise Refused(call.answer)
    return Messages(call.following)


async def one_admitted(call: Crossing, message: bytes) -> bytes:
    """The message that goes on of a call that brings one. Raises ``Refused`` where it does not."""
    body = await call.whole(framed(message))
    if body is None:
        raise Refused(call.answer)
    return _only(body)


def one_awaited(call: Crossing) -> None:
    """Before the servicer is asked: raises ``Refused`` where what could come back may not."""
    how, _, answer = call.exchange.head(200, _HEADERS[:1])
    if how == _REFUSE:
        raise Refused(answer)


async def one_returned(call: Crossing, message: bytes) -> bytes:
    """The message that goes back of a call that has one. Raises ``Refused`` where it may not."""
    body = await call.response(framed(message), False)
    call.exchange.complete()
    if call.cut is not None:
        raise Refused(call.cut)
    return _only(body)


def _only(body: bytes) -> bytes:
    """The only message of a body."""
    if len(body) < _HEAD or _HEAD + int.from_bytes(body[1:_HEAD], "big") != len(body):
        raise ValueError("expected one message")
    return body[_HEAD:]


async def returning(call: Crossing, source: Source) -> Messages:
    """The messages that come back. Raises ``Refused`` where none may pass, or none more. Which form they have is known before there are any: where
    this is asked before the servicer is, what could not come back is refused before anything is done."""
    await call.returned(200, _HEADERS[:1], source)
    if call.answer is not None:
        raise Refused(call.answer)
    return Messages(Returning(call, source, Refused).following)


def headers_of(metadata: Any) -> Headers:
    """The headers of a call with this metadata."""
    return [(key.encode(), _text(value)) for key, value in metadata or ()] + _HEADERS


def metadata_of(headers: Headers) -> tuple[tuple[str, Any], ...]:
    """The metadata of a call with these headers."""
    fields = ((name.decode(), value) for name, value in headers if (name, value) not in _HEADERS)
    return tuple((name, base64.b64decode(value) if name.endswith("-bin") else value.decode()) for name, value in fields)


def framed(message: bytes) -> bytes:
    """A message as it stands in a body."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def told(answer: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What an answer says, and the trailing metadata that goes with it."""
    document = json.loads(answer[2])
    metadata = {"wardline-" + name: document.get(name) for name in ("code", "record", "approval")}
    # Clients show what is said, and not the metadata.
    approval = document.get("approval")
    reason = f"{document['detail']} (approval {approval})" if approval else document["detail"]
    return reason, tuple((name, value) for name, value in metadata.items() if value)


def _text(value: Any) -> bytes:
    """A value of metadata as it is on the wire."""
    return value.encode() if isinstance(value, str) else base64.b64encode(value)


def _address(peer: str) -> Optional[str]:
    """The address in what grpcio calls a peer, such as ``ipv4:127.0.0.1:5000``."""
    kind, _, rest = (unquote(peer) if "%" in peer else peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else None
