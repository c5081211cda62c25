"""The AWS account that the hosts are in: the stand-ins, filled, with the settings in Parameter Store."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gas import fleet, topology
from gas.aws import Secrets
from gas.config import Settings
from gas.jobs import JobStore
from scripts.local import bootstrap, loopback
from scripts.local.environment import ACCOUNT, BUNDLE, BUNDLES, REGION
from scripts.local.fleet import create_group
from scripts.local.site import Visitor
from tests.conftest import AwsStandIn, start_standin, stop_standin
from tests.deployment import environment, until
from tests.image import network
from tests.image.balancer import Balancer, balancer
from tests.image.machine import Machine, machine

PREFIX = "gas"
AWS_PORT, GLOBUS_PORT, SITE_PORT = 4566, 4567, 4568
SITE = f"http://127.0.0.1:{SITE_PORT}"
GLOBUS = f"http://127.0.0.1:{GLOBUS_PORT}"
REFERENCE_BUCKET = "gas-reference"
# For a host that drains and says nothing; a busy machine may be slow to say it.
DRAIN_SECONDS = 120
# Nothing of these may be found on a host's disk.
SECRETS = Secrets("0d9e5f6a-client-id", "image-test-client-secret", "image-test-session-key-image-test-session-key")


@dataclass
class Cloud:
    """The account and the hosts in it; `layers` are the baked image's, topmost first."""

    standin: AwsStandIn
    layers: list[Path]
    folder: Path
    key: Path
    stack: ExitStack
    balancer: Balancer
    instances: dict[str, list[str]] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        given = {name.removeprefix("GAS_").lower(): value for name, value in parameters("").items()}
        return Settings(**given, region=REGION, bundles_dir=BUNDLES, scratch_dir=self.folder)  # type: ignore[arg-type]

    @cached_property
    def jobs(self) -> JobStore:
        return JobStore.of(self.settings)

    @cached_property
    def visitor(self) -> Visitor:
        visitor = Visitor(SITE)
        visitor.sign_in("ada@example.org")
        return visitor

    def launch(self, name: str, role: str) -> Machine:
        """A new instance, booting."""
        known = self.instances.get(role)
        self.ids[name] = known.pop() if known else f"i-{len(self.machines):017x}"
        tags = {fleet.ROLE_TAG: role, fleet.PREFIX_TAG: PREFIX, fleet.VERSION_TAG: "image-test"}
        return self.boot(name, self.ids[name], tags, self.layers)

    def boot(self, name: str, instance_id: str, tags: Mapping[str, str], layers: list[Path]) -> Machine:
        """A machine of that image, booting as that instance."""
        place = network.connect(self.stack, len(self.machines) + 1, name, [AWS_PORT, GLOBUS_PORT])
        network.give_metadata(self.stack, place, tags, instance_id, self.folder / f"{name}.metadata")
        made = self.stack.enter_context(machine(place, layers, self.folder, lead_to_standins))
        self.machines[name] = made
        made.start()
        if tags[fleet.ROLE_TAG] == "web":
            self.balancer.add(name, place.address)
        return made

    def upload(self, path: Path) -> str:
        """Submit a file through the site, as a browser does; returns the job's id."""
        return self.visitor.create_job(self.visitor.upload(path))

    def dead_letters(self) -> int:
        """Messages in all the dead-letter queues."""
        sqs, total = self.standin.client("sqs"), 0
        for queue in topology.load().queues.values():
            url = sqs.get_queue_url(QueueName=topology.resource_name(PREFIX, queue.dead_letter_name))["QueueUrl"]
            answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
            total += int(answer["Attributes"]["ApproximateNumberOfMessages"])
        return total


def version(layers: list[Path]) -> str:
    """The software's version on a baked image."""
    return str(json.loads((layers[0] / "usr/share/gas/manifest.json").read_text())["gas"])


def lead_to_standins(root: Path) -> None:
    """What of a host is not as in AWS: where AWS is, and that cloud-init has no user data to look for."""
    drop_in = root / "etc/systemd/system.conf.d/standin.conf"
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(f"[Manager]\nDefaultEnvironment=AWS_ENDPOINT_URL=http://127.0.0.1:{AWS_PORT}\n")
    (root / "etc/cloud/ds-identify.cfg").write_text("policy: enabled\n")
    (root / "etc/cloud/cloud.cfg.d/99-standin.cfg").write_text("datasource_list: [None]\n")


def parameters(key: str) -> dict[str, str]:
    """The settings as Terraform writes them, with an operator's public key."""
    return {
        "GAS_ACCOUNT_ID": ACCOUNT,
        "GAS_SITE_URL": SITE,
        "GAS_INPUTS_BUCKET": "gas-inputs",
        "GAS_RESULTS_BUCKET": "gas-results",
        "GAS_MAIL_FROM": 'GAS "image test" <no-reply@gas.example>',
        "GAS_SECRETS_NAME": "gas/web",
        "GAS_BUNDLE": BUNDLE,
        "GAS_REFERENCE_BUCKET": REFERENCE_BUCKET,
        "GAS_GLOBUS_ISSUER": GLOBUS,
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{GLOBUS}/",
        "GAS_OPS_KEYS": key,
        # Times fit for a test.
        "GAS_GRACE_SECONDS": "5",
        "GAS_POLL_SECONDS": "2",
        "GAS_LEASE_SECONDS": "15",
        "GAS_HEARTBEAT_SECONDS": "5",
        "GAS_VISIBILITY_SECONDS": "20",
        "GAS_SWEEP_SECONDS": "5",
        "GAS_LIFECYCLE_SECONDS": "2",
        "GAS_HOOK_HEARTBEAT_SECONDS": "10",
    }


@contextmanager
def cloud(layers: list[Path], folder: Path, groups: Mapping[str, int], **standin_settings: str) -> Iterator[Cloud]:
    """The account, ready for so many hosts of each role. Everything ends with the block."""
    with ExitStack() as stack:
        stack.enter_context(network.bridge())
        standin = start_standin("--port", str(AWS_PORT), **standin_settings)
        stack.callback(stop_standin, standin)
        stack.enter_context(environment(standin.env))
        _start_globus(stack, folder)
        for port in (AWS_PORT, GLOBUS_PORT):
            network.publish(stack, port)
        key = folder / "operator"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        made = Cloud(standin, layers, folder, key, stack, stack.enter_context(balancer(SITE_PORT, folder)))
        bootstrap.apply(made.settings, SECRETS)
        _shorten_receipts(standin.client("sqs"))
        _fill(standin, key.with_suffix(".pub").read_text().strip())
        ec2, autoscaling = standin.client("ec2"), standin.client("autoscaling")
        for role, size in groups.items():
            made.instances[role] = create_group(ec2, autoscaling, PREFIX, role, size, version(layers), DRAIN_SECONDS)
        yield made


def _shorten_receipts(sqs: Any) -> None:
    """What a host receives in the moment that it is cut off stays hidden for 20 seconds instead of two minutes."""
    for queue in topology.load().queues.values():
        url = sqs.get_queue_url(QueueName=topology.resource_name(PREFIX, queue.name))["QueueUrl"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "20"})


def _start_globus(stack: ExitStack, folder: Path) -> None:
    options = ["--port", str(GLOBUS_PORT), "--redirect", f"{SITE}/authcallback", "--native-client-id", "native"]
    credentials = ["--client-id", SECRETS.globus_client_id, "--client-secret", SECRETS.globus_client_secret]
    command = [sys.executable, "-m", "scripts.local.globus", *options, *credentials]
    stack.enter_context(network.background(*command, log=folder / "globus.log"))
    until(lambda: answers(f"{GLOBUS}/healthz"))


def answers(url: str) -> bool:
    """Whether the page is there."""
    try:
        return loopback.get(url).ok
    except OSError:
        return False


def _fill(standin: AwsStandIn, key: str) -> None:
    """The settings and the reference bundle, as Terraform and its user put them there."""
    ssm, s3 = standin.client("ssm"), standin.client("s3")
    for name, value in parameters(key).items():
        ssm.put_parameter(Name=f"/{PREFIX}/env/common/{name}", Value=value, Type="String")
    s3.create_bucket(Bucket=REFERENCE_BUCKET)
    bundle = BUNDLES / BUNDLE
    for path in bundle.rglob("*"):
        if path.is_file():
            s3.upload_file(str(path), REFERENCE_BUCKET, f"bundles/{BUNDLE}/{path.relative_to(bundle)}")
