"""The steps of a training job that leave its process: requests to the registry, and commands of the host."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import requests

from wardline import Guard, WardlineError
from wardline.requests import GuardAdapter

JOB = "train-7"


class Job:
    """A job under one guard. `adapter` sends its requests, `run` its commands."""

    def __init__(self, guard: Guard, adapter: Any = None, run: Callable[..., Any] = subprocess.run) -> None:
        self.guard = guard
        self._run = run
        self.session = requests.Session()
        inner = [adapter] if adapter else []
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, GuardAdapter(*inner, identity=JOB, guard=guard))

    def weights(self, registry: str, model: str, version: int) -> bytes:
        """The weights of a model, under a grant."""
        place = f"{registry}/model-versions/get-artifact"
        answer = self.session.get(place, params={"name": model, "version": version, "path": "model.safetensors"})
        if answer.status_code == 403:
            raise WardlineError(answer.json()["detail"], answer.json()["code"])
        answer.raise_for_status()
        return answer.content

    def command(self, line: str) -> None:
        """Runs a line of shell where it may run."""
        with self.guard.command(line, service="host", identity=JOB):
            self._run(["sh", "-c", line], check=True)


if __name__ == "__main__":
    job = Job(Guard(os.environ.get("WARDLINE_POLICY", "wardline.yaml")))
    for step in sys.argv[1:]:
        try:
            job.command(step)
        except WardlineError as refused:
            sys.exit(f"{step!r}: {refused.code} {refused.approval or ''}")
