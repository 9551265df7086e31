"""PostgreSQL and pgvector out of `pgserver`, driven by psycopg 3 and SQLAlchemy with pgvector's own types, each under its hook."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Optional

import numpy as np
import pgserver
import psycopg
import sqlalchemy as sa
from pgvector.psycopg import register_vector
from trial import CUT, OVER, Trial
from waiting import awaited

from wardline import ExchangeCut, Guard, WardlineError
from wardline.dbapi import guarded
from wardline.sqlalchemy import guard_engine

ROWS = 1_200
WIDE = 32
MAIL = "rosa.lind@example.com"


def main() -> None:
    title = f"PostgreSQL + pgvector out of pgserver {version('pgserver')}, driven by psycopg {version('psycopg')} and SQLAlchemy {sa.__version__}"
    trial = Trial(title, problem_of)
    with cluster() as uri:
        bare = connected(uri)
        said = bare.execute("SELECT version(), (SELECT extversion FROM pg_extension WHERE extname = 'vector')").fetchone()
        assert said is not None
        print(f"   {said[0].partition(' on ')[0]}, vector {said[1]}", flush=True)
        guard = Guard(trial.policy)
        scenarios(trial, guard, uri, bare)
        guard.flush()
    trial.end(MAIL)


def scenarios(trial: Trial, guard: Guard, uri: str, bare: Any) -> None:
    ingest = guarded(connected(uri), service="warehouse", identity="svc-ingest", guard=guard)
    thief = guarded(connected(uri), service="warehouse", identity="rag-api", guard=guard)
    vectors = np.random.default_rng(7).uniform(-1, 1, (ROWS, WIDE)).astype("f4")
    ingest.execute(f"CREATE TABLE docs (id bigint PRIMARY KEY, body text, embedding vector({WIDE}))")
    insert = "INSERT INTO docs (id, body, embedding) VALUES (%s, %s, %s)"
    ingest.executemany(insert, [(i, f"ticket {i}: write to {MAIL}", vectors[i]) for i in range(ROWS)])

    def count() -> int:
        return int(bare.execute("SELECT count(*) FROM docs").fetchone()[0])

    search = "SELECT id, body FROM docs ORDER BY embedding <-> %s LIMIT 3"
    with trial.scenario("PII in payloads", "masked on the way out") as seen:
        rows = thief.execute(search, (vectors[7],)).fetchall()
        seen(rows[0] == (7, "ticket 7: write to [EMAIL]"), f"the nearest of {count()} rows: {rows[0]}")
        engine = guard_engine(sa.create_engine("postgresql+psycopg://", creator=lambda: connected(uri)), service="warehouse", identity="rag-api", guard=guard)
        with engine.connect() as connection:
            row = connection.execute(sa.text("SELECT body FROM docs WHERE id = :id"), {"id": 8}).one()
        seen(row == ("ticket 8: write to [EMAIL]",), f"through SQLAlchemy: {row}")

    everything = "SELECT id, body, embedding FROM docs"

    def export() -> Any:
        return thief.execute(everything).fetchall()

    with trial.scenario("a stolen token exports everything", "held") as seen:
        problem = trial.refused(export)
        seen(problem["code"] == "approval_required" and problem["approval"], problem["code"])
        other = trial.refused(lambda: thief.execute(f"SELECT json_agg(docs) FROM docs /* {vectors[0][0]} */").fetchall())
        seen(other["code"] == "approval_required", f"as one JSON value {other['code']} too")
        far = trial.refused(lambda: thief.execute(search.replace("id, body", "*").replace("LIMIT 3", "LIMIT 100000"), (vectors[0],)))
        seen(far["code"] == "approval_required", f"as a search for 100,000 neighbours {far['code']} too")

    with trial.scenario("foreign rows pushed", "held, approved by a person, pushed once") as seen:
        foreign = [(10_000 + i, "buy now", vectors[i]) for i in range(500)]
        problem = trial.refused(lambda: thief.executemany(insert, foreign))
        seen(problem["code"] == "approval_required" and count() == ROWS, f"{problem['code']}, {count()} rows as before")
        trial.approve(problem["approval"])
        thief.executemany(insert, foreign)
        seen(count() == ROWS + 500, f"approved by sam: {count()} rows")
        again = trial.refused(lambda: thief.executemany(insert, foreign))
        seen(again["approval"] != problem["approval"], f"a second time {again['code']}")
        thief.execute(insert, (99_999, "one note", vectors[0]))
        seen(count() == ROWS + 501, "a single note passes as ever")

    with trial.scenario("a grant", "serves, then expires and refuses") as seen:
        trial.grant("rag-api", "vector.export", "6s", "--quota", "vectors=100000")
        whole = trial.until_passed(export, "the grant is known")
        seen(len(whole) == ROWS + 501 and isinstance(whole[0][2], np.ndarray), f"{len(whole)} rows under it, vectors as numpy has them")
        seen(not any("@" in row[1] for row in whole), "masked all the same")
        problem = trial.until_refused(export, "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while rows are fetched", "cut") as seen:
        grant = trial.grant("rag-api", "vector.export", "1h")
        trial.until_passed(export, "the grant is known")
        cursor = thief.execute(everything)
        first = cursor.fetchmany(100)
        trial.revoke(grant)
        trial.until_refused(export, "the revocation is known")
        _, end = trial.outcome(cursor.fetchall)
        seen(len(first) == 100 and end is CUT, f"{len(first)} rows, then ExchangeCut")
        guard.flush()
        record = trial.recorded("grant_revoked", "--operation", "vector.export")
        seen(True, f"recorded as {record['outcome']['result']} after {record['response']['census']['vectors']} vectors")

    with trial.scenario("the table is dropped, a program run, a file read", "denied") as seen:
        for statement in ("DROP TABLE docs", "COPY docs TO PROGRAM 'cat'", "SELECT pg_read_file('/etc/passwd')"):
            problem = trial.refused(lambda: thief.execute(statement))
            seen(problem["code"] in ("default_deny", "approval_required"), f"{statement}: {problem['code']}")
        seen(count() == ROWS + 501, f"{count()} rows are there")


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a cluster of its own: the programs that `pgserver` brings, run by somebody who is not root, as they insist."""
    installed = Path(pgserver.__file__).parent
    folder = Path(tempfile.mkdtemp(prefix="wardline-e2e-"))
    how: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": (folder / "log").open("wb")}
    try:
        # A copy that whoever runs it can read, beside the libraries that it looks for there.
        for part in (installed / "pginstall", installed.with_name("pgserver.libs")):
            shutil.copytree(part, folder / part.relative_to(installed.parent))
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
            how |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        programs = folder / "pgserver" / "pginstall" / "bin"
        subprocess.run([programs / "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"], check=True, **how)
        server = subprocess.Popen([programs / "postgres", "-D", "data", "-k", folder, "-c", "listen_addresses="], **how)
        try:
            uri = f"postgresql://postgres@/postgres?host={folder}"
            awaited(lambda: answers(uri), "PostgreSQL listens")
            yield uri
        finally:
            # Connections that are open are ended, not waited for.
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answers(uri: str) -> Optional[bool]:
    try:
        psycopg.connect(uri).close()
    except psycopg.OperationalError:
        return None
    return True


def connected(uri: str) -> Any:
    connection = psycopg.connect(uri, autocommit=True)
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    register_vector(connection)
    return connection


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    if isinstance(error, ExchangeCut):
        return CUT
    return {"code": error.code, "approval": error.approval} if isinstance(error, WardlineError) else None


if __name__ == "__main__":
    main()
