"""A player as a Starlette application, under the ASGI middleware and uvicorn."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from play import VARIABLE, Play, compresses
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from wardline.asgi import GuardMiddleware


async def service(request: Request) -> StreamingResponse:
    play = Play(request.headers.get("x-play", ""))
    body = b"" if play.reads == "none" else b"".join([piece async for piece in request.stream()])
    if play.reads == "twice":
        # Starlette refuses a stream that was read, and has a body that was read once more.
        body = await Request({**request.scope}, request.receive).body() + body
    play.saw(request.method, request.url.path, dict(request.headers), body)
    if play.fails == "before":
        raise RuntimeError("the service failed")
    # Starlette runs what is no coroutine in a thread.
    task = BackgroundTask(play.works) if play.asked.get("task") else None
    response = StreamingResponse(pieces(play), play.status, background=task)
    response.raw_headers = [(name.encode(), value.encode()) for name, value in play.headers()]
    return response


async def pieces(play: Play) -> AsyncIterator[bytes]:
    try:
        for number, piece in play.each():
            while not play.may(number):
                await asyncio.sleep(0.005)
            yield piece
            # uvicorn takes what it is handed for a caller who is gone at once: whoever never waits never hears of it.
            await asyncio.sleep(0)
        if play.fails == "after":
            raise RuntimeError("the service failed")
    finally:
        play.closed()


app = Starlette(routes=[Route("/{path:path}", service, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])])


class Compressed:
    """Starlette's compression at one side of the guard."""

    def __init__(self, app: Any, place: str) -> None:
        self.app, self.place = app, place
        self.packed = GZipMiddleware(app, minimum_size=1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        told = dict(scope.get("headers", ())).get(b"x-compress", b"").decode()
        await (self.packed if compresses(self.place, told) else self.app)(scope, receive, send)


def guarded(app: Any) -> Any:
    """An application under guard, with a compression at each side."""
    return Variable(Compressed(GuardMiddleware(Compressed(app, "inside")), "outside"))


class Variable:
    """Stands before the guard, and sets a variable of the context."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            VARIABLE.set(dict(scope["headers"]).get(b"x-variable", b"").decode())
        await self.app(scope, receive, send)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(guarded(app), proxy_headers=False, log_level="critical", ws="websockets-sansio")
    asyncio.run(uvicorn.Server(config).serve([listener]))
