"""The cases that every host runs, through real servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

from support import Reply, Served, body_of

from wardline._environ import headers_of

DATA = Path(__file__).parents[2] / "core" / "tests" / "data"


def test_every_case_comes_out_as_it_must_through_asgi(serve: Callable[..., Served]) -> None:
    stage: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        stage["saw"] = (dict(scope["headers"]), await body_of(receive))
        status, headers, chunks = answered(stage)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    # uvicorn would answer an upgrade that is no WebSocket handshake by itself.
    compare(serve(app, policy=(DATA / "exchanges.yaml").read_text(), ws="none"), stage)


def test_every_case_comes_out_as_it_must_through_wsgi(serve_wsgi: Callable[..., Served]) -> None:
    stage: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> Any:
        stage["saw"] = (dict(headers_of(environ)[1]), environ["wsgi.input"].read())
        status, headers, chunks = answered(stage)
        start_response(f"{status} as it is", [(name.decode(), value.decode()) for name, value in headers])
        return (chunk for chunk in chunks)

    compare(serve_wsgi(app, policy=(DATA / "exchanges.yaml").read_text()), stage)


def answered(stage: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], list[bytes]]:
    """What the case has its service answer."""
    answers = stage["answers"]
    chunks = [chunk.encode() for chunk in answers.get("chunks", [])]
    headers = [(name.encode(), value.encode()) for name, value in answers.get("headers", {}).items()]
    if answers.get("length"):
        chunks = [b"".join(chunks)]
        headers.append((b"content-length", str(len(chunks[0])).encode()))
    return answers.get("status", 200), headers, chunks


def compare(server: Served, stage: dict[str, Any]) -> None:
    """Runs every case."""
    cases = [json.loads(line) for line in (DATA / "exchanges.jsonl").read_text().splitlines()]
    replies = []
    for case in cases:
        stage.update(answers=case.get("service", {}), saw=None)
        replies.append((server.exchange(request(case["request"])), stage["saw"]))
    found = server.records(len(cases))
    wrong = []
    for case, (reply, saw), record in zip(cases, replies, found):
        wrong += [f"{case['name']}: {fault}" for fault in faults(case, reply, saw, record)]
    assert not wrong, "\n" + "\n".join(wrong)


def request(case: dict[str, Any]) -> bytes:
    lines = [f"{case['method']} {case['target']} HTTP/1.1"]
    if "host" not in case["headers"]:
        lines.append("host: localhost")
    lines += [f"{name}: {value}" for name, value in case["headers"].items()]
    body = case.get("body")
    if body is not None:
        lines.append(f"content-length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + (body or "")).encode()


def faults(case: dict[str, Any], reply: Reply, saw: Any, record: dict[str, Any]) -> list[str]:
    expect, found = case["expect"], []

    def check(what: str, expected: Any, value: Any) -> None:
        if expected != value:
            found.append(f"{what}: expected {expected!r}, found {value!r}")

    text = reply.body.decode("utf-8", "replace")
    check("aborted", expect.get("aborted", False), reply.aborted)
    if "status" in expect:
        check("status", expect["status"], reply.status)
    if "body" in expect and case["request"]["method"] != "HEAD":
        check("body", expect["body"], text)
    for name, value in expect.get("headers", {}).items():
        check(name, value, reply.headers.get(name))
    for member in ("code", "detail"):
        if member in expect:
            check(member, expect[member], json.loads(text).get(member))
    for held in expect.get("body_holds", []):
        check("holds", held, held if held in text else text)
    for excluded in expect.get("body_excludes", []):
        check("leaves", False, excluded in text)
    if "service_called" in expect:
        check("service called", expect["service_called"], saw is not None)
    if "service_saw" in expect:
        headers, body = saw or ({}, b"")
        if "body" in expect["service_saw"]:
            check("the service's body", expect["service_saw"]["body"], body.decode())
        for name, value in expect["service_saw"].get("headers", {}).items():
            check(f"the service's {name}", value, (headers.get(name.encode()) or b"").decode() or None)
    for name, value in expect.get("record", {}).items():
        check(f"record.{name}", value, of_record(record, name))
    return found


def of_record(record: dict[str, Any], name: str) -> Any:
    acts = record.get("acts", [])
    census = (record.get("response") or {}).get("census") or {}
    if name == "operations":
        return [act["operation"] for act in acts]
    if name in ("resource", "magnitude"):
        return acts[0]["resource"] if name == "resource" else acts[0]["magnitude"]["count"]
    if name == "subject":
        return record["identity"]["subject"]
    if name == "result":
        return record["outcome"]["result"]
    if name in ("request_totals", "response_totals"):
        return record[name.partition("_")[0]].get("totals")
    if name in ("vectors", "rows", "ids"):
        return census.get(name)
    if name == "surviving":
        return record["response"]["reread"]["surviving"]
    if name == "stripped":
        return record["response"].get("stripped")
    if name == "request_vectors":
        return record["request"]["census"]["vectors"]
    assert name in ("decided", "enforced", "mode", "budgets", "unusual"), f"a case speaks of {name}, which no runner knows"
    return record.get(name)
