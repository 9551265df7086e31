"""Four processes on one state folder: a Rust server, a Node server and two Python servers, one of which is killed.

One grant of so many uses serves them all. Together they never exceed it, the killed one loses at most the use that it had
taken, and the log of each verifies.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Optional

import pytest
from support import asked, records

from wardline import Guard

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "debug"
WEIGHTS = "/mlflow/api/2.0/mlflow-artifacts/artifacts/models/feature-hash-384/1/model.bin"
USES = 60

PYTHON = """
import asyncio, socket, sys, uvicorn
from wardline.asgi import GuardMiddleware

async def app(scope, receive, send):
    head = [(b"content-type", b"application/octet-stream"), (b"content-length", b"7")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"weights"})

listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(GuardMiddleware(app), log_level="critical", lifespan="off")
asyncio.run(uvicorn.Server(config).serve([listener]))
"""

NODE = """
const http = require("node:http");
const { guard } = require(process.env.WARDLINE_NODE + "/js/express.js");
const pass = guard();
const server = http.createServer((req, res) => pass(req, res, () => res.end("weights")));
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
"""


class Process:
    """A server in a process of its own, and how often it served."""

    def __init__(self, command: list[str], policy: Path) -> None:
        environment = {**os.environ, "WARDLINE_POLICY": str(policy), "WARDLINE_NODE": str(ROOT / "node")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (http://\S+)\n", line)
        assert found is not None, f"{command[0]} did not start"
        self.url = found.group(1) + WEIGHTS
        self.served = 0
        self.refused: Optional[str] = None

    def download(self) -> None:
        """Downloads once; notes what refused it, or that the process is gone."""
        request = urllib.request.Request(self.url, headers={"x-user": "ana"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                answer.read()
            self.served += 1
        except urllib.error.HTTPError as error:
            with error:
                self.refused = json.loads(error.read())["code"]
        except OSError:
            self.refused = "gone"

    def use_up(self, killed: threading.Event) -> None:
        """Downloads until refused, but leaves most of the grant until the kill: else there may be no use to be killed in."""
        while self.refused is None:
            if self.served == USES // 6:
                killed.wait(60)
            self.download()

    def die(self, killed: threading.Event) -> None:
        """Downloads a few times, and is killed in the midst of the next one."""
        while self.refused is None:
            if self.served == 3 and not killed.is_set():
                last = threading.Thread(target=self.download)
                last.start()
                self.process.send_signal(signal.SIGKILL)
                last.join()
                killed.set()
            else:
                self.download()


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_four_processes_one_of_them_killed(tmp_path: Path) -> None:
    policy = tmp_path / "wardline.yaml"
    shutil.copy(ROOT / "examples/axum-embeddings/wardline.yaml", policy)
    commands = [
        [str(BUILT / "axum-embeddings"), "0"],
        ["node", "-e", NODE],
        [sys.executable, "-c", PYTHON],
        [sys.executable, "-c", PYTHON],
    ]
    guard = Guard(policy)
    guard.issue_grant(
        who=["user:ana"], operations=["model.download"], until="1h", reason="evaluation", by="lee", uses=USES
    )
    processes = [Process(command, policy) for command in commands]
    killed = threading.Event()
    threads = [threading.Thread(target=one.use_up, args=(killed,)) for one in processes[:-1]]
    threads.append(threading.Thread(target=processes[-1].die, args=(killed,)))
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        for one in processes:
            one.process.terminate()
            one.process.wait(20)
            assert one.process.stdout is not None
            one.process.stdout.close()
    codes = [one.refused for one in processes]
    assert codes[-1] == "gone" and set(codes[:-1]) <= {"grant_exhausted", "grant_required"}, codes
    served = [one.served for one in processes]
    assert all(served), served
    assert USES - 1 <= sum(served) <= USES, served
    assert guard.grants()[0]["used"] == USES

    downloads = [r for r in records(policy) if r["enforced"] == "allow"]
    assert {"tower", "express", "asgi"} == {r["door"] for r in downloads}
    verify = [sys.executable, "-m", "wardline", "audit", "verify", "--json", "--policy", str(policy)]
    report = json.loads(subprocess.run(verify, capture_output=True, check=True).stdout)
    assert sum(log["size"] > 0 for log in report["logs"]) >= 5, report


WITHOUT_LIFESPAN = """
import asyncio, socket, uvicorn
from wardline.asgi import GuardMiddleware

async def app(scope, receive, send):
    if scope["type"] != "http":
        %s
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"weights"})

listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
asyncio.run(uvicorn.Server(uvicorn.Config(GuardMiddleware(app), log_level="critical")).serve([listener]))
"""


@pytest.mark.parametrize("answer", ["return", "raise NotImplementedError(scope['type'])"])
def test_an_application_without_a_lifespan_loses_no_signature(tmp_path: Path, answer: str) -> None:
    policy = tmp_path / "wardline.yaml"
    policy.write_text(
        "version: 1\nidentity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}\n"
        "services: {models: {system: mlflow, base_path: /mlflow}}\n"
        'rules: [{name: use, who: ["user:*"], operations: [model.download], effect: allow}]\n'
    )
    server = Process([sys.executable, "-c", WITHOUT_LIFESPAN % answer], policy)
    # The last of them are written within the second in which the server is told to stop.
    for _ in range(3):
        server.download()
    server.process.send_signal(signal.SIGTERM)
    server.process.communicate(timeout=20)
    assert (server.served, server.refused) == (3, None)
    [log] = json.loads(asked(["audit", "verify", "--policy", str(policy), "--json"]))["logs"]
    assert log["size"] == log["signed"] >= 3 and log["fault"] is None, log


IN_THE_MIDST = """
import asyncio, socket, uvicorn
from wardline.asgi import GuardMiddleware

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"14")]})
    await send({"type": "http.response.body", "body": b"weights", "more_body": True})
    await asyncio.sleep(60)

listener = socket.create_server(("127.0.0.1", 0))
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
config = uvicorn.Config(GuardMiddleware(app), log_level="critical", lifespan="off")
asyncio.run(uvicorn.Server(config).serve([listener]))
"""


def test_what_was_begun_when_the_process_was_killed_is_recorded_as_unfinished(tmp_path: Path) -> None:
    """R06: from ``durable_from`` on the entry is on disk before the first byte goes on, so a kill leaves it, marked."""
    policy = tmp_path / "wardline.yaml"
    policy.write_text(
        "version: 1\ndurable_from: 0\nidentity: {headers: {subject: x-user}, trusted_peers: [127.0.0.1]}\n"
        "services: {models: {system: mlflow, base_path: /mlflow}}\n"
        'rules: [{name: use, who: ["user:*"], operations: [model.download], effect: allow}]\n'
    )
    server = Process([sys.executable, "-c", IN_THE_MIDST], policy)
    request = urllib.request.Request(server.url, headers={"x-user": "ana"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.read(7) == b"weights"
        server.process.send_signal(signal.SIGKILL)
        server.process.communicate(timeout=20)
    [found] = [json.loads(line) for line in asked(["audit", "query", "--policy", str(policy), "--json"]).splitlines()]
    assert found["complete"] is False and found["record"]["identity"]["subject"] == "ana", found
    assert found["record"]["outcome"]["result"] == "failed", found
    [log] = json.loads(asked(["audit", "verify", "--policy", str(policy), "--json"]))["logs"][:1]
    assert log["fault"] is None and log["open"] == 1, log
