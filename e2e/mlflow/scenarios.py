"""MLflow's registry: its own server application under the middleware, driven by `mlflow.MlflowClient` and `mlflow.artifacts`."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Optional

import mlflow
from mlflow.exceptions import RestException
from paused import FIRST
from signing import Issuer
from trial import CUT, OVER, Trial, document_in

MAIL = "rosa.lind@example.com"
WEIGHTS = 8 << 20


def main() -> None:
    trial = Trial(f"MLflow {mlflow.__version__}: its server application under the ASGI middleware, driven by mlflow's client", problem_of)
    issuer = Issuer(trial.folder)
    pause = trial.folder / "pause"
    port = trial.serve("door:app", env={"WARDLINE_E2E_PAUSE": str(pause), "MLFLOW_DISABLE_TELEMETRY": "true"})
    uri = f"http://127.0.0.1:{port}"
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient(uri)
    training, analyst = issuer.token("train-7"), issuer.token("ana", "ml")

    become(training)
    run = client.create_run(client.create_experiment("ranking")).info.run_id
    weights = trial.folder / "weights" / "model.bin"
    weights.parent.mkdir()
    weights.write_bytes(os.urandom(WEIGHTS))
    client.log_artifact(run, str(weights), "model")
    source = f"{client.get_run(run).info.artifact_uri}/model"
    client.create_registered_model("ranker")
    client.create_model_version("ranker", source, run)

    with trial.scenario("PII in payloads", "masked on the way in and out") as seen:
        client.set_tag(run, "note", f"labels by {MAIL}")
        stored = database(trial, "SELECT value FROM tags WHERE key = 'note'")
        seen(stored == "labels by [EMAIL]", f"MLflow has stored {stored!r}")
        # What came before there was a guard is masked when it leaves.
        database(trial, "UPDATE tags SET value = ? WHERE key = 'note'", f"ask {MAIL}")
        told = client.get_run(run).data.tags["note"]
        seen(told == "ask [EMAIL]", f"the client is told {told!r}")

    def pull(name: str) -> Path:
        folder = trial.folder / name
        folder.mkdir(exist_ok=True)
        return Path(mlflow.artifacts.download_artifacts(artifact_uri=f"{source}/model.bin", dst_path=str(folder)))

    # Whoever has Ana's token is Ana.
    become(analyst)
    with trial.scenario("a model archive is pulled", "denied, then granted and used once") as seen:
        problem = trial.refused(lambda: pull("denied"))
        seen(problem["code"] == "grant_required", f"403 {problem['code']}, {files(trial, 'denied')} bytes are there")
        seen(files(trial, "denied") == 0, "none of the weights left")
        trial.grant("ana", "model.download", "1h", "--uses", "1")
        pulled = trial.until_passed(lambda: pull("granted"), "the grant reaches the server")
        seen(digest(pulled) == digest(weights), f"{pulled.stat().st_size:,} bytes under the grant, the same as were uploaded")
        again = trial.refused(lambda: pull("again"))
        seen(again["code"] != "granted", f"a second time {again['code']}")

    with trial.scenario("a stolen token exports everything", "held") as seen:
        problem = trial.refused(lambda: client.search_runs(["0", "1"], max_results=50_000))
        seen(problem["code"] == "approval_required", f"403 {problem['code']}")
        seen(len(client.search_runs(["1"], max_results=100)) == 1, "a page of runs passes as ever")

    with trial.scenario("a foreign model is pushed and put into service", "held") as seen:
        problem = trial.refused(lambda: client.log_artifact(run, str(weights), "model"))
        seen(problem["code"] == "too_large_to_hold", f"weights of {WEIGHTS:,} bytes: {problem['code']}")
        small = trial.folder / "weights" / "adapter.bin"
        small.write_bytes(b"foreign" * 99)
        problem = trial.refused(lambda: client.log_artifact(run, str(small), "model"))
        there = [file.path for file in client.list_artifacts(run, "model")]
        seen(problem["code"] == "approval_required" and there == ["model/model.bin"], f"an adapter: {problem['code']}; there is {there}")
        problem = trial.refused(lambda: client.set_registered_model_alias("ranker", "champion", "1"))
        seen(problem["code"] == "approval_required", f"alias: {problem['code']}")
        trial.approve(problem["approval"])
        client.set_registered_model_alias("ranker", "champion", "1")
        version = client.get_model_version_by_alias("ranker", "champion").version
        seen(str(version) == "1", "approved by sam: version 1 is the champion")

    with trial.scenario("a grant", "expires and refuses") as seen:
        trial.grant("ana", "model.download", "6s")
        seen(trial.until_passed(lambda: pull("timed"), "the grant reaches the server"), "pulled under it")
        problem = trial.until_refused(lambda: pull("late"), "the grant ends")
        seen(problem["code"] in OVER, f"then {problem['code']}")

    with trial.scenario("a grant is revoked while the weights stream", "cut") as seen:
        grant = trial.grant("ana", "model.download", "1h")
        trial.until_passed(lambda: pull("looked"), "the grant reaches the server")
        end = trial.revoked_amid(pause, grant, lambda: pull("amid"), lambda: pull("looked"))
        seen(end is CUT, f"the client has an exception: {end['code']}")
        # One of the others may have been on its way too.
        record = trial.recorded("grant_revoked", "--operation", "model.download", size=FIRST)
        seen(files(trial, "amid") <= FIRST, f"recorded as {record['outcome']['result']} after {FIRST:,} of {WEIGHTS:,} bytes")

    with trial.scenario("a token that somebody else signed, and none", "denied") as seen:
        other = trial.folder / "other"
        other.mkdir()
        become(Issuer(other).token("train-7"))
        problem = trial.refused(lambda: client.get_run(run))
        seen(problem["code"], f"401 or 403: {problem['code']}")
        become(None)
        problem = trial.refused(lambda: client.get_run(run))
        seen(problem["code"], problem["code"])

    trial.end(MAIL)


def become(token: Optional[str]) -> None:
    """The token that MLflow's client sends, where its documentation says it is read from."""
    os.environ.pop("MLFLOW_TRACKING_TOKEN", None)
    if token is not None:
        os.environ["MLFLOW_TRACKING_TOKEN"] = token


def problem_of(error: BaseException) -> Optional[dict[str, Any]]:
    """MLflow's client has what the server said as `json`, or quotes it; files that it could not download are told in words."""
    if isinstance(error, RestException):
        return error.json if "code" in error.json else None
    return CUT if "IncompleteRead" in str(error) else document_in(str(error))


def database(trial: Trial, statement: str, *values: str) -> Any:
    """What MLflow has in its own database."""
    with closing(sqlite3.connect(trial.folder / "mlflow.db")) as connection, connection:
        row = connection.execute(statement, values).fetchone()
    return row and row[0]


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def files(trial: Trial, name: str) -> int:
    """How many bytes a client was left with."""
    return sum(file.stat().st_size for file in (trial.folder / name).rglob("*") if file.is_file())


if __name__ == "__main__":
    main()
