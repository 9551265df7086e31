"""The behaviours of HTTP in `core/tests/data/behaviours.tsv`, through every server door: real servers, one raw-socket client.

    python -m pytest tests/test_conformance.py -k C33

Each line of the table is asked of each door, unless it says why that door has no such thing, or which other tests ask it.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Optional

import behaviours
import pytest
from players.server import Player
from support import POLICY, Served, answering, queried, wire

from wardline import WardlineError

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "core" / "tests" / "data" / "behaviours.tsv"
PLAYERS = Path(__file__).parent / "players"
DOORS = {
    "tower": [str(ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug" / "examples" / "player")],
    "asgi": [sys.executable, str(PLAYERS / "asgi.py")],
    "wsgi": [sys.executable, str(PLAYERS / "wsgi.py")],
    "django": [sys.executable, str(PLAYERS / "django_site.py")],
    "django-asgi": [sys.executable, str(PLAYERS / "django_asgi.py")],
    **{name: ["node", str(ROOT / "node" / "players" / f"{name}.js")] for name in ("express", "fastify", "hono")},
}


def table() -> Iterator[tuple[str, str, str]]:
    """Each behaviour: its number, what else asks it, and why some doors have no such thing."""
    for line in TABLE.read_text().splitlines():
        if not line.startswith("#"):
            number, _, _, covered, absent = (line.split("\t") + ["", ""])[:5]
            yield number, covered, absent


@pytest.fixture(scope="module")
def players(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Player]]:
    """All servers, started at once."""
    assert Path(DOORS["tower"][0]).exists(), "axum's player is not built: cargo build --workspace --examples"
    started = {door: Player(door, command, PLAYERS, tmp_path_factory.mktemp(door)) for door, command in DOORS.items()}
    yield started
    for player in started.values():
        player.close()


@pytest.mark.parametrize("number", list(behaviours.ASKED))
def test_every_door_behaves(players: dict[str, Player], number: str) -> None:
    absent = next(absent for asked, _, absent in table() if asked == number)
    without = {reason.partition(":")[0].strip() for reason in absent.split(";")}
    assert without - {""} <= set(DOORS), f"{number}: no such doors"
    doors = [player for door, player in players.items() if door not in without]

    def ask(player: Player) -> str:
        player.fresh()
        try:
            behaviours.ASKED[number](player)
        except Exception:  # noqa: BLE001: told below, for each door
            return f"{player.door}: {traceback.format_exc()}"
        return ""

    # All doors at once: most of it is waiting.
    with ThreadPoolExecutor(len(doors)) as pool:
        wrong = [told for told in pool.map(ask, doors) if told]
    assert not wrong, "\n".join(wrong)


def test_a_guard_that_cannot_work_lets_nothing_pass(tmp_path_factory: pytest.TempPathFactory) -> None:
    def ask(door: str) -> str:
        folder = tmp_path_factory.mktemp(door)
        # Where the state should lie is something else.
        (folder / "state").write_text("")
        player = Player(door, DOORS[door], PLAYERS, folder)
        try:
            for path in "/masked/a", "/plain/a":
                reply = player.exchange("GET", path, headers=behaviours.JSON, pieces=[f'"{behaviours.MAIL}"'])
                if reply.status < 400 or player.was_asked() or behaviours.MAIL.encode() in reply.body:
                    return f"{door}: {reply}"
        finally:
            player.close()
        return ""

    with ThreadPoolExecutor(len(DOORS)) as pool:
        wrong = [told for told in pool.map(ask, DOORS) if told]
    assert not wrong, "\n".join(wrong)


def test_the_table_is_whole() -> None:
    rows = list(table())
    assert [number for number, _, _ in rows] == [f"C{n}" for n in range(1, 65)]
    assert {number for number, covered, _ in rows if not covered} == set(behaviours.ASKED)
    for number, covered, _ in rows:
        for file, name in re.findall(r"(\S+)::([^;]+)", covered):
            text = (ROOT / file).read_text()
            assert name.strip() in text, f"{number}: {file} has no {name!r}"


def test_django_knows_who_is_logged_in(players: dict[str, Player]) -> None:
    player = players["django"]
    player.fresh()
    # The policy's own sources know ana; whoever is logged in stands before that.
    for known in [], [("x-remote-user", "eve")]:
        reply = player.exchange("GET", "/masked/who", None, known, headers=behaviours.TEXT, pieces=["ok"])
        assert (reply.status, reply.body) == (200, b"ok")

    def both() -> Optional[bool]:
        who = [record["identity"]["subject"] for record in queried(player.policy) if record["kind"] == "exchange"]
        return who[-2:] == ["ana", "eve"] or None

    player.awaited(both, "the records of ana and eve")
    form = [("content-type", "application/x-www-form-urlencoded")]
    reply = player.exchange("POST", "/masked/read-before", b"mail=a%40b.co", form, headers=behaviours.TEXT, pieces=["ok"])
    # Whatever stands before the guard may have looked into the body: what stands behind it gets it masked.
    assert reply.status == 200 and player.saw()["body"] == "mail=%5BEMAIL%5D"


def test_django_s_own_middleware_passes_no_asynchronous_stream(tmp_path: Path, django_settings: Callable[..., None]) -> None:
    from django.http import StreamingHttpResponse
    from django.test import RequestFactory

    (tmp_path / "wardline.yaml").write_text(POLICY)
    told = {"WARDLINE_POLICY": str(tmp_path / "wardline.yaml"), "WARDLINE_IDENTITY": lambda request: "ana"}
    django_settings(**told)
    from wardline.django import GuardMiddleware

    async def pieces() -> Any:
        yield behaviours.MAIL.encode()

    def view(request: Any) -> Any:
        return StreamingHttpResponse(pieces(), content_type="text/plain")

    with pytest.raises(WardlineError, match="wardline.asgi"):
        GuardMiddleware(view)(RequestFactory().get("/masked/collections/docs/points/7"))


def test_variables_of_a_context_are_the_service_s_own(serve: Callable[..., Served]) -> None:
    variable: ContextVar[str] = ContextVar("variable", default="")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        variable.set("of the service")
        await answering(variable.get().encode(), content_type="text/plain")(scope, receive, send)

    server = serve(app)
    for _ in range(2):
        assert server.exchange(wire("GET", "/masked/collections")).body == b"of the service"
    assert variable.get() == ""
