"""What publishes the packages: it is sound as its linters have it, and builds what the package of npm asks for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"


@pytest.mark.parametrize(
    "linter",
    [["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], ["zizmor", "--offline", "--quiet", "--config", str(ROOT / ".github" / "zizmor.yml")]],
    ids=lambda linter: linter[0],
)
def test_the_workflow_is_sound(linter: list[str]) -> None:
    program, *options = linter
    ran = subprocess.run([str(Path(sys.executable).parent / program), *options, str(WORKFLOW)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_platform_of_the_package_is_built() -> None:
    told = subprocess.run(
        ["node", "-p", "JSON.stringify(require('./node/js/platform.js').PLATFORMS)"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    text = WORKFLOW.read_text()
    for name, platform in json.loads(told.stdout).items():
        assert f"platform: {name}," in text and f"target: {platform['target']}," in text, name
    assert text.count("- {platform: ") == len(json.loads(told.stdout))


def test_every_platform_has_a_wheel_for_the_interpreter_without_a_lock() -> None:
    builds = [line for line in WORKFLOW.read_text().splitlines() if "maturin build" in line]
    without_lock = [line for line in builds if "--interpreter python3.14t" in line]
    assert len(builds) == 2 * len(without_lock) > 0
