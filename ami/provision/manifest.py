"""Writes manifest.json and sbom.cdx.json: `manifest.py PYTHON.cdx.json DEBIAN.tsv FOLDER`.

PYTHON.cdx.json is what cyclonedx-py says of the application's environment; DEBIAN.tsv has a line for each Debian
package: name, version, architecture. Runs in a bake, with cyclonedx-bom's own environment.
"""

import json
import platform
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL


def debian(lines: list[str]) -> list[Component]:
    """https://github.com/package-url/purl-spec/blob/main/types/deb-definition.json"""
    found = []
    for line in lines:
        name, version, architecture = line.split("\t")
        purl = PackageURL("deb", "debian", name, version, {"arch": architecture, "distro": "debian-13"})
        found.append(
            Component(type=ComponentType.LIBRARY, name=name, version=version, purl=purl, bom_ref=purl.to_string())
        )
    return found


def main(python_sbom: Path, debian_list: Path, folder: Path) -> None:
    bom = Bom.from_json(json.loads(python_sbom.read_text("utf-8")))  # type: ignore[attr-defined]
    python = {component.name: str(component.version) for component in bom.components}
    packages = debian(debian_list.read_text("utf-8").splitlines())
    bom.components.update(packages)
    make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_to_file(
        str(folder / "sbom.cdx.json"), allow_overwrite=True, indent=1
    )
    manifest = {
        "gas": python["gas-genomics"],
        "debian": Path("/etc/debian_version").read_text("ascii").strip(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "python_packages": dict(sorted(python.items())),
        "debian_packages": {component.name: component.version for component in sorted(packages, key=lambda c: c.name)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
