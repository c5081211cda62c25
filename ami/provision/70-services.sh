#!/bin/bash
# Application layer: the program files, which `make run` uses too, the units that start them, and where logs go.
set -euo pipefail
source=${GAS_SOURCE:-/tmp/gas}
install -d -m 0755 /opt/gas/supervisor /etc/supervisor
install -m 0644 "$source"/ami/supervisor/*.conf /opt/gas/supervisor/
install -m 0755 "$source/ami/supervisor/launch" /opt/gas/supervisor/launch
# Where supervisorctl looks when it is told nothing.
install -m 0644 "$source/ami/files/supervisorctl.conf" /etc/supervisor/supervisord.conf
install -m 0644 "$source/ami/files/image.env" /etc/gas/image.env
install -m 0644 "$source/ami/files/rsyslog.conf" /etc/rsyslog.d/30-gas.conf
install -m 0644 "$source/ami/files/logrotate.conf" /etc/logrotate.d/gas
install -m 0644 "$source"/ami/systemd/* /etc/systemd/system/
systemctl enable gas-boot.service gas-supervisor.service gas-logs.path
