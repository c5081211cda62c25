"""Which files of this host the CloudWatch agent sends, and where to: the log group of its role.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
"""

import json
from pathlib import Path

from gas.host.failures import in_words
from gas.host.roles import Identity

# rsyslog writes a file for each process here (ami/files/rsyslog.conf).
FOLDER = "/var/log/gas"
# A process's name comes first: the annotators are numbered by their host.
STREAM = "{instance_id}"


def configuration(identity: Identity) -> str:
    """The agent's configuration, JSON."""
    files = {
        "file_path": f"{FOLDER}/gas-*.log",
        "log_group_name": f"/{identity.name_prefix}/{identity.role}",
        "log_stream_name": STREAM,
    }
    agent = {"agent": {"region": identity.region}, "logs": {"logs_collected": {"files": {"collect_list": [files]}}}}
    return json.dumps(agent, indent=2) + "\n"


def write(path: Path, identity: Identity) -> None:
    """Write it where gas-logs.path waits for it. Raises NotReady."""
    with in_words(f"Writing {path}"):
        path.write_text(configuration(identity), encoding="utf-8")
