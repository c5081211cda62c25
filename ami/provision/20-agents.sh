#!/bin/bash
# Base layer: AWS's own agents, for Session Manager and CloudWatch, from the region's bucket. Only a bake in AWS can
# reach these buckets: `make image-test` has this script checked by shellcheck and `bash -n`, and does not run it.
# https://docs.aws.amazon.com/systems-manager/latest/userguide/agent-install-deb.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/download-CloudWatch-Agent-on-EC2-Instance-commandline-first.html
set -euo pipefail
: "${GAS_REGION:?the region whose buckets the agents come from}"
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() { # fetch URL FILE
    python3 -c 'import shutil, sys, urllib.request
with urllib.request.urlopen(sys.argv[1], timeout=60) as answer, open(sys.argv[2], "wb") as file:
    shutil.copyfileobj(answer, file)' "$1" "$2"
}

fetch "https://s3.$GAS_REGION.amazonaws.com/amazon-ssm-$GAS_REGION/latest/debian_$architecture/amazon-ssm-agent.deb" "$work/ssm.deb"
fetch "https://amazoncloudwatch-agent-$GAS_REGION.s3.$GAS_REGION.amazonaws.com/debian/$architecture/latest/amazon-cloudwatch-agent.deb" "$work/cloudwatch.deb"
dpkg --install "$work/ssm.deb" "$work/cloudwatch.deb"
# The CloudWatch agent waits for its configuration, which depends on the role (gas-logs.path).
systemctl enable amazon-ssm-agent.service
systemctl disable amazon-cloudwatch-agent.service
