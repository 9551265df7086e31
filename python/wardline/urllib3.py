"""The door for what urllib3 sends: pools of your own, and those of clients that stand on it (Elasticsearch, Kubernetes, MinIO).

>>> from wardline.urllib3 import guarded                                                          # doctest: +SKIP
>>> http = guarded(urllib3.PoolManager(), identity="svc-ingest", policy="wardline.yaml")          # doctest: +SKIP
>>> guarded(kubernetes.client.ApiClient().rest_client.pool_manager, identity="svc-ops", guard=guard)  # doctest: +SKIP

The guard stands at the connection, below retries and redirects: each is judged under the service that its URL names. What goes out is masked
and, where the policy says ``sealed_for``, sealed; what comes back is masked, counted and cut. The guard's own answers are responses like any
other (``403`` with a problem document). A response that is cut while it is read raises ``Cut``, which no pool sends again. A connection may be
opened before the verdict; nothing of a request goes over it.

Who asks: ``identity``, the name of this service or a function that is given the connection, such as ``lambda connection: wardline.caller() or "svc"``.
"""

from __future__ import annotations

import errno
import io
import time
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Any, NamedTuple, Optional, TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.util import SKIP_HEADER

from ._crossing import Crossing, Headers, Returning, source_of
from ._egress import Asking, Outgoing
from ._errors import ExchangeCut, WardlineError
from ._flow import blocking, each, reason_of, run
from ._guarded import Policy
from ._raw import Raw, body_of, bytes_of, headers_of, pieces_of, reader, texts_of
from ._wardline import Guard

__all__ = ["Cut", "guarded"]

_Pool = TypeVar("_Pool", urllib3.PoolManager, urllib3.HTTPConnectionPool, type[urllib3.HTTPConnectionPool])


class Cut(ExchangeCut, urllib3.exceptions.HTTPError):
    """Nothing more of a response may pass."""


def guarded(
    pool: _Pool, *, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
) -> _Pool:
    """Puts a guard below a pool manager, or below one pool, and gives it back. Connections that it kept are closed. Below a class of pools it guards all
    that its pools open from then on, in the whole process: what clients send that let nobody hand them a pool, such as MLflow's."""
    door = _Door(identity, policy, guard)
    if isinstance(pool, urllib3.PoolManager):
        pool.pool_classes_by_scheme = {
            scheme: _pools(door, kind) for scheme, kind in pool.pool_classes_by_scheme.items()
        }
        pool.clear()
    elif isinstance(pool, urllib3.HTTPConnectionPool):
        pool.ConnectionCls = _guarded(door, pool.ConnectionCls)
        _emptied(pool)
    elif isinstance(pool, type) and issubclass(pool, urllib3.HTTPConnectionPool):
        pool.ConnectionCls = _guarded(door, pool.ConnectionCls)
    else:
        raise WardlineError("expected a PoolManager, a connection pool of urllib3 or a class of these", "invalid_input")
    return pool


class _Door(Outgoing):
    door = "urllib3"


class _Asked(NamedTuple):
    """How a response was asked for."""

    method: str
    url: str
    preload: bool
    decode: bool


class _Sending:
    """A request that is under way on a connection, and what is answered."""

    def __init__(self, crossing: Crossing, asked: _Asked) -> None:
        self.crossing = crossing
        self.asked = asked


class _Over:
    """What stands for a response of `http.client` where none came: it has ended, and had no cookies."""

    def __init__(self) -> None:
        self.msg = HTTPMessage()

    def isclosed(self) -> bool:
        return True

    def close(self) -> None: ...


def _pools(door: _Door, kind: Any) -> Any:
    """A class of pools whose connections are guarded."""
    return type(kind.__name__, (kind,), {"ConnectionCls": _guarded(door, kind.ConnectionCls)})


def _guarded(door: _Door, kind: Any) -> Any:
    """A class of connections, guarded."""
    if issubclass(kind, _Connection):
        raise WardlineError("expected a pool that is under no guard yet", "conflict")
    return type(kind.__name__, (_Connection, kind), {"guarding": door})


class _Connection(HTTPConnection):
    """A connection whose requests are judged before they are sent; the pool's own class stands behind it."""

    guarding: _Door
    _sending: Optional[_Sending] = None

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        *,
        chunked: bool = False,
        preload_content: bool = True,
        decode_content: bool = True,
        enforce_content_length: bool = True,
    ) -> None:
        door, since = self.guarding, time.monotonic()
        if not door._runs():
            door._start()
        asked = _Asked(method, url, preload_content, decode_content)
        told, kept = _told(method, body, headers or {}, chunked)
        crossing = door.begin(self, (method, *_line(self, url)), told, blocking)
        self._sending = _Sending(crossing, asked)
        try:
            if not run(crossing.judged(source_of(pieces_of(body)))):
                return
            run(crossing.begun())
            if time.monotonic() - since > _PATIENCE:
                self._fresh()
            fields = urllib3.HTTPHeaderDict(texts_of(crossing.headers))
            fields.extend(kept)
            out, chunked = _body(crossing, body, fields)
            super().request(
                method,
                url,
                body=out,
                headers=fields,
                chunked=chunked,
                preload_content=False,
                decode_content=False,
                enforce_content_length=enforce_content_length,
            )
        except BaseException as error:
            if isinstance(error, OSError) and error.errno in _ANSWERED and crossing.cut is None:
                # The service may have answered before it took everything: the pool asks.
                raise
            # Half a request is on its way.
            self.close()
            if not crossing.broke(error):
                self._sending = None
                raise

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        sending, self._sending = self._sending, None
        if sending is None:
            return super().getresponse()
        crossing = sending.crossing
        if crossing.answer is not None:
            return _answer(sending)
        try:
            response = super().getresponse()
        except BaseException as error:
            self.close()
            if crossing.broke(error):
                return _answer(sending)
            raise
        source = body_of(response)
        try:
            headers, body = run(crossing.returned(response.status, headers_of(response.headers), source))
        except BaseException as error:
            crossing.broke(error)
            self.close()
            raise
        if crossing.answer is not None:
            # What is left unread on the connection is of no use to anybody.
            response.close()
            self.close()
            return _answer(sending)
        if body is None:
            file: Any = reader(Returning(crossing, source, _cut).following, crossing, response.close)
        else:
            file = io.BytesIO(body)
        return _response(sending, response.status, headers, file, response)

    def _fresh(self) -> None:
        """Lets go of a connection that the service has given up. Behind a proxy the pool alone can make it anew."""
        if not self.is_closed and not self.is_connected and self.proxy is None:
            self.close()


# A connection that waited for so long may be given up by the service.
_PATIENCE = 1.0

# A service that answers before it has read everything closes the connection.
_ANSWERED = (errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE)


def _line(connection: HTTPConnection, url: str) -> tuple[bytes, str]:
    """The target and the host of a request: those of its URL where a proxy is asked, of the tunnel where there is one."""
    if not url.startswith("/"):
        parts = urlsplit(url)
        if parts.netloc:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return target.encode(), parts.netloc.rpartition("@")[2]
    tunnel = connection._tunnel_host
    host, port = (connection.host, connection.port) if tunnel is None else (tunnel, connection._tunnel_port)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return url.encode(), host if port in (None, connection.default_port) else f"{host}:{port}"


def _told(method: str, body: Any, headers: Any, chunked: bool) -> tuple[Headers, list[tuple[str, str]]]:
    """The headers that a request will have, and apart from them what only says which ones it will not have."""
    fields = [(bytes_of(name, "latin-1"), bytes_of(value, "latin-1")) for name, value in headers.items()]
    kept = [(name.decode("latin-1"), SKIP_HEADER) for name, value in fields if value == _SKIP]
    fields = [field for field in fields if field[1] != _SKIP]
    if body is not None and not {name.lower() for name, _ in fields} & {b"content-length", b"transfer-encoding"}:
        length = None if chunked else _length(body)
        fields.append((b"Transfer-Encoding", b"chunked") if length is None else (b"Content-Length", b"%d" % length))
    return fields, kept


_SKIP = SKIP_HEADER.encode()


def _length(body: Any) -> Optional[int]:
    """How many bytes a body has, as far as that is known without reading it."""
    if isinstance(body, str):
        return len(body.encode())
    return memoryview(body).nbytes if isinstance(body, (bytes, bytearray, memoryview)) else None


def _body(crossing: Crossing, body: Any, fields: urllib3.HTTPHeaderDict) -> tuple[Any, bool]:
    """The body that goes on, and whether its end has to show."""
    framed = "content-length" in fields
    if crossing.untouched:
        return body, not framed and "transfer-encoding" in fields
    if crossing.body is None:
        return each(crossing.following), not framed
    if "transfer-encoding" in fields and not framed:
        return (crossing.body,), True
    return crossing.body or None, False


def _answer(sending: _Sending) -> urllib3.HTTPResponse:
    status, headers, body, _ = sending.crossing.answer
    return _response(sending, status, headers, io.BytesIO(b"" if sending.asked.method == "HEAD" else body), None)


def _response(sending: _Sending, status: int, headers: Headers, file: Any, real: Any) -> urllib3.HTTPResponse:
    asked = sending.asked
    raw = Raw(
        body=file,
        headers=urllib3.HTTPHeaderDict(texts_of(headers)),
        status=status,
        version=getattr(real, "version", 11),
        version_string=getattr(real, "version_string", "HTTP/1.1"),
        reason=getattr(real, "reason", None) or HTTPStatus(status).phrase,
        preload_content=False,
        decode_content=asked.decode,
        original_response=getattr(real, "_original_response", None) or _Over(),  # type: ignore[arg-type]
        request_method=asked.method,
        request_url=asked.url,
    )
    # Whether it is whole the real one has looked at.
    raw.length_remaining = None
    if asked.preload:
        raw.read(cache_content=True)
    return raw


def _emptied(pool: urllib3.HTTPConnectionPool) -> None:
    """Closes what a pool keeps: its connections are under no guard."""
    waiting = pool.pool
    if waiting is None:
        return
    for _ in range(waiting.qsize()):
        connection = waiting.get_nowait()
        if connection is not None:
            connection.close()
        waiting.put_nowait(None)


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])
