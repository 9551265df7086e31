"""One request on its way through the ASGI door, and its response on the way back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, Optional

from ._errors import ExchangeCut, WardlineError
from ._wardline import Exchange

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Looked up once: these are asked for in every exchange.
NEED_BODY, EFFECT, ANSWER = Exchange.NEED_BODY, Exchange.EFFECT, Exchange.ANSWER
_WHOLE, _FEED = Exchange.WHOLE, Exchange.FEED
_COLLECT, _REFUSE = Exchange.COLLECT, Exchange.REFUSE

# What a response may consist of besides its start and body. A file sent by its path or descriptor would pass unseen.
_PASSING = frozenset({"http.response.trailers", "http.response.push", "http.response.early_hint"})
_WITHOUT_BODY = frozenset({204, 205, 304})


class Passing:
    """One request on its way through, and its response on the way back."""

    __slots__ = (
        "exchange", "scope", "_receive", "_send", "read", "more", "pending", "first", "feeding", "turn", "gone",
        "started", "closed", "cut", "start", "pieces", "left", "bodiless", "trailers", "asking",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        self.exchange = exchange
        self.scope = scope
        self._receive = receive
        self._send = send
        # What was read of the request to judge it, and what is put in its place.
        self.read: deque[Message] = deque()
        self.more = True
        self.pending: Optional[asyncio.Future[Message]] = None
        self.first: Optional[bytes] = None
        self.feeding = False
        # Only one direction may wait for an effect at a time.
        self.turn: Optional[asyncio.Lock] = None
        self.gone = False
        # How many of the application's calls wait for the caller's next message right now.
        self.asking = 0
        # Whether a byte of the response was sent; whether the exchange has its answer; why it was cut.
        self.started = False
        self.closed = False
        self.cut: Any = None
        # A response that is collected: its start and its pieces.
        self.start: Optional[Message] = None
        self.pieces: Optional[list[bytes]] = None
        self.left: Optional[int] = None
        self.bodiless = scope.get("method") == "HEAD"
        self.trailers = False

    async def judge(self, step: Any) -> Optional[Scope]:
        """Drives the exchange to its verdict; the scope for the application, or ``None`` where it is not called."""
        exchange = self.exchange
        while True:
            kind = step[0]
            if kind == NEED_BODY:
                message = await self._receive()
                if message["type"] != "http.request":
                    exchange.disconnect()
                    return None
                self.read.append(message)
                self.more = message.get("more_body", False)
                step = exchange.push(_bytes(message), self.more)
            elif kind == EFFECT:
                if not await self._settled_step():
                    exchange.disconnect()
                    return None
                step = exchange.step()
            elif kind == ANSWER:
                await self._answer(step[1])
                exchange.complete()
                return None
            else:
                return self._forward(*step[1:])

    def _forward(self, edits: Any, body: int, changed: Any) -> Scope:
        if body == _WHOLE:
            self.read.clear()
            self.read.append({"type": "http.request", "body": changed, "more_body": False})
        elif body == _FEED:
            self.read.clear()
            self.first = changed
            self.feeding = True
            self.turn = asyncio.Lock()
        scope = self.scope
        extensions = scope.get("extensions") or {}
        hidden = any(name.startswith("http.response.") and name not in _PASSING for name in extensions)
        if edits is None and not hidden:
            return scope
        scope = dict(scope)
        if edits is not None:
            scope["headers"] = _edited(scope["headers"], edits)
            if body == _WHOLE:
                # Its length is known now.
                scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"transfer-encoding"]
        if hidden:
            scope["extensions"] = {
                name: value
                for name, value in extensions.items()
                if not name.startswith("http.response.") or name in _PASSING
            }
        return scope

    async def _settled_step(self) -> bool:
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

    async def _heed(self) -> None:
        """Listens for the caller's going away in place of an application that streams and does not."""
        if self.pending is None:
            if self.asking:
                return
            if self.more:
                if not _without_body(self.scope):
                    return
                self.read.append(await self._next())
            self.pending = asyncio.ensure_future(self._receive())
        elif self.pending.done() and self.pending.result()["type"] == "http.disconnect":
            self.gone = self.closed = True
            raise OSError("the caller is gone")

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
                piece, self.more = _bytes(message), message.get("more_body", False)
            assert self.turn is not None
            async with self.turn:
                out = await self._settled(self.exchange.request(piece, self.more))
            if type(out) is tuple:
                self.cut, self.closed = out, True
                return {"type": "http.disconnect"}
            self.feeding = self.more
            if out or not self.more:
                return {"type": "http.request", "body": out, "more_body": self.more}

    async def send(self, message: Message) -> None:
        """What the application answers."""
        kind = message["type"]
        if self.closed:
            # An application that is at its end need not hear of it; one that would go on must.
            if kind == "http.response.body" and message.get("more_body", False):
                raise OSError("the exchange is over")
        elif kind == "http.response.body":
            await self._body(message)
        elif kind == "http.response.start":
            await self._start(message)
        elif kind not in _PASSING:
            raise WardlineError(f"a message of type {kind!r} would pass unseen", "invalid_input")
        else:
            await self._send(message)
            if kind == "http.response.trailers" and not message.get("more_trailers", False):
                self._complete()

    async def _start(self, message: Message) -> None:
        status, headers = message["status"], [(name, value) for name, value in message.get("headers", ())]
        if self.turn is None:
            how, edits, answer = self.exchange.head(status, headers)
        else:
            # A piece of the request that waits for its effect is not to be taken for one of the response.
            async with self.turn:
                how, edits, answer = self.exchange.head(status, headers)
        if how == _REFUSE:
            await self._answer(answer)
            self.exchange.complete()
            return
        self.trailers = message.get("trailers", False)
        self.bodiless = self.bodiless or status < 200 or status in _WITHOUT_BODY
        if edits is not None:
            if not self.bodiless:
                # The server compared the body with its declared length; now that is ours to do.
                self.left = next((_length(value) for name, value in headers if name.lower() == b"content-length"), None)
            message = {**message, "headers": _edited(headers, edits)}
        if how == _COLLECT:
            self.start, self.pieces = message, []
            return
        self.started = True
        await self._send(message)

    async def _body(self, message: Message) -> None:
        piece, more = _bytes(message), message.get("more_body", False)
        if self.bodiless:
            piece = b""
        if self.left is not None:
            self.left -= len(piece)
            if self.left < 0 or (self.left and not more):
                raise RuntimeError("the response's body and its Content-Length differ")
        if self.pieces is not None:
            self.pieces.append(piece)
            if more:
                return
            piece, self.pieces = b"".join(self.pieces), None
        if self.turn is None:
            out = self.exchange.response(piece, more)
            if out is None:
                out = await self._settled(out)
        else:
            async with self.turn:
                out = await self._settled(self.exchange.response(piece, more))
        if type(out) is tuple:
            await self._cut(out)
            return
        if self.start is not None:
            start, self.start = self.start, None
            start["headers"].append((b"content-length", b"%d" % len(out or b"")))
            self.started = True
            await self._send(start)
        if out is not message.get("body"):
            if more and not out:
                return
            message = {**message, "body": out}
        await self._send(message)
        if more:
            await self._heed()
        elif not self.trailers:
            self._complete()

    async def _cut(self, answer: Any) -> None:
        if not self.started:
            await self._answer(answer)
            self.exchange.complete()
            return
        self.cut, self.closed = answer, True
        self.exchange.complete()
        raise OSError("the exchange is over")

    async def _settled(self, out: Any) -> Any:
        """What comes of a piece once every effect that it asks for is carried out."""
        while out is None:
            try:
                await carried_out(self.exchange)
            except BaseException:
                self.exchange.abandon()
                raise
            out = self.exchange.resume()
        return out

    async def _answer(self, answer: Any) -> None:
        status, headers, body, _ = answer
        self.started = self.closed = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"" if self.bodiless else body})

    def _complete(self) -> None:
        self.exchange.complete()

    def let_go(self) -> None:
        """The exchange ends here, whatever came: the first ending counts."""
        if self.pending is not None and not self.pending.cancel() and not self.pending.cancelled():
            self.pending.exception()
        if self.gone:
            self.exchange.disconnect()
        elif not (self.cut and not self.started):
            self.exchange.fail()

    async def end(self) -> None:
        """Answers for, or aborts, an exchange that was cut."""
        if self.cut is None:
            return
        if not self.started:
            await self._answer(self.cut)
            self.exchange.complete()
            return
        raise ExchangeCut(f"the exchange was cut: {self.cut[3]}", self.cut[3])


async def carried_out(exchange: Exchange) -> None:
    loop = asyncio.get_running_loop()
    while (woken := _woken(exchange, loop)) is not None:
        await woken


def _woken(exchange: Exchange, loop: asyncio.AbstractEventLoop) -> Optional[asyncio.Future[None]]:
    """When to ask again for an effect under way; ``None`` once it is done."""
    woken: asyncio.Future[None] = loop.create_future()
    return None if exchange.carry_out(partial(loop.call_soon_threadsafe, _wake, woken)) else woken


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _bytes(message: Message) -> bytes:
    body = message.get("body", b"")
    return body if type(body) is bytes else bytes(body)


def _without_body(scope: Scope) -> bool:
    """Whether the request's head says that no body follows; only then does asking for one call for nothing."""
    framed = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
    return not framed and scope.get("http_version", "").startswith("1")


def _edited(headers: Any, edits: Any) -> Headers:
    remove, put = edits
    kept: Headers = [(name, value) for name, value in headers if name.lower() not in remove]
    return kept + list(put)


def _length(value: bytes) -> Optional[int]:
    return int(value) if value.isdigit() else None
