#!/bin/bash
# Application layer, last: what is on this image, for people (manifest.json) and for scanners (sbom.cdx.json, CycloneDX).
# The tool that writes it is installed aside and removed again.
set -euo pipefail
source=${GAS_SOURCE:-/tmp/gas}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-cache-dir install --no-deps \
    --only-binary :all: --require-hashes --requirement "$source/requirements/image.txt"
"$work/venv/bin/cyclonedx-py" environment --output-format JSON --output-file "$work/python.cdx.json" \
    /opt/gas/venv/bin/python 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\n' >"$work/debian.tsv"
"$work/venv/bin/python" "$source/ami/provision/manifest.py" "$work/python.cdx.json" "$work/debian.tsv" /usr/share/gas
