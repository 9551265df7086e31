"""The door for what requests sends: mounted on a ``requests.Session`` of your own, and on those that libraries let you bring.

>>> from wardline.requests import GuardAdapter                                     # doctest: +SKIP
>>> session.mount("https://", GuardAdapter(identity="svc-ingest", policy="wardline.yaml"))   # doctest: +SKIP

Mount it for ``http://`` and ``https://``. Each request is judged under the service that its URL names, each redirect too. What goes out is masked
and, where the policy says ``sealed_for``, sealed; what comes back is masked, counted and cut. The guard's own answers are responses like any
other (``403`` with a problem document). A response that is cut while it is read raises ``Cut``, a ``ChunkedEncodingError`` of requests.

Who asks: ``identity``, the name of this service or a function of the prepared request, such as ``lambda request: wardline.caller() or "svc"``.
An adapter that sends again by itself (``max_retries``) would send unjudged what was judged once, and is refused; one that only connects
again (``Retry(connect=3, read=False, ...)``) is not.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Optional
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from ._crossing import Crossing, Headers, Returning, source_of
from ._egress import Asking, Outgoing
from ._errors import ExchangeCut, WardlineError
from ._flow import blocking, each, reason_of, run
from ._guarded import Policy
from ._raw import Raw, body_of, headers_of, pieces_of, reader, texts_of
from ._wardline import Guard

__all__ = ["Cut", "GuardAdapter"]


class Cut(ExchangeCut, requests.exceptions.ChunkedEncodingError):
    """Nothing more of a response may pass."""

    def __init__(self, message: str, code: str = "internal", diagnostics: Any = None) -> None:
        ExchangeCut.__init__(self, message, code, diagnostics)
        self.request = self.response = None


class GuardAdapter(Outgoing, BaseAdapter):
    """Guards what goes out through an adapter of requests: the ordinary one, or yours."""

    door = "requests"

    def __init__(
        self,
        adapter: Optional[BaseAdapter] = None,
        *,
        identity: Asking,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
    ) -> None:
        super().__init__(identity, policy, guard)
        self._adapter = HTTPAdapter() if adapter is None else adapter
        if _sends_again(getattr(self._adapter, "max_retries", None)):
            raise WardlineError("expected an adapter that does not send again by itself (max_retries)", "invalid_input")

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Optional[Mapping[str, str]] = None,
    ) -> requests.Response:
        if not self._runs():
            self._start()
        options = {"stream": True, "timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        return run(self._passed(request, options))

    def close(self) -> None:
        self._adapter.close()

    async def _passed(self, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        url = urlsplit(request.url or "")
        line = str(request.method), request.path_url.encode(), url.netloc.rpartition("@")[2]
        crossing = self.begin(request, line, headers_of(request.headers), blocking)
        try:
            if not await crossing.judged(source_of(pieces_of(request.body))):
                return self._answer(crossing, request)
            await crossing.begun()
            response = self._adapter.send(_outgoing(crossing, request), **options)
        except BaseException as error:
            if crossing.broke(error):
                return self._answer(crossing, request)
            raise
        raw = response.raw
        headers = getattr(raw, "headers", None) or response.headers
        source = body_of(raw)
        try:
            back, body = await crossing.returned(response.status_code, headers_of(headers), source)
            if crossing.answer is not None or body is not None:
                response.close()
        except BaseException as error:
            crossing.broke(error)
            response.close()
            raise
        if crossing.answer is not None:
            return self._answer(crossing, request)
        if body is None:
            body_file: Any = reader(Returning(crossing, source, _cut).following, crossing, response.close)
        else:
            body_file = io.BytesIO(body)
        return self._response(request, response.status_code, back, body_file, raw)

    def _answer(self, crossing: Crossing, request: requests.PreparedRequest) -> requests.Response:
        status, headers, body, _ = crossing.answer
        return self._response(request, status, headers, io.BytesIO(b"" if request.method == "HEAD" else body), None)

    def _response(
        self, request: requests.PreparedRequest, status: int, headers: Headers, body: Any, raw: Any
    ) -> requests.Response:
        """A response of requests. What it sends itself (to authenticate) comes back here, and cookies are taken from the real head."""
        guarded = Raw(
            body=body,
            headers=texts_of(headers),  # type: ignore[arg-type]
            status=status,
            version=getattr(raw, "version", 11),
            reason=getattr(raw, "reason", None) or HTTPStatus(status).phrase,
            preload_content=False,
            decode_content=False,
            original_response=getattr(raw, "_original_response", None),
            request_method=request.method,
        )
        # Whether it is whole the real one has looked at.
        guarded.length_remaining = None
        return HTTPAdapter.build_response(self, request, guarded)  # type: ignore[arg-type]


def _sends_again(retries: Any) -> bool:
    """Whether a request that may have reached its service is sent once more."""
    if retries is None:
        return False
    counts = (retries.read, retries.status, retries.other)
    return any(retries.total if count is None else count for count in counts)


def _outgoing(crossing: Crossing, request: requests.PreparedRequest) -> requests.PreparedRequest:
    outgoing = request.copy()
    outgoing.headers = requests.structures.CaseInsensitiveDict(texts_of(crossing.headers))
    if crossing.body is not None:
        outgoing.body = crossing.body or None
    elif not crossing.untouched:
        outgoing.body = each(crossing.following)  # type: ignore[assignment]
    return outgoing


def _cut(cut: Any) -> Cut:
    return Cut(reason_of(cut), cut[3])
