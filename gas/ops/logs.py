"""Every line that any process of any host logged about one job, in order."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gas.fleet import log_groups
from gas.ops.account import Account, NotPossible

# Shown in front of the rest.
FIRST = ("timestamp", "level", "event", "process", "job_id", "user_id")


@dataclass(frozen=True)
class Line:
    """One line; `at` in epoch seconds, `stream` is CloudWatch's and names the host."""

    at: float
    group: str
    stream: str
    fields: dict[str, Any]

    def text(self) -> str:
        """For people: when, where, what, and the rest as name=value."""
        when = datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        rest = " ".join(f"{name}={_short(value)}" for name, value in self.fields.items() if name not in FIRST)
        who = self.fields.get("process", self.group.rpartition("/")[2])
        what = self.fields.get("event", "")
        return f"{when}  {self.stream}  {who:<10} {self.fields.get('level', ''):<8}{what}  {rest}".rstrip()


def of_job(account: Account, job_id: str, days: int) -> list[Line]:
    """The job's lines of the last days, the oldest first. Raises `NotPossible` where there are no log groups."""
    logs = account.client("logs")
    prefix = log_groups(account.name_prefix)
    groups = [
        group["logGroupName"]
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    if not groups:
        raise NotPossible(f"There are no log groups {prefix}… in {account.region}. Is the name prefix right?")
    since = int((account.now() - days * 86_400) * 1000)
    found = [line for group in groups for line in _lines(logs, group, job_id, since)]
    return sorted(found, key=lambda line: line.at)


def _lines(logs: Any, group: str, job_id: str, since: int) -> Iterator[Line]:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, filterPattern=f'"{job_id}"', startTime=since
    )
    for page in pages:
        for event in page["events"]:
            yield _line(group, event)


def _line(group: str, event: dict[str, Any]) -> Line:
    at = event["timestamp"] / 1000
    try:
        fields = json.loads(event["message"])
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Line(at, group, event["logStreamName"], {"event": event["message"]})
    # CloudWatch's own time is when the agent read the line, in milliseconds.
    own = fields.get("timestamp")
    return Line(datetime.fromisoformat(own).timestamp() if own else at, group, event["logStreamName"], fields)


def _short(value: object) -> str:
    return value if isinstance(value, str) and value and not value.count(" ") else json.dumps(value, ensure_ascii=False)
