"""A request on its way through the ASGI door: what was read of it to judge it, and what the application gets."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Optional, Union

from ._wardline import Exchange, Said

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# Looked up once: these are asked for in every exchange.
_UNCHANGED, _WHOLE = Exchange.UNCHANGED, Exchange.WHOLE

# What a response may consist of besides its start and body. A file sent by its path or descriptor would pass unseen.
PASSING = frozenset({"http.response.trailers", "http.response.push", "http.response.early_hint"})


class Incoming:
    """The request's half of an exchange, and what both halves know: one object is made for each exchange."""

    __slots__ = (
        "exchange", "scope", "_receive", "_send", "read", "more", "pending", "first", "feeding", "turn", "gone",
        "asking", "started", "start", "trailers", "closed", "cut",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        self.exchange = exchange
        self.scope = scope
        self._receive = receive
        self._send = send
        # What was read of the request to judge it, and what is put in its place.
        self.read: Optional[deque[Message]] = None
        self.more = True
        self.pending: Optional[asyncio.Future[Message]] = None
        self.first: Optional[bytes] = None
        self.feeding = False
        # Only one direction may wait for an effect at a time: set once that is through, `None` while none does.
        self.turn: Optional[asyncio.Event] = None
        self.gone = False
        # How many of the application's calls wait for the caller's next message right now.
        self.asking = 0
        # Whether a byte of the response was sent; the start of one that goes on as one.
        self.started = False
        self.start: Optional[Message] = None
        self.trailers = False
        # Whether the exchange has its answer; why it was cut.
        self.closed = False
        self.cut: Any = None

    def forward(self, step: Any) -> Scope:
        """The scope for the application, by the step that lets the request pass."""
        _, headers, body, changed = step
        if body != _UNCHANGED:
            self._replace(body, changed)
        scope = self.scope
        extensions = scope.get("extensions")
        hidden = extensions and any(name.startswith("http.response.") and name not in PASSING for name in extensions)
        if headers is None and not hidden:
            return scope
        scope = dict(scope)
        if headers is not None:
            scope["headers"] = headers
        if hidden:
            scope["extensions"] = {
                name: value
                for name, value in scope["extensions"].items()
                if not name.startswith("http.response.") or name in PASSING
            }
        return scope

    def _replace(self, body: int, changed: bytes) -> None:
        """Puts a body in the place of what was read."""
        self.read = None
        if body == _WHOLE:
            self.put({"type": "http.request", "body": changed, "more_body": False})
        else:
            self.first = changed
            self.feeding = True

    def put(self, message: Message) -> None:
        """Keeps a message that was read for the application to get."""
        if self.read is None:
            self.read = deque()
        self.read.append(message)

    async def step_settled(self) -> bool:
        """Waits for an effect; ``False`` where the caller went away meanwhile. A body still to be read is left alone:
        to ask for it would tell the caller to send it."""
        if self.more:
            await carried_out(self.exchange)
            return True
        loop = asyncio.get_running_loop()
        while (woken := _woken(self.exchange, loop)) is not None:
            if self.pending is None:
                self.pending = asyncio.ensure_future(self._receive())
            await asyncio.wait((woken, self.pending), return_when=asyncio.FIRST_COMPLETED)
            if self.pending.done() and not woken.done():
                return False
        return True

    async def receive(self) -> Message:
        """What the application gets of the request."""
        if self.closed:
            return {"type": "http.disconnect"}
        if self.read:
            return self.read.popleft()
        if self.feeding:
            return await self._feed()
        return await self._next()

    async def _next(self) -> Message:
        self.asking += 1
        try:
            if self.pending is not None:
                # An application that gives up listening must not take the message with it.
                message = await asyncio.shield(self.pending)
                self.pending = None
            else:
                message = await self._receive()
        finally:
            self.asking -= 1
        if message["type"] == "http.disconnect":
            self.gone = True
        elif message["type"] == "http.request":
            self.more = message.get("more_body", False)
        return message

    async def _feed(self) -> Message:
        if self.first is not None:
            first, self.first = self.first, None
            if first:
                return {"type": "http.request", "body": first, "more_body": True}
        while True:
            piece = b""
            if self.more:
                message = await self._next()
                if message["type"] != "http.request":
                    return message
                piece, self.more = bytes_of(message), message.get("more_body", False)
            await self.alone()
            out: Any = self.exchange.request(piece, self.more)
            if out is None:
                out = await self.settled()
            if type(out) is tuple:
                self.cut, self.closed = out, True
                return {"type": "http.disconnect"}
            self.feeding = self.more
            if out or not self.more:
                return {"type": "http.request", "body": out, "more_body": self.more}

    async def alone(self) -> None:
        """Waits until no piece of the other direction waits for its effect: this one would be taken for that."""
        while self.turn is not None:
            await self.turn.wait()

    async def settled(self) -> Any:
        """What comes of a piece once every effect that it asks for is carried out."""
        turn = self.turn = asyncio.Event()
        try:
            out = None
            while out is None:
                try:
                    await carried_out(self.exchange)
                except BaseException:
                    self.exchange.abandon()
                    raise
                out = self.exchange.resume()
            return out
        finally:
            self.turn = None
            turn.set()

    async def heed(self) -> None:
        """Listens for the caller's going away in place of an application that streams and does not."""
        if self.pending is None:
            if self.asking:
                return
            if self.more:
                if not _without_body(self.scope):
                    return
                self.put(await self._next())
            self.pending = asyncio.ensure_future(self._receive())
        elif self.pending.done() and self.pending.result()["type"] == "http.disconnect":
            self.gone = self.closed = True
            raise OSError("the caller is gone")


async def carried_out(exchange: Union[Exchange, Said]) -> None:
    """Waits until the effect under way is done."""
    loop = asyncio.get_running_loop()
    while (woken := _woken(exchange, loop)) is not None:
        await woken


def _woken(exchange: Union[Exchange, Said], loop: asyncio.AbstractEventLoop) -> Optional[asyncio.Future[None]]:
    """When to ask again for an effect under way; ``None`` once it is done."""
    woken: asyncio.Future[None] = loop.create_future()
    return None if exchange.carry_out(partial(loop.call_soon_threadsafe, _wake, woken)) else woken


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def bytes_of(message: Message) -> bytes:
    """The body of a message, which servers and applications may hand over as any kind of bytes."""
    body = message.get("body", b"")
    return body if type(body) is bytes else bytes(body)


def _without_body(scope: Scope) -> bool:
    """Whether the request's head says that no body follows; only then does asking for one call for nothing."""
    framed = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    return not framed and scope.get("http_version", "").startswith("1")
