"""Messages that no server or framework here makes, but ASGI allows; the door is called as a server would call it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support import POLICY

from wardline import Guard
from wardline.asgi import GuardMiddleware

READ = "/collections/docs/points/7"
BODY = b'{"mail":"ana@example.org"}'
LENGTH = str(len(BODY)).encode()


def sent(folder: Path, base: str, app: Any) -> list[Any]:
    """What the server is given to send, as far as the application comes."""
    (folder / "w.yaml").write_text(POLICY)
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http", "method": "GET", "path": base + READ, "query_string": b"",
        "headers": [(b"x-user", b"ana")], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(GuardMiddleware(app, guard=Guard(folder / "w.yaml"))(scope, receive, send))
    return messages


@pytest.mark.parametrize("kind", [list, tuple, iter])
@pytest.mark.parametrize("pair", [list, tuple])
def test_headers_may_be_any_iterable(tmp_path: Path, kind: Any, pair: Any) -> None:
    headers = [(b"Content-Type", b"application/json"), (b"Content-Length", LENGTH), (b"ETag", b'"1"'), (b"x-kept", b"")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": kind([pair(one) for one in headers])})
        await send({"type": "http.response.body", "body": BODY})

    start, body = sent(tmp_path, "/plain", app)
    assert [tuple(one) for one in start["headers"]] == headers and body["body"] == BODY
    start, body = sent(tmp_path, "/masked", app)
    left = [headers[0], headers[3], (b"cache-control", b"private"), (b"content-length", b"18")]
    assert [tuple(one) for one in start["headers"]] == left and body["body"] == b'{"mail":"[EMAIL]"}'


def test_a_body_that_goes_on_as_one_may_come_in_pieces_of_any_kind(tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", LENGTH)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for piece in (BODY[:12], bytearray(BODY[12:20]), memoryview(BODY[20:])):
            # A call may be awaited by a task of its own.
            await asyncio.ensure_future(send({"type": "http.response.body", "body": piece, "more_body": True}))
        await send({"type": "http.response.body"})

    start, body = sent(tmp_path, "/masked", app)
    assert start["headers"][-1] == (b"content-length", b"18") and body["body"] == b'{"mail":"[EMAIL]"}'


def test_a_body_beyond_its_length_is_refused_where_it_begins(tmp_path: Path) -> None:
    refused = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", LENGTH)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY, "more_body": True})
        with pytest.raises(RuntimeError) as error:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
        refused.append(error.value)

    assert sent(tmp_path, "/masked", app) == [] and len(refused) == 1
