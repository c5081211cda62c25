"""Terraform as a person runs it, on a copy of terraform/ so that nothing is left in the checkout."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

PROVIDER = "registry.terraform.io/hashicorp/aws"
# Where machines without a network keep provider packages, besides the folders that Terraform looks into by itself.
# https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
MIRROR_ROOTS = ("/opt", "/srv", "/usr/lib", "/usr/local/lib", "/usr/local/share", "/var/lib")
# Most of an apply is waiting: the provider asks a queue for 25 seconds whether it has become what it should be.
PARALLELISM = "20"
NO_CHANGES, CHANGES = 0, 2
# What somebody may have in terraform/ who uses it.
OF_THE_OPERATOR = (".terraform", "*.tfstate*", "terraform.tfvars", "*.auto.tfvars", "backend.tf")


class Failed(Exception):
    """Something is not as it has to be; says what."""


@dataclass(frozen=True)
class Terraform:
    """A working copy of terraform/ with variables, and the environment its commands run in."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run one command. Raises Failed with what it wrote where its exit status is none of `codes`."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in codes:
            raise Failed(f"terraform {arguments[0]} ended with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr}")
        return done

    def apply(self, *arguments: str) -> None:
        self.run("apply", "-auto-approve", "-input=false", "-no-color", f"-parallelism={PARALLELISM}", *arguments)

    def destroy(self, *arguments: str) -> None:
        self.run("destroy", "-auto-approve", "-input=false", "-no-color", f"-parallelism={PARALLELISM}", *arguments)

    def changes(self, plan: Path, *arguments: str) -> dict[str, list[str]]:
        """Plan into the file and return what it would do: address → actions; empty where nothing differs."""
        options = ("-detailed-exitcode", "-input=false", "-no-color", f"-parallelism={PARALLELISM}", f"-out={plan}")
        if self.run("plan", *options, *arguments, codes=(NO_CHANGES, CHANGES)).returncode == NO_CHANGES:
            return {}
        shown = json.loads(self.run("show", "-json", str(plan)).stdout)
        found = {change["address"]: change["change"]["actions"] for change in shown.get("resource_changes", [])}
        differing = {address: actions for address, actions in found.items() if actions not in (["no-op"], ["read"])}
        return differing or {"(outputs)": ["update"]}

    def outputs(self) -> dict[str, Any]:
        read = json.loads(self.run("output", "-json").stdout)
        return {name: output["value"] for name, output in read.items()}

    def resources(self) -> list[str]:
        """Addresses of what is in the state, data sources aside."""
        listed = self.run("state", "list").stdout.splitlines()
        return [
            address for address in listed if not address.rpartition("module.")[2].partition(".")[2].startswith("data.")
        ]


def copy(folder: Path, environment: Mapping[str, str]) -> Terraform:
    """terraform/ and the topology beside it, copied to `folder`; its commands run in `environment`."""
    work = folder / "terraform"
    shutil.copytree(ROOT / "terraform", work, ignore=shutil.ignore_patterns(*OF_THE_OPERATOR))
    (folder / "gas").mkdir()
    shutil.copy(ROOT / "gas" / "topology.json", folder / "gas")
    configuration = folder / "terraform.rc"
    configuration.write_text(mirror_configuration(os.environ), "utf-8")
    passed = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    ours = {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    return Terraform(work, {**passed, **ours, **environment})


def mirror_configuration(caller: Mapping[str, str]) -> str:
    """A CLI configuration with a local mirror of the provider, where this machine has one; else an empty one."""
    own = Path(caller.get("TF_CLI_CONFIG_FILE", ""))
    if own.is_file():
        return own.read_text("utf-8")
    found = (
        mirror for root in MIRROR_ROOTS for depth in ("", "*/", "*/*/") for mirror in Path(root).glob(depth + PROVIDER)
    )
    mirror = next(found, None)
    if mirror is None:
        return ""
    path = json.dumps(str(mirror.parents[2]))
    return f"provider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
