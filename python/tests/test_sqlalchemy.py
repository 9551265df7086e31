"""What SQLAlchemy executes, under guard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Column, Engine, Integer, String, create_engine, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import StaticPool
from support import recorded
from test_dbapi import POLICY, postgres

from wardline import ExchangeCut, Guard, WardlineError
from wardline.sqlalchemy import guard_engine

__all__ = ["postgres"]


class Base(DeclarativeBase): ...


class Person(Base):
    __tablename__ = "people"
    id = Column(Integer, primary_key=True)
    name = Column(String)


def filled(engine: Engine, system: str, folder: Path) -> Guard:
    """An engine with people in it, guarded from then on."""
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(Person), [{"id": n, "name": f"p{n}@example.org"} for n in range(9)])
    (folder / "w.yaml").write_text(POLICY.replace("SYSTEM", system))
    guard = Guard(folder / "w.yaml")
    guard_engine(engine, service="docs", identity="ana", guard=guard)
    return guard


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: Any) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = create_engine("sqlite://", poolclass=StaticPool)
    else:
        fields = dict(field.split("=") for field in request.getfixturevalue("postgres").split())
        made = create_engine(f"postgresql+psycopg://wardline@/{fields['dbname']}?host={fields['host']}")
        Base.metadata.drop_all(made)
    yield made
    made.dispose()


def test_rows_are_judged_masked_and_counted(engine: Engine, tmp_path: Path) -> None:
    guard = filled(engine, "postgres" if engine.name == "postgresql" else "sqlite", tmp_path)
    with engine.connect() as connection:
        few = select(Person.id, Person.name).where(Person.id < 3).order_by(Person.id).limit(3)
        masked = [(n, "[EMAIL]") for n in range(3)]
        assert connection.execute(few).all() == masked
        assert list(connection.execute(few)) == masked
        with connection.execute(few) as some:
            assert some.fetchmany(2) == masked[:2]
        assert connection.execute(few).first() == masked[0]
        assert connection.execute(few.execution_options(yield_per=1)).all() == masked
        assert connection.execute(text("SELECT name FROM people WHERE id = :id LIMIT 1"), {"id": 1}).scalar() == "[EMAIL]"
    with Session(engine) as session:
        person = session.get(Person, 4)
        assert person is not None and person.name == "[EMAIL]"
        session.add_all([Person(id=20), Person(id=21)])
        session.commit()
    found = recorded(guard, tmp_path / "w.yaml", 8)
    assert {record["outcome"]["result"] for record in found} == {"complete"}
    assert found[0]["response"]["census"]["rows"] == 3 and found[0]["response"]["totals"] == {"email": 3}
    assert found[-1]["acts"][0]["operation"] == "data.ingest" and found[-1]["request"]["census"]["rows"] == 2


def test_what_an_insert_of_many_rows_returns_is_counted(engine: Engine, tmp_path: Path) -> None:
    guard = filled(engine, "postgres" if engine.name == "postgresql" else "sqlite", tmp_path)
    with engine.connect() as connection:
        people = [{"id": n, "name": "x"} for n in range(100, 1_300)]
        got = connection.execute(insert(Person).returning(Person.id), people).scalars().all()
    assert sorted(got) == list(range(100, 1_300))
    found = recorded(guard, tmp_path / "w.yaml", 2)
    assert [record["response"]["census"]["rows"] for record in found] == [1_000, 200]
    assert [record["acts"][0]["magnitude"]["count"] for record in found] == [1_000, 200]
    assert {record["outcome"]["result"] for record in found} == {"complete"}


def test_what_may_not_run_is_not_sent(engine: Engine, tmp_path: Path) -> None:
    guard = filled(engine, "postgres" if engine.name == "postgresql" else "sqlite", tmp_path)
    gone = sqlalchemy.delete(Person).where(Person.id == 7)
    with engine.connect() as connection:
        with pytest.raises(WardlineError) as held:
            connection.execute(gone)
        assert held.value.approval is not None
        guard.approve(held.value.approval, by="sam")
        connection.rollback()
        assert connection.execute(gone).rowcount == 1
        with pytest.raises(sqlalchemy.exc.DatabaseError):
            connection.execute(text("SELECT id FROM nowhere LIMIT 1"))
        connection.rollback()
        with pytest.raises(WardlineError) as refused:
            connection.execute(select(Person))
        assert refused.value.code == "grant_required"
    guard.issue_grant(who="user:ana", operations="data.export", until="1h", reason="r", by="sam", quota=("rows", 5))
    with engine.connect() as connection, pytest.raises(ExchangeCut):
        connection.execute(select(Person)).all()
    results = [record["outcome"]["result"] for record in recorded(guard, tmp_path / "w.yaml", 5)]
    assert results == ["held", "complete", "failed", "denied", "aborted"]


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "postgresql+psycopg", "postgresql+asyncpg"])
def test_an_engine_that_awaits(driver: str, request: Any, tmp_path: Path) -> None:
    url, system = f"{driver}://", driver.partition("+")[0].replace("postgresql", "postgres")
    if system == "postgres":
        fields = dict(field.split("=") for field in request.getfixturevalue("postgres").split())
        url = f"{driver}://wardline@/{fields['dbname']}?host={fields['host']}"
    (tmp_path / "w.yaml").write_text(POLICY.replace("SYSTEM", system).replace("effect: hold}", "effect: hold, wait: 20s}"))
    guard = Guard(tmp_path / "w.yaml")

    async def main() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.drop_all)
            await connection.run_sync(Base.metadata.create_all)
            await connection.execute(insert(Person), [{"id": n, "name": f"p{n}@example.org"} for n in range(9)])
        assert guard_engine(engine, service="docs", identity="ana", guard=guard) is engine
        few = select(Person.id, Person.name).where(Person.id < 3).order_by(Person.id).limit(3)
        async with engine.begin() as connection:
            masked = [(n, "[EMAIL]") for n in range(3)]
            assert (await connection.execute(few)).all() == masked
            async with connection.stream(few) as result:
                assert [row async for row in result] == masked
            with pytest.raises(WardlineError) as refused:
                await connection.execute(select(Person))
            assert refused.value.code == "grant_required"
            await connection.execute(insert(Person), [{"id": n, "name": "x"} for n in range(20, 23)])
            # What is held waits beside the loop, which goes on to see the approval.
            gone = asyncio.create_task(connection.execute(sqlalchemy.delete(Person).where(Person.id == 7)))
            while not (pending := guard.approvals("pending")):
                await asyncio.sleep(0.01)
            guard.approve(pending[0]["id"], by="sam")
            assert (await gone).rowcount == 1
        await engine.dispose()

    asyncio.run(main())
    found = recorded(guard, tmp_path / "w.yaml", 5)
    assert [record["outcome"]["result"] for record in found] == ["complete", "complete", "denied", "complete", "complete"]
    assert found[3]["acts"][0]["magnitude"]["count"] == 3
