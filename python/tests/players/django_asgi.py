"""A player as a site of Django's under uvicorn, whose views and streams are asynchronous: the ASGI middleware stands around it, for Django's own
passes no such stream."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import django
import uvicorn
from django.conf import settings
from asgi import guarded
from play import Play

settings.configure(ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None, ROOT_URLCONF=__name__, SECRET_KEY="for tests")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402: needs the settings
from django.http import HttpResponse, StreamingHttpResponse  # noqa: E402
from django.urls import re_path  # noqa: E402


async def service(request: Any) -> Any:
    headers = {name.lower(): value for name, value in request.headers.items()}
    play = Play(headers.get("x-play", ""))
    body = b"" if play.reads == "none" else request.body
    if play.reads == "twice":
        body += request.read()
    play.saw(request.method, request.path, headers, body)
    play.task()
    if play.fails == "before":
        raise RuntimeError("the service failed")
    if play.asked.get("length"):
        response: Any = HttpResponse(b"".join(play.pieces), status=play.status)
        play.closed()
    else:
        response = StreamingHttpResponse(pieces(play), status=play.status)
    del response["content-type"]
    for name, value in play.headers():
        response[name] = value
    return response


async def pieces(play: Play) -> AsyncIterator[bytes]:
    try:
        for number, piece in play.each():
            while not play.may(number):
                await asyncio.sleep(0.005)
            yield piece
            await asyncio.sleep(0)
        if play.fails == "after":
            raise RuntimeError("the service failed")
    finally:
        play.closed()


urlpatterns = [re_path("", service)]

if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(guarded(get_asgi_application()), proxy_headers=False, log_level="critical", lifespan="off", ws="websockets-sansio")
    asyncio.run(uvicorn.Server(config).serve([listener]))
