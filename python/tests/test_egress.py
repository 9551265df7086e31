"""What goes out of a service through httpx and requests, to a real server, and what the clients of OpenAI and Qdrant make of it."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, Optional

import httpx
import openai
import pytest
import qdrant_client
import requests
from support import POLICY, WAIT, Uvicorn, answering, body_of, recorded
from test_streams import METERED, Source
from ways import WAYS

import wardline.aiohttp
import wardline.httpx
import wardline.httpx2
import wardline.requests
import wardline.urllib3
from wardline import ExchangeCut, Guard, Identity, WardlineError, caller
from wardline.httpx import AsyncGuardTransport, GuardTransport
from wardline.requests import GuardAdapter

READ = "/collections/docs/points/7"
QUERY, UPSERT = "/collections/docs/points/query", "/collections/docs/points"
CLEAR, MASKED = b'{"mail":"ana@example.org"}', b'{"mail":"[EMAIL]"}'
SCROLL, BULK = "/collections/docs/points/scroll", b'{"limit": 5000, "with_vector": true}'
CLIENTS = list(WAYS)

Pieces = list[bytes]


class World:
    """A service elsewhere, and our guard of what goes there."""

    def __init__(self, folder: Path, app: Any, policy: str = POLICY) -> None:
        self.server = Uvicorn(app)
        self.policy = folder / "wardline.yaml"
        self.policy.write_text(policy)
        self.guard = Guard(self.policy)

    def transport(self, identity: Any = "svc-ingest", inner: Any = None) -> GuardTransport:
        return GuardTransport(inner, identity=identity, guard=self.guard)

    def session(self, identity: Any = "svc-ingest", inner: Any = None) -> requests.Session:
        session = requests.Session()
        session.mount("http://", GuardAdapter(inner, identity=identity, guard=self.guard))
        return session

    def ask(self, client: str, method: str, path: str, body: Any = None, identity: Any = "svc-ingest") -> httpx.Response:
        """One request, and all of its response."""
        headers = {"content-type": "application/json"} if body is not None else {}
        return WAYS[client].ask(self.guard, identity, method, self.server.url + path, body, headers)

    def stream(self, client: str, method: str, path: str, body: Optional[bytes], take: Callable[[bytes], bool]) -> None:
        """One request whose response is read piece by piece, until `take` has enough."""
        headers = {"content-type": "application/json"}
        WAYS[client].stream(self.guard, method, self.server.url + path, body, headers, take)

    def records(self, count: int = 1) -> list[dict[str, Any]]:
        return recorded(self.guard, self.policy, count)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    worlds: list[World] = []

    def made(app: Any, **options: Any) -> World:
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(World(folder, app, **options))
        return worlds[-1]

    yield made
    for one in worlds:
        one.server.close()


Worlds = Callable[..., World]


@pytest.mark.parametrize("client", CLIENTS)
def test_both_ways_are_masked_and_lengths_are_true(world: Worlds, client: str) -> None:
    app = answering(CLEAR, etag='"v1"')
    here = world(app)
    body = b'{"query": "ana@example.org", "limit": 3}'
    got = here.ask(client, "POST", "/masked" + QUERY, body)
    assert (got.status_code, got.content, got.headers["content-length"]) == (200, MASKED, str(len(MASKED)))
    assert "etag" not in got.headers
    scope, saw = app.saw[0]
    headers = dict(scope["headers"])
    assert saw == b'{"query": "[EMAIL]", "limit": 3}' and headers[b"content-length"] == str(len(saw)).encode()
    assert headers[b"accept-encoding"] == b"identity"
    got = here.ask(client, "GET", "/plain" + READ)
    assert got.content == CLEAR and got.headers["etag"] == '"v1"'
    assert not {b"content-length", b"transfer-encoding"} & set(dict(app.saw[1][0]["headers"]))
    found = here.records(2)
    assert {record["door"] for record in found} == {WAYS[client].door}
    assert {record["identity"]["subject"] for record in found} == {"svc-ingest"}


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_denied_is_answered_and_never_sent(world: Worlds, client: str) -> None:
    app = answering()
    here = world(app)
    got = here.ask(client, "DELETE", "/plain/collections/docs")
    assert got.status_code == 403 and got.headers["content-type"] == "application/json"
    assert got.json()["code"] == "denied" and got.json()["record"] == here.records()[0]["id"]
    assert here.ask(client, "HEAD", "/nowhere").status_code == 403
    assert not app.saw


@pytest.mark.parametrize("client", CLIENTS)
def test_what_is_held_goes_out_once_after_people_agreed(world: Worlds, client: str) -> None:
    app = answering(b'{"result":{"points":[]}}')
    here = world(app)
    held = here.ask(client, "POST", "/plain" + SCROLL, BULK)
    assert held.json()["code"] == "approval_required" and int(held.headers["retry-after"]) > 0
    # Asking again finds the same ticket.
    assert here.ask(client, "POST", "/plain" + SCROLL, BULK).json()["approval"] == held.json()["approval"]
    here.guard.approve(held.json()["approval"], by="sam")
    assert here.ask(client, "POST", "/plain" + SCROLL, BULK).status_code == 200 and len(app.saw) == 1
    assert here.ask(client, "POST", "/plain" + SCROLL, BULK).status_code == 403


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wait_for_people_is_not_in_the_way_of_others(world: Worlds, client: str) -> None:
    here = world(answering(b'{"result":{"points":[]}}'))
    got: list[int] = []
    parked = threading.Thread(
        target=lambda: got.append(here.ask(client, "POST", "/masked" + SCROLL, BULK).status_code)
    )
    parked.start()
    asked = threading.Event()
    while not (pending := here.guard.approvals("pending")):
        asked.wait(0.01)
    assert here.ask(client, "GET", "/masked" + READ).status_code == 200
    here.guard.approve(pending[0]["id"], by="sam")
    parked.join(WAIT)
    assert got == [200]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_may_be_somebody_s(world: Worlds, client: str) -> None:
    here = world(answering(b"{}"))
    assert here.ask(client, "GET", "/plain" + READ, identity=lambda request: Identity("ana")).status_code == 200
    with pytest.raises(WardlineError):
        here.ask(client, "GET", "/plain" + READ, identity=lambda request: caller())
    assert here.records()[0]["identity"]["subject"] == "ana"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("declared", [True, False])
def test_a_large_request_is_masked_as_it_goes_out(world: Worlds, client: str, declared: bool) -> None:
    app = answering(b"{}")
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{"mail":"p{n}@example.org"}}}}' for n in range(300))
    body = f'{{"points":[{points}]}}'.encode()

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(body), 1000):
            yield body[at : at + 1000]

    assert world(app).ask(client, "PUT", "/masked" + UPSERT, body if declared else pieces()).status_code == 200
    scope, saw = app.saw[0]
    assert b"@example.org" not in saw and len(json.loads(saw)["points"]) == 300
    assert dict(scope["headers"])[b"transfer-encoding"] == b"chunked"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_request_that_is_cut_on_its_way_is_answered(world: Worlds, client: str) -> None:
    points = ",".join(f'{{"id":{n},"vector":[0.5],"payload":{{}}}}' for n in range(5000))
    here = world(answering(b"{}"))
    got = here.ask(client, "PUT", "/masked" + UPSERT, f'{{"points":[{points}]'.encode())
    assert (got.status_code, got.json()["code"]) == (400, "malformed_body")
    assert here.records()[0]["outcome"] == {"result": "aborted", "reason": "malformed_body"}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("base", ["/masked", "/plain", "/watched"])
def test_a_streamed_response_stays_one(world: Worlds, client: str, base: str) -> None:
    source = Source("text/event-stream")
    here, got = world(source), []

    def take(piece: bytes) -> bool:
        # The second event is made when the first one is there.
        got.append(piece)
        source.put(b'data: {"n": 2}\n\n' if len(got) == 1 else None)
        return False

    source_started = threading.Thread(target=lambda: source.put(b"data: to ana@example.org\n\n"))
    source_started.start()
    here.stream(client, "GET", base + READ, None, take)
    source_started.join(WAIT)
    shown = b"[EMAIL]" if base == "/masked" else b"ana@example.org"
    assert got == [b"data: to " + shown + b"\n\n", b'data: {"n": 2}\n\n']
    assert here.records()[0]["outcome"]["result"] == "complete"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("pieces", [1, 3])
def test_a_response_that_is_cut_is_an_error_of_the_client(world: Worlds, client: str, pieces: int) -> None:
    source = Source("application/json")
    policy = METERED.replace("user:ana", "user:svc-ingest")
    here, got = world(source, policy=policy), []
    body = ('{"result": {"points": [' + ", ".join(f'{{"id": {n}, "vector": [0.5]}}' for n in range(9))).encode()
    size = -(-len(body) // pieces)
    feeding = threading.Thread(target=lambda: [source.put(body[at : at + size]) for at in range(0, len(body), size)])
    feeding.start()
    with pytest.raises(WAYS[client].cut) as cut:
        here.stream(client, "POST", SCROLL, b'{"limit": 2, "with_vector": true}', lambda piece: got.append(piece) or False)  # type: ignore[func-returns-value]
    feeding.join(WAIT)
    assert isinstance(cut.value, ExchangeCut) and cut.value.code == "grant_exhausted"
    assert b"".join(got).count(b"0.5]") == 4 and source.closed.wait(WAIT)
    record = here.records()[0]
    assert record["outcome"] == {"result": "aborted", "reason": "grant_exhausted"}
    assert record["response"]["census"]["vectors"] == 4


@pytest.mark.parametrize("client", CLIENTS)
def test_a_small_response_that_must_not_pass_is_an_answer(world: Worlds, client: str) -> None:
    here = world(answering(CLEAR[:-1]))
    got = here.ask(client, "GET", "/masked" + READ)
    assert (got.status_code, got.json()["code"]) == (502, "malformed_response")
    here = world(answering(b"\x00", content_type="image/png"))
    assert here.ask(client, "GET", "/masked" + READ).json()["code"] == "unmaskable_response"


@pytest.mark.parametrize("client", CLIENTS)
def test_each_redirect_is_judged(world: Worlds, client: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        asked.append(scope["path"])
        to = b"/mlflow/api/2.0/mlflow-artifacts/artifacts/m/1/model.bin"
        await send({"type": "http.response.start", "status": 307, "headers": [(b"location", to)]})
        await send({"type": "http.response.body"})

    asked: list[str] = []
    here = world(app)
    got = here.ask(client, "GET", "/plain" + READ)
    assert (got.status_code, got.json()["code"]) == (403, "grant_required")
    assert asked == ["/plain" + READ] and len(here.records(2)) == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_responses_without_a_body_stay_without(world: Worlds, client: str, method: str, status: int) -> None:
    here = world(answering(status=status, etag='"v1"'))
    got = here.ask(client, method, "/masked" + READ)
    assert (got.status_code, got.content) == (status, b"") and "etag" not in got.headers
    assert here.records()[0]["outcome"]["result"] == "complete"


@pytest.mark.parametrize("client", CLIENTS)
def test_a_coding_is_undone_where_the_body_changes(world: Worlds, client: str) -> None:
    here = world(answering(gzip.compress(CLEAR), content_encoding="gzip"))
    assert here.ask(client, "GET", "/masked" + READ).content == MASKED
    assert here.ask(client, "GET", "/plain" + READ).content == CLEAR


@pytest.mark.parametrize("client", CLIENTS)
def test_a_service_that_is_away_or_breaks_off_is_the_client_s_own_error(world: Worlds, client: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = [(b"content-type", b"application/json"), (b"content-length", b"99")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"n":', "more_body": True})
        raise RuntimeError("the service broke")

    here = world(app)
    for base in ("/masked", "/plain"):
        with pytest.raises(WAYS[client].fails) as failed:
            here.ask(client, "GET", base + READ)
        assert not isinstance(failed.value, ExchangeCut)
    here.server.close()
    with pytest.raises(WAYS[client].fails):
        here.ask(client, "GET", "/plain" + READ)
    assert [record["outcome"]["result"] for record in here.records(3)] == ["failed"] * 3


@pytest.mark.parametrize("client", CLIENTS)
def test_whoever_stops_reading_is_gone(world: Worlds, client: str) -> None:
    source = Source("application/x-ndjson")
    here = world(source)
    feeding = threading.Thread(target=lambda: source.put(b'{"mail": "ana@example.org"}\n'))
    feeding.start()
    here.stream(client, "GET", "/masked" + READ, None, lambda piece: True)
    feeding.join(WAIT)
    assert source.closed.wait(WAIT)
    assert here.records()[0]["outcome"]["result"] == "disconnected"


def test_a_coroutine_that_is_given_up_withdraws_its_wait(world: Worlds) -> None:
    here = world(answering())

    async def asked() -> None:
        transport = AsyncGuardTransport(identity="svc-ingest", guard=here.guard)
        async with httpx.AsyncClient(transport=transport) as beside:
            asking = asyncio.ensure_future(beside.post(here.server.url + "/masked" + SCROLL, content=BULK))
            while not here.guard.approvals("pending"):
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(asked())
    assert here.records()[0]["outcome"]["result"] == "disconnected"


def test_requests_as_its_users_know_it(world: Worlds, tmp_path: Path) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        headers = dict(scope["headers"])
        saw.append((headers, await body_of(receive)))
        fields = [(b"content-type", b"application/json"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        status = 200
        if scope["path"].endswith("8") and b"authorization" not in headers:
            status, fields = 401, [(b"www-authenticate", b'Digest realm="r", nonce="n", qop="auth"')]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": CLEAR if status == 200 else b""})

    saw: list[Any] = []
    here = world(app)
    session, url = here.session(), here.server.url
    assert session.get(url + "/masked" + READ).json() == {"mail": "[EMAIL]"}
    assert session.cookies.get_dict() == {"a": "1", "b": "2"}
    # What is sent once more, to authenticate, is judged once more.
    got = session.get(url + "/plain" + READ[:-1] + "8", auth=requests.auth.HTTPDigestAuth("ana", "x"))
    assert got.status_code == 200 and got.history[0].status_code == 401 and got.url.endswith("8")
    assert len(here.records(3)) == 3
    # Files, texts, and the response as a file.
    file = tmp_path / "body.json"
    file.write_text('{"query": "ana@example.org", "limit": 1}')
    with file.open("rb") as opened:
        for body in (opened, file.read_text(), io.BytesIO(file.read_bytes())):
            session.post(url + "/masked" + QUERY, data=body, headers={"content-type": "application/json"})
    assert {body for _, body in saw[-3:]} == {b'{"query": "[EMAIL]", "limit": 1}'}
    with session.get(url + "/masked" + READ, stream=True) as streamed:
        assert streamed.raw.read(5) + streamed.raw.read() == MASKED
    assert list(session.get(url + "/masked" + READ, stream=True).iter_lines()) == [MASKED]
    assert session.get(url + "/nowhere").reason == "Forbidden"
    session.close()


def test_an_adapter_that_sends_again_by_itself_is_refused(world: Worlds) -> None:
    here, retry = world(answering()), requests.adapters.Retry
    for retries in (3, retry(total=3), retry(total=3, read=False), retry(total=None, status=2)):
        with pytest.raises(WardlineError):
            here.session(inner=requests.adapters.HTTPAdapter(max_retries=retries))
    here.session(inner=requests.adapters.HTTPAdapter(max_retries=retry(total=3, read=False, status=0, other=0)))


CHAT = POLICY.replace("models: {system: mlflow", "chat: {system: openai, base_path: /openai}\n  models: {system: mlflow").replace(
    "rules:\n", 'rules:\n  - {name: chat, who: ["user:svc-*"], operations: ["inference.*"], effect: allow}\n'
).replace("services: [masked, watched]", "services: [masked, watched, chat]")


@pytest.mark.parametrize("way", ["httpx", "httpx2"])
def test_the_client_of_openai(world: Worlds, way: str) -> None:
    events = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in ("write to ana@exam", "ple.org", " today")
    ]  # fmt: skip

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        saw.append(await body_of(receive))
        if scope["path"].endswith("embeddings"):
            fields, pieces = [(b"content-type", b"application/json")], [EMBEDDED]
        else:
            fields = [(b"content-type", b"text/event-stream")]
            pieces = [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    saw: list[bytes] = []
    here = world(app, policy=CHAT)
    with WAYS[way].client(here.guard, "svc-ingest") as http:  # type: ignore[attr-defined]
        client = openai.OpenAI(base_url=here.server.url + "/openai/v1", api_key="k", http_client=http)
        got = client.embeddings.create(model="m", input="of ana@example.org", encoding_format="float")
        assert got.data[0].embedding == [0.5] and b"of [EMAIL]" in saw[0]
        messages: Any = [{"role": "user", "content": "who is ana@example.org?"}]
        told = client.chat.completions.create(model="m", messages=messages, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in told) == "write to [EMAIL] today"
        assert b"who is [EMAIL]?" in saw[1]
        with pytest.raises(openai.PermissionDeniedError) as denied:
            client.models.delete("m")
        assert denied.value.response.json()["record"] and len(saw) == 2


EMBEDDED = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'


def test_the_client_of_qdrant(world: Worlds) -> None:
    point = '{"id":1,"version":1,"score":0.5,"payload":{"mail":"ana@example.org"}}'
    app = answering(f'{{"result":{{"points":[{point}]}},"status":"ok","time":0.1}}'.encode())
    here = world(app)
    client = qdrant_client.QdrantClient(
        url=here.server.url, prefix="masked", transport=here.transport(), check_compatibility=False
    )
    found = client.query_points("docs", query=[0.5], limit=3)
    assert found.points[0].payload == {"mail": "[EMAIL]"}
    with pytest.raises(qdrant_client.http.exceptions.UnexpectedResponse) as denied:
        client.delete_collection("docs")
    assert denied.value.status_code == 403 and len(app.saw) == 1
    client.close()


def hop_key(folder: Path) -> str:
    command = [sys.executable, "-m", "wardline", "hop-key", "--policy", str(folder / "wardline.yaml")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


SEALED = """version: 1
state: ./state
identity: {{headers: {{subject: x-user}}, trusted_peers: [127.0.0.1/32], hops: {{name: {name}{peers}}}}}
services:
  own: {{system: qdrant, hosts: [{own}]}}
  {others}
rules:
  - {{name: all, who: ["user:*"], operations: ["*"], {via}effect: allow}}
"""


def test_what_goes_out_is_sealed_hop_by_hop(serve: Callable[..., Any], serve_wsgi: Callable[..., Any], tmp_path: Path) -> None:
    """A gateway of httpx, a worker of WSGI and requests, and a registry that is reached through the worker only."""
    names = ["gateway", "worker", "registry"]
    keys = []
    for name in names:
        (tmp_path / name).mkdir()
        text = SEALED.format(name=name, peers="", own=name, others="", via="")
        (tmp_path / name / "wardline.yaml").write_text(text)
        keys.append(hop_key(tmp_path / name))
    begins = f"{{key: '{keys[0]}', begins: true}}"
    peers = ", peers: [" + ", ".join([begins, *(f"{{key: '{key}'}}" for key in keys[1:])]) + "]"

    def policy(name: str, others: str = "", via: str = "") -> str:
        text = SEALED.format(name=name, peers=peers, own="127.0.0.1", others=others, via=via)
        return text.replace("./state", str(tmp_path / name / "state"))

    async def registry_app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        who = caller()
        assert who is not None and b"wardline-hop" not in dict(scope["headers"])
        told = json.dumps({"who": who.subject, "hops": [hop for hop, _ in who.hops]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": told})

    async def registry_served(scope: Any, receive: Any, send: Any) -> None:
        await registry_app(scope, receive, send)

    registry = serve(registry_served, policy=policy("registry", via="via: [worker], "))
    to_registry = f"registry: {{system: qdrant, hosts: ['127.0.0.1:{registry.address[1]}'], sealed_for: registry}}"

    def worker_app(environ: Any, start_response: Any) -> Any:
        with requests.Session() as session:
            session.mount("http://", GuardAdapter(identity=lambda request: caller(), guard=worker.guard))
            got = session.get(f"http://127.0.0.1:{registry.address[1]}/collections")
        start_response(f"{got.status_code} as it is", [("Content-Type", "application/json")])
        return [got.content]

    worker = serve_wsgi(worker_app, policy=policy("worker", to_registry))
    to_worker = f"worker: {{system: qdrant, hosts: ['127.0.0.1:{worker.address[1]}'], sealed_for: worker}}"
    (tmp_path / "gateway/wardline.yaml").write_text(policy("gateway", f"{to_worker}\n  {to_registry}"))
    transport = GuardTransport(identity=Identity("ana"), policy=tmp_path / "gateway/wardline.yaml")
    with httpx.Client(transport=transport) as client:
        got = client.get(f"http://127.0.0.1:{worker.address[1]}/collections")
        assert got.json() == {"who": "ana", "hops": ["gateway", "worker"]}, got.text
        # The same caller, without the worker between.
        assert client.get(f"http://127.0.0.1:{registry.address[1]}/collections").status_code == 403


def test_cuts_survive_the_way_between_processes() -> None:
    import pickle

    for module in (wardline.httpx, wardline.httpx2, wardline.requests, wardline.urllib3, wardline.aiohttp):
        kind: Any = module.Cut  # type: ignore[attr-defined]
        again = pickle.loads(pickle.dumps(kind("cut", "grant_exhausted")))
        assert (type(again), str(again), again.code) == (kind, "cut", "grant_exhausted")
