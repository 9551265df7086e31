"""The door for what httpx sends: an ``httpx.Client`` of your own, and through it the clients of OpenAI, Qdrant and others.

>>> from wardline.httpx import GuardTransport                                                        # doctest: +SKIP
>>> transport = GuardTransport(identity="svc-ingest", policy="wardline.yaml")                        # doctest: +SKIP
>>> OpenAI(http_client=httpx.Client(transport=transport)); QdrantClient(url=URL, transport=transport)  # doctest: +SKIP

Each request is judged under the service that its URL names, each redirect and each attempt of a client that tries again by itself. What goes
out is masked and, where the policy says ``sealed_for``, sealed; what comes back is masked, counted and cut. The guard's own answers are
responses like any other (``403`` with a problem document). A response that is cut while it is read raises ``Cut``, an ``httpx.ReadError``.

Who asks: ``identity``, the name of this service or a function of the request, such as ``lambda request: wardline.caller() or "svc-rag"``
for requests on behalf of whoever called. ``AsyncGuardTransport`` waits beside asyncio's event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Optional, Union

import httpx

from ._crossing import Crossing, Headers, Returning, source_beside, source_of
from ._egress import Asking, Outgoing
from ._errors import ExchangeCut
from ._flow import Source, beside, blocking, reason_of, run
from ._guarded import Policy
from ._wardline import Guard

__all__ = ["AsyncGuardTransport", "Cut", "GuardTransport"]

_Closes = Callable[[], Awaitable[None]]


class Cut(ExchangeCut, httpx.ReadError):
    """Nothing more of a response may pass."""

    def __init__(self, message: str, code: str = "internal", diagnostics: Any = None) -> None:
        ExchangeCut.__init__(self, message, code, diagnostics)
        self._request = None


class GuardTransport(Outgoing, httpx.BaseTransport):
    """Guards what goes out through a transport of httpx: the ordinary one, or yours."""

    door = "httpx"

    def __init__(
        self,
        transport: Optional[httpx.BaseTransport] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(identity, policy, guard)
        self._transport = httpx.HTTPTransport() if transport is None else transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not self._runs():
            self._start()
        return run(_pass(self, request, _Blocking(self._transport)))

    def close(self) -> None:
        self._transport.close()


class AsyncGuardTransport(Outgoing, httpx.AsyncBaseTransport):
    """The same for an ``httpx.AsyncClient``."""

    door = "httpx"

    def __init__(
        self,
        transport: Optional[httpx.AsyncBaseTransport] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(identity, policy, guard)
        self._transport = httpx.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._runs():
            await self._start_beside()
        return await _pass(self, request, _Beside(self._transport))

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Blocking:
    """How a client without an event loop sends, reads and waits."""

    wait = staticmethod(blocking)
    source = staticmethod(source_of)

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    async def send(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)

    async def close(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream.close()

    def stream(self, following: Source, close: _Closes) -> httpx.SyncByteStream:
        return _BlockingStream(following, close)


class _BlockingStream(httpx.SyncByteStream):
    def __init__(self, following: Source, close: _Closes) -> None:
        self._following = following
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        while (piece := run(self._following())) is not None:
            yield piece

    def close(self) -> None:
        run(self._close())


class _Beside:
    """How a client beside an event loop does."""

    wait = staticmethod(beside)
    source = staticmethod(source_beside)

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)

    async def close(self, response: httpx.Response) -> None:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        await response.stream.aclose()

    def stream(self, following: Source, close: _Closes) -> httpx.AsyncByteStream:
        return _BesideStream(following, close)


class _BesideStream(httpx.AsyncByteStream):
    def __init__(self, following: Source, close: _Closes) -> None:
        self._following = following
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._following()) is not None:
            yield piece

    async def aclose(self) -> None:
        await self._close()


async def _pass(door: Outgoing, request: httpx.Request, way: Union[_Blocking, _Beside]) -> httpx.Response:
    """One request on its way out, and the head of its response on the way back."""
    url = request.url
    target: bytes = request.extensions.get("target", url.raw_path)
    line = request.method, target, url.netloc.decode("ascii")
    crossing = door.begin(request, line, request.headers.raw, way.wait)
    try:
        if not await crossing.judged(way.source(request.stream)):
            return _answer(crossing, request)
        await crossing.begun()
        response = await way.send(_outgoing(crossing, request, way))
    except BaseException as error:
        if crossing.broke(error):
            return _answer(crossing, request)
        raise
    source = way.source(response.stream)
    try:
        headers, body = await crossing.returned(response.status_code, response.headers.raw, source)
        if crossing.answer is not None or body is not None:
            await way.close(response)
    except BaseException as error:
        crossing.broke(error)
        await way.close(response)
        raise
    if crossing.answer is not None:
        return _answer(crossing, request)
    if body is not None:
        stream: Any = httpx.ByteStream(body)
    else:

        async def close() -> None:
            # Before its end that means that nobody reads on.
            crossing.exchange.disconnect()
            await way.close(response)

        stream = way.stream(Returning(crossing, source, _cut).following, close)
    return httpx.Response(response.status_code, headers=headers, stream=stream, extensions=response.extensions)


def _outgoing(crossing: Crossing, request: httpx.Request, way: Union[_Blocking, _Beside]) -> httpx.Request:
    headers = crossing.headers
    if crossing.untouched:
        stream: Any = request.stream
    elif crossing.body is not None:
        stream = httpx.ByteStream(crossing.body)
    else:
        stream = way.stream(crossing.following, _nothing)
        headers = _framed(headers)
    return httpx.Request(
        request.method, request.url, headers=headers, stream=stream, extensions=request.extensions
    )


def _framed(headers: Headers) -> Headers:
    """Of a body whose length is not known any more the end has to show."""
    names = {name.lower() for name, _ in headers}
    if names & {b"content-length", b"transfer-encoding"}:
        return headers
    return [*headers, (b"transfer-encoding", b"chunked")]


def _answer(crossing: Crossing, request: httpx.Request) -> httpx.Response:
    status, headers, body, _ = crossing.answer
    return httpx.Response(status, headers=headers, content=b"" if request.method == "HEAD" else body)


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])


async def _nothing() -> None: ...
