"""`make image-test`: bake the image and boot it. Needs root and some Debian packages; says which are missing.

First the bake, which needs the network; then the tests, in a network namespace of their own. Both run in namespaces of
their own for mounts and processes too: when they end, or are killed, nothing is left mounted or running.
"""

import json
import os
import shutil
import subprocess
import sys

import click

from scripts.local.environment import ROOT
from tests.image import bake

# Program → Debian package.
PROGRAMS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "packer": "packer",
    "shellcheck": "shellcheck",
    "ip": "iproute2",
    "socat": "socat",
    "haproxy": "haproxy",
    "ssh": "openssh-client",
    "unshare": "util-linux",
}
FIGURES = bake.FOLDER / "figures.json"
ALONE = ("unshare", "--mount", "--cgroup", "--pid", "--fork", "--kill-child", "--mount-proc")


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--keep-layers", is_flag=True, help="Test what was baked last.")
@click.option("--bake", "only_bake", is_flag=True, hidden=True, help="Used by itself, inside the namespaces.")
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def main(keep_layers: bool, only_bake: bool, pytest_options: tuple[str, ...]) -> None:
    """Bake the image, boot it, and test it."""
    if only_bake:
        FIGURES.write_text(json.dumps({f"bake: {name}, s": seconds for name, seconds in bake.bake_all().items()}))
        return
    problem = missing()
    if problem:
        sys.exit(problem)
    bake.FOLDER.mkdir(parents=True, exist_ok=True)
    if not keep_layers:
        run([*ALONE, sys.executable, "-m", "tests.image", "--bake"])
    tests = [sys.executable, "-m", "pytest", "tests/image", "-p", "no:cacheprovider", *pytest_options]
    run([*ALONE, "--net", *tests], IMAGE_TEST="1")


def missing() -> str:
    """A sentence where this cannot run here, else nothing."""
    packages = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
    if packages:
        return f"The image's test needs Debian packages that are missing: apt-get install {' '.join(packages)}"
    if os.geteuid() != 0:
        return "The image's test mounts, and boots hosts in namespaces: it needs root."
    tried = subprocess.run([*ALONE, "--net", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"The image's test needs namespaces of its own, which are not allowed here: {tried.stderr.strip()}"
    return ""


def run(command: list[str], **more: str) -> None:
    """Run it; ends this program with its status where it fails."""
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **more}, check=False).returncode
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
