"""A door of ASGI before a server that is no Python: what a guarded reverse proxy is, in one file.

    app = GuardMiddleware(Reverse("http://127.0.0.1:8000"), policy="wardline.yaml")

Requests and responses stream through `httpx`, as the bytes that they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx

# What belongs to one connection, and not to the message (RFC 9110, 7.6.1).
_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"host"}


class Reverse:
    """Passes requests on to a server, under its own host."""

    def __init__(self, upstream: str) -> None:
        self.client = httpx.AsyncClient(base_url=upstream, timeout=120)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        url = httpx.URL(path=scope["path"], query=scope["query_string"] or None)
        headers = [(name, value) for name, value in scope["headers"] if name not in _HOP]
        # A request without a body has none, and not an empty one in chunks.
        sized = any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"])
        content = _body(receive) if sized else None
        request = self.client.build_request(scope["method"], url, headers=headers, content=content)
        answer = await self.client.send(request, stream=True)
        try:
            answered = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": answered})
            async for piece in answer.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await answer.aclose()


async def _body(receive: Any) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the caller is gone")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return
