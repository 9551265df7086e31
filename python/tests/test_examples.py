"""The examples do what their smoke scripts expect, and their policies what their cases promise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wardline._wardline import run_command

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
POLICIES = sorted(EXAMPLES.glob("*/wardline.yaml"))


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.parent.name)
def test_each_policy_is_sound(policy: Path) -> None:
    assert run_command(["wardline", "check", str(policy)]) == 0
    cases = policy.with_name("wardline.test.yaml")
    if cases.exists():
        assert run_command(["wardline", "test", str(cases)]) == 0


def smoke(name: str, folder: Path) -> str:
    """Runs an example in a copy, in which its state comes to lie."""
    copy = folder / name
    shutil.copytree(EXAMPLES / name, copy, ignore=shutil.ignore_patterns("state", "node_modules"))
    path = os.pathsep.join([str(ROOT / "python"), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = subprocess.run(
        [sys.executable, "smoke.py"], cwd=copy, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("name", ["data-collector", "preprocessing-worker", "training-job"])
def test_the_examples_do_what_they_say(name: str, tmp_path: Path) -> None:
    assert smoke(name, tmp_path).endswith("all as expected\n")


@pytest.mark.skipif("WARDLINE_TEST_MLFLOW" not in os.environ, reason="MLflow is large: tried where WARDLINE_TEST_MLFLOW is set")
def test_mlflow_under_guard(tmp_path: Path) -> None:
    assert smoke("model-registry", tmp_path).endswith("all as expected\n")
