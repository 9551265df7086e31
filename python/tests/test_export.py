"""The documented questions to the logs of several machines together, asked of files that the command wrote, by DuckDB."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb

from wardline import Guard, Identity

QUERIES = Path(__file__).parents[2] / "docs/audit-queries.sql"
POLICY = """
version: 1
state: ./state
services: {vectors: {system: qdrant}}
thresholds: {hold: never, deny: never}
rules:
  - {name: use, who: ["user:*"], operations: ["vector.search", "vector.export"], effect: allow}
  - {name: drop, who: ["user:*"], operations: [collection.drop], effect: deny}
mask:
  - {name: mail, entities: {email: redact}}
"""
EMAIL = "rosa@example.com"


def command(policy: Path, *words: str, typed: str = "") -> str:
    line = [sys.executable, "-m", "wardline", "audit", words[0], "--policy", str(policy), *words[1:]]
    done = subprocess.run(line, input=typed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def machine(folder: Path, who: str) -> Path:
    """A machine of its own, on which somebody searches, exports, and is refused."""
    folder.mkdir()
    policy = folder / "wardline.yaml"
    policy.write_text(POLICY)
    guard = Guard(policy)
    caller = Identity(who, ["analysts"], hops=[("gateway", "mtls")])

    def exchange(method: str, target: bytes, body: bytes, answer: bytes) -> None:
        headers = [(b"host", b"vectors"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        exchange, step = guard.begin(method, target, headers, None, caller)
        while step[0] in (exchange.NEED_BODY, exchange.EFFECT):
            if step[0] == exchange.NEED_BODY:
                step = exchange.push(body, False)
                continue
            done = threading.Event()
            while not exchange.carry_out(done.set):
                done.wait()
                done = threading.Event()
            step = exchange.step()
        if step[0] == exchange.FORWARD:
            exchange.head(200, [(b"content-type", b"application/json")])
            exchange.response(answer, False)
        exchange.complete()

    hit = b'{"result": [{"id": 7, "score": 0.5, "payload": {"mail": "%s"}}]}' % EMAIL.encode()
    exchange("POST", b"/collections/docs/points/search", b'{"vector": [0.1, 0.2], "limit": 5}', hit)
    rows = b'{"result": {"points": [{"id": 7, "vector": [0.1, 0.2]}, {"id": 8, "vector": [0.3, 0.4]}]}}'
    exchange("POST", b"/collections/docs/points/scroll", b'{"limit": 10000, "with_vector": true}', rows)
    exchange("DELETE", b"/collections/docs", b"{}", b"{}")
    guard.flush()
    return policy


def statements() -> dict[str, str]:
    """The statements of the file by their names; those without one make the views."""
    text = re.sub(r"^--(?! name:).*\n", "", QUERIES.read_text(), flags=re.MULTILINE)
    found = {}
    for number, statement in enumerate(part.strip() for part in text.split(";\n")):
        if statement:
            name = re.match(r"-- name: (.*)\n", statement)
            found[name[1] if name else f"view {number}"] = statement
    return found


def test_the_documented_queries_answer_over_several_machines(tmp_path: Path) -> None:
    policies = [machine(tmp_path / who, who) for who in ("ana", "bo")]
    logs = tmp_path / "logs"
    for policy in policies:
        position = policy.parent / "position"
        for _ in range(2):  # what has arrived is not written again
            command(policy, "export", "--format", "parquet", "--to", str(logs), "--position", str(position), "--by", "kim")
    files = sorted(path.relative_to(logs).as_posix() for path in logs.rglob("*.parquet"))
    assert len(files) >= 4 and all(re.fullmatch(r"day=\d{4}-\d\d-\d\d/wardline-w\d{4}-\w+-\d{12}\.parquet", name) for name in files)

    database = duckdb.connect()
    database.execute("SET VARIABLE logs = ?", [str(logs)])
    digest = command(policies[0], "digest", typed=EMAIL).strip()
    for name, value in {"vector": "8", "digest": digest, "workload": "gateway"}.items():
        database.execute(f"SET VARIABLE {name} = ?", [value])
    answers: dict[str, list[Any]] = {}
    for name, statement in statements().items():
        answers[name] = database.execute(statement).fetchall()
    assert len(answers) == 14

    taken = answers["who took a vector, when, under which grant or approval"]
    assert sorted((row[1], row[3]) for row in taken) == [("ana", ["vector.export"]), ("bo", ["vector.export"])]
    left = answers["vectors that left, by day and caller"]
    assert {(row[1], row[2]) for row in left} == {("ana", 2), ("bo", 2)}
    assert len(answers["exports that neither a grant nor an approval stands behind"]) == 2
    assert [row[1] for row in answers["where a value appeared, by its digest"]] == ["ana"], "each state has keys of its own"
    through = answers["what came through a workload, as by a stolen token"]
    assert sum(row[3] for row in through) == 6
    assert {(row[0], row[3]) for row in answers["what was refused, and why"]} == {("denied", 1)}
    assert [row[3] for row in answers["the riskiest that went on"]][:2] == [["docs"], ["docs"]]
    assert answers["gaps in what was collected"] == [] and answers["exchanges that never ended"] == []
    assert {(row[1], row[2]) for row in answers["who read the log"]} >= {("kim", "exported")}
    whole = database.execute("SELECT json FROM entries WHERE identity = 'ana' LIMIT 1").fetchone()
    assert whole and json.loads(whole[0])["identity"]["subject"] == "ana"
    assert EMAIL not in str(database.execute("FROM entries").fetchall())
