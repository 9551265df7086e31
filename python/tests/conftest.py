from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
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


@pytest.fixture
def django_settings() -> Iterator[Callable[..., None]]:
    """Sets what Django is to have for one test: a process can be configured once only."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="for tests")
        django.setup()
    from django.test.utils import override_settings

    with ExitStack() as stack:

        def told(**options: Any) -> None:
            stack.enter_context(override_settings(**options))

        yield told


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
