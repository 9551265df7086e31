"""Denials, holds, approvals and grants through a server, and who is taken to be calling."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from support import Server, answering, wire

from wardline import Guard, Identity, WardlineError

Serve = Callable[..., Server]
SCROLL = "/collections/docs/points/scroll"
BULK = '{"limit": 5000, "with_vector": true}'
WEIGHTS = "/mlflow/api/2.0/mlflow-artifacts/artifacts/models/ranker/model.safetensors"


def test_a_denied_body_is_never_asked_for(serve: Serve) -> None:
    app = answering()
    client = serve(app).connect()
    client.send(
        "DELETE /plain/collections/docs HTTP/1.1\r\nhost: h\r\nx-user: ana\r\nexpect: 100-continue\r\n"
        "content-length: 1000\r\n\r\n"
    )
    reply = client.head()  # not 100
    assert reply.status == 403 and not app.saw


def test_a_denial_is_a_problem_document(serve: Serve) -> None:
    server = serve(answering())
    reply = server.exchange(wire("DELETE", "/plain/collections/docs"))
    assert reply.status == 403 and reply.headers["cache-control"] == "no-store"
    record = server.record()
    assert reply.problem["code"] == "denied" and reply.problem["record"] == record["id"]
    assert record["door"] == "asgi" and record["outcome"]["result"] == "denied"
    assert server.exchange(wire("HEAD", "/nowhere")).status == 403


def test_a_held_request_passes_once_after_people_agreed(serve: Serve) -> None:
    app = answering(b'{"result":{"points":[]}}')
    server = serve(app)
    request = wire("POST", "/plain" + SCROLL, BULK)
    held = server.exchange(request)
    assert held.status == 403 and held.problem["code"] == "approval_required" and not app.saw
    assert int(held.headers["retry-after"]) > 0
    ticket = held.problem["approval"]
    (pending,) = server.guard.approvals("pending")
    assert pending["id"] == ticket and pending["acts"][0]["operation"] == "vector.export"
    with pytest.raises(WardlineError) as refused:
        server.guard.approve(ticket, by="ana")
    assert refused.value.code == "not_eligible"
    assert server.guard.approve(ticket, by="sam", reason="migration")["state"] == "approved"
    other = server.exchange(wire("POST", "/plain" + SCROLL, BULK + " "))
    assert other.problem["approval"] != ticket
    assert server.exchange(request).status == 200
    again = server.exchange(request)
    assert again.status == 403 and again.problem["approval"] != ticket
    denied = server.guard.deny(again.problem["approval"], by="kim", reason="once is enough")
    assert denied["state"] == "denied" and denied["votes"][0]["by"] == "kim"


def test_a_parked_request_waits_beside_the_event_loop(serve: Serve) -> None:
    server = serve(answering(b'{"result":{"points":[]}}'))
    parked = server.connect()
    parked.send(wire("POST", "/masked" + SCROLL, BULK))
    until = time.monotonic() + 5
    while not (pending := server.guard.approvals("pending")):
        assert time.monotonic() < until
        time.sleep(0.01)
    # Others are served meanwhile.
    assert server.exchange(wire("GET", "/masked/collections/docs/points/7")).status == 200
    threading.Timer(0.1, lambda: server.guard.approve(pending[0]["id"], by="sam")).start()
    assert parked.reply().status == 200


def test_a_caller_that_goes_away_withdraws_its_wait(serve: Serve) -> None:
    app = answering()
    server = serve(app)
    parked = server.connect()
    parked.send(wire("POST", "/masked" + SCROLL, BULK))
    until = time.monotonic() + 5
    while not server.guard.approvals("pending"):
        assert time.monotonic() < until
        time.sleep(0.01)
    parked.close()
    assert server.record()["outcome"]["result"] == "disconnected" and not app.saw


def test_a_grant_opens_and_its_end_closes(serve: Serve) -> None:
    server = serve(answering(b"weights", content_type="application/octet-stream"))
    ask = wire("GET", WEIGHTS)
    assert server.exchange(ask).problem["code"] == "grant_required"
    grant = server.guard.issue_grant(
        who="user:ana", services="models", operations=["model.download"], until="1h", uses=2, reason="test", by="sam"
    )
    assert grant["state"] == "active" and grant["scope"]["who"] == ["user:ana"]
    until = time.monotonic() + 5
    while (reply := server.exchange(ask)).status != 200:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert reply.body == b"weights"
    record = server.record(2)
    assert record["grant"] == grant["id"] and record["kind"] in ("exchange", "end")
    revoked = server.guard.revoke_grant(grant["id"], by="kim", reason="done")
    assert revoked["state"] == "revoked" and server.guard.grants()[0]["revoked"]["by"] == "kim"
    until = time.monotonic() + 5
    while server.exchange(ask).status == 200:
        assert time.monotonic() < until
        time.sleep(0.02)
    with pytest.raises(WardlineError) as refused:
        server.guard.revoke_grant(grant["id"], by="kim", reason="again")
    assert refused.value.code == "conflict"


@pytest.mark.parametrize("found", ["ana", Identity("ana"), None])
@pytest.mark.parametrize("is_async", [False, True])
def test_the_application_may_say_who_is_calling(serve: Serve, found: Any, is_async: bool) -> None:
    async def later(scope: Any) -> Any:
        return found

    server = serve(answering(b"{}"), identity=later if is_async else lambda scope: found)
    reply = server.exchange("GET /plain/collections/docs/points/7 HTTP/1.1\r\nhost: h\r\n\r\n")
    assert reply.status == (403 if found is None else 200)
    assert server.record()["identity"]["subject"] == ("anonymous" if found is None else "ana")


def test_a_websocket_is_refused_where_the_service_is_enforced(serve: Serve) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            raise RuntimeError
        seen.append(scope["path"])
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close"})

    server = serve(app)
    handshake = {
        "connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    reply = server.exchange(wire("GET", "/plain/collections", **handshake))
    assert reply.status == 403 and not seen
    assert server.record()["outcome"]["reason"] == "upgrade_refused"
    client = server.connect()
    client.send(wire("GET", "/watched/collections", **handshake))
    assert client.head().status == 101 and seen == ["/watched/collections"]
    client.close()
    assert server.record(2)["outcome"]["result"] == "complete"


def test_a_path_rewritten_before_us_is_judged_as_the_application_sees_it(serve: Serve) -> None:
    from wardline.asgi import _target

    scope = {"path": "/a b", "raw_path": b"/a%20b", "query_string": b"q=1"}
    assert _target(scope) == b"/a%20b?q=1"
    assert _target({**scope, "path": "/collections/x"}) == b"/collections/x?q=1"
    assert _target({"path": "/ü?", "query_string": b""}) == b"/%C3%BC%3F"


def test_a_guard_that_cannot_work_denies_and_says_so(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    from support import POLICY

    app = answering()
    server = serve(app, policy=POLICY.replace("./state", "/proc/nowhere"))
    reply = server.exchange(wire("GET", "/plain/collections/docs/points/7"))
    assert (reply.status, reply.problem["code"]) == (503, "guard_unavailable") and not app.saw
    assert any("the guard cannot work" in message for message in caplog.messages)


def test_nothing_clear_is_recorded_or_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server = serve(answering(b'{"mail":"rosa@example.com"}'))
    server.exchange(wire("POST", "/masked/collections/docs/points/query", '{"query":"ana@example.org"}'))
    server.exchange(wire("POST", "/masked/collections/docs/points/query", '{"query":"ana@example.org"'))
    told = json.dumps(server.records(2)) + caplog.text
    assert "@example" not in told
    for file in server.policy.parent.rglob("*"):
        if file.is_file() and file != server.policy:
            assert b"@example" not in file.read_bytes(), file


def test_other_scopes_are_refused() -> None:
    from wardline import Guard
    from wardline.asgi import GuardMiddleware

    guard = Guard.parse("version: 1\nstate: memory\nservices: {e: {system: openai}}\ndefault: deny\n")
    with pytest.raises(WardlineError) as refused:
        asyncio.run(GuardMiddleware(answering(), guard=guard)({"type": "mqtt"}, None, None))  # type: ignore[arg-type]
    assert refused.value.code == "invalid_input"


def test_a_policy_takes_the_place_of_another_while_the_server_runs(tmp_path: Path) -> None:
    file = tmp_path / "wardline.yaml"
    text = "version: 1\nstate: memory\nservices: {vectors: {system: qdrant}}\nrules: [{name: list, who: ['*'], operations: [collection.list], effect: %s}]\n"
    file.write_text(text % "deny")
    guard = Guard(file)

    def verdict() -> str:
        told: str = guard.explain("GET", "http://vectors/collections")["verdict"]
        return told

    assert verdict() == "deny" and not guard.reload()
    file.write_text(text % "allow")
    assert guard.reload() and verdict() == "allow"
    file.write_text(text % "permit")
    with pytest.raises(WardlineError) as refused:
        guard.reload()
    (found,) = refused.value.diagnostics
    assert (found["code"], found["severity"], found["line"]) == ("unknown_value", "error", 4)
    assert verdict() == "allow"
    with pytest.raises(WardlineError):
        Guard.parse(text % "deny").reload()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_a_process_that_is_told_to_reads_its_policy_again(tmp_path: Path) -> None:
    file = tmp_path / "wardline.yaml"
    text = "version: 1\nstate: memory\nservices: {vectors: {system: qdrant}}\nrules: [{name: list, who: ['*'], operations: [collection.list], effect: %s}]\n"
    file.write_text(text % "deny")
    guard = Guard(file)
    before = signal.signal(signal.SIGHUP, lambda *_: guard.reload())
    try:
        file.write_text(text % "allow")
        os.kill(os.getpid(), signal.SIGHUP)
        assert guard.explain("GET", "http://vectors/collections")["verdict"] == "allow"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_grant_may_have_hours(serve: Serve) -> None:
    guard = serve(answering()).guard
    asked = {"who": "user:ana", "operations": "vector.export", "until": "1h", "reason": "r", "by": "sam"}
    grant = guard.issue_grant(**asked, when=["mon-fri 22:00-06:00 Europe/Berlin"])
    assert grant["when"] == ["mon,tue,wed,thu,fri 22:00-06:00 Europe/Berlin"]
    with pytest.raises(WardlineError):
        guard.issue_grant(**asked, when=["at night"])


ASKED = """version: 1
state: ./state
groups: {security: [sam, kim], oncall: [ana]}
approval: {steps: [{from: [security], need: 2}], break_glass: [oncall]}
granting: {longest: 2h, tickets: ["OPS-*"], approval: {steps: [{from: [security]}]}}
services: {vectors: {system: qdrant}}
rules: [{name: bulk, who: ["user:*"], operations: [vector.export], effect: hold}]
"""


def test_a_grant_is_asked_for_and_handed_on(tmp_path: Path) -> None:
    (tmp_path / "wardline.yaml").write_text(ASKED)
    guard = Guard(tmp_path / "wardline.yaml")
    terms = {"operations": "vector.export", "reason": "migration"}
    with pytest.raises(WardlineError) as refused:
        guard.request_grant(who="user:ana", until="1h", by="ana", **terms)
    assert refused.value.code == "invalid_input" and "OPS-*" in str(refused.value)
    asked = guard.request_grant(who="user:ana", until="1h", by="ana", uses=3, ticket="OPS-7", **terms)
    assert (asked["state"], asked["wants"]["ticket"]) == ("pending", "OPS-7")
    settled = guard.approve(asked["id"], by="sam")
    grant = guard.grants()[0]
    assert (settled["state"], settled["granted"], grant["approval"]) == ("used", grant["id"], asked["id"])
    part = guard.hand_on_grant(grant["id"], who="user:svc-job", until="30m", by="ana", uses=1, **terms)
    assert (part["parent"], part["ticket"], guard.grants()[0]["used"]) == (grant["id"], "OPS-7", 1)
    with pytest.raises(WardlineError) as refused:
        guard.hand_on_grant(grant["id"], who="user:bea", until="90m", by="ana", uses=1, **terms)
    assert refused.value.code == "invalid_input"
    guard.revoke_grant(grant["id"], by="sam", reason="done")
    assert [one["state"] for one in guard.grants()] == ["revoked", "revoked"]


def test_a_request_is_talked_about_and_taken_back(tmp_path: Path) -> None:
    (tmp_path / "wardline.yaml").write_text(ASKED)
    guard = Guard(tmp_path / "wardline.yaml")
    asked = guard.request_grant(
        who="user:bea", operations="vector.export", until="1h", by="bea", reason="r", ticket="OPS-1"
    )
    guard.comment(asked["id"], "why?", by="sam")
    said = guard.comment(asked["id"], "the migration", by="bea")["comments"]
    assert [(one["by"], one["text"]) for one in said] == [("sam", "why?"), ("bea", "the migration")]
    for refused in (lambda: guard.comment(asked["id"], "me", by="eve"), lambda: guard.cancel(asked["id"], by="sam")):
        with pytest.raises(WardlineError) as told:
            refused()
        assert told.value.code == "not_eligible"
    gone = guard.cancel(asked["id"], by="bea", reason="not needed")
    assert (gone["state"], gone["outcome"]["reason"]) == ("cancelled", "not needed")
    with pytest.raises(WardlineError):
        guard.approve(asked["id"], by="sam")


def test_glass_is_broken_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "wardline.yaml").write_text(ASKED)
    guard = Guard(tmp_path / "wardline.yaml")
    asked = guard.request_grant(
        who="user:bea", operations="vector.export", until="1h", by="bea", reason="r", ticket="OPS-1"
    )
    for by, reason in [("sam", "fire"), ("ana", None)]:
        with pytest.raises(WardlineError):
            guard.approve(asked["id"], by=by, reason=reason, break_glass=True)
    broken = guard.approve(asked["id"], by="ana", reason="fire", break_glass=True)
    assert broken["votes"][0]["answer"] == "break_glass" and guard.grants()[0]["state"] == "active"
