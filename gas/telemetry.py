"""What a process tells its operators: JSON log lines bound to a job, and metrics.

Metrics are log lines in CloudWatch's embedded metric format, so nothing but the log agent is needed.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import structlog

# Field names whose values never reach a log, whatever a library puts into an event.
SECRET_FIELDS = frozenset({"authorization", "cookie", "set-cookie", "access_token", "refresh_token", "id_token"})


@dataclass
class _Metrics:
    stream: TextIO | None = None
    name_prefix: str = "gas"


_metrics = _Metrics()


def configure(process: str, level: str = "INFO", stream: TextIO | None = None, name_prefix: str = "gas") -> None:
    """Make structlog and the standard library write one JSON object a line to `stream` (stdout).

    Metrics go into the namespace of the deployment that `name_prefix` names: there may be two in an account.
    """

    def in_process(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        # Not a context variable: a new thread starts with none.
        return {"process": process, **event}

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        in_process,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _hide_secrets,
    ]
    _metrics.stream, _metrics.name_prefix = stream, name_prefix
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # boto's own debug lines hold signed headers.
    for noisy in ("boto3", "botocore", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; `log.info("event", key=value)`."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log


@contextmanager
def bound(**values: Any) -> Iterator[None]:
    """Every line logged inside carries these values, in this thread."""
    with structlog.contextvars.bound_contextvars(**{name: value for name, value in values.items() if value}):
        yield


def metric(
    name: str, value: float, unit: str = "Count", dimensions: Mapping[str, str] | None = None, **properties: Any
) -> None:
    """Write one metric; `unit` is one of CloudWatch's, `properties` are searchable but not dimensions."""
    labels = dict(dimensions or {})
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": f"GAS/{_metrics.name_prefix}",
                    "Dimensions": [sorted(labels)],
                    "Metrics": [{"Name": name, "Unit": unit}],
                }
            ],
        },
        **labels,
        **properties,
        name: value,
    }
    stream = _metrics.stream or sys.stdout
    # One write: another thread's line must not come between the text and its end.
    stream.write(json.dumps(line) + "\n")
    stream.flush()


def _hide_secrets(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {name: "hidden" if name.lower() in SECRET_FIELDS else value for name, value in event.items()}
