"""Responses of urllib3 whose bodies the guard hands out, and what its requests are made of: for the doors of urllib3 and requests.

>>> raw = Raw(body=reader, headers=texts_of(headers), status=200, preload_content=False)      # doctest: +SKIP
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Optional

import urllib3

from ._crossing import Crossing, Headers, source_of
from ._errors import ExchangeCut
from ._flow import Source, each
from ._reading import Pieces

# So much is read at a time.
PIECE = 64 * 1024


class Raw(urllib3.HTTPResponse):
    """The response that a client reads. Pieces are handed on as they come, and not kept until there are ``amt`` bytes."""

    def stream(self, amt: Optional[int] = PIECE, decode_content: Optional[bool] = None) -> Any:
        try:
            while piece := self.read1(amt, decode_content):
                yield piece
        except urllib3.exceptions.ProtocolError as error:
            if isinstance(error.__cause__, ExchangeCut):
                raise error.__cause__ from None
            raise


class _Reader(Pieces):
    """What is read of a response on its way back."""

    def __init__(self, following: Source, crossing: Crossing, close: Callable[[], None]) -> None:
        super().__init__(each(following))
        self._crossing = crossing
        self._close = close

    def close(self) -> None:
        if not self.closed:
            # Before its end that means that nobody reads on.
            self._crossing.exchange.disconnect()
            self._close()
        super().close()


def reader(following: Source, crossing: Crossing, close: Callable[[], None]) -> io.BufferedReader:
    """A file over a response on its way back; ``close`` lets go of what it comes from."""
    return io.BufferedReader(_Reader(following, crossing, close), PIECE)


def headers_of(headers: Any) -> Headers:
    """Headers of requests or urllib3, repeated ones too."""
    return [(bytes_of(name, "latin-1"), bytes_of(value, "latin-1")) for name, value in headers.items()]


def texts_of(headers: Headers) -> list[tuple[str, str]]:
    """The same the other way round."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def pieces_of(body: Any) -> Iterator[bytes]:
    """A request's body, whatever it was given as."""
    pieces: Iterable[Any] = body
    if body is None:
        pieces = ()
    elif isinstance(body, (str, bytes, bytearray, memoryview)):
        pieces = (body,)
    elif hasattr(body, "read"):
        pieces = iter(lambda: body.read(PIECE) or None, None)
    for piece in pieces:
        yield bytes_of(piece, "utf-8")


def body_of(raw: Any) -> Source:
    """A response's body as it came."""
    if isinstance(raw, urllib3.HTTPResponse):
        return source_of(iter(partial(raw.read1, PIECE, decode_content=False), b""))
    return source_of(iter(partial(raw.read, PIECE), b""))


def bytes_of(text: Any, charset: str) -> bytes:
    """A text in this charset; bytes as they are."""
    return text.encode(charset) if isinstance(text, str) else bytes(text)
