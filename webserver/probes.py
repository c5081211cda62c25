"""Whether each thing the site cannot do without answers, asked with short time limits and no retries."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError, ClientError

from gas import aws
from gas.config import Settings
from gas.telemetry import logger
from gas.topology import load, resource_name, topic_arn

# A load balancer's health check gives up after five seconds unless told otherwise; connecting and reading
# together stay well below.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
PATIENCE = aws.Patience(connect_seconds=1, read_seconds=2, tries=1)

# The site may write these and not read them.
UNREAD = {"webhook-secrets"}

Probe = Callable[[], object]

log = logger(__name__)


def probes(settings: Settings) -> dict[str, Probe]:
    """One cheap read per dependency, by name; each raises when the dependency cannot be used."""
    dynamodb, s3, sns = (aws.client(settings, service, PATIENCE) for service in ("dynamodb", "s3", "sns"))
    prefix = settings.name_prefix
    keys = {name: table.hash_key for name, table in load().tables.items() if name not in UNREAD}

    def read_table(short_name: str, key: str) -> Probe:
        return lambda: dynamodb.get_item(TableName=resource_name(prefix, short_name), Key={key: {"S": "readyz"}})

    requests = topic_arn(settings.region, settings.account_id, prefix, "job-requests")
    return {
        **{f"dynamodb:{name}": read_table(name, key) for name, key in keys.items()},
        "s3:inputs": lambda: s3.head_bucket(Bucket=settings.inputs_bucket),
        "s3:results": lambda: s3.head_bucket(Bucket=settings.results_bucket),
        "sns:job-requests": lambda: sns.get_topic_attributes(TopicArn=requests),
    }


def ask(chosen: Mapping[str, Probe]) -> dict[str, bool]:
    """Ask all at once; True where the answer was good. Takes no longer than the slowest one's time limits."""
    with ThreadPoolExecutor(max_workers=max(len(chosen), 1)) as pool:
        return dict(zip(chosen, pool.map(_answers, chosen, chosen.values()), strict=True))


def _answers(name: str, probe: Probe) -> bool:
    try:
        probe()
    except (BotoCoreError, ClientError) as error:
        # Names and addresses inside the deployment are for its log, not for whoever asks.
        log.warning("not_ready", dependency=name, error=str(error))
        return False
    return True
