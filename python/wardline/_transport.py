"""What the doors of httpx and httpx2 have in common: they are one library under two names, whose objects do not mix.

>>> class GuardTransport(Blocking, httpx.BaseTransport): ...      # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, ClassVar, NamedTuple, Optional

from ._crossing import Crossing, Headers, Returning, source_beside, source_of
from ._egress import Asking, Outgoing
from ._errors import WardlineError
from ._flow import Source, beside, blocking, run
from ._guarded import Policy
from ._wardline import Guard

_Closes = Callable[[], Coroutine[Any, Any, None]]


class Library(NamedTuple):
    """One of the two: the module, the streams of our own under its classes, and what is raised where a response is cut."""

    module: Any
    stream: Callable[[Source, _Closes], Any]
    stream_beside: Callable[[Source, _Closes], Any]
    cut: Callable[[Any], Exception]


class Blocking(Outgoing):
    """A transport of a client without an event loop."""

    library: ClassVar[Library]

    def __init__(
        self, transport: Any = None, *, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
    ) -> None:
        super().__init__(identity, policy, guard)
        self._transport: Any = self.library.module.HTTPTransport() if transport is None else transport

    def handle_request(self, request: Any) -> Any:
        if not self._runs():
            self._start()
        return run(_pass(self, request, _Blocking(self)))

    def close(self) -> None:
        self._transport.close()


class Beside(Outgoing):
    """The same beside an event loop."""

    library: ClassVar[Library]

    def __init__(
        self, transport: Any = None, *, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
    ) -> None:
        super().__init__(identity, policy, guard)
        self._transport: Any = self.library.module.AsyncHTTPTransport() if transport is None else transport

    async def handle_async_request(self, request: Any) -> Any:
        if not self._runs():
            await self._start_beside()
        return await _pass(self, request, _Beside(self))

    async def aclose(self) -> None:
        await self._transport.aclose()


def put_inside(client: Any, module: Any, door: Callable[[Any], Any]) -> None:
    """Puts a door before each transport of a client that sends by itself, inside of those that only stand around another one."""
    if not isinstance(client, (module.Client, module.AsyncClient)):
        raise WardlineError(f"expected a client of {module.__name__}", "invalid_input")
    base = (module.BaseTransport, module.AsyncBaseTransport)

    def within(transport: Any) -> Any:
        if isinstance(transport, Outgoing):
            raise WardlineError("the client is guarded already", "invalid_input")
        around = {name: value for name, value in vars(transport).items() if isinstance(value, base)}
        for name, value in around.items():
            setattr(transport, name, within(value))
        return transport if around else door(transport)

    # What a client was made with has no other name.
    client._transport, client._mounts = within(client._transport), {
        pattern: transport and within(transport) for pattern, transport in client._mounts.items()
    }


class BlockingStream:
    """A body that is handed on as it comes."""

    def __init__(self, following: Source, close: _Closes) -> None:
        self._following = following
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        while (piece := run(self._following())) is not None:
            yield piece

    def close(self) -> None:
        run(self._close())


class BesideStream:
    """The same beside an event loop."""

    def __init__(self, following: Source, close: _Closes) -> None:
        self._following = following
        self._close = close

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._following()) is not None:
            yield piece

    async def aclose(self) -> None:
        await self._close()


class _Blocking:
    """How a client without an event loop sends, reads and waits."""

    wait = staticmethod(blocking)
    source = staticmethod(source_of)

    def __init__(self, door: Blocking) -> None:
        self.library = door.library
        self.stream = door.library.stream
        self._transport = door._transport

    async def send(self, request: Any) -> Any:
        return self._transport.handle_request(request)

    async def close(self, response: Any) -> None:
        response.stream.close()


class _Beside:
    """How a client beside an event loop does."""

    wait = staticmethod(beside)
    source = staticmethod(source_beside)

    def __init__(self, door: Beside) -> None:
        self.library = door.library
        self.stream = door.library.stream_beside
        self._transport = door._transport

    async def send(self, request: Any) -> Any:
        return await self._transport.handle_async_request(request)

    async def close(self, response: Any) -> None:
        await response.stream.aclose()


async def _pass(door: Outgoing, request: Any, way: Any) -> Any:
    """One request on its way out, and the head of its response on the way back."""
    url = request.url
    target: bytes = request.extensions.get("target", url.raw_path)
    line = request.method, target, url.netloc.decode("ascii")
    crossing = door.begin(request, line, request.headers.raw, way.wait)
    try:
        if not await crossing.judged(way.source(request.stream)):
            return _answer(crossing, request, way)
        await crossing.begun()
        response = await way.send(_outgoing(crossing, request, way))
    except BaseException as error:
        if crossing.broke(error):
            return _answer(crossing, request, way)
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
        return _answer(crossing, request, way)
    library: Library = way.library
    if body is not None:
        stream = library.module.ByteStream(body)
    else:

        async def close() -> None:
            # Before its end that means that nobody reads on.
            crossing.exchange.disconnect()
            await way.close(response)

        stream = way.stream(Returning(crossing, source, library.cut).following, close)
    return library.module.Response(response.status_code, headers=headers, stream=stream, extensions=response.extensions)


def _outgoing(crossing: Crossing, request: Any, way: Any) -> Any:
    module = way.library.module
    headers = crossing.headers
    if crossing.untouched:
        stream = request.stream
    elif crossing.body is not None:
        stream = module.ByteStream(crossing.body)
    else:
        stream = way.stream(crossing.following, _nothing)
        headers = _framed(headers)
    return module.Request(request.method, request.url, headers=headers, stream=stream, extensions=request.extensions)


def _framed(headers: Headers) -> Headers:
    """Of a body whose length is not known any more the end has to show."""
    names = {name.lower() for name, _ in headers}
    if names & {b"content-length", b"transfer-encoding"}:
        return headers
    return [*headers, (b"transfer-encoding", b"chunked")]


def _answer(crossing: Crossing, request: Any, way: Any) -> Any:
    status, headers, body, _ = crossing.answer
    content = b"" if request.method == "HEAD" else body
    return way.library.module.Response(status, headers=headers, content=content)


async def _nothing() -> None: ...
