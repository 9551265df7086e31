"""A player as a plain WSGI application, under the WSGI middleware and gunicorn's threads (which end a chunked body)."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Iterator
from typing import Any

from gunicorn.app.base import BaseApplication
from play import VARIABLE, Play, compresses

from wardline._environ import headers_of
from wardline.wsgi import GuardMiddleware


def service(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    headers = {name.decode(): value.decode("latin-1") for name, value in headers_of(environ)[1]}
    play = Play(headers.get("x-play", ""))
    body = b"" if play.reads == "none" else environ["wsgi.input"].read()
    if play.reads == "twice":
        body += environ["wsgi.input"].read()
    play.saw(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, body)
    play.task()
    if play.fails == "before":
        raise RuntimeError("the service failed")
    start_response(f"{play.status} as it is", play.headers())
    return pieces(play)


def variable(app: Any) -> Any:
    """Stands before the guard, and sets a variable of the context."""

    def called(environ: dict[str, Any], start_response: Any) -> Any:
        VARIABLE.set(environ.get("HTTP_X_VARIABLE", ""))
        return app(environ, start_response)

    return called


def compressed(app: Any, place: str) -> Any:
    """A compression at one side of the guard, such as hosts of WSGI have them: the whole of an answer in one piece."""

    def called(environ: dict[str, Any], start_response: Any) -> Any:
        if not compresses(place, environ.get("HTTP_X_COMPRESS", "")) or "gzip" not in environ.get("HTTP_ACCEPT_ENCODING", ""):
            return app(environ, start_response)
        head: list[Any] = []
        answer = app(environ, lambda status, headers, exc_info=None: head.extend((status, headers)))
        try:
            body = gzip.compress(b"".join(answer))
        finally:
            getattr(answer, "close", lambda: None)()
        names = {name.lower() for name, _ in head[1]}
        fields = [field for field in head[1] if field[0].lower() != "content-length"]
        if "content-encoding" in names:
            start_response(*head)
            return [gzip.decompress(body)]
        start_response(head[0], [*fields, ("content-encoding", "gzip"), ("content-length", str(len(body)))])
        return [body]

    return called


def pieces(play: Play) -> Iterator[bytes]:
    try:
        for number, piece in play.each():
            while not play.may(number):
                time.sleep(0.005)
            yield piece
        if play.fails == "after":
            raise RuntimeError("the service failed")
    finally:
        play.closed()


class Server(BaseApplication):
    """gunicorn with one worker of threads, on the port that the listener has."""

    def __init__(self, listener: socket.socket, app: Any) -> None:
        self.listener, self.app = listener, app
        super().__init__()

    def load_config(self) -> None:
        self.cfg.set("bind", f"fd://{self.listener.fileno()}")
        self.cfg.set("worker_class", "gthread")
        self.cfg.set("threads", 8)
        self.cfg.set("loglevel", "critical")
        self.cfg.set("graceful_timeout", 1)

    def load(self) -> Any:
        return self.app


def serve(app: Any) -> None:
    """Listens, and says where."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    Server(listener, app).run()


if __name__ == "__main__":
    serve(variable(compressed(GuardMiddleware(compressed(service, "inside")), "outside")))
