#!/bin/bash
# Both layers, at their end: nothing of the instance that was baked on. cloud-init makes new host keys for ssh when it
# sees another instance. https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh
set -euo pipefail
cloud-init clean --logs
# Empty, and there: systemd makes an id of its own. Were it missing or "uninitialized", systemd would take this for the first
# boot ever, and switch on again what the scripts have switched off. machine-id(5), "First Boot Semantics".
: >/etc/machine-id
rm -f /root/.ssh/authorized_keys /var/lib/systemd/random-seed
find /var/log -type f -exec truncate --size 0 {} +
