"""Real servers with a guarded application, a client that speaks bytes, and the records that came of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import socket
import socketserver
import sys
import tempfile
import threading
import time
import wsgiref.simple_server
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

import uvicorn
import werkzeug.serving
from jsonschema import Draft202012Validator

from wardline import Guard, wsgi
from wardline._wardline import run_command
from wardline.asgi import GuardMiddleware

WAIT = 10.0
_OUTPUT = threading.Lock()
SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "core/record.schema.json").read_text()),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)

# `masked` answers are masked, `plain` ones pass as they are, `watched` ones are only recorded.
POLICY = """
version: 1
state: ./state
identity:
  headers: {subject: x-user, groups: x-groups}
  trusted_peers: [127.0.0.1/32]
groups:
  security: [sam, kim]
approval:
  steps: [{from: [security], need: 1}]
  ttl: 1h
  usable_for: 15m
services:
  masked: {system: qdrant, base_path: /masked, body_limit: 4KiB}
  plain: {system: qdrant, base_path: /plain}
  watched: {system: qdrant, base_path: /watched, mode: observe}
  models: {system: mlflow, base_path: /mlflow}
rules:
  - {name: use, who: ["user:*"], operations: ["vector.search", "vector.fetch", "vector.upsert", "data.read", "collection.list"], effect: allow}
  - {name: drop, who: ["user:*"], operations: [collection.drop], effect: deny}
  - {name: bulk, who: ["user:*"], services: [plain], operations: [vector.export], effect: hold}
  - {name: patient, who: ["user:*"], services: [masked], operations: [vector.export], effect: hold, wait: 20s}
  - {name: weights, who: ["user:*"], services: [models], operations: [model.download], effect: grant}
mask:
  - {name: mail, services: [masked, watched], entities: {email: redact}}
"""


def asked(words: list[str], given: str = "") -> str:
    """What the command answers, with a text on its standard input."""
    # In this process, whose start is most of what it costs; it reads and writes past Python.
    with _OUTPUT, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as file:
        said.write(given.encode())
        said.seek(0)
        sys.stdout.flush()
        before = os.dup(0), os.dup(1)
        os.dup2(said.fileno(), 0)
        os.dup2(file.fileno(), 1)
        try:
            assert run_command(["wardline", *words]) == 0
        finally:
            for standard, kept in enumerate(before):
                os.dup2(kept, standard)
                os.close(kept)
        file.seek(0)
        return file.read().decode()


def records(policy: Path) -> list[dict[str, Any]]:
    """All records of exchanges, oldest first, as the command shows them."""
    found = queried(policy)
    # Whatever a test makes the log say is as the schema describes it.
    for record in found:
        SCHEMA.validate(record)
    return [record for record in found if record["kind"] in ("exchange", "end")]


def queried(policy: Path, *filters: str) -> list[dict[str, Any]]:
    """What `wardline audit query` finds, oldest first."""
    out = asked(["audit", "query", "--policy", str(policy), "--json", "--limit", "9999", *filters])
    entries = [json.loads(line) for line in out.splitlines()]
    return [entry.get("record", entry) for entry in entries]


def recorded(guard: Guard, policy: Path, count: int = 1) -> list[dict[str, Any]]:
    """The records so far, as soon as there are this many."""
    until = time.monotonic() + WAIT
    while True:
        guard.flush()
        found = records(policy)
        if len(found) >= count:
            return found
        assert time.monotonic() < until, f"{len(found)} records of {count}"
        time.sleep(0.01)


class Served:
    """A guarded server, whatever it speaks to its application, until it is closed."""

    def __init__(self, folder: Path, policy: str) -> None:
        self.policy = folder / "wardline.yaml"
        self.policy.write_text(policy)
        self.guard = Guard(self.policy)
        self.clients: list[Client] = []
        self.address: tuple[str, int] = ("127.0.0.1", 0)

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def connect(self) -> Client:
        self.clients.append(Client(self.address))
        return self.clients[-1]

    def exchange(self, request: Union[str, bytes]) -> Reply:
        client = self.connect()
        client.send(request)
        reply = client.reply(head=str(request)[:6].lstrip("b'").startswith("HEAD"))
        client.close()
        return reply

    def records(self, count: int = 1) -> list[dict[str, Any]]:
        """The records so far, as soon as there are this many."""
        return recorded(self.guard, self.policy, count)

    def record(self, count: int = 1) -> dict[str, Any]:
        return self.records(count)[-1]


class Uvicorn:
    """Serves an ASGI application as it is until it is closed."""

    def __init__(self, app: Any, **config: Any) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        # Whom a forwarding header is believed from, the policy says: it needs the socket's own peer.
        settings = uvicorn.Config(
            app, proxy_headers=False, log_level="critical", timeout_graceful_shutdown=1, **config
        )
        self.server = uvicorn.Server(settings)
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve([listener])))
        self.thread.start()
        until = time.monotonic() + WAIT
        while not self.server.started:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.005)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(WAIT)


class Server(Served):
    """Serves an ASGI application under uvicorn."""

    def __init__(
        self, folder: Path, app: Any, policy: str = POLICY, http: str = "auto", ws: str = "auto", **options: Any
    ) -> None:
        super().__init__(folder, policy)
        self.app = GuardMiddleware(app, guard=self.guard, **options)
        self.server = Uvicorn(self.app, http=http, ws=ws)
        self.address = self.server.address

    def close(self) -> None:
        super().close()
        self.server.close()


class WsgiServer(Served):
    """Serves a WSGI application under Werkzeug's server, or wsgiref's."""

    def __init__(self, folder: Path, app: Any, policy: str = POLICY, host: str = "werkzeug", **options: Any) -> None:
        super().__init__(folder, policy)
        self.app = wsgi.GuardMiddleware(app, guard=self.guard, **options)
        if host == "werkzeug":
            self.server: Any = werkzeug.serving.make_server(
                "127.0.0.1", 0, self.app, threaded=True, request_handler=_Silent
            )
        else:
            self.server = wsgiref.simple_server.make_server(
                "127.0.0.1", 0, self.app, server_class=_Threading, handler_class=_SilentReference
            )
        self.address = self.server.server_address
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        super().close()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT)


class _Silent(werkzeug.serving.WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None: ...


class _Threading(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer): ...


class _SilentReference(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args: Any) -> None: ...

    def get_stderr(self) -> Any:
        return io.StringIO()


@dataclass
class Reply:
    """A response as it came over the wire."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    # The connection broke before a well-formed end.
    aborted: bool = True

    @property
    def problem(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.body)
        assert document["type"] == "urn:wardline:problem:" + document["code"], self
        # Where the system's clients read errors of another form, it is that with these members.
        assert self.headers["content-type"] in ("application/json", "application/problem+json"), self
        return document


class Client:
    """A connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=WAIT)
        self.file = self.socket.makefile("rb")

    def send(self, data: Union[str, bytes]) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def fields(self) -> dict[str, str]:
        found = {}
        while (line := self.file.readline().rstrip(b"\r\n")) != b"":
            name, _, value = line.decode().partition(":")
            found[name.lower()] = value.strip()
        return found

    def head(self) -> Reply:
        line = self.file.readline()
        return Reply(int(line.split()[1]), self.fields()) if line else Reply()

    def chunk(self) -> Optional[bytes]:
        """The next chunk; ``None`` where the connection ended in the middle."""
        line = self.file.readline()
        if not line:
            return None
        size = int(line, 16)
        data = self.file.read(size)
        if size:
            self.file.readline()
        return data if len(data) == size else None

    def reply(self, head: bool = False) -> Reply:
        reply = self.head()
        while 100 <= reply.status < 200:
            reply = self.head()
        if head or reply.status in (204, 304):
            reply.aborted = not reply.status
        elif "content-length" in reply.headers:
            length = int(reply.headers["content-length"])
            reply.body = self.file.read(length)
            reply.aborted = len(reply.body) < length
        elif reply.headers.get("transfer-encoding") == "chunked":
            while (chunk := self.chunk()) is not None:
                if not chunk:
                    reply.trailers, reply.aborted = self.fields(), False
                    break
                reply.body += chunk
        elif reply.status:
            reply.body, reply.aborted = self.file.read(), False
        return reply


def wire(method: str, target: str, body: Union[str, bytes, None] = None, **headers: str) -> bytes:
    """A request of the usual caller; `_` in a header's name is `-`."""
    fields = {"host": "localhost", "x-user": "ana", **{name.replace("_", "-"): v for name, v in headers.items()}}
    data = body.encode() if isinstance(body, str) else body
    if data is not None:
        fields.setdefault("content-type", "application/json")
        fields.setdefault("content-length", str(len(data)))
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode() + (data or b"")


async def body_of(receive: Any) -> bytes:
    """All of a request's body."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def answering(
    body: bytes = b"", status: int = 200, content_type: str = "application/json", **headers: str
) -> Any:
    """An application that gives one answer, with its length, and keeps what it saw in `app.saw`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError("only http")
        app.saw.append((scope, await body_of(receive)))  # type: ignore[attr-defined]
        fields = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    app.saw = []  # type: ignore[attr-defined]
    return app
