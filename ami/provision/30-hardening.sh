#!/bin/bash
# Base layer: nobody signs in with a password, security updates come by themselves, the clock is AWS's.
set -euo pipefail
source=${GAS_SOURCE:-/tmp/gas}
install -D -m 0644 "$source/ami/files/sshd.conf" /etc/ssh/sshd_config.d/10-gas.conf
install -D -m 0644 "$source/ami/files/chrony.conf" /etc/chrony/conf.d/gas.conf
install -D -m 0644 "$source/ami/files/unattended-upgrades" /etc/apt/apt.conf.d/60gas-unattended-upgrades
install -D -m 0644 "$source/ami/files/journald.conf" /etc/systemd/journald.conf.d/gas.conf
passwd --quiet --lock root
systemctl enable ssh.service chrony.service rsyslog.service unattended-upgrades.service
# It would hold up the start for three minutes where no time server answers. gas-boot looks at the clock itself.
systemctl disable chrony-wait.service
