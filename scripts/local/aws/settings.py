"""How fast the stand-in is, from the environment: AWS_STANDIN_<NAME>_SECONDS."""

import math
import os

DEFAULTS = {
    # AWS: 1 to 5 minutes, 3 to 5 hours, 5 to 12 hours.
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/downloading-an-archive-two-steps.html
    "EXPEDITED": 2.0,
    "STANDARD": 5.0,
    "BULK": 10.0,
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html
    "RESTORE_EXPEDITED": 2.0,
    "RESTORE_STANDARD": 5.0,
    "RESTORE_BULK": 10.0,
    # A day of a restored copy's life.
    "RESTORE_DAY": 86_400.0,
    # AWS: the same 3 to 5 hours as a standard retrieval, from an inventory made about once a day.
    "INVENTORY": 5.0,
    "INVENTORY_LAG": 0.0,
    # "A job ID will not expire for at least 24 hours after Amazon S3 Glacier completes the job."
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-job-output-get.html
    "JOB_EXPIRY": 86_400.0,
    # How long an instance refresh waits for a host that there may be behind an instance.
    "REFRESH": 0.0,
    "TTL_SWEEP": 10.0,
    "SNAPSHOT": 5.0,
}


def seconds(name: str) -> float:
    """Raises ValueError with a sentence if the variable is not a number of seconds."""
    variable = f"AWS_STANDIN_{name}_SECONDS"
    text = os.environ.get(variable, "")
    if not text:
        return DEFAULTS[name]
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < math.inf:
        raise ValueError(f"{variable} is {text!r}; it must be a number of seconds, 0 or more.")
    return value


def check() -> None:
    """Raises ValueError for the first variable that makes no sense, so that it is told at the start."""
    for name in DEFAULTS:
        seconds(name)
