"""`make terraform-test`: terraform/ checked, applied to the AWS stand-in, used, changed and destroyed.

Prints what it found and the seconds that each stage took. Exit status 0 only if everything holds.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from gas.config import Settings
from scripts import demo, demo_life, globus_client
from scripts.local.deployed import host_settings, stack_settings
from scripts.local.environment import load_keys
from scripts.local.site import VisitFailed
from scripts.local.stack import Stack
from scripts.local.supervision import NotReady
from tests.conftest import REGION, ROOT, AwsStandIn, start_standin, stop_standin
from tests.terraform import account
from tests.terraform.tool import Failed, Terraform, copy

SAMPLE = ROOT / "var" / "sample" / "mitochondrial.vcf.gz"
PREFIX = "gas"
ROLES = ("web", "annotator", "utility")
# All that a release may touch.
OF_A_RELEASE = re.compile(r"module\.(web|annotator|utility)\.(aws_launch_template|aws_autoscaling_group)\.this")


def main() -> None:
    if shutil.which("terraform") is None:
        sys.exit("terraform is not on PATH. Install Terraform 1.11 or newer (docs/terraform.md), then try again.")
    folder = Path(tempfile.mkdtemp(prefix="gas-terraform-"))
    steps = demo.Steps()
    try:
        check(folder / "checked", steps)
        with standing_in() as standin:
            use(folder / "applied", standin, steps)
    except (Failed, demo.DemoFailed, demo_life.LifeFailed, VisitFailed, NotReady) as error:
        sys.exit(f"\nTerraform's test failed: {error}\nWhat it left is in {folder}.")
    shutil.rmtree(folder)
    print(f"\nSeconds each stage took\n{steps.table()}\n  all: {sum(seconds for _, seconds in steps.taken):.0f} s")


def check(folder: Path, steps: demo.Steps) -> None:
    """What can be seen without an account."""
    terraform = copy(folder, {"AWS_REGION": REGION})
    with steps.step("terraform fmt"):
        terraform.run("fmt", "-check", "-recursive", "-diff")
    with steps.step("terraform init and validate"):
        terraform.run("init", "-input=false", "-no-color", "-lockfile=readonly")
        terraform.run("validate", "-no-color")
    with steps.step("terraform test"):
        print(indent(terraform.run("test", "-no-color").stdout.strip().splitlines()[-1]), flush=True)
    for example in sorted(terraform.folder.glob("examples/*/gas.tfvars")):
        with steps.step(f"the example {example.parent.name}"):
            terraform.run("test", "-no-color", "-test-directory=examples", f"-var-file={example}")
    with steps.step("checkov"):
        checkov(folder)


def checkov(folder: Path) -> None:
    """Every check holds, or is suppressed in place with the reason. Raises Failed."""
    program = ROOT / ".venv" / "checkov" / "bin" / "checkov"
    done = subprocess.run(
        [program, "--directory", folder / "terraform", "--framework", "terraform", "--compact", "--skip-download"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"checkov ended with {done.returncode}:\n{done.stdout}{done.stderr[-2000:]}")
    counts = next((line for line in done.stdout.splitlines() if line.startswith("Passed checks")), done.stdout)
    print(indent(counts), flush=True)


@contextmanager
def standing_in() -> Iterator[AwsStandIn]:
    times = {name: value for name, value in demo_life.SHORT_TIMES.items() if name.startswith("AWS_STANDIN_")}
    standin = start_standin(**times)
    try:
        yield standin
    finally:
        stop_standin(standin)


def use(folder: Path, standin: AwsStandIn, steps: demo.Steps) -> None:
    """The whole life of a deployment."""
    old, new = (account.image(standin.client, version) for version in ("0.1.0", "0.2.0"))
    variables = {"ami_id": old, "zone_id": account.hosted_zone(standin.client)}
    terraform = copy(folder, standin.env)
    shutil.copy(ROOT / "tests" / "terraform" / "demo.tfvars", terraform.folder / "demo.auto.tfvars")
    given = [f"-var={name}={value}" for name, value in variables.items()]
    terraform.run("init", "-input=false", "-no-color", "-lockfile=readonly")
    plan = folder / "plan"

    with steps.step("terraform apply"):
        terraform.apply(*given)
    print(indent(f"{len(terraform.resources())} resources"), flush=True)
    if not account.left(standin.client, PREFIX):
        raise Failed("Nothing was found in the account after an apply: the look for what is left sees nothing.")
    with steps.step("plan again: nothing to do"):
        none(list(terraform.changes(plan, *given)), "The second plan is not empty")
    with steps.step("a new image: launch templates and groups only"):
        changed = terraform.changes(plan, *given, f"-var=ami_id={new}")
        none([name for name in changed if not OF_A_RELEASE.fullmatch(name)], "A release also changes")
        if len(changed) != 2 * len(ROLES) or any(what != ["update"] for what in changed.values()):
            raise Failed(f"A release should update {2 * len(ROLES)} resources; it would: {changed}")
        terraform.run("apply", "-input=false", "-no-color", f"-parallelism={len(changed)}", str(plan))
    demonstrate(folder, standin, terraform, steps)
    with steps.step("terraform destroy"):
        terraform.destroy(*given)
    none(terraform.resources(), "Destroying left in the state")
    none(account.left(standin.client, PREFIX), "Destroying left in the account")


def demonstrate(folder: Path, standin: AwsStandIn, terraform: Terraform, steps: demo.Steps) -> None:
    """The end-to-end demo on what Terraform made, with the settings that hosts would read."""
    ssm = standin.client("ssm")
    for role in ROLES:
        # As on a host: nothing else is in its environment.
        with patch.dict(os.environ, host_settings(ssm, PREFIX, role), clear=True):
            Settings()
    stack_folder = folder / "stack"
    stack_folder.mkdir()
    keys = load_keys(stack_folder / "keys.json")
    secret = terraform.outputs()["secret_name"]
    globus_client.put(standin.client("secretsmanager"), secret, keys.client_id, keys.client_secret)
    stack = Stack(stack_folder, stack_settings(ssm, PREFIX, ROLES), aws_port=int(standin.url.rpartition(":")[2]))
    own = demo.Steps()
    with steps.step("the demo on what Terraform made"):
        demo.demonstrate(stack, SAMPLE, folder, own)
    print(f"\nThe demo's own steps\n{own.table()}", flush=True)


def none(found: list[str], problem: str) -> None:
    if found:
        raise Failed("\n  ".join([f"{problem}:", *sorted(found)]))


def indent(text: str) -> str:
    return f"    {text.strip()}"


if __name__ == "__main__":
    main()
