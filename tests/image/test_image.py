"""The baked image as it lies on the disk, and what bakes it."""

import json
import subprocess
from pathlib import Path

import pytest

from scripts.local.environment import ROOT
from tests.image import bake

SCRIPTS = sorted(ROOT.glob("ami/**/*.sh"))


@pytest.fixture(scope="module")
def image(layers: list[Path]) -> dict[str, bytes]:
    """The files that describe it."""
    folder = layers[0] / "usr/share/gas"
    return {name: (folder / name).read_bytes() for name in ("manifest.json", "sbom.cdx.json")}


def test_every_script_is_clean() -> None:
    assert SCRIPTS
    bake.run("shellcheck", *map(str, SCRIPTS), str(ROOT / "ami/supervisor/launch"))
    for script in SCRIPTS:
        bake.run("bash", "-n", str(script))


def test_packer_runs_the_very_scripts() -> None:
    template = (ROOT / "ami/gas.pkr.hcl").read_text()
    named = [line.strip().strip(',"') for line in template.splitlines() if line.strip().endswith(('.sh",', '.sh"'))]
    first, *rest = bake.BASE
    assert named == [first, bake.NOT_RUN, *rest, *bake.APPLICATION]


@pytest.mark.parametrize("layer", ["base", "application"])
def test_packer_takes_the_template(layer: str, tmp_path: Path) -> None:
    files = bake.FOLDER / "files"
    command = ["packer", "validate", f"-only={layer}.*", "-var", f"files={files}", "-var", "version=1.0"]
    done = subprocess.run(
        [*command, str(ROOT / "ami/gas.pkr.hcl")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_bill_of_materials_has_both_kinds_of_package(image: dict[str, bytes]) -> None:
    sbom = json.loads(image["sbom.cdx.json"])
    assert sbom["bomFormat"] == "CycloneDX"
    packages = {component.get("purl", component["name"]).split("@")[0] for component in sbom["components"]}
    assert {"pkg:pypi/boto3", "pkg:pypi/granian", "pkg:deb/debian/systemd", "pkg:deb/debian/python3.13"} <= packages


def test_the_manifest_names_what_is_installed(image: dict[str, bytes], layers: list[Path]) -> None:
    manifest = json.loads(image["manifest.json"])
    installed = list(layers[0].glob("opt/gas/venv/lib/python3.*/site-packages/gas_genomics-*.dist-info"))
    assert [folder.name.split("-")[1].removesuffix(".dist") for folder in installed] == [manifest["gas"]]
    assert manifest["debian"].startswith("13")
    assert {"gcc", "nodejs"}.isdisjoint(manifest["debian_packages"])


def test_the_pages_assets_are_in_it(layers: list[Path]) -> None:
    assets = list(layers[0].glob("opt/gas/venv/lib/python3.*/site-packages/webserver/static/vendor/**/*"))
    assert {"bootstrap.min.css", "htmx.min.js"} <= {path.name for path in assets}


def test_its_size(layers: list[Path], figure: dict[str, float | str]) -> None:
    for name, layer in zip(("application layer", "base layer", "Debian"), layers, strict=True):
        figure[f"size: {name}, MB"] = bake.size(layer) / 1e6
    assert figure
