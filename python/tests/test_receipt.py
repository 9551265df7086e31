"""Receipts are checked by a verifier that has nothing of the library in it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import receipt
from support import SCHEMA, Server, answering, wire

Serve = Callable[..., Server]
BULK = '{"limit": 5000, "with_vector": true}'


def command(policy: Path, *args: str) -> str:
    line = [sys.executable, "-m", "wardline", "audit", *args, "--policy", str(policy)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_an_auditor_needs_the_receipt_and_the_keys_alone(serve: Serve) -> None:
    server = serve(answering(b'{"result":{"points":[]}}'))
    request = wire("POST", "/plain/collections/docs/points/scroll", BULK)
    ticket = server.exchange(request).problem["approval"]
    server.guard.approve(ticket, by="sam", reason="migration")
    assert server.exchange(request).status == 200
    # The exchange ends a moment after its last byte; then what it left is signed.
    server.records(2)
    server.guard.flush()
    policy = server.policy
    told: dict[str, Any] = json.loads(command(policy, "prove", ticket))
    keys = command(policy, "keys").split()
    records = receipt.verify(told, keys)
    for record in records:
        SCHEMA.validate(record)
    assert any(r.get("change", {}).get("by") == "sam" for r in records)
    done = [r for r in records if r.get("status") == 200]
    assert len(done) == 1 and done[0]["acts"][0]["operation"] == "vector.export"

    with pytest.raises(receipt.NotProved):
        receipt.verify(told, [keys[0].replace("w0001", "w0002")])
    for number in range(len(told["entries"])):
        for change in ("entry", "proof"):
            forged = copy.deepcopy(told)
            text = forged["entries"][number][change]
            at = len(text) // 2
            forged["entries"][number][change] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            with pytest.raises((receipt.NotProved, ValueError)):
                receipt.verify(forged, keys)
        forged = copy.deepcopy(told)
        forged["entries"][number]["record"]["at"] = "2026-01-01T00:00:00Z"
        with pytest.raises(receipt.NotProved):
            receipt.verify(forged, keys)


def test_which_of_many_vectors_left_is_proved_by_the_receipt(serve: Serve) -> None:
    points = ",".join(f'{{"id":{number},"vector":[0.5]}}' for number in range(1_100))
    server = serve(answering(b'{"result":{"points":[%s]}}' % points.encode()))
    request = wire("POST", "/plain/collections/docs/points/scroll", BULK)
    server.guard.approve(server.exchange(request).problem["approval"], by="sam", reason="migration")
    assert server.exchange(request).status == 200
    done = next(record for record in server.records(2) if record.get("status") == 200)
    server.guard.flush()
    told: dict[str, Any] = json.loads(command(server.policy, "prove", done["id"]))
    keys = command(server.policy, "keys").split()
    records = receipt.verify(told, keys)
    number = next(at for at, record in enumerate(records) if record.get("status") == 200)
    assert "7" in records[number]["response"]["census"]["ids"]
    assert receipt.passed(told, number, "1099") and not receipt.passed(told, number, "1100")
    (name, coded), *_ = told["entries"][number]["listed"].items()
    told["entries"][number]["listed"][name] = coded[:-4]
    with pytest.raises(receipt.NotProved):
        receipt.verify(told, keys)


def test_the_schema_of_records_lets_nothing_else_pass() -> None:
    good = {"id": "rec_1", "kind": "exchange", "at": "2026-01-01T00:00:00Z"}
    assert SCHEMA.is_valid(good)
    for wrong in [{"value": "ana@example.org"}, {"kind": "other"}, {"status": "200"}, {"outcome": {"result": "fine"}}]:
        assert not SCHEMA.is_valid({**good, **wrong})
