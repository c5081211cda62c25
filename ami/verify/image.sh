#!/bin/bash
# What a baked image must show; the last step of each bake. Prints each thing that is wrong, and then fails.
set -uo pipefail
wrong=0
no() {
    echo "image: $*" >&2
    wrong=1
}

for program in cc gcc g++ clang make node npm; do
    command -v "$program" >/dev/null && no "there is a $program on it"
done
[[ -e /root/.ssh/authorized_keys ]] && no "root has an authorized key"
[[ -f /etc/machine-id && ! -s /etc/machine-id && ! -s /var/lib/dbus/machine-id ]] || no "it has a machine id, which every instance would share"

while IFS=: read -r name hash _; do
    case $hash in '' | \$*) no "the user $name may sign in with a password" ;; esac
done </etc/shadow
[[ $(getent passwd gas | cut -d: -f7) == /usr/sbin/nologin ]] || no "the user gas has a shell"
mkdir -p /run/sshd
sshd=$(/usr/sbin/sshd -T)
grep -qx 'passwordauthentication no' <<<"$sshd" || no "sshd takes passwords"
grep -qx 'permitrootlogin no' <<<"$sshd" || no "sshd lets root in"

open=$(find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/tmp -o -path /run \) -prune \
    -o \( -type f -o -type d \) -perm -0002 ! -perm -1000 -print)
[[ -z $open ]] || no "anybody may write to: $open"
owned=$(find /opt/gas /etc/gas /usr/share/gas ! -user root -print)
[[ -z $owned ]] || no "not root's: $owned"

for unit in gas-boot.service gas-supervisor.service gas-logs.path chrony.service ssh.service rsyslog.service \
    unattended-upgrades.service; do
    systemctl is-enabled --quiet "$unit" || no "$unit is not enabled"
done
systemd-analyze verify --recursive-errors=no gas-boot.service gas-supervisor.service || no "systemd cannot read our units"

/opt/gas/venv/bin/python -m pip --disable-pip-version-check check >&2 || no "the Python packages do not fit together"
/opt/gas/venv/bin/python - <<'PYTHON' || no "the application cannot be loaded"
import importlib
import pkgutil

import agents
import gas
import webserver

for package in (gas, agents, webserver):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        # These read the environment when they are imported.
        if module.name not in {"webserver.app"}:
            importlib.import_module(module.name)
PYTHON
/opt/gas/venv/bin/python -c 'import gas.annotation.coding as one; raise SystemExit(not one.__file__.endswith(".so"))' ||
    no "the gene engine is not compiled"
for file in manifest.json sbom.cdx.json; do
    python3 -m json.tool "/usr/share/gas/$file" /dev/null || no "$file is no JSON"
done
exit "$wrong"
