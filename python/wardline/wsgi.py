"""The door for WSGI applications: Flask, Django, Bottle and every other, under gunicorn, uWSGI, waitress or mod_wsgi.

>>> from wardline.wsgi import GuardMiddleware                            # doctest: +SKIP
>>> app.wsgi_app = GuardMiddleware(app.wsgi_app, policy="wardline.yaml")   # doctest: +SKIP

Put it outermost: what stands around it sees requests and responses unguarded.

* A response's pieces leave as they come, one for one; its head leaves with the first of them, as WSGI has it. Small ones with a declared
  length are sent with their new one. ``write()`` passes the same way; ``wsgi.file_wrapper`` is hidden, for a server would send such a
  file unseen, and so are the sockets that some servers hand out.
* A request's body is what its length says, or all up to its end where the server marks it (``wsgi.input_terminated``); else there is
  none. One that changes and is longer than is read to judge it is kept in a temporary file, as far as it may go on, so that the
  application has its length.
* A caller that goes away closes the application's iterable. What must not go on raises ``ExchangeCut``, and the server aborts the
  connection. (``wsgiref`` speaks HTTP/1.0 and ends a body without a length by closing: there an abort looks like an end.)

Who is calling: ``identity(environ)`` (a function of yours; ``None`` for nobody known), else ``environ["wardline.identity"]``, else the headers
that the policy trusts from ``REMOTE_ADDR``. Waiting for people, the store or the log blocks this thread and not the interpreter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Optional
from urllib.parse import quote

from ._environ import Body, Environ, Gone, forwarded, headers_of
from ._flow import Flow, blocking, run
from ._guarded import CALLER, Guarded, Known, Policy
from ._iterable import Responding
from ._wardline import Exchange, Guard

__all__ = ["GuardMiddleware"]

App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

# Looked up once: they are asked for in every exchange.
_ANSWER, _FORWARD = Exchange.ANSWER, Exchange.FORWARD

# Paths in which nothing has to be quoted.
_SAFE = "/:@!$&'()*+,;=~"
_plain = re.compile(f"[A-Za-z0-9_.{re.escape(_SAFE)}-]*").fullmatch


class GuardMiddleware(Guarded):
    """Guards a WSGI application under a policy: a file, a ``Guard``, or the file that ``WARDLINE_POLICY`` names."""

    def __init__(
        self,
        app: App,
        policy: Optional[Policy] = None,
        guard: Optional[Guard] = None,
        identity: Optional[Callable[[Environ], Known]] = None,
    ) -> None:
        super().__init__(policy, guard)
        self.app = app
        self.identity = identity

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not self._runs():
            self._start()
        known = self.identity(environ) if self.identity is not None else None
        if known is None:
            known = environ.get("wardline.identity")
        step: Any
        method: str = environ["REQUEST_METHOD"]
        keys, headers = headers_of(environ)
        peer = environ.get("REMOTE_ADDR")
        exchange, step = self.guard.begin(method, _target(environ), headers, peer, known, door="wsgi")
        flow = Flow(exchange, blocking)
        responding = Responding(flow, method, start_response)
        body = Body(environ)
        try:
            if step[0] != _FORWARD:
                step = run(flow.judge(step, body.following))
            if step[0] == _ANSWER:
                return responding.answered(step[1])
            inner = forwarded(environ, (keys, headers), step, body, flow)
        except Exception as error:
            if flow.cut is not None:
                # By a body that was kept as it passed.
                return responding.answered(flow.cut)
            exchange.disconnect()
            if not isinstance(error, Gone):
                raise
            # Nobody is there to read it, or only half of the connection is.
            start_response("400 Bad Request", [("Content-Length", "0")])
            return []
        return self._called(inner, responding)

    def _called(self, environ: Environ, responding: Responding) -> Iterable[bytes]:
        responding.caller = responding.flow.exchange.identity
        responding.input = environ["wsgi.input"]
        token = CALLER.set(responding.caller)
        try:
            return responding.of(self.app(environ, responding.start))
        except BaseException as error:
            # Once the exchange has its answer, what the application makes of that is nobody's concern.
            if isinstance(error, Exception) and (responding.over or responding.flow.cut is not None):
                return responding
            responding.flow.exchange.fail()
            responding.close()
            raise
        finally:
            CALLER.reset(token)


def _target(environ: Environ) -> bytes:
    """The request's target as the application sees it: what the server keeps besides, as it came, may say another path."""
    path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    target = (path if _plain(path) else quote(path.encode("latin-1"), safe=_SAFE)).encode()
    query: str = environ.get("QUERY_STRING", "")
    return target + b"?" + query.encode("latin-1") if query else target
