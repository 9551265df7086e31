"""One real system under guard: its folder, its processes, what the `wardline` command says of it, and what was seen.

    trial = Trial("Chroma 1.5.9", problem)          # `problem` reads the guard's answer from what the client raises
    trial.start("server", [trial.program("chroma"), "run", "--port", str(port)], port)
    with trial.scenario("a stolen token exports everything", "held") as seen:
        seen(trial.refused(lambda: collection.get())["code"] == "approval_required", "held")
    trial.end()

Every value is observed. A scenario that is not as expected is told and the next one is tried; `end` then leaves with 1.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Optional, TypeVar

from paused import paused
from waiting import NotAsExpected, awaited, expect

T = TypeVar("T")

Problem = Callable[[BaseException], Optional[dict[str, Any]]]
"""What a client's exception says of the guard's answer: its problem document, `CUT`, or `None` where it is another matter."""

CUT: dict[str, Any] = {"code": "cut"}
"""A response broke off."""

START = 180.0
"""Seconds that a server has to listen: some take half a minute to import, on a busy machine more."""

OPERATOR = "sam"
"""Who approves, grants and revokes in every policy here."""

OVER = ("approval_required", "grant_required", "grant_expired")
"""How what a grant let through is refused once it has ended: before it runs, or with its answer already there."""


class Trial:
    """A system's trial, in `target/e2e/NAME/trial`, which is made anew."""

    def __init__(self, title: str, problem: Problem) -> None:
        self.problem = problem
        # The last exception of a client.
        self.raised: Optional[BaseException] = None
        here = Path(sys.argv[0]).resolve().parent
        self.folder = Path(os.environ["WARDLINE_E2E"]) / here.name / "trial"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.policy = self.folder / "wardline.yaml"
        shutil.copy(here / "wardline.yaml", self.policy)
        self.here = here
        self.failed: list[str] = []
        self.passed = 0
        self.processes: list[subprocess.Popen[bytes]] = []
        atexit.register(self.stop)
        print(f"\n── {title}", flush=True)

    @staticmethod
    def program(name: str) -> str:
        """A program of the system's own virtual environment."""
        return str(Path(sys.executable).with_name(name))

    def start(
        self, name: str, command: Sequence[str], port: int, env: Optional[Mapping[str, str]] = None, **how: Any
    ) -> subprocess.Popen[bytes]:
        """A process that is awaited until it listens on a port of 127.0.0.1, and ended with the trial."""
        log = self.folder / f"{name}.log"
        environment = {**os.environ, "WARDLINE_POLICY": str(self.policy), **(env or {})}
        with log.open("wb") as out:
            # A group of its own: some servers leave their workers behind when they are told to end.
            how = {"start_new_session": True, **how}
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **how
            )
        self.processes.append(process)

        def listens() -> Optional[bool]:
            if process.poll() is not None:
                raise NotAsExpected(f"{name} ended with {process.returncode}: {log.read_text()[-2000:]}")
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0 or None

        awaited(listens, f"{name} listens", START)
        return process

    def serve(self, app: str, workers: int = 1, env: Optional[Mapping[str, str]] = None) -> int:
        """An ASGI application, such as `door:app`, under the real uvicorn; its port."""
        port = free_port()
        path = os.pathsep.join((str(self.here), os.environ["PYTHONPATH"]))
        command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--no-proxy-headers"]
        command += ["--workers", str(workers), "--log-level", "warning"]
        self.start(app.partition(":")[0], command, port, {**(env or {}), "PYTHONPATH": path})
        return port

    def wardline(self, *words: str, code: int = 0) -> str:
        """What the command says, which must end with `code`."""
        command = [sys.executable, "-m", "wardline", *words, "--policy", str(self.policy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise NotAsExpected(f"wardline {' '.join(words)}: {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        return done.stdout

    def approve(self, approval: str) -> None:
        """A person of security agrees, in another process than the service's."""
        self.wardline("approval", "approve", approval, "--as", OPERATOR, "--reason", "agreed in review")

    def grant(self, who: str, operation: str, until: str, *further: str) -> str:
        """Issues a grant; its id."""
        words = ["--who", f"user:{who}", "--operation", operation, "--until", until, "--reason", "trial", "--as", OPERATOR]
        grant: str = json.loads(self.wardline("grant", "issue", *words, *further, "--json"))["id"]
        return grant

    def revoke(self, grant: str) -> None:
        self.wardline("grant", "revoke", grant, "--as", OPERATOR, "--reason", "trial")

    def records(self, *filters: str) -> list[dict[str, Any]]:
        """Records of exchanges that ended, oldest first."""
        out = self.wardline("audit", "query", "--limit", "9999", *filters, "--json")
        entries = [json.loads(line) for line in out.splitlines()]
        records = [entry.get("record", entry) for entry in entries]
        return [record for record in records if record["kind"] in ("exchange", "end")]

    def recorded(self, reason: str, *filters: str, size: Optional[int] = None) -> dict[str, Any]:
        """The first record of a response that ended for this reason, after so many bytes where they are given, once the service's worker has
        written it."""

        def look() -> Optional[dict[str, Any]]:
            ended = (r for r in self.records(*filters) if r["outcome"].get("reason") == reason and "response" in r)
            return next((r for r in ended if size in (None, r["response"]["bytes"])), None)

        return awaited(look, f"the record of {reason}")

    def left(self, *filters: str) -> int:
        """How many vectors left in the exchanges that these filters find."""
        censuses = (record.get("response", {}).get("census", {}) for record in self.records(*filters))
        return sum(census.get("vectors", 0) for census in censuses)

    def outcome(self, call: Callable[[], T]) -> tuple[Optional[T], Optional[dict[str, Any]]]:
        """What a call answers, or how the guard answered it."""
        try:
            return call(), None
        except Exception as error:  # noqa: BLE001: clients raise what they like
            found: Optional[BaseException] = error
            self.raised = error
            while found is not None:
                problem = self.problem(found)
                if problem is not None:
                    return None, problem
                # Some clients raise something of their own over it.
                found = found.__cause__ or found.__context__
            raise

    def refused(self, call: Callable[[], Any]) -> dict[str, Any]:
        """The problem document with which the guard refuses a call. What its client raises says which approval to wait for."""
        _, problem = self.outcome(call)
        if problem is None:
            raise NotAsExpected("the call passed")
        approval = problem.get("approval")
        # Statements raise an error of ours, which has it as an attribute.
        ours = type(self.raised).__module__.startswith("wardline")
        expect(approval is None or ours or approval in str(self.raised), "the client's exception names the approval", self.raised)
        return problem

    def until_passed(self, call: Callable[[], T], what: str) -> T:
        """What a call answers as soon as it is let through: another process's grant takes up to a second."""

        def look() -> Optional[tuple[T]]:
            answer, problem = self.outcome(call)
            return (answer,) if problem is None else None  # type: ignore[return-value]

        return awaited(look, what)[0]

    def until_refused(self, call: Callable[[], Any], what: str) -> dict[str, Any]:
        """The problem document, as soon as a call has one; one that is cut says that it was let through."""

        def look() -> Optional[dict[str, Any]]:
            _, problem = self.outcome(call)
            return None if problem is CUT else problem

        return awaited(look, what)

    def revoked_amid(self, pause: Path, grant: str, stream: Callable[[], Any], again: Callable[[], Any]) -> dict[str, Any]:
        """How a call ends whose grant is revoked while its response streams: it stops within `Paused`, the grant is revoked, and it
        goes on once `again` tells that the service knows."""
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(self.outcome(stream)))
        with paused(pause) as waits:
            thread.start()
            waits()
            self.revoke(grant)
            self.until_refused(again, "the revocation reaches the service")
            # Another worker may have answered: it reaches every process within a second.
            time.sleep(1)
        thread.join()
        expect(results, "the call ends as the guard ends it", None)
        answer, problem = results[0]
        expect(problem is not None, "the response is cut", f"an answer of {len(str(answer))} characters")
        assert problem is not None
        return problem

    @contextmanager
    def scenario(self, title: str, outcome: str) -> Iterator[Seen]:
        """What happens, and how it ends: a line on success, and on anything else what was seen instead."""
        seen = Seen()
        try:
            yield seen
            expect(seen.facts, "something was looked at", None)
        except Exception as error:  # noqa: BLE001: told below
            self.failed.append(title)
            print(f"   ✗ {title} -> {outcome}", flush=True)
            if isinstance(error, NotAsExpected):
                print(f"     not as expected: {error}", flush=True)
            else:
                print("     " + traceback.format_exc().strip().replace("\n", "\n     "), flush=True)
            return
        self.passed += 1
        print(f"   ✓ {title} -> {outcome}", flush=True)
        for fact in seen.facts:
            print(f"       {fact}", flush=True)

    def end(self, *secrets: str) -> None:
        """The auditor's part: the log verifies, the report has an answer, no value stands in clear; then the exit code."""
        with self.scenario("an auditor verifies and reports", "sound") as seen:
            self.stop()
            said = self.wardline("audit", "verify")
            seen("sound" in said and "NOT SOUND" not in said, said.strip().splitlines()[-1])
            answers = [json.loads(line) for line in self.wardline("audit", "report", "--json").splitlines()]
            for answer in answers:
                seen(not answer["open"], f"{answer['question']} {answer['answer']}")
            log = b"".join(file.read_bytes() for file in sorted((self.folder / "state").rglob("*")) if file.is_file())
            found = [secret for secret in secrets if secret.encode() in log]
            seen(not found, f"{len(secrets)} personal values looked for in {len(log):,} bytes of state, none there")
        self.stop()
        print(f"   {self.passed} scenarios as expected, {len(self.failed)} not", flush=True)
        sys.exit(1 if self.failed else 0)

    def stop(self) -> None:
        """Ends the processes, newest first."""
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class Seen:
    """Collects what a scenario saw; called with whether it is as expected, and what it is."""

    def __init__(self) -> None:
        self.facts: list[str] = []

    def __call__(self, holds: Any, fact: Any) -> None:
        expect(holds, "", fact)
        self.facts.append(str(fact))


def document_in(text: str) -> Optional[dict[str, Any]]:
    """The guard's problem document, where a client quotes the answer in what it says."""
    end = text.find('"type":"urn:wardline')
    start = text.find("{") if end >= 0 else -1
    while 0 <= start < end:
        try:
            document: dict[str, Any] = json.JSONDecoder().raw_decode(text[start:])[0]
        except ValueError:
            document = {}
        if "type" in document and "title" in document:
            return document
        start = text.find("{", start + 1)
    return None


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port
