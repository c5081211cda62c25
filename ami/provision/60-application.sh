#!/bin/bash
# Application layer: the wheel and what it needs, each file by the hash in requirements/runtime.txt, wheels only.
set -euo pipefail
source=${GAS_SOURCE:-/tmp/gas}
[[ -x /opt/gas/venv/bin/python ]] || python3 -m venv /opt/gas/venv
pip() {
    /opt/gas/venv/bin/python -m pip --quiet --disable-pip-version-check --no-cache-dir "$@"
}
pip install --no-deps --only-binary :all: --require-hashes --requirement "$source/requirements/runtime.txt"
pip install --no-deps --force-reinstall "$source"/wheel/gas_genomics-*.whl
/opt/gas/venv/bin/python -m compileall -q /opt/gas/venv/lib
for program in gas supervisorctl; do
    ln -sfn "/opt/gas/venv/bin/$program" "/usr/local/bin/$program"
done
