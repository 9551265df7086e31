"""Files that the command wrote: the documented questions to the logs of several machines together, asked by DuckDB; and in a server of S3."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

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


def tried(policy: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "wardline", "audit", words[0], "--policy", str(policy), *words[1:]]
    return subprocess.run(line, input=typed, capture_output=True, text=True)


def command(policy: Path, *words: str, typed: str = "") -> str:
    done = tried(policy, *words, typed=typed)
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


KEYS = ("AKIDPLANTED", "planted/secret+key")


@pytest.fixture
def store() -> Iterator[Any]:
    """A server of S3 with the bucket `logs`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id=KEYS[0], aws_secret_access_key=KEYS[1]
    )
    client.create_bucket(Bucket="logs")
    yield client
    server.stop()


def objects(store: Any) -> dict[str, bytes]:
    names = [found["Key"] for found in store.list_objects_v2(Bucket="logs").get("Contents", [])]
    return {name: store.get_object(Bucket="logs", Key=name)["Body"].read() for name in names}


def test_entries_go_to_a_store_of_objects_and_once_more_changes_nothing(tmp_path: Path, store: Any) -> None:
    policy = machine(tmp_path / "ana", "ana")
    keys = tmp_path / "keys"
    keys.write_text(":".join(KEYS))
    endpoint = store.meta.endpoint_url

    def export(to: str, form: str, position: str, at: str = endpoint) -> subprocess.CompletedProcess[str]:
        words = ["--to", to, "--endpoint", at, "--authorization", f"file:{keys}", "--position", str(tmp_path / position)]
        done = tried(policy, "export", "--format", form, *words)
        assert not any(key in done.stdout + done.stderr for key in KEYS)
        return done

    # Nobody takes them: nothing counts as arrived.
    for to, at, wanted in [
        ("s3://none/audit", endpoint, "answers with status 404 (NoSuchBucket)"),
        ("s3://logs/audit", "http://127.0.0.1:1", "does not answer"),
    ]:
        done = export(to, "jsonl", "lines", at)
        assert done.returncode != 0 and f"the store of objects {wanted}" in done.stderr, done.stderr
        assert not (tmp_path / "lines").exists()

    for words in (["--to", str(tmp_path / "file"), "--endpoint", endpoint], ["--to", "s3://"], ["--format", "parquet"]):
        assert tried(policy, "export", *words).returncode == 2, words

    assert export("s3://logs/audit", "jsonl", "lines").returncode == 0
    assert export("s3://logs/columns", "parquet", "columns").returncode == 0
    first = objects(store)
    for name in first:
        assert re.fullmatch(r"(audit|columns)/day=\d{4}-\d\d-\d\d/wardline-w\d{4}-\w+-\d{12}\.(jsonl|parquet)", name), name
    lines = [json.loads(line) for name, body in first.items() if name.endswith(".jsonl") for line in body.splitlines()]
    assert {line["record"]["identity"]["subject"] for line in lines if "identity" in line["record"]} == {"ana"}
    assert EMAIL.encode() not in b"".join(first.values())

    # What has arrived is not put again, but the entries that say who exported; what was not remembered is put in its own place.
    assert export("s3://logs/audit", "jsonl", "lines").returncode == 0
    second = objects(store)
    assert second.items() > first.items()
    (tmp_path / "columns").unlink()
    assert export("s3://logs/columns", "parquet", "columns").returncode == 0
    assert objects(store).keys() == second.keys()

    # And DuckDB reads them, as it reads those of a folder.
    for name, body in objects(store).items():
        (tmp_path / "there" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / name).write_bytes(body)
    rows = duckdb.connect().execute(f"SELECT count(*), count(DISTINCT log_index) FROM '{tmp_path}/there/columns/*/*.parquet'").fetchone()
    assert rows and rows[0] == rows[1] >= len(lines) + 2

    # A checkpoint that is kept there tells what was done to the log since.
    words = ["--to", "s3://logs/kept", "--endpoint", endpoint, "--authorization", f"file:{keys}"]
    note = command(policy, "checkpoint", *words)
    kept = {name: body for name, body in objects(store).items() if name.startswith("kept/")}
    assert [body.decode().strip() for body in kept.values()] == [note.strip()]
    assert all(re.fullmatch(r"kept/wardline-w\d{4}-\w+-\d{12}\.checkpoint", name) for name in kept)
    since = tmp_path / "since"
    since.write_bytes(next(iter(kept.values())))
    assert tried(policy, "verify", "--since", str(since)).returncode == 0
