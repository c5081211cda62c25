#!/bin/bash
# Base layer: what Debian has to bring. No compiler, no Node: the application comes as wheels, its pages' assets inside.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
packages=(
    ca-certificates
    chrony              # the clock that AWS's signatures are measured by
    logrotate
    openssh-server
    procps              # memmon reads the processes' memory with ps
    python3
    python3-venv
    rsyslog             # journal to files, which the CloudWatch agent reads
    unattended-upgrades
)
apt-get -q update
apt-get -q -y upgrade
apt-get -q -y install --no-install-recommends "${packages[@]}"
apt-get -q -y autoremove --purge
apt-get -q clean
rm -rf /var/lib/apt/lists/*
