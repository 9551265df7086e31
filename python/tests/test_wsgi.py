"""WSGI applications under guard: Flask's and Django's, and bare ones that do all that the protocol lets them do."""

from __future__ import annotations

import gzip
import io
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Optional

import flask
import pytest
from support import POLICY, WAIT, Client, WsgiServer, records, wire
from test_streams import METERED

from wardline import Guard, Identity, WardlineError, caller
from wardline.wsgi import GuardMiddleware

Serve = Callable[..., WsgiServer]
UPSERT = "/masked/collections/docs/points"
READ = "/collections/docs/points/7"
QUERY = "/masked/collections/docs/points/query"
CLEAR, MASKED = b'{"mail":"ana@example.org"}', b'{"mail":"[EMAIL]"}'


class Source:
    """An application whose body the test hands out piece by piece."""

    def __init__(self, content_type: str, **headers: str) -> None:
        self.headers = {"Content-Type": content_type, **headers}
        self.pieces: queue.Queue[Any] = queue.Queue()
        self.closed = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        start_response("200 OK", list(self.headers.items()))
        return self.body()

    def body(self) -> Any:
        try:
            while (piece := self.pieces.get(timeout=WAIT)) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed.set()


def answering(body: bytes = b"", status: str = "200 OK", content_type: str = "application/json", **headers: str) -> Any:
    """An application that gives one answer, with its length, and keeps what it saw in `app.saw`."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        app.saw.append((dict(environ), environ["wsgi.input"].read()))  # type: ignore[attr-defined]
        fields = {"Content-Type": content_type, "Content-Length": str(len(body))}
        fields.update((name.replace("_", "-"), value) for name, value in headers.items())
        start_response(status, list(fields.items()))
        return [body]

    app.saw = []  # type: ignore[attr-defined]
    return app


def chunked(*pieces: bytes, method: str = "POST", target: str = QUERY) -> bytes:
    head = wire(method, target, None, transfer_encoding="chunked", content_type="application/json")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def rest_of(client: Client) -> tuple[bytes, bool]:
    """What follows a head in chunks, and whether that broke off."""
    got = b""
    while chunk := client.chunk():
        got += chunk
    return got, chunk is None


def test_flask(serve_wsgi: Serve) -> None:
    app, saw = flask.Flask("docs"), []

    @app.post(QUERY)
    def query() -> Any:
        saw.append((flask.request.content_length, flask.request.get_json(), caller()))
        return flask.jsonify(mail="ana@example.org")

    @app.get("/masked" + READ)
    def read() -> Any:
        def lines() -> Any:
            yield '{"mail": "ana@example.org"}\n'
            yield '{"who": "%s"}\n' % getattr(caller(), "subject", None)

        return flask.Response(lines(), mimetype="application/x-ndjson")

    @app.get("/plain" + READ)
    def sent() -> Any:
        return flask.send_file(io.BytesIO(b"w" * 100_000), "application/octet-stream", etag="v1")

    server = serve_wsgi(app)
    reply = server.exchange(wire("POST", QUERY, '{"query": "ana@example.org", "limit": 3}'))
    assert (reply.status, json.loads(reply.body)) == (200, {"mail": "[EMAIL]"})
    assert saw == [(len('{"query": "[EMAIL]", "limit": 3}'), {"query": "[EMAIL]", "limit": 3}, Identity("ana"))]
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert reply.body == b'{"mail": "[EMAIL]"}\n{"who": "ana"}\n' and not reply.aborted
    reply = server.exchange(wire("GET", "/plain" + READ))
    assert len(reply.body) == 100_000 and reply.headers["etag"] == '"v1"'
    assert server.exchange(wire("HEAD", "/plain" + READ)).headers["content-length"] == "100000"
    reply = server.exchange(wire("DELETE", "/plain/collections/docs"))
    assert reply.status == 403 and reply.problem["code"] == "denied"
    record = server.record(5)
    assert record["door"] == "wsgi" and reply.problem["record"] == record["id"]
    assert [found["outcome"]["result"] for found in server.records(5)] == ["complete"] * 4 + ["denied"]


def test_django(serve_wsgi: Serve, django_settings: Callable[..., None]) -> None:
    from django.core.wsgi import get_wsgi_application
    from django.http import FileResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    def query(request: Any) -> Any:
        return JsonResponse({"saw": request.body.decode(), "mail": "ana@example.org"})

    def read(request: Any) -> Any:
        return StreamingHttpResponse((b'{"n": %d}\n' % n for n in range(3)), content_type="application/x-ndjson")

    def sent(request: Any) -> Any:
        return FileResponse(io.BytesIO(b"mail ana@example.org"), content_type="text/plain")

    urls = [path(QUERY[1:], query), path(UPSERT[1:], query), path("masked" + READ, read), path("masked/collections/docs/points/8", sent)]
    django_settings(ROOT_URLCONF=tuple(urls))
    server = serve_wsgi(get_wsgi_application())
    reply = server.exchange(wire("POST", QUERY, '{"query": "ana@example.org", "limit": 3}'))
    assert json.loads(reply.body) == {"saw": '{"query": "[EMAIL]", "limit": 3}', "mail": "[EMAIL]"}
    assert server.exchange(wire("GET", "/masked" + READ)).body == b'{"n": 0}\n{"n": 1}\n{"n": 2}\n'
    assert server.exchange(wire("GET", "/masked/collections/docs/points/8")).body == b"mail [EMAIL]"
    # One whose body grows as it passes: Django reads none that has no length.
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{"mail":"p{n}@b.org"}}}}' for n in range(300))
    reply = server.exchange(wire("PUT", UPSERT, f'{{"points":[{points}]}}'))
    saw = json.loads(reply.body)["saw"]
    assert saw.count("[EMAIL]") == 300 and len(json.loads(saw)["points"]) == 300


@pytest.mark.parametrize("host", ["werkzeug", "wsgiref"])
def test_chunk_one_arrives_before_chunk_two_is_made(serve_wsgi: Serve, host: str) -> None:
    source = Source("application/x-ndjson")
    client = serve_wsgi(source, host=host).connect()
    client.send(wire("GET", "/masked" + READ))
    source.pieces.put(b'{"mail": "ana@exam')
    source.pieces.put(b'ple.org"}\n')
    head = client.head()
    assert head.status == 200
    got = b""
    while not got.endswith(b"\n"):
        got += (client.chunk() if host == "werkzeug" else client.file.read1()) or b""
    assert got == b'{"mail": "[EMAIL]"}\n'
    source.pieces.put(None)
    assert (client.chunk() if host == "werkzeug" else client.file.read()) == b""


def test_lengths_are_those_of_what_is_sent(serve_wsgi: Serve) -> None:
    server = serve_wsgi(answering(CLEAR, ETag='"v1"'))
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert (reply.body, reply.headers["content-length"]) == (MASKED, str(len(MASKED)))
    assert "etag" not in reply.headers
    reply = server.exchange(wire("GET", "/plain" + READ))
    assert reply.body == CLEAR and reply.headers["etag"] == '"v1"'


def test_a_body_of_one_piece_has_a_length(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/json")])
        # Small, and broken at its end: collected, so that the refusal is an answer.
        return [CLEAR if environ["PATH_INFO"].endswith("7") else CLEAR[:-1]]

    server = serve_wsgi(app)
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert (reply.body, reply.headers["content-length"]) == (MASKED, str(len(MASKED)))
    assert server.exchange(wire("GET", "/plain" + READ)).headers["content-length"] == str(len(CLEAR))
    reply = server.exchange(wire("GET", "/masked/collections/docs/points/8"))
    assert (reply.status, reply.problem["code"]) == (502, "malformed_response")


def test_a_request_is_masked_and_its_length_is_true(serve_wsgi: Serve) -> None:
    app = answering(b"{}")
    server = serve_wsgi(app)
    server.exchange(wire("POST", QUERY, '{"query": "ana@example.org", "limit": 3}', accept_encoding="gzip"))
    # Chunked: what is known of its end is what the server says.
    server.exchange(chunked(b'{"query": "ana@exa', b'mple.org", "limit": 3}'))
    for environ, saw in app.saw:
        assert saw == b'{"query": "[EMAIL]", "limit": 3}'
        assert environ["CONTENT_LENGTH"] == str(len(saw)) and environ["HTTP_ACCEPT_ENCODING"] == "identity"
        assert "HTTP_TRANSFER_ENCODING" not in environ


def test_what_a_server_does_not_say_is_no_body(serve_wsgi: Serve) -> None:
    app = answering(b"{}")
    # wsgiref does not know chunks, and hands out the connection as it is.
    serve_wsgi(app, host="wsgiref").exchange(chunked(b'{"query": "ana@example.org"}'))
    for environ, saw in app.saw:
        assert saw == b""


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_large_request_is_masked_as_it_passes(serve_wsgi: Serve, is_chunked: bool) -> None:
    app = answering(b"{}")
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{"mail":"p{n}@example.org"}}}}' for n in range(300))
    body = f'{{"points":[{points}]}}'.encode()
    request = wire("PUT", UPSERT, body)
    if is_chunked:
        request = chunked(body[:9000], body[9000:], method="PUT", target=UPSERT)
    assert serve_wsgi(app).exchange(request).status == 200
    environ, saw = app.saw[0]
    assert b"@example.org" not in saw and saw.count(b"[EMAIL]") == 300
    assert environ.get("CONTENT_LENGTH") == (None if is_chunked else str(len(saw)))


def test_a_request_that_is_not_looked_into_is_read_in_every_way(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        stream = environ["wsgi.input"]
        found = [stream.read(3), stream.readline(), next(stream), *stream.readlines(), stream.read()]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps([piece.decode() for piece in found]).encode()]

    body = '{"a": \n"b",\n"limit":\n1\n}'
    for base in ("/plain", "/watched"):
        # More than it says is the next request's.
        reply = serve_wsgi(app).exchange(wire("POST", base + "/collections/docs/points/query", body) + b"GET / HTTP/1.1")
        assert json.loads(reply.body) == ['{"a', '": \n', '"b",\n', '"limit":\n', "1\n", "}", ""]


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")]
)
def test_responses_without_a_body_stay_without(serve_wsgi: Serve, method: str, status: str) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, [("Content-Type", "application/json"), ("ETag", '"v1"'), ("X-Kept", "1")])
        return []

    server = serve_wsgi(app)
    client = server.connect()
    client.send(wire(method, "/masked" + READ))
    reply = client.reply(head=True)
    assert (f"{reply.status}", reply.headers["x-kept"]) == (status[:3], "1") and "etag" not in reply.headers
    assert "content-length" not in reply.headers and client.file.read() == b""
    assert server.record()["outcome"]["result"] == "complete"


def test_a_compressed_body_is_decoded_masked_and_sent_plain(serve_wsgi: Serve) -> None:
    server = serve_wsgi(answering(gzip.compress(CLEAR), Content_Encoding="gzip"))
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert reply.body == MASKED and "content-encoding" not in reply.headers
    assert gzip.decompress(server.exchange(wire("GET", "/plain" + READ)).body) == CLEAR


def test_what_is_written_passes_the_guard(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        write(b'{"mail": "ana@exa')
        write(b'mple.org"}\n')
        return [b'{"mail": "bea@example.org"}\n']

    server = serve_wsgi(app)
    assert server.exchange(wire("GET", "/masked" + READ)).body == b'{"mail": "[EMAIL]"}\n' * 2
    assert server.exchange(wire("GET", "/plain" + READ)).body.count(b"@example.org") == 2


def test_a_head_may_be_taken_back_until_there_is_something_to_send(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        if environ["PATH_INFO"].endswith("8"):
            yield b'{"n": 1}\n'
        yield b""
        try:
            raise ValueError("the service broke")
        except ValueError:
            start_response("500 Broken", [("Content-Type", "text/plain")], sys.exc_info())
        yield b"ask ana@example.org"

    server = serve_wsgi(app)
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert (reply.status, reply.body) == (500, b"ask [EMAIL]")
    reply = server.exchange(wire("GET", "/masked/collections/docs/points/8"))
    assert (reply.status, reply.body, reply.aborted) == (200, b'{"n": 1}\n', True)
    assert [record["outcome"]["result"] for record in server.records(2)] == ["complete", "failed"]


def test_a_file_that_the_server_would_send_is_hidden(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        assert not {"wsgi.file_wrapper", "werkzeug.socket", "gunicorn.socket"} & set(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hidden"]

    assert serve_wsgi(app, host="wsgiref").exchange(wire("GET", "/masked" + READ)).body == b"hidden"
    assert serve_wsgi(app).exchange(wire("GET", "/masked" + READ)).body == b"hidden"


def test_an_error_before_the_head_is_the_server_s_to_answer(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        raise RuntimeError("the service broke")

    server = serve_wsgi(app)
    assert server.exchange(wire("GET", "/masked" + READ)).status == 500
    assert server.record()["outcome"]["result"] == "failed"


def test_an_error_after_the_head_aborts(serve_wsgi: Serve) -> None:
    source = Source("application/x-ndjson")
    server = serve_wsgi(source)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    source.pieces.put(b'{"n": 1}\n')
    client.head()
    assert client.chunk() == b'{"n": 1}\n'
    source.pieces.put(RuntimeError("the service broke"))
    assert rest_of(client) == (b"", True) and source.closed.wait(WAIT)
    assert server.record()["outcome"]["result"] == "failed"


def test_a_body_that_differs_from_its_length_is_no_answer(serve_wsgi: Serve) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        length = "9" if environ["PATH_INFO"].endswith("7") else "1"
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", length)])
        return [b"{}"]

    server = serve_wsgi(app)
    for target in (READ, READ[:-1] + "8"):
        for base in ("/masked", "/plain"):
            assert server.exchange(wire("GET", base + target)).status == 500
    assert {record["outcome"]["result"] for record in server.records(4)} == {"failed"}


def test_a_caller_that_goes_away_closes_the_service(serve_wsgi: Serve) -> None:
    source = Source("application/x-ndjson")
    server = serve_wsgi(source)
    client = server.connect()
    client.send(wire("GET", "/masked" + READ))
    source.pieces.put(b'{"n": 1}\n')
    client.head()
    client.close()
    while not source.closed.wait(0.01):
        # A server notices when it has something to send.
        source.pieces.put(b'{"n": 2}\n')
    assert server.record()["outcome"]["result"] == "disconnected"


@pytest.mark.parametrize("pieces", [1, 3])
def test_what_is_leased_leaves_and_then_the_connection_breaks(serve_wsgi: Serve, pieces: int) -> None:
    source = Source("application/json")
    server = serve_wsgi(source, policy=METERED)
    client = server.connect()
    client.send(wire("POST", "/collections/docs/points/scroll", '{"limit": 2, "with_vector": true}'))
    body = ('{"result": {"points": [' + ", ".join(f'{{"id": {n}, "vector": [0.5]}}' for n in range(9))).encode()
    size = -(-len(body) // pieces)
    for at in range(0, len(body), size):
        source.pieces.put(body[at : at + size])
    client.head()
    got, aborted = rest_of(client)
    assert aborted and got.count(b"0.5]") == 4, got
    assert source.closed.wait(WAIT)
    record = server.record()
    assert record["outcome"] == {"result": "aborted", "reason": "grant_exhausted"}
    assert record["response"]["census"]["vectors"] == 4


def test_the_end_goes_through_with_the_last_byte_of_a_length(serve_wsgi: Serve) -> None:
    """Vectors that are counted at the end only must not have left by then."""
    body = json.dumps({"result": {"points": [{"id": n, "vector": [0.5]} for n in range(4000)]}}).encode()
    assert len(body) > 1 << 16
    server = serve_wsgi(answering(body), policy=METERED)
    reply = server.exchange(wire("POST", "/collections/docs/points/scroll", '{"limit": 2, "with_vector": true}'))
    assert reply.aborted and reply.body.count(b"0.5]") == 4


def test_a_service_whose_response_is_refused_is_stopped(serve_wsgi: Serve) -> None:
    made, closed = [], threading.Event()

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "image/png")])
        try:
            while True:
                made.append(1)
                yield b"\x00" * 1024
        finally:
            closed.set()

    server = serve_wsgi(app)
    reply = server.exchange(wire("GET", "/masked" + READ))
    assert (reply.status, reply.problem["code"]) == (502, "unmaskable_response")
    assert closed.is_set() and len(made) == 1
    assert server.record()["outcome"]["reason"] == "unmaskable_response"


@pytest.mark.parametrize("by", ["write", "yield"])
def test_a_refusal_reaches_the_caller_whatever_the_service_does(serve_wsgi: Serve, by: str) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("Content-Type", "image/png")])
        if by == "write":
            write(b"\x00")
        return [b"\x00"]

    reply = serve_wsgi(app).exchange(wire("GET", "/masked" + READ))
    assert (reply.status, reply.problem["code"]) == (502, "unmaskable_response")


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_request_cut_on_its_way_is_answered(serve_wsgi: Serve, is_chunked: bool) -> None:
    app = answering(b"{}")
    # More than is read before the verdict, and broken behind it.
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{}}}}' for n in range(5000))
    body = f'{{"points":[{points}]'.encode()
    server = serve_wsgi(app)
    request = chunked(body, method="PUT", target=UPSERT) if is_chunked else wire("PUT", UPSERT, body)
    reply = server.exchange(request)
    assert (reply.status, reply.problem["code"]) == (400, "malformed_body") and not app.saw
    assert server.record()["outcome"]["reason"] == "malformed_body"


def test_half_a_request_is_none(serve_wsgi: Serve) -> None:
    app = answering(b"{}")
    server = serve_wsgi(app)
    client = server.connect()
    client.send(wire("POST", QUERY, '{"query": "ana"}', content_length="99"))
    client.socket.shutdown(1)
    assert client.reply().status == 400 and not app.saw
    assert server.record()["outcome"]["result"] == "disconnected"


def test_a_parked_request_waits_beside_the_others(serve_wsgi: Serve) -> None:
    server = serve_wsgi(answering(b'{"result":{"points":[]}}'))
    parked = server.connect()
    parked.send(wire("POST", "/masked/collections/docs/points/scroll", '{"limit": 5000, "with_vector": true}'))
    asked = threading.Event()
    while not (pending := server.guard.approvals("pending")):
        asked.wait(0.01)
    # The interpreter is free meanwhile: others are served.
    assert server.exchange(wire("GET", "/masked" + READ)).status == 200
    server.guard.approve(pending[0]["id"], by="sam")
    assert parked.reply().status == 200


def test_the_application_may_say_who_is_calling(serve_wsgi: Serve) -> None:
    def known(environ: Any) -> Optional[Identity]:
        name = environ.get("HTTP_X_SESSION")
        return Identity(name, ["ml"]) if name else None

    inner = answering(b"{}")
    server = serve_wsgi(inner, identity=known)
    ask = "GET /plain" + READ + " HTTP/1.1\r\nhost: h\r\n%s\r\n"
    assert server.exchange(ask % "x-session: kim\r\n").status == 200
    assert server.exchange(ask % "").status == 403
    assert server.exchange(ask % "x-user: ana\r\n").status == 200
    guarded = GuardMiddleware(inner, guard=server.guard)
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/plain" + READ, "HTTP_HOST": "h", "wsgi.input": io.BytesIO(),
        "wardline.identity": "eve",
    }  # fmt: skip
    body = guarded(environ, lambda *_: lambda _: None)
    assert b"".join(body) == b"{}" and caller() is None
    body.close()  # type: ignore[attr-defined]
    subjects = [record["identity"]["subject"] for record in server.records(4)]
    assert subjects == ["kim", "anonymous", "ana", "eve"]


def test_a_response_that_nobody_asked_for_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY)
    closed = []

    class Body:
        def __iter__(self) -> Any:
            return iter([b"{}"])

        def close(self) -> None:
            closed.append(caller())

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/json")])
        return Body()

    guard = Guard(tmp_path / "w.yaml")
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/plain" + READ, "wsgi.input": io.BytesIO(), "HTTP_X_USER": "ana",
        "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    body = GuardMiddleware(app, guard=guard)(environ, lambda *_: lambda _: None)
    body.close()  # type: ignore[attr-defined]
    body.close()  # type: ignore[attr-defined]
    guard.flush()
    assert closed == [Identity("ana")] and records(tmp_path / "w.yaml")[0]["outcome"]["result"] == "disconnected"


@pytest.mark.parametrize(
    ("head", "reads"),
    [
        ({"SERVER_PROTOCOL": "HTTP/1.1"}, b""),
        ({"SERVER_PROTOCOL": "HTTP/2"}, b"{}"),
        ({}, b"{}"),
    ],
)
def test_a_request_of_http_1_has_a_body_only_where_its_head_says_so(tmp_path: Path, head: dict[str, str], reads: bytes) -> None:
    (tmp_path / "w.yaml").write_text(POLICY)
    app = answering(b"{}")
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/masked" + READ, "wsgi.input": io.BytesIO(b"{}"), "wsgi.input_terminated": True,
        "CONTENT_TYPE": "application/json", "HTTP_X_USER": "ana", "REMOTE_ADDR": "127.0.0.1", **head,
    }  # fmt: skip
    body = GuardMiddleware(app, guard=Guard(tmp_path / "w.yaml"))(environ, lambda *_: lambda _: None)
    assert b"".join(body) == b"{}" and app.saw[0][1] == reads
    body.close()  # type: ignore[attr-defined]


def test_the_path_is_judged_as_the_application_sees_it() -> None:
    from wardline.wsgi import _target

    environ = {"SCRIPT_NAME": "/v", "PATH_INFO": "/a b/\xc3\xbc?", "QUERY_STRING": "q=1", "RAW_URI": "/else"}
    assert _target(environ) == b"/v/a%20b/%C3%BC%3F?q=1"


def test_a_policy_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WARDLINE_POLICY", raising=False)
    with pytest.raises(WardlineError):
        GuardMiddleware(answering())


PREFORK = """
import os
from wardline.wsgi import GuardMiddleware

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Process", str(os.getpid()))])
    yield b'{"mail": "ana@exam'
    yield b'ple.org"}'
    if environ["PATH_INFO"].endswith("8"):
        raise RuntimeError("the service broke")

app = GuardMiddleware(app)
app.guard.check()   # in the parent, before it forks
"""


def test_gunicorn_with_two_workers(tmp_path: Path) -> None:
    policy = tmp_path / "wardline.yaml"
    policy.write_text(POLICY)
    (tmp_path / "served.py").write_text(PREFORK)
    command = [sys.executable, "-m", "gunicorn", "--preload", "--workers", "2", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, "--chdir", str(tmp_path), "served:app"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "WARDLINE_POLICY": str(policy), "PYTHONPATH": str(Path(__file__).parents[1])},
    ) as process:
        try:
            assert process.stderr is not None
            port, workers = 0, 0
            while workers < 2:
                line = process.stderr.readline()
                assert line, "gunicorn did not start"
                if found := re.search(r"http://127.0.0.1:(\d+)", line):
                    port = int(found.group(1))
                workers += "Booting worker" in line
            # What they log later is read away.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            seen, asked = set(), 0
            while len(seen) < 2 and asked < 500:
                client = Client(("127.0.0.1", port))
                client.send(wire("GET", "/masked" + READ))
                reply = client.reply()
                client.close()
                asked += 1
                assert (reply.status, reply.body, reply.aborted) == (200, b'{"mail": "[EMAIL]"}', False)
                seen.add(reply.headers["x-process"])
            assert len(seen) == 2
            client = Client(("127.0.0.1", port))
            client.send(wire("GET", "/masked/collections/docs/points/8"))
            assert client.reply().aborted
            client.close()
            client = Client(("127.0.0.1", port))
            client.send(chunked(b'{"query": "ana@exa', b'mple.org", "limit": 3}'))
            assert client.reply().body == b'{"mail": "[EMAIL]"}'
            client.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(WAIT)
    found_records = records(policy)
    assert len(found_records) == asked + 2
    assert [record["outcome"]["result"] for record in found_records].count("failed") == 1
