"""The caller: tells the webhooks of a job's owner that the job has ended.

At least once, always under the same id: a process that dies between the answer and the note of it calls again. What a
user's server does wrong is the user's to see, and no dead letter: after the last try the call is given up.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.consume import consume, start
from gas import webhooks
from gas.config import Settings
from gas.effects import effect
from gas.job import Job
from gas.jobs import Conflict, JobStatus, JobStore
from gas.messages import JobResult
from gas.outbound import BadAddress, Outbound, Unreachable
from gas.queues import Delivery, Reject, Retry
from gas.telemetry import logger
from gas.users import UserStore
from gas.webhooks import PAUSES, Call, CallState, Message, Webhook, WebhookStore

log = logger(__name__)

# Whoever answers so wants no more of them.
GONE = 410
# Most calls wait for somebody else's server.
CONCURRENCY = 8


@dataclass(frozen=True)
class Caller:
    """What the handler works with."""

    settings: Settings
    jobs: JobStore
    users: UserStore
    webhooks: WebhookStore
    outbound: Outbound = field(default_factory=Outbound)
    clock: Callable[[], float] = time.time

    def handle(self, delivery: Delivery) -> None:
        """Call the webhooks that have not been told of this end yet; later again those that did not take it."""
        if not isinstance(delivery.event, JobResult):
            raise Reject(f"expected a job-result, not {delivery.event.type}")
        job = self.jobs.get(delivery.event.job_id)
        if job is None or job.delete_time is not None or job.complete_time is None:
            return
        if job.job_status not in (JobStatus.COMPLETED, JobStatus.FAILED) or job.webhook_time == job.complete_time:
            return
        owner = self.users.get(job.user_id)
        if owner is None or owner.delete_time is not None:
            return
        # The same topic carries the job's name long after its end, too.
        hooks = [hook for hook in self.webhooks.of_user(owner) if hook.created_time <= job.complete_time]
        if not hooks:
            return
        message = webhooks.message(job, self.settings.site_url)
        states = [self._call(hook, job, message, delivery) for hook in hooks]
        if CallState.WAITING in states:
            raise Retry(PAUSES[min(delivery.receive_count, len(PAUSES)) - 1])
        try:
            with effect("caller.settle"):
                self.jobs.webhooks_told(job)
        except Conflict:
            log.info("moved_on")

    def _call(self, hook: Webhook, job: Job, message: Message, delivery: Delivery) -> CallState:
        known = hook.call(message.message_id)
        if known and known.state is not CallState.WAITING:
            return known.state
        secret = self.webhooks.secret(hook)
        if secret is None:
            # Its owner has just removed it.
            return CallState.GIVEN_UP
        now = int(self.clock())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GAS-webhooks/1",
            **webhooks.signed_headers(secret, message, now),
        }
        with effect("caller.send"):
            state, said = self._send(hook.url, message.body, headers)
        if state is CallState.WAITING and delivery.last_receive:
            state = CallState.GIVEN_UP
        call = Call(message.message_id, job.job_id, state, (known.tries if known else 0) + 1, said, now)
        log.info("webhook_called", webhook_id=hook.webhook_id, state=state, said=said, tries=call.tries)
        with effect("caller.note"):
            self.webhooks.note(hook, call)
        return state

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[CallState, str]:
        """How the call went, and a few words for the webhook's owner."""
        try:
            status = self.outbound.post(url, body, headers)
        except BadAddress as error:
            return CallState.GIVEN_UP, str(error)
        except Unreachable as error:
            return CallState.WAITING, str(error)
        if 200 <= status < 300:
            return CallState.DELIVERED, f"answered {status}"
        return CallState.GIVEN_UP if status == GONE else CallState.WAITING, f"answered {status}"


def main() -> None:
    """Run the caller until SIGTERM."""
    settings = start("caller")
    users = UserStore.of(settings)
    caller = Caller(settings, JobStore.of(settings), users, WebhookStore.of(settings, users))
    consume(settings, "webhooks", caller.handle, concurrency=CONCURRENCY)


if __name__ == "__main__":
    main()
