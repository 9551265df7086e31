"""Servers of grpcio under guard, called by grpcio: Qdrant's own stubs, and methods of every arity."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any, Callable, Optional

import grpc
import pytest
from qdrant_client.grpc import points_pb2 as points
from qdrant_client.grpc import points_service_pb2_grpc as stubs
from qdrant_client.grpc import qdrant_common_pb2 as common
from support import WAIT, recorded

from wardline import Guard, Identity, caller
from wardline.grpc import AsyncGuardChannel, AsyncGuardInterceptor, GuardChannel, GuardInterceptor

POLICY = """
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1/32]}
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services:
  models: {system: tei, base_path: /tei}
  vectors: {system: qdrant}
rules:
  - {name: search, who: ["user:*"], operations: [vector.search, vector.delete], effect: allow}
  - {name: bulk, who: ["user:*"], operations: [vector.export], effect: hold}
  - {name: embed, who: ["user:*"], operations: ["inference.*"], effect: allow}
"""
ANA = (("x-user", "ana"),)
KINDS = ["threads", "asyncio"]


class Points(stubs.PointsServicer):  # type: ignore[misc]
    """A servicer, and what it saw."""

    def __init__(self) -> None:
        self.saw: list[Any] = []
        self.callers: list[Optional[Identity]] = []

    def Search(self, request: Any, context: Any) -> Any:
        self.saw.append(request)
        self.callers.append(caller())
        if request.collection_name == "gone":
            context.abort(grpc.StatusCode.NOT_FOUND, "there is none")
        if request.collection_name == "broken":
            raise ValueError("it broke")
        return points.SearchResponse(result=[points.ScoredPoint(score=0.5)], time=0.25)

    def Scroll(self, request: Any, context: Any) -> Any:
        self.saw.append(request)
        answer = points.ScrollResponse(time=1)
        point = answer.result.add(id=common.PointId(num=7))
        point.payload["note"].string_value = "write to rosa.lind@example.com"
        point.vectors.vector.dense.data.extend([0.5, 0.25])
        return answer

    def Upsert(self, request: Any, context: Any) -> Any:
        self.saw.append(request)
        return points.PointsOperationResponse(time=1)


class PointsBeside(Points):
    async def Search(self, request: Any, context: Any) -> Any:
        if request.collection_name == "gone":
            self.saw.append(request)
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is none")
        return super().Search(request, context)

    async def Scroll(self, request: Any, context: Any) -> Any:
        return super().Scroll(request, context)

    async def Upsert(self, request: Any, context: Any) -> Any:
        return super().Upsert(request, context)


class Served:
    """A guarded server of either kind, and a channel to it."""

    def __init__(self, folder: Path, kind: str, register: Callable[[Any], Any], policy: str = POLICY, is_guarded: bool = True, **options: Any) -> None:
        self.policy = folder / "w.yaml"
        self.policy.write_text(policy)
        self.guard = Guard(self.policy)
        self.kind = kind
        self.loop: Any = None
        if kind == "threads":
            interceptors = [GuardInterceptor(guard=self.guard, **options)] if is_guarded else []
            self.server = grpc.server(futures.ThreadPoolExecutor(4), interceptors=interceptors)
            register(self.server)
            port = self.server.add_insecure_port("127.0.0.1:0")
            self.server.start()
        else:
            started = threading.Event()
            found: list[int] = []

            async def serve() -> None:
                interceptor = AsyncGuardInterceptor(guard=self.guard, **options)
                self.server = grpc.aio.server(interceptors=[interceptor])
                register(self.server)
                found.append(self.server.add_insecure_port("127.0.0.1:0"))
                await self.server.start()
                self.stopping = asyncio.Event()
                started.set()
                await self.stopping.wait()
                await self.server.stop(None)

            self.loop = asyncio.new_event_loop()
            self.thread = threading.Thread(target=lambda: self.loop.run_until_complete(serve()))
            self.thread.start()
            assert started.wait(WAIT)
            port = found[0]
        self.address = f"127.0.0.1:{port}"
        self.channel = grpc.insecure_channel(self.address)

    def close(self) -> None:
        self.channel.close()
        if self.kind == "threads":
            self.server.stop(None).wait(WAIT)
        else:
            self.loop.call_soon_threadsafe(self.stopping.set)
            self.thread.join(WAIT)
            self.loop.close()

    def records(self, count: int = 1) -> list[dict[str, Any]]:
        return recorded(self.guard, self.policy, count)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    servers: list[Served] = []

    def start(kind: str, register: Callable[[Any], Any], **options: Any) -> Served:
        servers.append(Served(tmp_path, kind, register, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Serve = Callable[..., Served]


def of_qdrant(served: Serve, kind: str, **options: Any) -> tuple[Served, Points, Any]:
    servicer = Points() if kind == "threads" else PointsBeside()
    server = served(kind, lambda made: stubs.add_PointsServicer_to_server(servicer, made), **options)
    return server, servicer, stubs.PointsStub(server.channel)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_passes_and_is_recorded(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind)
    asked = points.SearchPoints(collection_name="docs", vector=[0.5, 1.5], limit=3)
    got = stub.Search(asked, metadata=ANA)
    assert got.time == 0.25 and servicer.saw == [asked]
    assert servicer.callers == [Identity("ana")] and caller() is None
    (record,) = server.records()
    assert record["door"] == "grpc" and record["outcome"]["result"] == "complete"
    assert record["acts"][0]["operation"] == "vector.search" and record["acts"][0]["resource"] == "docs"
    assert record["identity"]["subject"] == "ana" and record["source"] == "127.0.0.1"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_passes_once_after_people_agreed(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind)
    asked = points.ScrollPoints(
        collection_name="docs", limit=5000, with_vectors=points.WithVectorsSelector(enable=True)
    )
    with pytest.raises(grpc.RpcError) as held:
        stub.Scroll(asked, metadata=ANA)
    assert held.value.code() == grpc.StatusCode.PERMISSION_DENIED and not servicer.saw
    told = dict(held.value.trailing_metadata())
    assert told["wardline-code"] == "approval_required" and told["wardline-record"] == server.records()[0]["id"]
    server.guard.approve(told["wardline-approval"], by="sam")
    # A message more is another request.
    with pytest.raises(grpc.RpcError):
        stub.Scroll(points.ScrollPoints(collection_name="docs", limit=5001, with_vectors=asked.with_vectors), metadata=ANA)
    assert stub.Scroll(asked, metadata=ANA).time == 1
    with pytest.raises(grpc.RpcError):
        stub.Scroll(asked, metadata=ANA)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_denied_and_somebody_may_be_told(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind, identity=lambda context: dict(context.invocation_metadata()).get("x-token"))
    asked = points.SearchPoints(collection_name="docs", vector=[0.5], limit=3)
    with pytest.raises(grpc.RpcError) as denied:
        stub.Search(asked)
    assert denied.value.code() == grpc.StatusCode.PERMISSION_DENIED and denied.value.details()
    stub.Search(asked, metadata=(("x-token", "kim"),))
    assert [record["identity"]["subject"] for record in server.records(2)] == ["anonymous", "kim"]


@pytest.mark.parametrize("kind", KINDS)
def test_how_a_servicer_ends_is_recorded(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind)
    for name, code in (("gone", grpc.StatusCode.NOT_FOUND), ("broken", grpc.StatusCode.UNKNOWN)):
        with pytest.raises(grpc.RpcError) as ended:
            stub.Search(points.SearchPoints(collection_name=name, vector=[0.5], limit=3), metadata=ANA)
        assert ended.value.code() == code
    assert [record["outcome"]["result"] for record in server.records(2)] == ["complete", "failed"]


STRIPPED = POLICY + """  - {name: read, who: ["user:*"], operations: [data.read], effect: allow}
mask: [{name: none, who: ["user:*"], vectors: strip}]
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_that_must_not_pass_is_refused(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind, policy=STRIPPED)
    with pytest.raises(grpc.RpcError) as refused:
        # What its messages are the catalogue does not say.
        stub.SearchMatrixPairs(points.SearchMatrixPoints(collection_name="docs", sample=2, limit=2), metadata=ANA)
    assert dict(refused.value.trailing_metadata())["wardline-code"] == "unstrippable_response"
    # How it would go back is known before anything is done.
    assert refused.value.code() == grpc.StatusCode.INTERNAL and not servicer.saw


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_left_out_of_messages(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind, policy=STRIPPED)
    asked = points.ScrollPoints(collection_name="docs", limit=2, with_vectors=points.WithVectorsSelector(enable=True))
    (point,) = stub.Scroll(asked, metadata=ANA).result
    assert point.id.num == 7 and point.payload["note"].string_value and not point.HasField("vectors")
    # It does not ask for them any more either, and so does less.
    assert not servicer.saw[0].with_vectors.enable
    assert server.records()[0]["response"]["stripped"] == 1


MASKED = POLICY + """  - {name: read, who: ["user:*"], operations: [data.read, vector.upsert], effect: allow}
mask: [{name: pii, entities: {email: redact}, reread: always}]
"""


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_messages_are_masked_both_ways(served: Serve, kind: str) -> None:
    server, servicer, stub = of_qdrant(served, kind, policy=MASKED)
    (point,) = stub.Scroll(points.ScrollPoints(collection_name="docs", limit=2), metadata=ANA).result
    assert point.payload["note"].string_value == "write to [EMAIL]" and list(point.vectors.vector.dense.data) == [0.5, 0.25]
    brought = points.UpsertPoints(collection_name="docs")
    brought.points.add(id=common.PointId(num=1)).payload["note"].string_value = "from bo@example.org"
    assert stub.Upsert(brought, metadata=ANA).time == 1
    assert servicer.saw[-1].points[0].payload["note"].string_value == "from [EMAIL]"
    read, wrote = server.records(2)
    assert (read["response"]["census"]["vectors"], read["response"]["census"]["rows"]) == (1, 1)
    assert read["response"]["reread"] == {"surviving": 0} and wrote["request"]["census"]["rows"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_cut_when_its_grant_ends(served: Serve, kind: str) -> None:
    generic = Generic(kind)
    policy = POLICY.replace('operations: ["inference.*"], effect: allow', 'operations: ["inference.*"], effect: grant')
    server = served(kind, lambda made: made.add_generic_rpc_handlers((generic,)), policy=policy)
    grant = server.guard.issue_grant(who="user:ana", operations="inference.*", until="1h", reason="r", by="sam")
    call = server.channel.unary_stream(Generic.PATH + "EmbedSparse")(b"", metadata=ANA)
    assert next(call) == b"0"
    server.guard.revoke_grant(grant["id"], by="sam", reason="done")
    generic.go.set()
    with pytest.raises(grpc.RpcError) as cut:
        next(call)
    assert cut.value.code() == grpc.StatusCode.PERMISSION_DENIED and generic.closed.wait(WAIT)
    assert dict(cut.value.trailing_metadata())["wardline-code"] == "grant_revoked"
    assert server.records()[0]["outcome"] == {"result": "aborted", "reason": "grant_revoked"}


class Generic(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Methods of every arity, whose messages are bytes."""

    PATH = "/tei/tei.v1.Embed/"

    def __init__(self, kind: str) -> None:
        self.closed = threading.Event()
        self.go = threading.Event()
        # The caller has gone away, as the server knows.
        self.left = threading.Event()
        made: Any = self.of_threads() if kind == "threads" else self.of_asyncio()
        self.methods = dict(zip(("Embed", "EmbedSparse", "EmbedAll", "EmbedStream"), made))

    def of_threads(self) -> Any:
        def many(request: bytes, context: Any) -> Iterator[bytes]:
            context.add_callback(self.left.set)
            try:
                for n in range(3):
                    yield request + b"%d" % n
                    self.go.wait(WAIT)
            finally:
                self.closed.set()

        yield grpc.unary_unary_rpc_method_handler(lambda request, context: request + b"!")
        yield grpc.unary_stream_rpc_method_handler(many)
        yield grpc.stream_unary_rpc_method_handler(lambda requests, context: b"+".join(requests))
        yield grpc.stream_stream_rpc_method_handler(lambda requests, context: (one + b"!" for one in requests))

    def of_asyncio(self) -> Any:
        async def one(request: bytes, context: Any) -> bytes:
            return request + b"!"

        async def many(request: bytes, context: Any) -> Any:
            try:
                for n in range(3):
                    yield request + b"%d" % n
                    while not self.go.is_set():
                        await asyncio.sleep(0.01)
            finally:
                self.closed.set()

        async def joined(requests: Any, context: Any) -> bytes:
            return b"+".join([one async for one in requests])

        async def each(requests: Any, context: Any) -> Any:
            async for one in requests:
                yield one + b"!"

        yield grpc.unary_unary_rpc_method_handler(one)
        yield grpc.unary_stream_rpc_method_handler(many)
        yield grpc.stream_unary_rpc_method_handler(joined)
        yield grpc.stream_stream_rpc_method_handler(each)

    def service(self, details: Any) -> Any:
        return self.methods.get(details.method.rpartition("/")[2])


ARITIES = POLICY.replace("models: {system: tei, base_path: /tei}", "models: {system: tei, base_path: /tei, mode: observe}")


@pytest.mark.parametrize("kind", KINDS)
def test_every_arity(served: Serve, kind: str) -> None:
    generic = Generic(kind)
    server = served(kind, lambda made: made.add_generic_rpc_handlers((generic,)), policy=ARITIES)
    channel, path = server.channel, Generic.PATH
    generic.go.set()
    assert channel.unary_unary(path + "Embed")(b"a", metadata=ANA) == b"a!"
    assert list(channel.unary_stream(path + "EmbedSparse")(b"a", metadata=ANA)) == [b"a0", b"a1", b"a2"]
    assert channel.stream_unary(path + "EmbedAll")(iter([b"a", b"", b"c" * 100_000]), metadata=ANA) == b"a++" + b"c" * 100_000
    # Each answer is there before the next is asked.
    asked: Any = threading.Semaphore(1)

    def asking() -> Iterator[bytes]:
        for one in (b"a", b"b", b"c"):
            assert asked.acquire(timeout=WAIT)
            yield one

    got = []
    for answer in channel.stream_stream(path + "EmbedStream")(asking(), metadata=ANA):
        got.append(answer)
        asked.release()
    assert got == [b"a!", b"b!", b"c!"]
    assert {record["outcome"]["result"] for record in server.records(4)} == {"complete"}


def test_a_servicer_of_asyncio_that_writes_past_us_is_refused(served: Serve) -> None:
    async def writes(request: bytes, context: Any) -> None:
        await context.write(b"past")

    async def late(request: bytes, context: Any) -> Any:
        yield b"seen"
        await context.write(b"past")

    generic = Generic("asyncio")
    generic.methods["Embed"] = grpc.unary_stream_rpc_method_handler(writes)
    generic.methods["EmbedAll"] = grpc.unary_stream_rpc_method_handler(late)
    server = served("asyncio", lambda made: made.add_generic_rpc_handlers((generic,)), policy=ARITIES)
    for method in ("Embed", "EmbedAll"):
        got = []
        with pytest.raises(grpc.RpcError):
            got.extend(server.channel.unary_stream(Generic.PATH + method)(b"a", metadata=ANA))
        assert b"past" not in got
    assert {record["outcome"]["result"] for record in server.records(2)} == {"failed"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_caller_that_goes_away_closes_the_servicer(served: Serve, kind: str) -> None:
    generic = Generic(kind)
    server = served(kind, lambda made: made.add_generic_rpc_handlers((generic,)), policy=ARITIES)
    call = server.channel.unary_stream(Generic.PATH + "EmbedSparse")(b"a", metadata=ANA)
    assert next(call) == b"a0"
    call.cancel()
    if kind == "threads":
        # A thread that waits is not woken; a task is.
        assert generic.left.wait(WAIT)
        generic.go.set()
    assert generic.closed.wait(WAIT)
    (record,) = server.records()
    assert record["outcome"]["result"] == "disconnected"


class Asking:
    """Calls that go out, in either way of waiting, and all of what they answer."""

    def __init__(self, server: Served, kind: str) -> None:
        self.server, self.kind = server, kind

    def __call__(self, arity: str, method: str, request: Any, **codec: Any) -> list[Any]:
        options: Any = {"host": "vectors", "identity": "svc-ingest", "guard": self.server.guard}
        if self.kind == "threads":
            got = getattr(GuardChannel(self.server.channel, **options), arity)(method, **codec)(request, metadata=ANA)
            return list(got) if arity.endswith("stream") else [got]

        async def asked() -> list[Any]:
            inner = grpc.aio.insecure_channel(self.server.address)
            async with AsyncGuardChannel(inner, **options) as channel:
                answer = getattr(channel, arity)(method, **codec)(request, metadata=ANA, timeout=WAIT)
                return [one async for one in answer] if arity.endswith("stream") else [await answer]

        return asyncio.run(asked())


SEALING = POLICY.replace("trusted_peers: [127.0.0.1/32]}", "trusted_peers: [127.0.0.1/32], hops: {name: ingest}}").replace(
    "vectors: {system: qdrant}", "vectors: {system: qdrant, sealed_for: vectors}"
)


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_out_is_judged_and_sealed(served: Serve, kind: str) -> None:
    class Seeing(Points):
        def Search(self, request: Any, context: Any) -> Any:
            seen.append(dict(context.invocation_metadata()))
            return super().Search(request, context)

    seen: list[dict[str, Any]] = []
    servicer = Seeing()
    server = served(
        "threads", lambda made: stubs.add_PointsServicer_to_server(servicer, made), policy=SEALING, is_guarded=False
    )
    ask = Asking(server, kind)
    codec = {
        "request_serializer": points.SearchPoints.SerializeToString,
        "response_deserializer": points.SearchResponse.FromString,
    }
    asked = points.SearchPoints(collection_name="docs", vector=[0.5], limit=3)
    (got,) = ask("unary_unary", "/qdrant.Points/Search", asked, **codec)
    assert got.time == 0.25 and servicer.saw == [asked] and "wardline-hop" in seen[0]
    # What names callers to the policy does not go out in another's name.
    assert "x-user" not in seen[0]
    asked.collection_name = "gone"
    with pytest.raises(grpc.RpcError) as gone:
        ask("unary_unary", "/qdrant.Points/Search", asked, **codec)
    assert gone.value.code() == grpc.StatusCode.NOT_FOUND
    scroll = points.ScrollPoints(collection_name="docs", limit=5000, with_vectors=points.WithVectorsSelector(enable=True))
    with pytest.raises(grpc.RpcError) as held:
        ask("unary_unary", "/qdrant.Points/Scroll", scroll, request_serializer=points.ScrollPoints.SerializeToString)
    assert held.value.code() == grpc.StatusCode.PERMISSION_DENIED and held.value.details()
    assert dict(held.value.trailing_metadata())["wardline-approval"] and len(servicer.saw) == 2
    found = server.records(3)
    assert [record["outcome"]["result"] for record in found] == ["complete", "failed", "held"]
    assert {(record["door"], record["identity"]["subject"]) for record in found} == {("grpc-client", "svc-ingest")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_arity_goes_out(served: Serve, kind: str) -> None:
    generic = Generic("threads")
    generic.go.set()
    server = served(
        "threads", lambda made: made.add_generic_rpc_handlers((generic,)), policy=ARITIES, is_guarded=False
    )
    ask, path = Asking(server, kind), Generic.PATH
    assert ask("unary_unary", path + "Embed", b"a") == [b"a!"]
    assert ask("unary_stream", path + "EmbedSparse", b"a") == [b"a0", b"a1", b"a2"]
    assert ask("stream_unary", path + "EmbedAll", iter([b"a", b"", b"c" * 100_000])) == [b"a++" + b"c" * 100_000]
    assert ask("stream_stream", path + "EmbedStream", iter([b"a", b"b"])) == [b"a!", b"b!"]
    assert {record["outcome"]["result"] for record in server.records(4)} == {"complete"}


def test_a_call_that_goes_out_is_as_grpcio_has_it(served: Serve) -> None:
    generic = Generic("threads")
    server = served(
        "threads", lambda made: made.add_generic_rpc_handlers((generic,)), policy=ARITIES, is_guarded=False
    )
    with GuardChannel(server.channel, host="vectors", identity=lambda asked: asked.decode(), guard=server.guard) as channel:
        method = channel.unary_unary(Generic.PATH + "Embed")
        answer, call = method.with_call(b"ana")
        assert answer == b"ana!" and call.code() == grpc.StatusCode.OK
        with pytest.raises(NotImplementedError):
            method.future(b"ana")
        streamed = channel.unary_stream(Generic.PATH + "EmbedSparse")(b"ana")
        assert next(streamed) == b"ana0" and streamed.is_active()
        # Whoever lets go of it cancels it.
        del streamed
        generic.go.set()
        assert generic.closed.wait(WAIT)
        results = [record["outcome"]["result"] for record in server.records(2)]
        assert results == ["complete", "disconnected"]
