"""Bakes the image without AWS: Debian by debootstrap, then Packer's own provisioning scripts, in a chroot.

Everything runs in mount and process namespaces of its own (`make image-test`), so nothing outlives it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gas.annotation.reference import sha256_of
from scripts.local.environment import ROOT

# Kept from run to run: Debian's tree. Made anew each time: the layers, and what the hosts write.
FOLDER = ROOT / "var" / "image"
BASE = ["provision/10-packages.sh", "provision/30-hardening.sh", "provision/90-clean.sh"]
# Cannot be reached from here: Packer runs it after the first of these.
NOT_RUN = "provision/20-agents.sh"
APPLICATION = [
    "provision/50-users.sh",
    "provision/60-application.sh",
    "provision/65-engine.sh",
    "provision/70-services.sh",
    "provision/80-manifest.sh",
    "provision/90-clean.sh",
    "verify/image.sh",
]
# What a release brings out in the tests: this checkout, with another version.
NEXT_VERSION = "9999.1"
SUITE = "trixie"
# What Debian's image for EC2 has beyond debootstrap's least, as far as our units and scripts deal with it.
AS_IN_EC2 = ("systemd", "systemd-sysv", "dbus", "udev", "cloud-init", "openssh-server", "iproute2", "sudo", "apt-utils")
SOURCE = Path("/tmp/gas")
# The package index's own settings reach pip in the chroot, and nothing else of the caller's environment.
# Logs, what the package manager notes, passwd's copies of what was before, and what has the time in it.
PASSING = (
    "var/log/",
    "var/cache/",
    "var/lib/dpkg/",
    "var/lib/apt/",
    "etc/shadow-",
    "usr/share/gas/sbom.cdx.json",
)
PASSED_PREFIXES = ("PIP_", "http_proxy", "https_proxy", "no_proxy")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def size(folder: Path) -> int:
    """Bytes on disk."""
    return int(run("du", "--summarize", "--block-size=1", str(folder)).split()[0])


def run(*command: str, **options: object) -> str:
    """Run it; returns its output. Raises AssertionError with all that it said."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **options
    )
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def debian(folder: Path) -> Path:
    """The tree of a plain Debian, made once and kept."""
    tree = folder / f"{SUITE}-{run('dpkg', '--print-architecture').strip()}"
    if not tree.exists():
        folder.mkdir(parents=True, exist_ok=True)
        work = folder / f".{tree.name}.new"
        shutil.rmtree(work, ignore_errors=True)
        run("debootstrap", "--variant=minbase", SUITE, str(work))
        with inside(work):
            apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
            run("chroot", str(work), *apt, "update")
            run("chroot", str(work), *apt, "install", "--no-install-recommends", *AS_IN_EC2)
            run("chroot", str(work), "apt-get", "clean")
        # debootstrap gives it this machine's name.
        (work / "etc/hostname").unlink()
        work.rename(tree)
    return tree


@contextmanager
def overlay(lower: list[Path], upper: Path) -> Iterator[Path]:
    """The layers as one tree; what is written goes to `upper`. `lower` is topmost first."""
    work, root = upper.with_name(f"{upper.name}.work"), upper.with_name(f"{upper.name}.root")
    for folder in (upper, work, root):
        folder.mkdir(parents=True, exist_ok=True)
    layers = ":".join(map(str, lower))
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={layers},upperdir={upper},workdir={work}", str(root))
    try:
        yield root
    finally:
        run("umount", "--lazy", str(root))


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """What a chroot needs: /proc, /dev, names of hosts, and no service that starts by itself."""
    policy = root / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", resolver)
    mounted = [root / "proc", root / "dev"]
    run("mount", "-t", "proc", "proc", str(mounted[0]))
    run("mount", "--rbind", "/dev", str(mounted[1]))
    try:
        yield
    finally:
        for place in mounted:
            run("umount", "--lazy", str(place))
        policy.unlink()
        resolver.unlink()


def bake(lower: list[Path], upper: Path, source: Path, scripts: list[str]) -> float:
    """Run provisioning scripts over the layers below; returns the seconds. `source` is what Packer uploads."""
    began = time.monotonic()
    with overlay(lower, upper) as root, inside(root):
        place = root / SOURCE.relative_to("/")
        shutil.copytree(source, place)
        certificates = place / "certificates.crt"
        shutil.copy(CERTIFICATES, certificates)
        for script in scripts:
            chroot(root, "bash", str(SOURCE / "ami" / script), PIP_CERT=str(SOURCE / certificates.name))
        shutil.rmtree(place)
    return time.monotonic() - began


def chroot(root: Path, *command: str, **more: str) -> str:
    """Run it in there as root, with an environment of its own."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
    return run("chroot", str(root), *command, env={**environment, **passed(os.environ), **more})


def passed(caller: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment a bake takes over."""
    return {name: value for name, value in caller.items() if name.startswith(PASSED_PREFIXES)}


def upload(folder: Path) -> Path:
    """What `make image` has Packer upload: the wheel, the requirements, setup.py and ami/."""
    run("make", "--no-print-directory", "-C", str(ROOT), "image-files", f"IMAGE_FILES={folder}")
    return folder


def upload_of_next(source: Path, folder: Path) -> Path:
    """The same with a wheel of NEXT_VERSION."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("wheel"))
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for package in ("gas", "agents", "webserver"):
            shutil.copytree(ROOT / package, copy / package)
        for file in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / file, copy)
        project = copy / "pyproject.toml"
        text, changed = re.subn(r'(?m)^version = ".+"$', f'version = "{NEXT_VERSION}"', project.read_text())
        assert changed == 1, "pyproject.toml names its version another way"
        project.write_text(text)
        pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
        run(*pip, "--wheel-dir", str(folder / "wheel"), str(copy))
    return folder


def layers() -> list[Path]:
    """The baked image's layers, topmost first."""
    return [FOLDER / "application", FOLDER / "base", debian(FOLDER)]


def next_layers() -> list[Path]:
    """The next release's. It is baked over this one: that is quicker, and the scripts leave the same behind."""
    return [FOLDER / "next", *layers()]


def clear(name: str) -> None:
    """Throw away a layer that was baked before."""
    for suffix in ("", ".work", ".root"):
        shutil.rmtree(FOLDER / f"{name}{suffix}", ignore_errors=True)


def bake_all() -> dict[str, float]:
    """Bake both layers, each twice, then the next release's; say how long everything took."""
    began = time.monotonic()
    below = debian(FOLDER)
    seconds = {"debian (0 when it was kept)": time.monotonic() - began}
    source = upload(FOLDER / "files")
    for name, lower, scripts in (("base", [below], BASE), ("application", [FOLDER / "base", below], APPLICATION)):
        clear(name)
        seconds[name] = bake(lower, FOLDER / name, source, scripts)
        before = listing(FOLDER / name)
        seconds[f"{name}, again"] = bake(lower, FOLDER / name, source, scripts)
        changed = before ^ listing(FOLDER / name)
        assert not changed, f"A second run of the scripts changes the {name} layer: {sorted(changed)[:20]}"
    clear("next")
    following = upload_of_next(source, FOLDER / "files-of-next")
    seconds["application, the next release"] = bake(layers(), FOLDER / "next", following, APPLICATION)
    return seconds


def listing(folder: Path) -> set[tuple[str, int, int, int, str]]:
    """Path, mode, owner, group and content's hash of everything that a rerun may not change."""
    found = set()
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if not name.startswith(PASSING) and path.suffix != ".pyc":
            status = path.lstat()
            digest = sha256_of(path) if path.is_file() and not path.is_symlink() else ""
            found.add((name, status.st_mode, status.st_uid, status.st_gid, digest))
    return found
