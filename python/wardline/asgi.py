"""The door for ASGI applications: FastAPI, Starlette, LitServe and every other.

>>> from wardline.asgi import GuardMiddleware                     # doctest: +SKIP
>>> app.add_middleware(GuardMiddleware, policy="wardline.yaml")   # doctest: +SKIP

Add it last, so that it stands outermost; ``app = GuardMiddleware(app)`` also covers the application's own error pages.

* ``http``: guarded. A response's head is held back only until it is known how the body passes.
* ``websocket``: its frames cannot be judged, so it is refused (with the problem document where the server can send
  one, else by close code 1008) unless the service is only observed: then it passes, and the opening is recorded.
* ``lifespan``: passes. The guard starts with the application, and its records are on disk and signed before the server stops, also where the
  application knows no lifespan.

Who is calling: ``identity(scope)`` (a function of yours, or a coroutine function; ``None`` for nobody known), else
``scope["state"]["wardline_identity"]``, else the headers that the policy trusts from ``scope["client"]``. A server that
rewrites ``scope["client"]`` from forwarding headers (uvicorn's ``--proxy-headers``) decides whom those are believed from.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Optional, Union
from urllib.parse import quote, unquote

from ._errors import WardlineError
from ._guarded import CALLER, Guarded, Known, Policy
from ._incoming import Message, Receive, Scope, Send, carried_out
from ._passing import Passing
from ._wardline import Exchange, Guard

__all__ = ["GuardMiddleware"]

App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Looked up once: these are asked for in every exchange.
_NEED_BODY, _EFFECT, _ANSWER, _FORWARD = Exchange.NEED_BODY, Exchange.EFFECT, Exchange.ANSWER, Exchange.FORWARD


class GuardMiddleware(Guarded):
    """Guards an ASGI application under a policy: a file, a ``Guard``, or the file that ``WARDLINE_POLICY`` names."""

    def __init__(
        self,
        app: App,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
        identity: Optional[Callable[[Scope], Union[Known, Awaitable[Known]]]] = None,
    ) -> None:
        super().__init__(policy, guard)
        self.app = app
        self.identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        if not self._runs():
            await self._start_beside()
        known = None
        if self.identity is not None or scope.get("state"):
            known = await self._caller(scope)
        exchange, step = self.guard.begin(scope["method"], _target(scope), scope["headers"], _peer(scope), known)
        passing = Passing(exchange, scope, receive, send)
        token = None
        try:
            inner = passing.forward(step) if step[0] == _FORWARD else await passing.judge(step)
            if inner is not None:
                token = CALLER.set(exchange.identity)
                await self.app(inner, passing.receive, passing.send)
        except asyncio.CancelledError:
            exchange.disconnect()
            raise
        except Exception:
            # Once the exchange has its answer, what the application makes of that is nobody's concern.
            if not passing.closed:
                raise
        finally:
            if token is not None:
                CALLER.reset(token)
            passing.let_go()
        if passing.cut is not None:
            await passing.end()

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(scope, receive, send)
        elif kind == "websocket":
            if not self._runs():
                await self._start_beside()
            await self._websocket(scope, receive, send)
        else:
            raise WardlineError(f"a scope of type {kind!r} cannot be guarded", "invalid_input")

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [*scope["headers"], (b"upgrade", b"websocket")]
        step: Any
        exchange, step = self.guard.begin("GET", _target(scope), headers, _peer(scope), await self._caller(scope))
        try:
            while step[0] in (_NEED_BODY, _EFFECT):
                if step[0] == _NEED_BODY:
                    step = exchange.push(b"", False)
                else:
                    await carried_out(exchange)
                    step = exchange.step()
            if step[0] != _ANSWER:
                exchange.head(101, ())
                await self.app(scope, receive, send)
                exchange.complete()
                return
            status, answer, body, _ = step[1]
            await receive()
            if "websocket.http.response" in scope.get("extensions", ()):
                await send({"type": "websocket.http.response.start", "status": status, "headers": answer})
                await send({"type": "websocket.http.response.body", "body": body})
            else:
                await send({"type": "websocket.close", "code": 1008})
            exchange.complete()
        finally:
            exchange.fail()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        heard = told = ""

        async def received() -> Message:
            nonlocal heard
            message = await receive()
            heard = message["type"]
            if heard == "lifespan.startup":
                await self._start_beside()
            return message

        async def sent(message: Message) -> None:
            nonlocal told
            told = message["type"]
            if told in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                # A server may end the process by a signal right after this.
                await asyncio.get_running_loop().run_in_executor(None, self._works, self.guard.flush)
            await send(message)

        try:
            await self.app(scope, received, sent)
        except Exception:
            if told:
                raise
        if told:
            return
        # An application without a lifespan returns or raises. The guard has one nevertheless: else its last records were never signed.
        if not heard:
            await received()
        await sent({"type": "lifespan.startup.complete"})
        await received()
        await sent({"type": "lifespan.shutdown.complete"})

    async def _caller(self, scope: Scope) -> Known:
        known: Union[Known, Awaitable[Known]] = None
        if self.identity is not None:
            known = self.identity(scope)
            if inspect.isawaitable(known):
                known = await known
        if known is None:
            state = scope.get("state")
            if state:
                known = state.get("wardline_identity")
        return known  # type: ignore[return-value]


def _target(scope: Scope) -> bytes:
    """The request's target as it came. Where something in front of us rewrote the path, what the application will
    see is what is judged."""
    path: str = scope["path"]
    raw: Optional[bytes] = scope.get("raw_path")
    if raw is None or (raw.decode("latin-1") != path and unquote(raw.decode("latin-1")) != path):
        raw = quote(path, safe="/:@!$&'()*+,;=~").encode()
    query: bytes = scope.get("query_string", b"")
    return raw + b"?" + query if query else raw


def _peer(scope: Scope) -> Optional[str]:
    client = scope.get("client")
    return client[0] if client else None
