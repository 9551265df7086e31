"""The door for what aiohttp sends: a middleware of a ``ClientSession`` (aiohttp 3.12 and newer), your own or one that a library lets you bring.

>>> from wardline.aiohttp import GuardMiddleware                                                     # doctest: +SKIP
>>> guard = GuardMiddleware(identity="svc-ingest", policy="wardline.yaml")                           # doctest: +SKIP
>>> session = aiohttp.ClientSession(middlewares=[guard])                                             # doctest: +SKIP

It stands last in the list, so that it sees what the others made of a request. Each redirect and each attempt is judged under the service that
its URL names. What goes out is masked and, where the policy says ``sealed_for``, sealed; what comes back is masked, counted and cut, as it is
read. The guard's own answers are responses like any other (``403`` with a problem document). A response that is cut while it is read raises
``Cut``, an ``aiohttp.ClientPayloadError``. Frames of a WebSocket cannot be judged: its opening is refused, unless the service is only observed.

Who asks: ``identity``, the name of this service or a function of the request, such as ``lambda request: wardline.caller() or "svc-rag"``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Optional

import aiohttp
from aiohttp import ClientRequest, ClientResponse, hdrs
from multidict import CIMultiDict, CIMultiDictProxy

from ._aiohttp import Body, answered, pieces_of
from ._crossing import Crossing, Headers, Returning, source_beside
from ._egress import Asking, Outgoing
from ._errors import ExchangeCut
from ._flow import Source, beside, reason_of
from ._guarded import Policy
from ._wardline import Guard

__all__ = ["Cut", "GuardMiddleware"]

_Handler = Callable[[ClientRequest], Awaitable[ClientResponse]]


class Cut(ExchangeCut, aiohttp.ClientPayloadError):
    """Nothing more of a response may pass."""


class GuardMiddleware(Outgoing):
    """Guards what goes out through a session."""

    door = "aiohttp"

    def __init__(self, *, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None) -> None:
        super().__init__(identity, policy, guard)

    async def __call__(self, request: ClientRequest, handler: _Handler) -> ClientResponse:
        if not self._runs():
            await self._start_beside()
        url, given, told = request.url, request._body, _told(request)
        line = request.method, url.raw_path_qs.encode(), str(url.host_port_subcomponent)
        crossing = self.begin(request, line, told, beside)
        try:
            if not await crossing.judged(source_beside(pieces_of(given))):
                return await answered(request, crossing.answer)
            await crossing.begun()
            _send(crossing, request, told)
            response = await handler(request)
        except BaseException as error:
            if crossing.broke(error):
                return await answered(request, crossing.answer)
            _again(request, given)
            raise
        if response.status in _REDIRECTS:
            _again(request, given)
        try:
            await _receive(crossing, response)
        except BaseException as error:
            crossing.broke(error)
            response.close()
            raise
        return response if crossing.answer is None else await answered(request, crossing.answer)


def _told(request: ClientRequest) -> Headers:
    """The headers of a request. What aiohttp packs itself it packs after the guard."""
    fields = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in request.headers.items()]
    return [field for field in fields if field[0].lower() != b"content-encoding"] if request.compress else fields


def _send(crossing: Crossing, request: ClientRequest, told: Headers) -> None:
    """Has a request sent as it may go."""
    if crossing.untouched and crossing.headers is told:
        return
    packed = request.headers.get(hdrs.CONTENT_ENCODING) if request.compress else None
    request.headers.clear()
    request.headers.extend(_texts(crossing.headers))
    if packed is not None:
        request.headers[hdrs.CONTENT_ENCODING] = packed
    if crossing.untouched:
        return
    whole = crossing.body
    if whole == b"" and request.body == b"":
        return
    if packed is None and hdrs.CONTENT_LENGTH in request.headers:
        request.chunked = None
        request.headers.pop(hdrs.TRANSFER_ENCODING, None)
    else:
        request.chunked = True
        request.headers.pop(hdrs.CONTENT_LENGTH, None)
        request.headers[hdrs.TRANSFER_ENCODING] = "chunked"
    # The one that was given is not to be closed: it may be sent again.
    request._body = None
    request.update_body_from_data(whole if whole is not None else _each(crossing.following))


def _again(request: ClientRequest, given: Any) -> None:
    """What is sent again, by a redirect or on another connection, is judged again, as it was given."""
    if request._continue is None or request._continue.done():
        request._body = given


_REDIRECTS = (301, 302, 303, 307, 308)


async def _receive(crossing: Crossing, response: ClientResponse) -> None:
    """Has a response read as it may come back, or an answer in its place."""
    content = response.content
    fields: Headers = list(response._raw_headers)
    # aiohttp has undone the coding, and left the head as it was.
    undone = getattr(content, "total_compressed_bytes", None) is not None
    told = [field for field in fields if field[0].lower() not in _PACKED] if undone else fields

    async def source() -> Any:
        return await content.readany() or None

    headers, body = await crossing.returned(response.status, told, source)
    if crossing.answer is not None:
        response.close()
        return
    if response.status == 101:
        crossing.exchange.complete()
        return
    if headers is not told:
        response._headers = CIMultiDictProxy(CIMultiDict(_texts(headers)))
        response._raw_headers = tuple(headers)
        # They have been asked for, to keep the cookies.
        for name in ("headers", "raw_headers"):
            response._cache.pop(name, None)
    following: Source = source if body is not None else Returning(crossing, source, _cut).following
    response.content = Body(following, body, crossing.exchange.disconnect)


_PACKED = (b"content-encoding", b"content-length")


def _texts(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode("utf-8", "surrogateescape")) for name, value in headers]


async def _each(following: Source) -> Any:
    while (piece := await following()) is not None:
        yield piece


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])
