#!/bin/bash
# Application layer: `gas` runs everything and has no shell; `gas-ops` is who operators sign in as. It may use
# supervisor's socket and read the logs, and nothing more.
set -euo pipefail
getent group gas-ops >/dev/null || groupadd --system gas-ops
getent group gas >/dev/null || groupadd --system gas
id gas >/dev/null 2>&1 || useradd --system --gid gas --groups gas-ops --home-dir /var/lib/gas --no-create-home \
    --shell /usr/sbin/nologin gas
id gas-ops >/dev/null 2>&1 || useradd --system --gid gas-ops --groups systemd-journal,adm --create-home \
    --home-dir /home/gas-ops --shell /bin/bash gas-ops
# '*' is no password's hash; unlike '!', it leaves sign-in with a key open.
usermod --password '*' gas-ops
chmod 0750 /home/gas-ops
install -d -o root -g root -m 0755 /opt/gas /etc/gas /usr/share/gas /var/lib/gas /var/lib/gas/bundles
install -d -o root -g adm -m 0750 /var/log/gas
