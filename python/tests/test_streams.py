"""What a caller at a raw socket sees of bodies that pass, change, break off or are given up."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from typing import Any, Callable

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.responses import StreamingResponse
from support import WAIT, Server, answering, body_of, wire

Serve = Callable[..., Server]
READ = "/collections/docs/points/7"


class Source:
    """An application whose body the test hands out piece by piece; the first line of its head is sent at once."""

    def __init__(self, content_type: str, **headers: str) -> None:
        self.headers = {"content-type": content_type, **headers}
        self.pieces: asyncio.Queue[Any] = asyncio.Queue()
        self.loop: Any = None
        self.called, self.closed = threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        self.loop = asyncio.get_running_loop()
        self.called.set()
        await body_of(receive)
        gone = asyncio.ensure_future(receive())
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while True:
                piece = asyncio.ensure_future(self.pieces.get())
                await asyncio.wait((piece, gone), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if isinstance(piece.result(), Exception):
                    raise piece.result()
                more = piece.result() is not None
                await send({"type": "http.response.body", "body": piece.result() or b"", "more_body": more})
                if not more:
                    return
        finally:
            gone.cancel()
            self.closed.set()

    def put(self, piece: Any) -> None:
        assert self.called.wait(WAIT)
        self.loop.call_soon_threadsafe(self.pieces.put_nowait, piece)


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("base", ["/masked", "/plain", "/watched"])
def test_chunk_one_arrives_before_chunk_two_is_made(serve: Serve, base: str, http: str) -> None:
    source = Source("application/x-ndjson")
    client = serve(source, http=http).connect()
    client.send(wire("GET", base + READ))
    assert client.head().status == 200  # before any piece exists
    source.put(b'{"mail": "ana@example.org"}\n')
    shown = b"[EMAIL]" if base == "/masked" else b"ana@example.org"
    assert client.chunk() == b'{"mail": "' + shown + b'"}\n'
    source.put(b'{"n": 2}\n')
    assert client.chunk() == b'{"n": 2}\n'
    source.put(None)
    assert client.chunk() == b""


def test_an_event_leaves_when_it_is_complete(serve: Serve) -> None:
    source = Source("text/event-stream")
    client = serve(source).connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    source.put(b"data: write to ana@exam")
    source.put(b"ple.org\n\n")
    got = b""
    while not got.endswith(b"\n\n"):
        got += client.chunk() or b""
    assert got == b"data: write to [EMAIL]\n\n"


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_lengths_are_those_of_what_is_sent(serve: Serve, http: str) -> None:
    app = answering(b'{"mail":"ana@example.org"}', etag='"v1"')
    server = serve(app, http=http)
    client = server.connect()
    # Twice over one connection: nothing of the first reply bleeds into the second.
    for _ in range(2):
        client.send(wire("GET", "/masked" + READ))
        reply = client.reply()
        assert (reply.status, reply.body) == (200, b'{"mail":"[EMAIL]"}')
        assert reply.headers["content-length"] == "18" and "etag" not in reply.headers
    client.send(wire("GET", "/plain" + READ))
    reply = client.reply()
    assert reply.body == b'{"mail":"ana@example.org"}' and reply.headers["etag"] == '"v1"'


def test_a_request_is_masked_and_its_length_is_true(serve: Serve) -> None:
    app = answering(b"{}")
    body = '{"query": "ana@example.org", "limit": 3}'
    serve(app).exchange(wire("POST", "/masked/collections/docs/points/query", body, accept_encoding="gzip"))
    scope, saw = app.saw[0]
    headers = dict(scope["headers"])
    assert saw == b'{"query": "[EMAIL]", "limit": 3}'
    assert headers[b"content-length"] == str(len(saw)).encode() and headers[b"accept-encoding"] == b"identity"


def test_a_chunked_request_gets_the_length_of_what_became_of_it(serve: Serve) -> None:
    app = answering(b"{}")
    pieces = [b'{"query": "ana@exa', b'mple.org", "limit": 3}']
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    head = wire("POST", "/masked/collections/docs/points/query", None, transfer_encoding="chunked")
    head = head[:-2] + b"content-type: application/json\r\n\r\n"
    assert serve(app).exchange(head + chunked).status == 200
    scope, saw = app.saw[0]
    names = [name for name, _ in scope["headers"]]
    assert saw == b'{"query": "[EMAIL]", "limit": 3}'
    assert b"content-length" in names and b"transfer-encoding" not in names


def test_a_large_request_is_masked_as_it_passes(serve: Serve) -> None:
    app = answering(b"{}")
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{"mail":"p{n}@example.org"}}}}' for n in range(300))
    reply = serve(app).exchange(wire("PUT", "/masked/collections/docs/points", f'{{"points":[{points}]}}'))
    assert reply.status == 200, reply
    _, saw = app.saw[0]
    assert b"@example.org" not in saw and saw.count(b"[EMAIL]") == 300
    assert len(json.loads(saw)["points"]) == 300


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body_stay_without(serve: Serve, method: str, status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"application/json"), (b"etag", b'"v1"'), (b"x-kept", b"1")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body"})

    server = serve(app)
    client = server.connect()
    client.send(wire(method, "/masked" + READ) + wire("GET", "/nowhere"))
    first = client.reply(head=method == "HEAD")
    assert (first.status, first.body, first.headers["x-kept"]) == (status, b"", "1")
    assert "etag" not in first.headers
    assert client.reply().status == 403
    assert server.records(2)[0]["outcome"]["result"] == "complete"


def test_a_compressed_body_is_decoded_masked_and_sent_plain(serve: Serve) -> None:
    app = answering(gzip.compress(b'{"mail":"ana@example.org"}'), content_encoding="gzip")
    server = serve(app)
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert reply.body == b'{"mail":"[EMAIL]"}' and "content-encoding" not in reply.headers
    reply = server.exchange(wire("GET", "/plain" + READ))
    assert gzip.decompress(reply.body) == b'{"mail":"ana@example.org"}'


def test_a_broken_body_aborts_the_connection(serve: Serve) -> None:
    source = Source("application/json")
    server = serve(source)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    source.put(b'{"a": 1, "mail": ')
    source.put(b"ana@example.org}")
    got = b""
    while chunk := client.chunk():
        got += chunk
    assert chunk is None and b"ana" not in got
    assert server.record()["outcome"] == {"result": "aborted", "reason": "malformed_response"}


METERED = """
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1/32]}
services: {vectors: {system: qdrant}}
rules: [{name: read, who: ["user:*"], operations: [vector.fetch], effect: grant}]
grants: [{name: four, who: ["user:ana"], operations: ["vector.*"], until: 2099-01-01T00:00:00Z, quota: {vectors: 4}}]
"""


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("pieces", [1, 3])
def test_what_is_leased_leaves_and_the_service_need_not_speak_again(serve: Serve, http: str, pieces: int) -> None:
    source = Source("application/json")
    server = serve(source, policy=METERED, http=http)
    client = server.connect()
    client.send(wire("POST", "/collections/docs/points/scroll", '{"limit": 2, "with_vector": true}'))
    client.head()
    points = [f'{{"id": {n}, "vector": [0.5]}}' for n in range(9)]
    body = ('{"result": {"points": [' + ", ".join(points)).encode()
    size = -(-len(body) // pieces)
    for at in range(0, len(body), size):
        source.put(body[at : at + size])
    got = b""
    while chunk := client.chunk():
        got += chunk
    assert chunk is None and got.count(b"0.5]") == 4, got
    assert source.closed.wait(WAIT)
    record = server.record()
    assert record["outcome"] == {"result": "aborted", "reason": "grant_exhausted"}
    assert record["response"]["census"]["vectors"] == 4


BUDGET = """
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1/32]}
services: {vectors: {system: qdrant}}
rules: [{name: read, who: ["user:*"], operations: [vector.fetch], effect: allow}]
budgets: [{name: few, who: ["user:*"], services: [vectors], operations: ["vector.*"], ids: 9, window: 24h}]
"""


def test_a_body_that_is_collected_and_stays_as_it_is_has_one_length(serve: Serve, serve_wsgi: Serve) -> None:
    def of_wsgi(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    body = b'{"result": {"points": [{"id": 1, "vector": [0.5]}]}}'
    for server in (serve(answering(body), policy=BUDGET, http="httptools"), serve_wsgi(of_wsgi, policy=BUDGET)):
        client = server.connect()
        client.send(wire("POST", "/collections/docs/points/scroll", '{"limit": 2, "with_vector": true}'))
        head = b"".join(iter(client.file.readline, b"\r\n"))
        assert head.lower().count(b"content-length") == 1 and b" 200 " in head
        assert client.file.read(len(body)) == body


def test_an_error_of_the_service_reaches_the_caller_and_the_record(serve: Serve) -> None:
    source = Source("application/x-ndjson")
    server = serve(source)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    source.put(b'{"n": 1}\n')
    assert client.chunk() == b'{"n": 1}\n'
    source.put(RuntimeError("the service broke"))
    assert client.chunk() is None
    assert server.record()["outcome"]["result"] == "failed"


def test_a_body_that_differs_from_its_length_is_no_answer(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"99")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    server = serve(app)
    assert server.exchange(wire("GET", "/masked" + READ)).status == 500
    assert server.record()["outcome"]["result"] == "failed"


def test_a_caller_that_goes_away_closes_the_service(serve: Serve) -> None:
    source = Source("application/x-ndjson")
    server = serve(source)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    client.close()
    assert source.closed.wait(1.0)
    assert server.record()["outcome"]["result"] == "disconnected"


def test_a_generator_of_fastapi_is_closed(serve: Serve) -> None:
    app, closed, go = FastAPI(), threading.Event(), asyncio.Event()

    @app.get("/masked/collections/docs/points/7")
    async def read() -> StreamingResponse:
        async def lines() -> Any:
            try:
                yield b'{"mail": "ana@example.org"}\n'
                await go.wait()
            finally:
                closed.set()

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    server = serve(app)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    assert client.chunk() == b'{"mail": "[EMAIL]"}\n'
    client.close()
    assert closed.wait(1.0)
    assert server.record()["outcome"]["result"] == "disconnected"


def test_trailers_pass() -> None:
    """No server here sends them; the messages are what a server would get."""
    import tempfile
    from pathlib import Path

    from support import POLICY
    from wardline import Guard
    from wardline.asgi import GuardMiddleware

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert set(scope["extensions"]) == {"http.response.trailers"}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
        await send({"type": "http.response.body", "body": b'{"mail":"ana@example.org"}'})
        await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")]})

    async def run(folder: Path) -> list[Any]:
        (folder / "w.yaml").write_text(POLICY)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            sent.append(message)

        extensions: Any = {"http.response.trailers": {}, "http.response.pathsend": {}, "http.response.zerocopysend": {}}
        scope = {
            "type": "http", "method": "GET", "path": "/masked" + READ, "query_string": b"", "extensions": extensions,
            "headers": [(b"x-user", b"ana")], "client": ("127.0.0.1", 1),
        }  # fmt: skip
        await GuardMiddleware(app, guard=Guard(folder / "w.yaml"))(scope, receive, send)
        return sent

    with tempfile.TemporaryDirectory() as folder:
        sent = asyncio.run(run(Path(folder)))
    assert [message["type"].split(".")[-1] for message in sent] == ["start", "body", "trailers"]
    assert sent[1]["body"] == b'{"mail":"[EMAIL]"}' and sent[2]["headers"] == [(b"x-sum", b"1")]


def test_a_file_by_its_path_does_not_pass_unseen(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.pathsend", "path": "/etc/hostname"})

    reply = serve(app).exchange(wire("GET", "/masked" + READ))
    assert reply.aborted and reply.body == b""


def test_a_service_whose_endless_response_is_refused_is_stopped(serve: Serve) -> None:
    app, made = FastAPI(), []

    @app.get("/masked/collections/docs/points/7")
    async def read() -> StreamingResponse:
        async def noise() -> Any:
            while True:
                made.append(1)
                yield b"\x00" * 1024
                await asyncio.sleep(0)

        return StreamingResponse(noise(), media_type="image/png")

    server = serve(app)
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert (reply.status, reply.problem["code"]) == (502, "unmaskable_response")
    assert server.record()["outcome"]["reason"] == "unmaskable_response"
    assert len(made) <= 2


def test_a_request_cut_on_its_way_is_answered_and_the_service_told(serve: Serve) -> None:
    gone = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        try:
            await body_of(receive)
        except ConnectionError:
            gone.set()
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    server = serve(app)
    # More than is read before the verdict, and broken behind it.
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{}}}}' for n in range(5000))
    reply = server.exchange(wire("PUT", "/masked/collections/docs/points", f'{{"points":[{points}]'))
    assert not reply.aborted and reply.problem["code"] in ("malformed_body", "malformed_response"), reply
    assert server.record()["outcome"]["result"] == "aborted" and gone.is_set()


def test_background_tasks_run_and_do_not_delay_the_end(serve: Serve) -> None:
    app, ran, go = FastAPI(), threading.Event(), threading.Event()

    @app.get("/plain/collections/docs/points/7")
    async def read(tasks: BackgroundTasks) -> dict[str, int]:
        tasks.add_task(lambda: go.wait(WAIT) and ran.set())
        return {"n": 1}

    reply = serve(app).exchange(wire("GET", "/plain" + READ))
    assert reply.body == b'{"n":1}' and not ran.is_set()
    go.set()
    assert ran.wait(WAIT)


def test_a_service_that_does_not_listen_is_told_that_its_caller_went_away(serve: Serve) -> None:
    ended = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"application/x-ndjson")]
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while True:
                await send({"type": "http.response.body", "body": b'{"n": 1}\n', "more_body": True})
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    server = serve(app)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    client.head()
    assert client.chunk() == b'{"n": 1}\n'
    client.close()
    assert ended.wait(1.0)
    assert server.record()["outcome"]["result"] == "disconnected"


def test_a_service_may_read_its_request_while_it_streams(serve: Serve) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"n": 1}\n', "more_body": True})
        read = len(await body_of(receive))
        await send({"type": "http.response.body", "body": b'{"read": %d}\n' % read, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    server = serve(app)
    for request, read in [
        (wire("GET", "/plain" + READ), 0),
        (wire("PUT", "/plain/collections/docs/points", b'{"points":[]}' + b" " * 300_000), 300_013),
    ]:
        client = server.connect()
        client.send(request)
        assert client.reply().body == b'{"n": 1}\n{"read": %d}\n' % read
    assert [record["outcome"]["result"] for record in server.records(2)] == ["complete", "complete"]


def test_more_headers_than_can_be_held_are_no_defect(serve: Serve) -> None:
    many = [(b"h%d" % n, b"") for n in range(40_000)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        app.called = True  # type: ignore[attr-defined]
        await send({"type": "http.response.start", "status": 200, "headers": many})
        await send({"type": "http.response.body", "body": b"{}"})

    app.called = False  # type: ignore[attr-defined]
    server = serve(app, http="httptools")
    client = server.connect()
    lines = b"".join(b"%s:\r\n" % name for name, _ in many)
    client.send(b"GET /masked" + READ.encode() + b" HTTP/1.1\r\nhost: h\r\n" + lines + b"\r\n")
    reply = client.reply()
    assert (reply.status, reply.problem["code"]) == (400, "ambiguous_request")
    assert not app.called  # type: ignore[attr-defined]
    assert server.exchange(wire("GET", "/masked" + READ)).status == 500
    assert [record["outcome"]["result"] for record in server.records(2)] == ["failed", "failed"]


def test_a_head_waits_for_the_piece_of_the_request_before_it() -> None:
    """Both directions share one exchange: what waits for an effect must come out on its own side."""
    from wardline._passing import Passing

    calls: list[str] = []

    class Exchange:
        def request(self, piece: bytes, more: bool) -> None:
            calls.append("request waits")

        def carry_out(self, wake: Callable[[], object]) -> bool:
            if "effect" in calls:
                return True
            calls.append("effect")
            asyncio.get_running_loop().call_later(0.05, wake)
            return False

        def resume(self) -> bytes:
            calls.append("request passes")
            return b"{}"

        def head(self, status: int, headers: Any) -> tuple[int, None, None]:
            calls.append("head")
            return 0, None, None

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None: ...

    async def run() -> None:
        exchange: Any = Exchange()
        passing = Passing(exchange, {"type": "http", "method": "POST", "headers": []}, receive, send)
        passing.feeding = True
        reading = asyncio.ensure_future(passing.receive())
        await asyncio.sleep(0.01)
        await passing.send({"type": "http.response.start", "status": 200, "headers": []})
        await reading

    asyncio.run(run())
    assert calls == ["request waits", "effect", "request passes", "head"]
