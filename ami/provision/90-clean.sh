#!/bin/bash
# Both layers, at their end: nothing of the instance that was baked on. cloud-init makes new host keys for ssh when it
# sees another instance. https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh
set -euo pipefail
cloud-init clean --logs
# machine-id(5): systemd makes an id of its own when it finds this.
echo uninitialized >/etc/machine-id
rm -f /root/.ssh/authorized_keys /var/lib/systemd/random-seed
find /var/log -type f -exec truncate --size 0 {} +
