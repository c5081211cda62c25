#!/bin/bash
# Application layer: the gene engine's inner modules, compiled for this processor and this Python, beside the sources that
# do the same in more time. setup.py says which. The compiler is installed for that, and removed again.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
source=${GAS_SOURCE:-/tmp/gas}
work=/var/tmp/gas-engine
compiler=(gcc libc6-dev python3-dev)
site=$(/opt/gas/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work/engine"
apt-get -q update
apt-get -q -y install --no-install-recommends "${compiler[@]}"
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip --quiet --disable-pip-version-check --no-cache-dir install --no-deps \
    --only-binary :all: --require-hashes --requirement "$source/requirements/engine.txt"
cp -R "$site/gas" "$source/setup.py" "$work/engine/"
rm -f "$work"/engine/gas/annotation/*.so
(cd "$work/engine" && ../venv/bin/python setup.py --quiet build_ext --inplace)
rm -f "$site"/gas/annotation/*.so
cp "$work"/engine/gas/annotation/*.so "$site/gas/annotation/"
apt-get -q -y purge "${compiler[@]}"
apt-get -q -y autoremove --purge
apt-get -q clean
rm -rf /var/lib/apt/lists/*
