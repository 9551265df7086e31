"""The door for Django, as one of its middlewares: it knows who is logged in.

>>> MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
...               "django.contrib.auth.middleware.AuthenticationMiddleware",
...               "wardline.django.GuardMiddleware"]                           # behind what sets request.user

Settings: ``WARDLINE_POLICY`` (else the file that the environment's ``WARDLINE_POLICY`` names), and ``WARDLINE_IDENTITY``, a function of the request that says who is
calling. Without it that is ``request.user``, by its name and the names of its groups; of somebody who is not logged in, whom the policy's own
sources know.

What stands before it in ``MIDDLEWARE``, and the error pages that are made there, sees requests and responses unguarded: ``wardline.wsgi`` around the whole
application stands before everything, and knows no users. The bodies pass as through that door. Under ASGI Django runs it on a thread; a response
whose stream is asynchronous is refused there (take ``wardline.asgi``).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Optional

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse

from . import wsgi
from ._errors import WardlineError
from ._guarded import Known
from ._wardline import Identity

__all__ = ["GuardMiddleware"]

# What Django keeps of a request once it was looked into.
_READ = ("_body", "_post", "_files", "headers")


class GuardMiddleware:
    """Guards what stands behind it in ``MIDDLEWARE``."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._identity: Callable[[Any], Known] = getattr(settings, "WARDLINE_IDENTITY", None) or _user
        self._door = wsgi.GuardMiddleware(_called, getattr(settings, "WARDLINE_POLICY", None))

    def __call__(self, request: Any) -> Any:
        passing = _Passing(request, self._get_response)
        environ = {
            "wsgi.input_terminated": not hasattr(request, "environ"),
            **request.META,
            "wsgi.input": _input(request),
            "wardline.identity": self._identity(request),
            "wardline.passing": passing,
        }
        return passing.answered(self._door(environ, passing.start))


def _input(request: Any) -> Any:
    """What the request's body is read from."""
    if "_body" in request.__dict__:
        return io.BytesIO(request.body)
    if request._read_started:
        raise WardlineError("the request's body was read before the guard", "invalid_input")
    # Below Django's own reader, which takes a body in chunks for none.
    return request.environ["wsgi.input"] if hasattr(request, "environ") else request._stream


def _user(request: Any) -> Known:
    """Who is logged in."""
    if not hasattr(request, "user"):
        raise ImproperlyConfigured("wardline.django.GuardMiddleware stands behind AuthenticationMiddleware in MIDDLEWARE")
    user = request.user
    if not user.is_authenticated:
        return None
    groups = getattr(user, "groups", None)
    return Identity(user.get_username(), [] if groups is None else [group.name for group in groups.all()])


def _called(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
    """What the door guards: the middlewares and the view behind."""
    passing: _Passing = environ.pop("wardline.passing")
    return passing.called(environ, start_response)


class _Passing:
    """One request, and the response that it gets."""

    def __init__(self, request: Any, get_response: Callable[[Any], Any]) -> None:
        self._request = request
        self._get_response = get_response
        self._response: Any = None
        self._head: tuple[str, list[tuple[str, str]]] = ("", [])
        self._accepts = request.META.get("HTTP_ACCEPT_ENCODING")

    def called(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Django's response to the request as it goes on, as WSGI has it."""
        request = self._request
        request.META = environ
        if hasattr(request, "environ"):
            request.environ = environ
        request._stream, request._read_started = environ["wsgi.input"], False
        for name in _READ:
            request.__dict__.pop(name, None)
        response = self._response = self._get_response(request)
        if getattr(response, "is_async", False):
            raise WardlineError("an asynchronous stream does not pass Django's middleware: take wardline.asgi", "invalid_input")
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return response.streaming_content if response.streaming else [response.content]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
        """The door's ``start_response``."""
        self._head = status, headers
        return self._write

    def answered(self, pieces: Any) -> Any:
        """The response as it goes on. Its head is there with its first piece."""
        stream = _Stream(pieces)
        response = self._response
        if response is None:
            response = HttpResponse()
        if not response.streaming:
            try:
                response.content = b"".join(stream)
            finally:
                stream.close()
        else:
            response.streaming_content = stream
        status, headers = self._head
        response.status_code = int(status[:3])
        for name in [name for name, _ in response.items()]:
            del response[name]
        for name, value in headers:
            response[name] = value
        if self._accepts is not None:
            # What its caller takes is for a compression before us to know: the view was told otherwise.
            self._request.META["HTTP_ACCEPT_ENCODING"] = self._accepts
            self._request.__dict__.pop("headers", None)
        return response

    def _write(self, data: bytes) -> None:
        raise AssertionError("Django does not write")


class _Stream:
    """The pieces, of which the first is asked for at once: with it comes the head."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces
        try:
            self._first: Optional[bytes] = next(pieces, b"")
        except BaseException:
            pieces.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        first, self._first = self._first, None
        if first:
            yield first
        yield from self._pieces

    def close(self) -> None:
        self._pieces.close()
