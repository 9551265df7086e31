"""Bodies and answers of aiohttp's client, made outside of it.

>>> response.content = Body(following, None, exchange.disconnect)      # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, Optional, Union

from aiohttp import ClientRequest, ClientResponse, StreamReader
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.payload import BytesPayload, Payload

from ._flow import Source

# As much as aiohttp keeps of a body that nobody reads.
_ROOM = 64 * 1024


class Body(StreamReader):
    """A response's body that is asked for its pieces when it is read; ``left`` is called where nobody reads on."""

    def __init__(self, following: Source, whole: Optional[bytes], left: Callable[[], None]) -> None:
        super().__init__(_Nobody(), _ROOM, loop=asyncio.get_running_loop())  # type: ignore[arg-type]
        self._following = following
        self._left = left
        if whole is not None:
            self.feed_data(whole)
            self.feed_eof()

    async def _wait(self, func_name: str) -> None:
        try:
            piece = await self._following()
        except Exception as error:
            # What broke stays broken: its rest must not look like an end.
            super().set_exception(error)
            raise
        if piece is None:
            self.feed_eof()
        else:
            self.feed_data(piece)

    def set_exception(self, exc: BaseException, *cause: Any) -> None:
        self._left()
        super().set_exception(exc, *cause)


class _Nobody:
    """The protocol of a body that no connection fills."""

    connected = True

    def pause_reading(self) -> None: ...

    def resume_reading(self, *parser: Any, **named: Any) -> None: ...


async def pieces_of(body: Optional[Payload]) -> AsyncIterator[bytes]:
    """A request's body, whatever it was given as. It writes only as fast as it is read."""
    if body is None:
        return
    if isinstance(body, BytesPayload):
        yield await body.as_bytes()
        return
    pieces: _Pieces = asyncio.Queue(1)
    writing = asyncio.ensure_future(_written(body, pieces))
    try:
        while (piece := await pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
    finally:
        writing.cancel()


# What a body writes, then its end, or why there is none.
_Pieces = asyncio.Queue[Union[bytes, Exception, None]]


async def _written(body: Payload, pieces: _Pieces) -> None:
    try:
        await body.write_with_length(_Writer(pieces), None)
    except Exception as error:
        await pieces.put(error)
    else:
        await pieces.put(None)


class _Writer(AbstractStreamWriter):
    """Takes what a body writes. It is packed and framed when it is sent."""

    def __init__(self, pieces: _Pieces) -> None:
        self._pieces = pieces

    async def write(self, chunk: Any) -> None:
        if chunk:
            await self._pieces.put(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        await self.write(chunk)

    async def drain(self) -> None: ...

    def enable_compression(self, *args: Any, **named: Any) -> None: ...

    def enable_chunking(self) -> None: ...

    async def write_headers(self, *args: Any) -> None: ...


async def answered(request: ClientRequest, answer: Any) -> ClientResponse:
    """The guard's answer as a response of aiohttp's own, which reads it off a connection that leads nowhere."""
    status, headers, body, _ = answer
    protocol = ResponseHandler(asyncio.get_running_loop())
    protocol.connection_made(_Nowhere())
    protocol.set_response_params(skip_payload=request.method == "HEAD", read_until_eof=True)
    connection: Any = _Connection(protocol)
    given, request._body, request._continue = request._body, None, None
    response = await request.send(connection)
    request._body = given
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode() + lines + b"\r\n"
    protocol.data_received(head + (b"" if request.method == "HEAD" else body))
    return await response.start(connection)


class _Nowhere(asyncio.Transport):
    """Where nothing is sent."""

    def write(self, data: Any) -> None: ...

    def writelines(self, data: Any) -> None: ...

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


class _Connection:
    """What a response holds on to."""

    force_close = False

    def __init__(self, protocol: ResponseHandler) -> None:
        self.protocol = protocol
        self.transport = protocol.transport
        self.closed = False
        # It is asked whether its connections are kept.
        self._connector = self

    def release(self) -> None: ...

    close = release
