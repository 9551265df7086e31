from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from support import Server


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts guarded servers that end with the test."""
    servers: list[Server] = []

    def start(app: Any, **options: Any) -> Server:
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(Server(folder, app, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
