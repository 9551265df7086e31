"""Statements and commands."""

from __future__ import annotations

import asyncio
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from support import records

from wardline import ExchangeCut, Guard, Identity, WardlineError

POLICY = """
version: 1
state: STATE
groups: {security: [sam]}
approval: {steps: [{from: [security], need: 1}]}
thresholds: {hold: never, deny: never}
services:
  warehouse: {system: postgres}
  cache: {system: redis}
  host: {system: shell}
rules:
  - {name: read, who: ["user:*"], services: [warehouse], operations: [data.read, data.ingest], effect: allow}
  - {name: export, who: ["user:*"], services: [warehouse], operations: [data.export], effect: grant}
  - {name: delete, who: ["user:*"], services: [warehouse], operations: [data.delete], effect: hold, wait: 20s}
  - {name: drop, who: ["user:*"], services: [warehouse], operations: [collection.drop], effect: hold}
  - {name: cached, who: ["user:*"], services: [cache], operations: [data.read], effect: allow}
  - {name: files, who: ["user:*"], services: [host], operations: [file.read], resources: ["/srv/*"], effect: allow}
mask:
  - {name: mail, services: [warehouse], operations: [data.read], entities: {email: redact}}
"""
READ = "SELECT title FROM docs WHERE id = 7"


def guarded(folder: Path) -> tuple[Guard, Path]:
    path = folder / "wardline.yaml"
    path.write_text(POLICY.replace("STATE", "./state"))
    return Guard(path), path


def guard() -> Guard:
    return Guard.parse(POLICY.replace("STATE", "memory"))


def test_a_block_is_entered_where_it_may_run_and_recorded_when_it_is_left(tmp_path: Path) -> None:
    own, path = guarded(tmp_path)
    with own.statement(READ, service="warehouse", identity=Identity("ana")) as running:
        masked = running.result(b'{"mail": "rosa.lind@example.com"}\n')
        running.returned(rows=1)
    assert masked == b'{"mail": "[EMAIL]"}\n'
    with own.statement("INSERT INTO docs (id) VALUES (1)", service="warehouse", identity="ana") as running:
        running.touched(3)
    with pytest.raises(ZeroDivisionError):
        with own.statement(READ, service="warehouse", identity="ana"):
            1 / 0
    with pytest.raises(KeyboardInterrupt):
        with own.statement(READ, service="warehouse", identity="ana"):
            raise KeyboardInterrupt
    own.flush()
    found = records(path)
    assert [record["outcome"]["result"] for record in found] == ["complete", "complete", "failed", "disconnected"]
    assert found[0]["response"]["census"]["rows"] == 1 and found[0]["response"]["totals"] == {"email": 1}
    assert found[1]["request"]["census"]["rows"] == 3
    assert [found[0][key] for key in ("service", "system", "door")] == ["warehouse", "postgres", "python"]


@pytest.mark.parametrize(
    ("kind", "line", "service", "code"),
    [
        ("statement", "SELECT title FROM docs WHERE id = 7; DROP ROLE bob", "warehouse", "default_deny"),
        ("statement", READ + " AND mail = 'rosa.lind@example.com'", "warehouse", "unmaskable_request"),
        ("statement", READ, "nowhere", "default_deny"),
        ("command", "cat /etc/passwd", "host", "default_deny"),
        ("command", ["cat", "/srv/a", "/etc/passwd"], "host", "default_deny"),
        ("command", ["FLUSHALL"], "cache", "default_deny"),
        ("statement", "DROP TABLE docs", "warehouse", "approval_required"),
    ],
)
def test_what_may_not_run_raises(kind: str, line: Any, service: str, code: str) -> None:
    own = guard()
    with pytest.raises(WardlineError) as refused:
        with getattr(own, kind)(line, service=service, identity="ana"):
            raise AssertionError("it ran")
    error = refused.value
    assert error.code == code and error.record and error.record.startswith("rec_")
    assert (error.approval is not None) == (code == "approval_required")
    assert "rosa" not in str(error)
    assert ("no service of the policy has this name" in str(error)) == (service == "nowhere")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.approval, again.record) == (error.code, error.approval, error.record)


def test_commands_are_text_or_words() -> None:
    own = guard()
    for line, service in (("cat /srv/a", "host"), (["cat", "/srv/a"], "host"), ((b"GET", b"\xff\x00"), "cache")):
        with own.command(line, service=service, identity="ana"):
            pass
    wrong: list[Any] = [b"cat /srv/a", [1], 7]
    for line in wrong:
        with pytest.raises(TypeError):
            own.command(line, service="host", identity="ana")
    with pytest.raises(WardlineError) as anonymous:
        with own.command(["GET", "a"], service="cache"):
            pass
    assert anonymous.value.code == "default_deny"
    with pytest.raises(WardlineError) as unknown:
        own.statement(READ, service="warehouse", identity="ana", dialect="cobol")
    assert unknown.value.code == "invalid_input"


def test_an_approval_is_for_the_text_and_the_values_bound_to_it() -> None:
    own = guard()
    text = "DROP TABLE docs"

    def ticket(values: bytes) -> str:
        with pytest.raises(WardlineError) as held:
            with own.statement(text, service="warehouse", identity="ana", parameters=values):
                pass
        assert held.value.approval
        return held.value.approval

    first = ticket(b"7")
    assert ticket(b"8") != first
    own.approve(first, by="sam")
    with own.statement(text, service="warehouse", identity="ana", parameters=b"7"):
        pass
    assert ticket(b"7") != first


def test_rows_beyond_a_grant_are_cut() -> None:
    own = guard()
    own.issue_grant(
        who="user:ana", operations="data.export", services="warehouse", until="1h", quota=("rows", 500), reason="r", by="kim"
    )
    with pytest.raises(ExchangeCut) as cut:
        with own.statement("SELECT * FROM docs", service="warehouse", identity="ana") as running:
            running.returned(400)
            running.returned(200)
    assert cut.value.code == "grant_exhausted"
    with pytest.raises(ExchangeCut) as unread:
        with own.statement(READ, service="warehouse", identity="ana") as running:
            running.returned(1)
    assert unread.value.code == "unmaskable_response"


def test_the_same_in_coroutines_beside_the_event_loop() -> None:
    own = guard()
    own.issue_grant(
        who="user:ana", operations="data.export", services="warehouse", until="1h", quota=("rows", 500), reason="r", by="kim"
    )

    async def main() -> None:
        async with own.statement("SELECT * FROM docs", service="warehouse", identity="ana") as running:
            await running.returned(400)
            assert running.id.startswith("rec_")
        async with own.statement(READ, service="warehouse", identity="ana") as running:
            first = await running.result(b'{"mail": "rosa.lind@', more=True)
            assert first + await running.result(b'example.com"}\n') == b'{"mail": "[EMAIL]"}\n'
        with pytest.raises(ExchangeCut):
            async with own.statement("SELECT * FROM docs", service="warehouse", identity="ana") as running:
                await running.returned(101)
        with pytest.raises(WardlineError) as refused:
            async with own.command("cat /etc/passwd", service="host", identity="ana"):
                raise AssertionError("it ran")
        assert refused.value.code == "default_deny"
        # A hold that waits does not hold up the loop; people approve meanwhile.
        waiting = asyncio.ensure_future(parked())
        while not (open_ := own.approvals("pending")):
            await asyncio.sleep(0.01)
        await asyncio.to_thread(own.approve, open_[0]["id"], by="sam")
        assert await waiting == "ran"

    async def parked() -> str:
        async with own.statement("DELETE FROM docs WHERE id = 7", service="warehouse", identity="ana"):
            return "ran"

    asyncio.run(main())


def test_a_hold_that_waits_lets_other_threads_work() -> None:
    own = guard()
    ran = threading.Event()

    def parked() -> None:
        with own.statement("DELETE FROM docs WHERE id = 8", service="warehouse", identity="ana"):
            ran.set()

    thread = threading.Thread(target=parked)
    thread.start()
    pending = threading.Event()
    while not (open_ := own.approvals("pending")):
        pending.wait(0.01)
    own.approve(open_[0]["id"], by="sam")
    thread.join(20)
    assert ran.is_set()
