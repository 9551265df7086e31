"""Functions that are decorated with what they do."""

from __future__ import annotations

import asyncio
import doctest
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from support import WsgiServer, recorded, wire

from wardline import Guard, WardlineError, _operation

POLICY = """
version: 1
state: ./state
identity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1/32]}
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
services: {vectors: {system: qdrant}}
rules:
  - {name: docs, who: ["user:*"], resources: [docs], operations: ["vector.*"], effect: grant}
  - {name: held, who: ["user:*"], resources: [payroll], operations: ["vector.*"], effect: hold}
  - {name: list, who: ["user:*"], operations: [collection.list], effect: allow}
"""


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    (tmp_path / "w.yaml").write_text(POLICY)
    return Guard(tmp_path / "w.yaml")


def test_the_example_holds() -> None:
    assert doctest.testmod(_operation).failed == 0


def test_each_kind_of_function(guard: Guard, tmp_path: Path) -> None:
    listing = guard.operation("collection.list", service="vectors", identity="ana")
    ran: list[str] = []

    @listing
    def plain(value: int, *, twice: bool = False) -> int:
        """Kept."""
        ran.append("plain")
        return value * 2 if twice else value

    @listing
    def generating() -> Iterator[int]:
        ran.append("generating")
        yield 1
        yield 2

    @listing
    async def awaited() -> int:
        await asyncio.sleep(0)
        ran.append("awaited")
        return 4

    @listing
    async def beside() -> AsyncIterator[int]:
        try:
            yield 5
            yield 6
        finally:
            ran.append("beside")

    async def both() -> list[int]:
        first = beside()
        found = [await awaited(), await first.__anext__()]
        await first.aclose()  # type: ignore[attr-defined]
        return found

    assert (plain(3, twice=True), plain.__doc__, plain.__name__) == (6, "Kept.", "plain")
    assert list(generating()) == [1, 2] and asyncio.run(both()) == [4, 5]
    assert ran == ["plain", "generating", "awaited", "beside"]

    @listing
    def broken() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        broken()
    found = recorded(guard, tmp_path / "w.yaml", 5)
    results = [record["outcome"]["result"] for record in found]
    assert results == ["complete", "complete", "complete", "disconnected", "failed"]
    assert {record["identity"]["subject"] for record in found} == {"ana"}


def test_what_it_does_may_depend_on_its_arguments(guard: Guard, tmp_path: Path) -> None:
    @guard.operation(
        "vector.export",
        service="vectors",
        resource=lambda name, *_, **__: name,
        count=lambda name, most=None, **_: most,
        identity=lambda *_, who: who,
    )
    def export(name: str, most: Any = None, *, who: str) -> str:
        return name

    with pytest.raises(WardlineError) as refused:
        export("docs", 3, who="ana")
    assert refused.value.code == "grant_required"
    guard.issue_grant(
        who="user:ana", operations="vector.export", until="1h", reason="r", by="sam", quota=("vectors", 5), resources="docs"
    )
    assert export("docs", 3, who="ana") == "docs"
    # What was asked for is spent, and without a bound nothing is left of the quota.
    with pytest.raises(WardlineError) as refused:
        export("docs", 3, who="ana")
    assert refused.value.code == "grant_exhausted"
    with pytest.raises(WardlineError) as held:
        export("payroll", who="ana")
    assert held.value.approval is not None
    guard.approve(held.value.approval, by="sam")
    assert export("payroll", who="ana") == "payroll"
    with pytest.raises(WardlineError):
        export("payroll", who="ana")
    record = recorded(guard, tmp_path / "w.yaml", 6)[1]
    assert record["acts"][0]["magnitude"] == {"unit": "vectors", "count": 3} and record["service"] == "vectors"


def test_who_called_the_service_is_who_asks(serve_wsgi: Callable[..., WsgiServer], guard: Guard) -> None:
    @guard.operation("collection.list", service="vectors")
    def listed() -> bytes:
        return b"[]"

    def app(environ: Any, start_response: Any) -> Any:
        answer = listed()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [answer]

    server = serve_wsgi(app, policy=POLICY)
    assert server.exchange(wire("GET", "/collections")).body == b"[]"
    with pytest.raises(WardlineError) as nobody:
        listed()
    assert nobody.value.code == "default_deny"


def test_an_operation_that_there_is_not_is_told_at_once(guard: Guard) -> None:
    with pytest.raises(WardlineError) as wrong:
        guard.operation("vector.take", service="vectors")
    assert wrong.value.code == "invalid_input"
