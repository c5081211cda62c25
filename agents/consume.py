"""What every queue-driven agent's `main` does: read the settings, log, consume until told to stop."""

from collections.abc import Callable

from gas import aws, config, effects, telemetry, topology
from gas.config import Settings
from gas.process import hide_from_peers, stop_signals
from gas.queues import Consumer, Delivery


def start(process: str) -> Settings:
    """Settings and logging of one process; ends it with a sentence when a setting is missing."""
    hide_from_peers()
    settings = config.load()
    telemetry.configure(process, settings.log_level, name_prefix=settings.name_prefix)
    effects.arm_from_environment()
    return settings


def consume(settings: Settings, queue: str, handle: Callable[[Delivery], None], concurrency: int = 1) -> None:
    """Feed the queue's messages to `handle` until SIGTERM, then drain."""
    consumer = Consumer(
        lambda: aws.client(settings, "sqs"),
        topology.load().queues[queue],
        settings.name_prefix,
        handle,
        concurrency=concurrency,
        visibility_seconds=settings.visibility_seconds,
        heartbeat_seconds=settings.heartbeat_seconds,
        grace_seconds=settings.grace_seconds,
        poll_seconds=settings.poll_seconds,
    )
    with stop_signals() as signals:
        consumer.run(signals)
