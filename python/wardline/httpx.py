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

from typing import Any, Optional, TypeVar

import httpx

from ._egress import Asking
from ._errors import ExchangeCut
from ._flow import reason_of
from ._guarded import Guarded, Policy
from ._transport import Beside, BesideStream, Blocking, BlockingStream, Library, put_inside
from ._wardline import Guard

__all__ = ["AsyncGuardTransport", "Cut", "GuardTransport", "guarded"]

_Client = TypeVar("_Client", httpx.Client, httpx.AsyncClient)


class Cut(ExchangeCut, httpx.ReadError):
    """Nothing more of a response may pass."""

    def __init__(self, message: str, code: str = "internal", diagnostics: Any = None) -> None:
        ExchangeCut.__init__(self, message, code, diagnostics)
        self._request = None


class _Stream(BlockingStream, httpx.SyncByteStream): ...


class _AsyncStream(BesideStream, httpx.AsyncByteStream): ...


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])


_LIBRARY = Library(httpx, _Stream, _AsyncStream, _cut)


class GuardTransport(Blocking, httpx.BaseTransport):
    """Guards what goes out through a transport of httpx: the ordinary one, or yours."""

    door = "httpx"
    library = _LIBRARY

    def __init__(
        self,
        transport: Optional[httpx.BaseTransport] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(transport, identity=identity, policy=policy, guard=guard)


class AsyncGuardTransport(Beside, httpx.AsyncBaseTransport):
    """The same for an ``httpx.AsyncClient``."""

    door = "httpx"
    library = _LIBRARY

    def __init__(
        self,
        transport: Optional[httpx.AsyncBaseTransport] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(transport, identity=identity, policy=policy, guard=guard)


def guarded(
    client: _Client, *, identity: Asking, policy: Optional[Policy] = None, guard: Optional[Guard] = None
) -> _Client:
    """Puts a guard inside a client that somebody else made (Chroma, Pinecone), and gives it back. It stands where the bytes go out, below what
    sends again."""
    guard = Guarded(policy, guard).guard

    def door(transport: Any) -> Any:
        kind = GuardTransport if isinstance(client, httpx.Client) else AsyncGuardTransport
        return kind(transport, identity=identity, guard=guard)

    put_inside(client, httpx, door)
    return client
