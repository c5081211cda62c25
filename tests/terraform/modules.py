"""The modules of terraform/ that only work out text: they need neither a provider nor an account."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

MODULES = ROOT / "terraform" / "modules"


@cache
def terraform() -> str:
    """The terraform program; skips the test where there is none."""
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("needs the program terraform, 1.11 or newer (https://developer.hashicorp.com/terraform/install)")
    return found


def outputs(folder: Path, module: str, names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Any]:
    """What the module puts out for these variables. Works in `folder`."""
    call = {"module": {"it": {"source": str(MODULES / module), **variables}}}
    asked = {"output": {name: {"value": f"${{module.it.{name}}}"} for name in names}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.tf.json").write_text(json.dumps({**call, **asked}), "utf-8")
    # A configuration of this machine's owner has no say here.
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}

    def run(*arguments: str) -> str:
        ended = subprocess.run(
            [terraform(), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    run("init", "-input=false", "-no-color")
    run("apply", "-auto-approve", "-input=false", "-no-color")
    return {name: output["value"] for name, output in json.loads(run("output", "-json")).items()}
