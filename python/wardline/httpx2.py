"""The door for what httpx2 sends: ``wardline.httpx`` under the name that newer clients import, that of OpenAI among them.

>>> from wardline.httpx2 import GuardTransport                                      # doctest: +SKIP
>>> transport = GuardTransport(identity="svc-ingest", policy="wardline.yaml")       # doctest: +SKIP
>>> OpenAI(http_client=httpx2.Client(transport=transport))                          # doctest: +SKIP

All that ``wardline.httpx`` says of requests, answers and ``identity`` holds here; a response that is cut while it is read raises ``Cut``, an
``httpx2.ReadError``.
"""

from __future__ import annotations

from typing import Any, Optional, TypeVar

import httpx2

from ._egress import Asking
from ._errors import ExchangeCut
from ._flow import reason_of
from ._guarded import Guarded, Policy
from ._transport import Beside, BesideStream, Blocking, BlockingStream, Library, put_inside
from ._wardline import Guard

__all__ = ["AsyncGuardTransport", "Cut", "GuardTransport", "guarded"]

_Client = TypeVar("_Client", httpx2.Client, httpx2.AsyncClient)


class Cut(ExchangeCut, httpx2.ReadError):
    """Nothing more of a response may pass."""

    def __init__(self, message: str, code: str = "internal", diagnostics: Any = None) -> None:
        ExchangeCut.__init__(self, message, code, diagnostics)
        self._request = None


class _Stream(BlockingStream, httpx2.SyncByteStream): ...


class _AsyncStream(BesideStream, httpx2.AsyncByteStream): ...


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])


_LIBRARY = Library(httpx2, _Stream, _AsyncStream, _cut)


class GuardTransport(Blocking, httpx2.BaseTransport):
    """Guards what goes out through a transport of httpx2: the ordinary one, or yours."""

    door = "httpx2"
    library = _LIBRARY

    def __init__(
        self,
        transport: Optional[httpx2.BaseTransport] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(transport, identity=identity, policy=policy, guard=guard)


class AsyncGuardTransport(Beside, httpx2.AsyncBaseTransport):
    """The same for an ``httpx2.AsyncClient``."""

    door = "httpx2"
    library = _LIBRARY

    def __init__(
        self,
        transport: Optional[httpx2.AsyncBaseTransport] = None,
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
        kind = GuardTransport if isinstance(client, httpx2.Client) else AsyncGuardTransport
        return kind(transport, identity=identity, guard=guard)

    put_inside(client, httpx2, door)
    return client
