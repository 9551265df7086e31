"""Drivers of databases under guard: sqlite3 and, over a real PostgreSQL, psycopg 3."""

from __future__ import annotations

import asyncio
import doctest
import glob
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row, namedtuple_row
from support import WAIT, recorded

from wardline import ExchangeCut, Guard, WardlineError, _rows, dbapi
from wardline.dbapi import GuardedConnection, guarded, guarded_async

POLICY = """
version: 1
state: ./state
groups: {security: [sam]}
approval: {steps: [{from: [security]}]}
thresholds: {hold: never, deny: never}
services: {docs: {system: SYSTEM}}
rules:
  - {name: own, who: ["user:*"], operations: [data.read, data.query, data.ingest, "collection.*", session.control, none], effect: allow}
  - {name: export, who: ["user:*"], operations: [data.export, "vector.*"], effect: grant}
  - {name: delete, who: ["user:*"], operations: [data.delete], effect: hold}
mask:
  - {name: mail, operations: [data.read, data.query, data.export], entities: {email: redact}, fields: {"**.salary": redact}}
"""


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    (tmp_path / "w.yaml").write_text(POLICY.replace("SYSTEM", "sqlite"))
    return Guard(tmp_path / "w.yaml")


@pytest.fixture
def filled(guard: Guard) -> Iterator[GuardedConnection]:
    inner = sqlite3.connect(":memory:")
    connection = guarded(inner, service="docs", identity="ana", guard=guard)
    connection.execute("CREATE TABLE people (id INTEGER, name TEXT, salary REAL, photo BLOB)")
    inner.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", [(n, f"p{n}@example.org", n + 0.5, b"\xff") for n in range(9)])
    yield connection
    connection.close()


def test_the_example_holds() -> None:
    assert doctest.testmod(dbapi).failed == 0 and doctest.testmod(_rows).failed == 0


def test_rows_are_masked_and_the_rest_stays_what_it_is(filled: GuardedConnection, guard: Guard, tmp_path: Path) -> None:
    text = "SELECT id, name, salary, photo FROM people WHERE id < ? LIMIT 3"
    masked = (0, "[EMAIL]", "[REDACTED]", b"\xff")
    assert filled.execute(text, (1,)).fetchone() == masked
    cursor = filled.cursor()
    assert list(cursor.execute(text, (2,))) == [masked, (1, *masked[1:])]
    assert cursor.execute(text, (9,)).fetchmany(2) == [masked, (1, *masked[1:])]
    assert cursor.fetchall() == [(2, *masked[1:])] and cursor.fetchone() is None
    filled.row_factory = sqlite3.Row
    assert tuple(filled.execute(text, (1,)).fetchone()) == masked
    assert cursor.rowcount == -1 and cursor.description[1][0] == "name"
    found = recorded(guard, tmp_path / "w.yaml", 5)
    assert found[-1]["response"]["census"]["rows"] in (1, 3) and found[1]["identity"]["subject"] == "ana"
    assert {record["outcome"]["result"] for record in found} == {"complete"}


def test_what_may_not_run_does_not(filled: GuardedConnection, guard: Guard) -> None:
    with pytest.raises(WardlineError) as held:
        filled.execute("DELETE FROM people WHERE id = ?", (7,))
    assert held.value.code == "approval_required" and held.value.approval is not None
    guard.approve(held.value.approval, by="sam")
    # The approval is for the values too.
    with pytest.raises(WardlineError):
        filled.execute("DELETE FROM people WHERE id = ?", (8,))
    assert filled.execute("DELETE FROM people WHERE id = ?", (7,)).rowcount == 1
    with pytest.raises(WardlineError) as denied:
        filled.executescript("SELECT 1; DELETE FROM people")
    assert denied.value.approval is not None
    with pytest.raises(WardlineError) as unreadable:
        filled.execute("SELECT ?", (object(),))
    assert unreadable.value.code == "invalid_input"


def test_a_limit_that_is_bound_bounds_what_is_read(filled: GuardedConnection) -> None:
    text = "SELECT id, name FROM people LIMIT ?"
    assert len(filled.execute(text, (3,)).fetchall()) == 3
    with pytest.raises(WardlineError) as refused:
        filled.execute(text, (5_000,))
    assert refused.value.code == "grant_required"


def test_what_runs_once_for_each_of_many_rows_counts_them(filled: GuardedConnection, guard: Guard, tmp_path: Path) -> None:
    text = "INSERT INTO people VALUES (?, ?, ?, ?)"
    filled.executemany(text, [(n, "p", 0.5, None) for n in range(10, 13)])
    filled.executemany(text, [])
    acts = [record["acts"][0] for record in recorded(guard, tmp_path / "w.yaml", 3)]
    assert [act["magnitude"]["count"] for act in acts[-2:]] == [3, 1]


def test_an_export_is_counted_as_it_is_fetched(filled: GuardedConnection, guard: Guard, tmp_path: Path) -> None:
    with pytest.raises(WardlineError) as refused:
        filled.execute("SELECT * FROM people")
    assert refused.value.code == "grant_required"
    guard.issue_grant(
        who="user:ana", operations="data.export", until="1h", reason="r", by="sam", quota=("rows", 5)
    )
    cursor = filled.execute("SELECT * FROM people")
    assert len(cursor.fetchmany(4)) == 4 and cursor.fetchone()[0] == 4
    with pytest.raises(ExchangeCut) as cut:
        cursor.fetchone()
    assert cut.value.code == "grant_exhausted"
    assert recorded(guard, tmp_path / "w.yaml", 3)[-1]["outcome"]["result"] == "aborted"


def test_what_a_statement_writes_is_told(filled: GuardedConnection, guard: Guard, tmp_path: Path) -> None:
    with filled:
        filled.executemany("INSERT INTO people (id) VALUES (?)", ((n,) for n in range(3)))
    with pytest.raises(sqlite3.OperationalError):
        filled.execute("INSERT INTO nowhere VALUES (1)")
    written, failed = recorded(guard, tmp_path / "w.yaml", 3)[-2:]
    assert written["request"]["census"]["rows"] == 3 and failed["outcome"]["result"] == "failed"


def test_what_would_pass_unseen_is_not_there(filled: GuardedConnection) -> None:
    for one, names in ((filled, ("iterdump", "backup", "blobopen", "create_function")), (filled.cursor(), ("copy", "stream", "callproc"))):
        for name in names:
            with pytest.raises(AttributeError):
                getattr(one, name)
    with pytest.raises(AttributeError):
        filled.trace = 1
    filled.isolation_level = None
    assert filled.isolation_level is None and not filled.in_transaction
    filled.commit()
    filled.rollback()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL of its own, for as long as the tests need it."""
    found = [*sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")), *filter(None, [shutil.which("initdb")])]
    if not found:
        pytest.skip("needs PostgreSQL's initdb and postgres")
    bin = Path(found[0]).parent
    folder = Path(tempfile.mkdtemp(prefix="wardline-pg-"))
    # The server refuses to run as root.
    who: Any = {"user": "nobody", "group": "nogroup"} if os.getuid() == 0 else {}
    if who:
        shutil.chown(folder, **who)
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **who}
    subprocess.run([bin / "initdb", "-D", folder / "data", "-U", "wardline", "-A", "trust", "--no-sync"], check=True, **quiet)
    options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", str(folder)]
    process = subprocess.Popen([bin / "postgres", "-D", folder / "data", *options], **quiet)
    url = f"host={folder} user=wardline dbname=postgres"
    try:
        until = time.monotonic() + 6 * WAIT
        while True:
            try:
                psycopg.connect(url).close()
                break
            except psycopg.OperationalError:
                assert process.poll() is None and time.monotonic() < until, "PostgreSQL does not start"
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(WAIT)
        shutil.rmtree(folder, ignore_errors=True)


def test_psycopg(postgres: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY.replace("SYSTEM", "postgres"))
    guard = Guard(tmp_path / "w.yaml")
    with psycopg.connect(postgres) as inner:
        connection = guarded(inner, service="docs", identity=lambda: "ana", guard=guard)
        connection.execute("CREATE TABLE people (id int, name text, tags text[], at date)")
        values = [(n, f"p{n}@example.org", ["a", f"t{n}@example.org"], "2026-11-29") for n in range(3)]
        inner.cursor().executemany("INSERT INTO people VALUES (%s, %s, %s, %s)", values)
        text = "SELECT id, name, tags, at FROM people WHERE id = %(id)s LIMIT 3"
        row = connection.execute(text, {"id": 1}).fetchone()
        assert row[:3] == (1, "[EMAIL]", ["a", "[EMAIL]"]) and row[3].year == 2026
        made = psycopg.sql.SQL("SELECT id, name FROM {} WHERE id = 1 LIMIT 1").format(psycopg.sql.Identifier("people"))
        assert connection.cursor(row_factory=dict_row).execute(made).fetchall() == [{"id": 1, "name": "[EMAIL]"}]
        named = connection.cursor(row_factory=namedtuple_row).execute(made).fetchone()
        assert (named.id, named.name) == (1, "[EMAIL]")
        with pytest.raises(WardlineError) as held:
            connection.execute("DELETE FROM people")
        assert held.value.approval is not None
        with connection.transaction():
            assert connection.execute("INSERT INTO people (id) VALUES (7)").rowcount == 1
        with connection.cursor("server side") as cursor:
            cursor.execute("SELECT name FROM people WHERE id < 2 LIMIT 2")
            assert [name for (name,) in cursor] == ["[EMAIL]", "[EMAIL]"]
        with pytest.raises(AttributeError):
            connection.cursor().copy("COPY people TO STDOUT")
    results = [record["outcome"]["result"] for record in recorded(guard, tmp_path / "w.yaml", 7)]
    assert results.count("held") == 1 and results.count("complete") == 6


def test_what_is_no_connection_is_told_at_once(guard: Guard) -> None:
    with pytest.raises(WardlineError, match="expected a connection of PEP 249, got str"):
        guarded("postgresql://localhost/docs", service="docs", guard=guard)
    with closing(sqlite3.connect(":memory:")) as inner:
        with pytest.raises(WardlineError, match="expected a connection of asyncio: this one is for guarded$"):
            guarded_async(inner, service="docs", guard=guard)


def test_psycopg_beside_an_event_loop(postgres: str, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(POLICY.replace("SYSTEM", "postgres").replace("effect: hold}", "effect: hold, wait: 20s}"))
    guard = Guard(tmp_path / "w.yaml")

    async def said() -> None:
        inner = await psycopg.AsyncConnection.connect(postgres)
        with pytest.raises(WardlineError, match="this one is for guarded_async"):
            guarded(inner, service="docs", identity="ana", guard=guard)
        connection = guarded_async(inner, service="docs", identity="ana", guard=guard)
        await connection.execute("CREATE TEMPORARY TABLE notes (id int, name text)")
        await inner.execute("INSERT INTO notes VALUES (1, 'ana@example.org'), (2, 'bea@example.org')")
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT id, name FROM notes WHERE id < %s ORDER BY id LIMIT 2", (9,))
            assert await cursor.fetchone() == (1, "[EMAIL]") and await cursor.fetchmany(3) == [(2, "[EMAIL]")]
            assert await cursor.fetchone() is None
            await cursor.execute("SELECT name FROM notes LIMIT 2")
            assert [name async for (name,) in cursor] == ["[EMAIL]", "[EMAIL]"]
            await cursor.executemany("INSERT INTO notes (id) VALUES (%s)", [(3,), (4,)])
        # A wait for people is not in the way of others.
        deleting = asyncio.ensure_future(connection.execute("DELETE FROM notes WHERE id = 3"))
        while not (pending := guard.approvals("pending")):
            await asyncio.sleep(0.01)
        guard.approve(pending[0]["id"], by="sam")
        assert (await deleting).rowcount == 1
        with pytest.raises(psycopg.errors.UndefinedTable):
            await connection.execute("SELECT 1 FROM nowhere LIMIT 1")
        await connection.rollback()
        await connection.close()

    asyncio.run(said())
    results = [record["outcome"]["result"] for record in recorded(guard, tmp_path / "w.yaml", 6)]
    assert results == ["complete", "complete", "complete", "complete", "complete", "failed"]
