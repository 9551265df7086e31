"""A request on its way through the WSGI door: what the server has of its body, and the ``environ`` that the application gets.

>>> environ = forwarded(environ, step, Body(environ), flow)     # doctest: +SKIP
"""

from __future__ import annotations

import functools
import io
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import Any, Optional

from ._flow import Flow, run
from ._reading import Pieces
from ._wardline import Exchange

Environ = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

# Looked up once: they are asked for in every exchange.
_UNCHANGED, _WHOLE = Exchange.UNCHANGED, Exchange.WHOLE

# So much is read at a time.
_PIECE = 64 * 1024

# The headers that stand under keys without `HTTP_`; empty ones are none.
_BODY = ("CONTENT_TYPE", "CONTENT_LENGTH")

# Most of what stands beside them: to know it by name takes less than to look at each.
_OTHERS = frozenset(
    """REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING RAW_URI REQUEST_URI SERVER_PROTOCOL SERVER_NAME SERVER_PORT SERVER_SOFTWARE REMOTE_ADDR
    REMOTE_PORT GATEWAY_INTERFACE wsgi.version wsgi.url_scheme wsgi.input wsgi.input_terminated wsgi.errors wsgi.multithread wsgi.multiprocess
    wsgi.run_once wsgi.file_wrapper gunicorn.socket werkzeug.socket""".split()
)

# What would bring an application past us: a file that the server sends by itself, the connection.
_HIDDEN = ("wsgi.file_wrapper", "gunicorn.socket", "werkzeug.socket", "eventlet.input")


class Gone(OSError):
    """The caller went away in the middle of the request."""


class Body:
    """The request's body, no further than it was announced: what follows it on the connection is another request's."""

    __slots__ = ("_stream", "_left", "declared", "read")

    def __init__(self, environ: Environ) -> None:
        self._stream = environ["wsgi.input"]
        length: str = environ.get("CONTENT_LENGTH") or ""
        self.declared = length.isascii() and length.isdigit() and not environ.get("HTTP_TRANSFER_ENCODING")
        # `None`: up to its end, which the server marks.
        self._left: Optional[int] = None
        if self.declared:
            self._left = int(length)
        elif not environ.get("wsgi.input_terminated") or _is_bodiless(environ):
            self._left = 0
        # What was read of it to judge it.
        self.read: deque[bytes] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether there is none, as far as the head tells."""
        return self._left == 0 and not self.read

    async def following(self) -> Optional[bytes]:
        """The next piece for the verdict; ``None`` at the end."""
        piece = self.take()
        if not piece:
            return None
        self.read.append(piece)
        return piece

    def take(self) -> bytes:
        """What is read of it at a time; nothing at the end."""
        size = _PIECE if self._left is None else min(_PIECE, self._left)
        if size == 0:
            return b""
        piece: bytes = self._stream.read(size)
        if self._left is not None:
            if not piece:
                raise Gone("the request's body is shorter than announced")
            self._left -= len(piece)
        return piece


def _is_bodiless(environ: Environ) -> bool:
    """Whether a request of HTTP/1 has no body, by its head (RFC 9112, 6.3)."""
    return (
        "HTTP_TRANSFER_ENCODING" not in environ
        and not environ.get("CONTENT_LENGTH")
        and environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1")
    )


def headers_of(environ: Environ) -> tuple[list[str], Headers]:
    """The request's headers, as far as they are still told apart, and the keys under which they stand."""
    keys = [key for key, value in environ.items() if key not in _OTHERS and (key.startswith("HTTP_") or (value and key in _BODY))]
    return keys, [(_name_of(key), environ[key].encode("latin-1")) for key in keys]


@functools.lru_cache(maxsize=1024)
def _name_of(key: str) -> bytes:
    """The header that stands under a key."""
    return key.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1")


@functools.lru_cache(maxsize=1024)
def _key_of(name: bytes) -> str:
    """The key under which a header stands."""
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key in _BODY else "HTTP_" + key


def forwarded(environ: Environ, given: tuple[list[str], Headers], step: Any, body: Body, flow: Flow) -> Environ:
    """The ``environ`` for the application, by the step that lets the request pass. ``given`` is what ``headers_of`` said. Where the body is
    kept as it passes, the exchange may be cut meanwhile."""
    _, headers, how, changed = step
    inner = dict(environ)
    if headers is not None:
        # What stays comes first, in its order; behind it, what was put in.
        stays = 0
        for key, field in zip(*given):
            if stays < len(headers) and headers[stays] is field:
                stays += 1
            else:
                del inner[key]
        for name, value in headers[stays:]:
            inner[_key_of(name)] = value.decode("latin-1")
    # Only where the service is observed does a request pass that would take the connection over.
    hidden = _HIDDEN[:1] if "HTTP_UPGRADE" in environ else _HIDDEN
    for name in hidden:
        inner.pop(name, None)
    if how == _WHOLE or (body.is_empty and not changed):
        inner["wsgi.input"] = io.BytesIO(changed)
        return inner
    pieces = _replayed(body) if how == _UNCHANGED else _fed(body, changed, flow)
    stream: Any = io.BufferedReader(Pieces(pieces), _PIECE)
    if body.declared and "CONTENT_LENGTH" not in inner:
        stream = _kept(stream)
        inner["CONTENT_LENGTH"] = str(stream.tell())
        stream.seek(0)
    inner["wsgi.input"] = stream
    return inner


def _replayed(body: Body) -> Iterator[bytes]:
    """The body as it came: what was read of it first."""
    while body.read:
        yield body.read.popleft()
    while piece := body.take():
        yield piece


def _fed(body: Body, first: bytes, flow: Flow) -> Iterator[bytes]:
    """The body as it goes on, piece by piece: these bytes first."""
    if first:
        yield first
    piece = b"more"
    while piece:
        piece = body.take()
        out = run(flow.request(piece, bool(piece)))
        if flow.cut is not None:
            raise OSError("the exchange is over")
        if out:
            yield out


def _kept(stream: io.BufferedReader) -> Any:
    """All of a body that goes on, so that its length is known: few applications read one that is not declared."""
    kept = tempfile.SpooledTemporaryFile(max_size=1 << 20)
    try:
        while piece := stream.read1(_PIECE):
            kept.write(piece)
    except BaseException:
        kept.close()
        raise
    return kept
