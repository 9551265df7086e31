"""Clients that let nobody hand them a transport: the door is put inside, or stands where all of a process goes out."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import httpx2
import huggingface_hub
import pinecone
import pytest
from support import POLICY, answering
from test_egress import BULK, CLEAR, MASKED, READ, SCROLL, Worlds, world  # noqa: F401: a fixture

import wardline.httpx
import wardline.httpx2
from wardline import Guard, WardlineError


class Again(httpx.BaseTransport):
    """Sends everything twice, as a transport that tries again does."""

    def __init__(self) -> None:
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.inner.handle_request(request).read()
        return self.inner.handle_request(request)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_guard_is_put_inside_a_client(world: Worlds, library: Any) -> None:  # noqa: F811
    here = world(answering(CLEAR))
    door = wardline.httpx if library is httpx else wardline.httpx2
    client = library.Client(mounts={"http://other": library.HTTPTransport(), "https://": None})
    assert door.guarded(client, identity="svc-ingest", guard=here.guard) is client
    with client:
        assert client.get(here.server.url + "/masked" + READ).content == MASKED
        assert client.delete(here.server.url + "/plain/collections/docs").json()["code"] == "denied"
    for wrong in client, object():
        with pytest.raises(WardlineError):
            door.guarded(wrong, identity="svc-ingest", guard=here.guard)

    async def beside() -> bytes:
        async with door.guarded(library.AsyncClient(), identity="svc-ingest", guard=here.guard) as client:
            got: bytes = (await client.get(here.server.url + "/masked" + READ)).content
            return got

    assert asyncio.run(beside()) == MASKED


def test_it_stands_below_what_sends_again(world: Worlds) -> None:  # noqa: F811
    here = world(answering(CLEAR))
    with wardline.httpx.guarded(httpx.Client(transport=Again()), identity="svc-ingest", guard=here.guard) as client:
        assert client.get(here.server.url + "/masked" + READ).content == MASKED
    assert len(here.records(2)) == 2


# It leaves its connections to whoever collects what is left.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_client_of_pinecone(world: Worlds) -> None:  # noqa: F811
    app = answering(b'{"matches": [{"id": "a", "score": 0.5, "metadata": {"mail": "ana@example.org"}}], "namespace": ""}')
    here = world(app, policy=POLICY.replace("qdrant", "pinecone"))
    with pinecone.Pinecone(api_key="k").Index(host=here.server.url + "/masked") as index:
        wardline.httpx.guarded(index._http._client, identity="svc-ingest", guard=here.guard)
        found = index.query(vector=[0.1, 0.2], top_k=3, include_metadata=True)
        assert found.matches[0].metadata == {"mail": "[EMAIL]"}
        with pytest.raises(pinecone.errors.ForbiddenError):
            index.delete(delete_all=True)
    assert len(app.saw) == 1


def test_the_client_of_the_hugging_face_hub(world: Worlds, tmp_path: Path) -> None:  # noqa: F811
    app = answering(b'{"id": "acme/ranker", "author": "ana@example.org", "sha": "7"}')
    policy = """
version: 1
state: memory
services: {hub: {system: hfhub, base_path: /masked}}
rules: [{name: look, who: ["user:*"], operations: [model.list], effect: allow}]
mask: [{name: mail, entities: {email: redact}}]
"""
    here = world(app, policy=policy)

    guard = here.guard

    def client() -> httpx2.Client:
        transport = wardline.httpx2.GuardTransport(identity="svc-ingest", guard=guard)
        return httpx2.Client(transport=transport, follow_redirects=True, timeout=None)

    huggingface_hub.set_client_factory(client)
    try:
        hub = huggingface_hub.HfApi(endpoint=here.server.url + "/masked")
        assert hub.model_info("acme/ranker").author == "[EMAIL]"
        with pytest.raises(huggingface_hub.errors.HfHubHTTPError):
            hub.delete_repo("acme/ranker", token="hf_x")
        # It asks by `HEAD`, and would take an answer that says nothing for a broken connection.
        guard = Guard.parse(policy.replace("effect: allow", "effect: deny, because: weights stay here"))
        huggingface_hub.close_session()
        with pytest.raises(huggingface_hub.errors.GatedRepoError, match="weights stay here"):
            huggingface_hub.hf_hub_download("acme/ranker", "ranker.onnx", endpoint=here.server.url + "/masked", cache_dir=tmp_path)
    finally:
        huggingface_hub.set_client_factory(httpx2.Client)
        huggingface_hub.close_session()


def test_all_that_urllib3_sends_in_a_process(world: Worlds) -> None:  # noqa: F811
    """A session with retries of its own, as MLflow's, that nobody else may touch."""
    here = world(answering(CLEAR))
    program = textwrap.dedent("""
        import sys, urllib3
        from wardline import Guard
        from wardline.urllib3 import guarded

        guard = Guard(sys.argv[1])
        for pools in (urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool):
            assert guarded(pools, identity="svc-ingest", guard=guard) is pools

        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        session.mount("http://", HTTPAdapter(max_retries=urllib3.Retry(3, status_forcelist=[403], allowed_methods=None, raise_on_status=False)))
        print(session.get(sys.argv[2] + "/masked/collections/docs/points/7").text)
        print(session.delete(sys.argv[2] + "/plain/collections/docs").json()["code"])
    """)
    ran = subprocess.run([sys.executable, "-c", program, str(here.policy), here.server.url], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [MASKED.decode(), "denied"]
    # Each time that it was tried again it was judged again.
    assert len(here.records(5)) == 5
