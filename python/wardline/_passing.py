"""One request on its way through the ASGI door, and its response on the way back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Optional

from ._errors import ExchangeCut, WardlineError
from ._incoming import PASSING, Incoming, Message, Receive, Scope, Send, bytes_of
from ._wardline import Exchange

# Looked up once: these are asked for in every exchange.
_NEED_BODY, _EFFECT, _ANSWER = Exchange.NEED_BODY, Exchange.EFFECT, Exchange.ANSWER
_COLLECT, _REFUSE = Exchange.COLLECT, Exchange.REFUSE


class Passing(Incoming):
    """One request on its way through, and its response on the way back."""

    __slots__ = ()

    async def judge(self, step: Any) -> Optional[Scope]:
        """Drives the exchange to its verdict; the scope for the application, or ``None`` where it is not called."""
        exchange = self.exchange
        while True:
            kind = step[0]
            if kind == _NEED_BODY:
                message = await self._receive()
                if message["type"] != "http.request":
                    exchange.disconnect()
                    return None
                self.put(message)
                self.more = message.get("more_body", False)
                step = exchange.push(bytes_of(message), self.more)
            elif kind == _EFFECT:
                if not await self.step_settled():
                    exchange.disconnect()
                    return None
                step = exchange.step()
            elif kind == _ANSWER:
                await self._answer(step[1])
                return None
            else:
                return self.forward(step)

    def send(self, message: Message) -> Awaitable[None]:
        """What the application answers."""
        # No coroutine of its own, it would only wait for another: what need not wait is done at once.
        if self.turn is not None:
            return self._later(message)
        kind = message["type"]
        if kind == "http.response.body":
            return self._body(message)
        if kind == "http.response.start":
            return self._start(message)
        return self._other(message)

    async def _later(self, message: Message) -> None:
        await self.alone()
        await self.send(message)

    def _start(self, message: Message) -> Awaitable[None]:
        if self.closed:
            return _nothing()
        how, headers, answer = self.exchange.head(message["status"], message.get("headers", ()))
        if how == _REFUSE:
            return self._answer(answer)
        self.trailers = message.get("trailers", False)
        if headers is not None:
            message = {**message, "headers": headers}
        if how == _COLLECT:
            self.start = message
            return _nothing()
        self.started = True
        return self._send(message)

    def _body(self, message: Message) -> Awaitable[None]:
        body = message.get("body", b"")
        more = message.get("more_body", False)
        if self.closed:
            # An application that is at its end need not hear of it; one that would go on must.
            if more:
                raise OSError("the exchange is over")
            return _nothing()
        out: Any = self.exchange.response(body if type(body) is bytes else bytes(body), more)
        return self._waiting(message, more) if out is None else self._passed(message, more, out)

    async def _waiting(self, message: Message, more: bool) -> None:
        await self._passed(message, more, await self.settled())

    def _passed(self, message: Message, more: bool, out: Any) -> Awaitable[None]:
        """What leaves of a piece."""
        if type(out) is tuple:
            return self._ended(message, out)
        start = self.start
        if start is not None:
            return _nothing() if more else self._whole(start, message, out)
        if out is not message.get("body", b""):
            if more and not out:
                return _nothing()
            message = {**message, "body": out}
        return self._piece(message) if more else self._last(message)

    async def _whole(self, start: Message, message: Message, body: bytes) -> None:
        """A response that goes on as one."""
        # Its length is still declared where nothing changes.
        headers = []
        for field in start.get("headers", ()):
            if field[0].lower() != b"content-length":
                headers.append(field)
        headers.append((b"content-length", b"%d" % len(body)))
        self.start = None
        self.started = True
        await self._send({**start, "headers": headers})
        await self._last({**message, "body": body})

    async def _last(self, message: Message) -> None:
        await self._send(message)
        if not self.trailers:
            self.exchange.complete()

    async def _piece(self, message: Message) -> None:
        await self._send(message)
        if self.pending is None or self.pending.done():
            await self.heed()

    async def _ended(self, message: Message, out: Any) -> None:
        """A response that is cut, behind the last that passes."""
        if len(out) == 2:
            last, out = out
            if last and self.start is None:
                # The server has it before the exchange ends: it sends what it has, and then aborts.
                await self._send({**message, "body": last, "more_body": True})
        await self._cut(out)

    async def _other(self, message: Message) -> None:
        if self.closed:
            return
        kind = message["type"]
        if kind not in PASSING:
            raise WardlineError(f"a message of type {kind!r} would pass unseen", "invalid_input")
        await self._send(message)
        if kind == "http.response.trailers" and not message.get("more_trailers", False):
            self.exchange.complete()

    async def _cut(self, answer: Any) -> None:
        if not self.started:
            await self._answer(answer)
            return
        self.cut, self.closed = answer, True
        self.exchange.complete()
        raise OSError("the exchange is over")

    async def _answer(self, answer: Any) -> None:
        """Answers in the service's place."""
        status, headers, body, _ = answer
        self.started = self.closed = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        head_only = self.scope.get("method") == "HEAD"
        await self._send({"type": "http.response.body", "body": b"" if head_only else body})
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
        if not self.started:
            await self._answer(self.cut)
            return
        raise ExchangeCut(f"the exchange was cut: {self.cut[3]}", self.cut[3])


async def _nothing() -> None:
    """For a message that sends nothing; a coroutine, for some make tasks of what `send` gives."""
