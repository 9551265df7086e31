"""A player's process, seen from outside: what it is asked over a raw socket, what its service saw, and what was recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional, TypeVar, Union

from support import WAIT, Client, Reply, queried

T = TypeVar("T")
Fields = Sequence[tuple[str, str]]

JSON: Fields = [("content-type", "application/json")]


class Player:
    """A server of one door, in a folder of its own."""

    def __init__(self, door: str, command: list[str], files: Path, folder: Path) -> None:
        self.door = door
        self.folder = folder
        self.policy = folder / "wardline.yaml"
        for file in ("wardline.yaml", "player.yaml"):
            shutil.copy(files / file, folder)
        paths = os.pathsep.join((str(files.parents[1]), str(files)))
        env = {**os.environ, "WARDLINE_POLICY": str(self.policy), "WARDLINE_PLAYER": str(folder), "PYTHONPATH": paths}
        with (folder / "stderr").open("wb") as stderr:
            self.process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )
        self.port: Optional[int] = None
        self.clients: list[Client] = []

    def connect(self) -> Client:
        if self.port is None:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line, f"{self.door} does not start: {(self.folder / 'stderr').read_text()[-2000:]}"
            self.port = int(line)
        self.clients.append(Client(("127.0.0.1", self.port)))
        return self.clients[-1]

    def fresh(self) -> None:
        """As if nothing had been asked."""
        while self.clients:
            self.clients.pop().close()
        for file in ("saw.json", "closed", "made", "task", *(gate.name for gate in self.folder.glob("gate-*"))):
            (self.folder / file).unlink(missing_ok=True)

    def exchange(self, method: str, path: str, body: Optional[bytes] = None, fields: Fields = (), **play: Any) -> Reply:
        """One request on a connection of its own."""
        client = self.connect()
        client.send(request(method, path, body, fields, **play))
        return answer(client, method)

    def answers(self, piece: Union[str, bytes, list[str]], fields: Fields = JSON, path: str = "/masked/a", **play: Any) -> Reply:
        """What comes of a body that the service answers, as it is or in pieces."""
        if isinstance(piece, bytes):
            piece = piece.decode("latin-1")
        pieces = [piece] if isinstance(piece, str) else piece
        return self.exchange("GET", path, headers=list(fields), pieces=pieces, **play)

    def saw(self) -> dict[str, Any]:
        """What the service was asked."""
        told: dict[str, Any] = json.loads(self.awaited(lambda: self._text("saw.json"), "the service is asked"))
        return told

    def was_asked(self) -> bool:
        return (self.folder / "saw.json").exists()

    def open(self, number: Union[int, str]) -> None:
        (self.folder / f"gate-{number}").touch()

    def has_worked(self) -> Optional[bool]:
        """Whether the task behind an answer is done."""
        return (self.folder / "task").exists() or None

    def is_closed(self) -> Optional[bool]:
        return (self.folder / "closed").exists() or None

    def stands_still(self) -> int:
        """How many bytes of an endless answer were made, once no more are."""
        sizes = [-1] * 10

        def same() -> Optional[int]:
            time.sleep(0.05)
            sizes.append(int(self._text("made") or 0))
            return sizes[-1] if sizes[-1] > 0 and len(set(sizes[-10:])) == 1 else None

        return self.awaited(same, "the service stands still")

    def closed(self) -> None:
        """Waits until the service's answer is over or let go."""
        self.awaited(self.is_closed, "the service's answer is let go")

    def records(self) -> dict[str, dict[str, Any]]:
        """The records of exchanges that did not go well, by their ids."""
        ended = (record for record in queried(self.policy) if record["kind"] in ("exchange", "end"))
        return {record["id"]: record for record in ended if record["outcome"]["result"] in ("disconnected", "aborted", "failed")}

    def recorded(self, before: dict[str, dict[str, Any]], what: str) -> dict[str, Any]:
        """The record of one that ended so since."""
        return self.awaited(lambda: next((r for id, r in self.records().items() if id not in before), None), what)

    def awaited(self, look: Callable[[], Optional[T]], what: str) -> T:
        until = time.monotonic() + WAIT
        while (found := look()) is None:
            assert time.monotonic() < until, f"{self.door}: {what}: not within {WAIT:.0f} s"
            time.sleep(0.01)
        return found

    def _text(self, name: str) -> Optional[str]:
        file = self.folder / name
        return file.read_text() if file.exists() else None

    def close(self) -> None:
        self.fresh()
        self.process.terminate()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def request(method: str, path: str, body: Optional[bytes] = None, fields: Fields = (), **play: Any) -> bytes:
    """A request of the usual caller, for a service that does what `play` says."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", "x-user: ana", *(f"{name}: {value}" for name, value in fields)]
    if play:
        lines.append(f"x-play: {json.dumps(play)}")
    names = {name for name, _ in fields}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")


def answer(client: Client, method: str = "GET") -> Reply:
    reply = client.reply(head=method == "HEAD")
    # Of no answer at all may a client have two readings (RFC 9112, 6.3).
    assert not {"content-length", "transfer-encoding"} <= set(reply.headers), reply.headers
    return reply
