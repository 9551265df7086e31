from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from support import Served, Server, WsgiServer


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts guarded servers of ASGI applications that end with the test."""
    yield from _starting(tmp_path, Server)


@pytest.fixture
def serve_wsgi(tmp_path: Path) -> Iterator[Callable[..., WsgiServer]]:
    """The same of WSGI applications."""
    yield from _starting(tmp_path / "wsgi", WsgiServer)


def _starting(folder: Path, kind: Callable[..., Served]) -> Iterator[Callable[..., Any]]:
    servers: list[Served] = []

    def start(app: Any, **options: Any) -> Served:
        place = folder / str(len(servers))
        place.mkdir(parents=True)
        servers.append(kind(place, app, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
