"""What urllib3 and aiohttp have of their own, and the clients that stand on them."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any, Callable

import aiohttp
import elasticsearch
import pytest
import urllib3
from elastic_transport import Urllib3HttpNode
from support import POLICY, body_of, answering
from test_egress import BULK, CLEAR, MASKED, QUERY, READ, SCROLL, UPSERT, World, Worlds, world  # noqa: F401: a fixture

from wardline import Guard, WardlineError
from wardline.aiohttp import GuardMiddleware
from wardline.urllib3 import guarded

ASKED = '{"query": "ana@example.org", "limit": 3}'
SENT = b'{"query": "[EMAIL]", "limit": 3}'
JSON = {"content-type": "application/json"}


def pools(here: World, *made: Any, **options: Any) -> urllib3.PoolManager:
    return guarded(urllib3.PoolManager(*made, **options), identity="svc-ingest", guard=here.guard)


def test_a_body_of_any_kind_passes_urllib3(world: Worlds, tmp_path: Path) -> None:  # noqa: F811
    app = answering(CLEAR)
    here = world(app)
    file = tmp_path / "body.json"
    file.write_text(ASKED)
    bodies: list[Any] = [ASKED, ASKED.encode(), bytearray(ASKED, "ascii"), memoryview(ASKED.encode()), io.BytesIO(ASKED.encode()), file.open("rb"), iter([ASKED[:9].encode(), ASKED[9:].encode()])]
    with pools(here) as http:
        for body in bodies:
            got = http.request("POST", here.server.url + "/masked" + QUERY, body=body, headers=JSON)
            assert (got.status, got.data) == (200, MASKED)
        http.request("POST", here.server.url + "/masked" + QUERY, body=ASKED, headers=JSON, chunked=True)
        http.request("POST", here.server.url + "/plain" + QUERY, body=iter([SENT]), headers={**JSON, "user-agent": urllib3.util.SKIP_HEADER})
        http.request("POST", here.server.url + "/masked" + QUERY)
    bodies[5].close()
    assert [saw for _, saw in app.saw] == [SENT] * 9 + [b""]
    heads = [dict(scope["headers"]) for scope, _ in app.saw]
    assert all(b"content-length" in head or b"transfer-encoding" in head for head in heads)
    assert not [head for head in heads if {b"content-length", b"transfer-encoding"} <= set(head)]
    assert b"user-agent" in heads[0] and b"user-agent" not in heads[8]


def test_responses_of_urllib3_are_as_its_users_know_them(world: Worlds) -> None:  # noqa: F811
    here = world(answering(CLEAR, set_cookie="a=1"))
    url = here.server.url + "/masked" + READ
    with pools(here, maxsize=1, block=True) as http:
        assert http.request("GET", url).json() == {"mail": "[EMAIL]"}
        streamed = http.request("GET", url, preload_content=False)
        assert (streamed.read(5), streamed.read(), streamed.headers["set-cookie"]) == (MASKED[:5], MASKED[5:], "a=1")
        # Read to its end it has let go of the only connection; so does what is given back or drained, and what never had one.
        http.request("GET", here.server.url + "/plain" + READ, preload_content=False).drain_conn()
        http.request("GET", here.server.url + "/plain" + READ, preload_content=False).release_conn()
        denied = http.request("DELETE", here.server.url + "/plain/collections/docs", preload_content=False)
        assert denied.status == 403 and denied.json()["code"] == "denied"
        assert http.request("HEAD", url).data == b""
        assert http.request("GET", url, timeout=5).data == MASKED


def test_one_pool_and_what_it_kept(world: Worlds) -> None:  # noqa: F811
    app = answering(CLEAR)
    here = world(app)
    pool = urllib3.connection_from_url(here.server.url)
    assert pool.request("GET", "/masked" + READ).data == CLEAR
    guarded(pool, identity="svc-ingest", guard=here.guard)
    assert pool.request("GET", "/masked" + READ).data == MASKED
    with pytest.raises(WardlineError):
        guarded(pool, identity="svc-ingest", guard=here.guard)
    with pytest.raises(WardlineError):
        guarded(object(), identity="svc-ingest", guard=here.guard)  # type: ignore[type-var]
    pool.close()


def test_what_a_pool_sends_again_is_judged_again_and_asks_for_one_approval(world: Worlds) -> None:  # noqa: F811
    app = answering(b"{}", status=503)
    here = world(app)
    again = urllib3.Retry(total=5, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    with pools(here, retries=again) as http:
        held = http.request("POST", here.server.url + "/plain" + SCROLL, body=BULK, headers=JSON)
        here.guard.approve(held.json()["approval"], by="sam")
        # The approval is for one request: the next attempt is held, and not five times.
        got = http.request("POST", here.server.url + "/plain" + SCROLL, body=BULK, headers=JSON)
        assert (got.status, got.json()["code"], len(app.saw)) == (403, "approval_required", 1)
        assert len(here.guard.approvals()) == 2


def test_a_proxy_is_asked_for_what_was_judged(world: Worlds) -> None:  # noqa: F811
    app = answering(CLEAR)
    here = world(app, policy=POLICY.replace("base_path: /masked,", "hosts: [vectors.internal],"))
    proxy = guarded(urllib3.ProxyManager(here.server.url), identity="svc-ingest", guard=here.guard)
    assert proxy.request("GET", "http://vectors.internal" + READ).data == MASKED
    assert proxy.request("GET", "http://elsewhere.internal" + READ).status == 403
    assert [dict(scope["headers"])[b"host"] for scope, _ in app.saw] == [b"vectors.internal"]
    proxy.clear()


def test_the_client_of_elasticsearch(world: Worlds) -> None:  # noqa: F811
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        saw.append((scope["method"], scope["path"], await body_of(receive)))
        fields = [(b"content-type", b"application/vnd.elasticsearch+json;compatible-with=9"), (b"x-elastic-product", b"Elasticsearch")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": b'{"hits":{"hits":[{"_id":"7","_source":{"mail":"ana@example.org"}}]}}'})

    saw: list[Any] = []
    policy = POLICY.replace("services:\n", "services:\n  search: {system: elasticsearch}\n")
    policy = policy.replace("services: [masked, watched]", "services: [search]").replace('"data.read"', '"data.read", "data.query"')
    here = world(app, policy=policy)

    class Guarded(Urllib3HttpNode):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            guarded(self.pool, identity="svc-ingest", guard=here.guard)

    client = elasticsearch.Elasticsearch(here.server.url, node_class=Guarded)
    found = client.search(index="docs", query={"match": {"text": "who is ana@example.org"}}, size=3)
    assert found["hits"]["hits"][0]["_source"] == {"mail": "[EMAIL]"} and b"who is [EMAIL]" in saw[0][2]
    with pytest.raises(elasticsearch.AuthorizationException, match="the policy denies this request"):
        client.indices.delete(index="docs")
    assert len(saw) == 1
    client.close()


def test_a_body_of_any_kind_passes_aiohttp(world: Worlds, tmp_path: Path) -> None:  # noqa: F811
    app = answering(CLEAR)
    here = world(app)
    file = tmp_path / "body.json"
    file.write_text(ASKED)

    async def pieces() -> Any:
        yield ASKED[:9].encode()
        yield ASKED[9:].encode()

    async def asked() -> None:
        url = here.server.url
        async with session(here) as http:
            with file.open("rb") as opened:
                bodies: list[Any] = [ASKED, ASKED.encode(), io.BytesIO(ASKED.encode()), opened, pieces()]
                for body in bodies:
                    async with http.post(url + "/masked" + QUERY, data=body, headers=JSON) as got:
                        assert await got.json() == {"mail": "[EMAIL]"}
            async with http.post(url + "/masked" + QUERY, json={"query": "ana@example.org", "limit": 3}) as got:
                assert got.status == 200
            for how in {"chunked": True}, {"expect100": True}:
                async with http.post(url + "/masked" + QUERY, data=ASKED, headers=JSON, **how) as got:
                    assert got.status == 200
            form = aiohttp.FormData({"note": "to ana@example.org"})
            form.add_field("file", b"\0\1", filename="a.bin")
            async with http.put(url + "/plain" + UPSERT, data=form) as got:
                assert await got.read() == CLEAR
            async with http.post(url + "/masked" + QUERY, data=ASKED, headers=JSON, compress="gzip") as got:
                assert got.status == 200

    asyncio.run(asked())
    assert [saw for _, saw in app.saw[:8]] == [SENT] * 8
    heads = [dict(scope["headers"]) for scope, _ in app.saw]
    assert all((b"content-length" in head) != (b"transfer-encoding" in head) for head in heads)
    assert b"ana@example.org" in app.saw[8][1] and b"\0\1" in app.saw[8][1]
    assert heads[9][b"content-encoding"] == b"gzip"
    assert __import__("gzip").decompress(app.saw[9][1]) == SENT


def session(here: World, *before: Any) -> aiohttp.ClientSession:
    guard = GuardMiddleware(identity="svc-ingest", guard=here.guard)
    # The servers of the tests have addresses and no names.
    return aiohttp.ClientSession(middlewares=[*before, guard], cookie_jar=aiohttp.CookieJar(unsafe=True))


def test_responses_of_aiohttp_are_as_its_users_know_them(world: Worlds) -> None:  # noqa: F811
    here = world(answering(CLEAR + b"\n", set_cookie="a=1; Path=/"))

    async def before(request: Any, handler: Any) -> Any:
        request.headers["x-added"] = "1"
        return await handler(request)

    async def asked() -> None:
        async with session(here, before) as http:
            async with http.get(here.server.url + "/masked" + READ) as got:
                assert [line async for line in got.content] == [MASKED + b"\n"]
                assert (got.content_length, got.content.at_eof(), got.content_type) == (19, True, "application/json")
            assert [cookie.value for cookie in http.cookie_jar] == ["1"]
            with pytest.raises(aiohttp.ClientResponseError) as refused:
                await http.delete(here.server.url + "/plain/collections/docs", raise_for_status=True)
            assert refused.value.status == 403
            async with http.head(here.server.url + "/nowhere") as denied:
                assert (denied.status, await denied.read()) == (403, b"")
            # What is let go unread lets go of its connection, too.
            (await http.get(here.server.url + "/masked" + READ)).release()
            (await http.get(here.server.url + "/masked" + READ)).close()
            with pytest.raises(aiohttp.WSServerHandshakeError) as opened:
                await http.ws_connect(here.server.url + "/masked" + READ)
            assert opened.value.status == 403

    asyncio.run(asked())
    results = ["complete", "denied", "denied", "complete", "complete", "denied"]
    assert [record["outcome"]["result"] for record in here.records(6)] == results


def test_a_body_that_a_redirect_sends_again_is_judged_as_it_was_given(world: Worlds) -> None:  # noqa: F811
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        saw.append((scope["path"], await body_of(receive)))
        status, fields = (307, [(b"location", b"/plain" + QUERY.encode())]) if scope["path"].startswith("/masked") else (200, [])
        await send({"type": "http.response.start", "status": status, "headers": [*fields, (b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    saw: list[Any] = []
    here = world(app)

    async def asked() -> None:
        async with session(here) as http, http.post(here.server.url + "/masked" + QUERY, data=ASKED, headers=JSON) as got:
            assert got.status == 200

    asyncio.run(asked())
    with pools(here) as http:
        assert http.request("POST", here.server.url + "/masked" + QUERY, body=ASKED, headers=JSON).status == 200
    assert [body for _, body in saw] == [SENT, ASKED.encode()] * 2
    assert len(here.records(4)) == 4


def test_a_wait_that_is_given_up_is_withdrawn(world: Worlds) -> None:  # noqa: F811
    here = world(answering())

    async def asked() -> None:
        async with session(here) as http:
            asking = asyncio.ensure_future(http.post(here.server.url + "/masked" + SCROLL, data=BULK))
            while not here.guard.approvals("pending"):
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking

    asyncio.run(asked())
    assert here.records()[0]["outcome"]["result"] == "disconnected"


def test_without_a_policy_or_an_identity_nothing_goes_out() -> None:
    with pytest.raises(WardlineError):
        guarded(urllib3.PoolManager(), identity="svc")
    with pytest.raises(WardlineError):
        GuardMiddleware(identity="svc")
    nobody: Callable[..., Any] = GuardMiddleware
    with pytest.raises(TypeError):
        nobody(guard=Guard.parse("version: 1\nstate: memory\nservices: {own: {system: qdrant}}\n"))
