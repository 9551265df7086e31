"""Starts MLflow's server under guard, drives it by MLflow's own client, and ends with an error where anything is not as expected."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from wardline import Guard

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    guard = Guard(HERE / "wardline.yaml")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "guarded", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", f"{folder}/artifacts"]
    found = os.pathsep.join([str(installed(folder)), *sys.path])
    server = subprocess.Popen(
        [*command, "--uvicorn-opts", "--no-proxy-headers --log-level warning"], cwd=HERE, env={**os.environ, "PYTHONPATH": found}
    )
    try:
        answers(url)
        client(url, guard, folder)
    finally:
        server.terminate()
        server.wait(30)
    log = wardline("query", "--operation", "model.download", "--json")
    entries = [entry.get("record", entry) for entry in map(json.loads, log.splitlines())]
    reasons = [entry["outcome"].get("reason") for entry in entries if entry["kind"] in ("exchange", "end")]
    print("downloads in the log:", reasons)
    assert reasons[0] == "grant_required" and None in reasons and reasons[-1].startswith("grant_"), log
    assert "default_deny" in wardline("query", "--operation", "model.delete", "--json")
    print(wardline("verify").strip())
    print("all as expected")


def wardline(*words: str) -> str:
    audit = [sys.executable, "-m", "wardline", "audit", *words, "--policy", str(HERE / "wardline.yaml")]
    return subprocess.run(audit, check=True, capture_output=True, text=True).stdout


def client(url: str, guard: Guard, folder: Path) -> None:
    """A training job registers a model; a thief with its token does not get the weights; a grant does, once."""
    called("train-7")
    mlflow.set_tracking_uri(url)
    registry = mlflow.MlflowClient()
    registry.create_registered_model("ranker")
    run = registry.create_run("0")
    (folder / "model.safetensors").write_bytes(b"weights")
    registry.log_artifact(run.info.run_id, str(folder / "model.safetensors"))
    registry.create_model_version("ranker", f"runs:/{run.info.run_id}", run.info.run_id)
    print("registered: ranker, version 1")

    code = refused(lambda: mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model.safetensors"))
    print("its own token does not pull weights:", code)
    guard.issue_grant(who="user:train-7", operations="model.download", until="1h", uses=1, reason="evaluation", by="ana")
    time.sleep(1)          # the server looks at grants four times a second
    pulled = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model.safetensors")
    assert Path(pulled).read_bytes() == b"weights"
    print("under a grant they are pulled, once:", refused(
        lambda: mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="model.safetensors")
    ))
    print("deleting is not for it:", refused(lambda: registry.delete_registered_model("ranker")))


def called(name: str) -> None:
    """MLflow's client sends no header of ours by itself: the example stands in for the proxy that authenticates."""
    from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider
    from mlflow.tracking.request_header.registry import _request_header_provider_registry

    class Caller(RequestHeaderProvider):
        def in_context(self) -> bool:
            return True

        def request_headers(self) -> dict[str, str]:
            return {"x-user": name}

    _request_header_provider_registry.register(Caller)


def refused(step: object) -> str:
    try:
        step()  # type: ignore[operator]
    except (MlflowException, OSError):
        # Its client says of some refusals only that something is not there; the log has their codes.
        return "refused"
    sys.exit("it passed")


def installed(folder: Path) -> Path:
    """What `pip install .` leaves of this folder's entry point."""
    info = folder / "guarded_mlflow-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guarded-mlflow\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text("[mlflow.app]\nguarded = guarded_mlflow:app\n")
    return folder


def answers(url: str) -> None:
    until = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.2)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
