"""Everything the views use, built once for a process; tests build their own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from gas import aws
from gas.config import Settings
from gas.explore.engine import Explorer
from gas.jobs import JobStore
from gas.ops.account import Account
from gas.outbound import Outbound
from gas.shares import ShareStore
from gas.storage import Storage
from gas.submissions import Announcer
from gas.uploads import Uploads
from gas.users import UserStore
from gas.webhooks import WebhookStore
from webserver.api.bearer import Bearers
from webserver.api.idempotency import IdempotencyKeys
from webserver.api.limits import Limits
from webserver.globus import Globus
from webserver.overview import Overview
from webserver.probes import Probe, probes
from webserver.security import Cookies, Policy, cookies_for, origin_of
from webserver.sessions import SessionStore


@dataclass(frozen=True)
class Services:
    """What a view may use. `clock` returns epoch seconds."""

    settings: Settings
    jobs: JobStore
    shares: ShareStore
    users: UserStore
    webhooks: WebhookStore
    sessions: SessionStore
    storage: Storage
    uploads: Uploads
    announcer: Announcer
    globus: Globus
    bearers: Bearers
    idempotency: IdempotencyKeys
    limits: Limits
    outbound: Outbound = field(default_factory=Outbound)
    clock: Callable[[], float] = time.time
    probes: Mapping[str, Probe] = field(default_factory=dict)
    # When each job's table was last asked for.
    tables_asked: dict[str, float] = field(default_factory=dict)

    @cached_property
    def cookies(self) -> Cookies:
        """Names and flags of the site's cookies."""
        return cookies_for(self.settings.site_url)

    @cached_property
    def policy(self) -> Policy:
        """What the response headers allow."""
        return Policy(origin_of(self.settings.site_url), self.uploads.origins())

    @cached_property
    def explorer(self) -> Explorer:
        """What answers questions about results; made when somebody asks the first."""
        return Explorer(self.settings.scratch_dir / "explorer", self.settings.explorer_bytes)

    @cached_property
    def admins(self) -> frozenset[str]:
        """Who sees the operator's page. Only settings say so: no table that the site itself writes to."""
        return frozenset(self.settings.admins.split())

    @cached_property
    def operators(self) -> Account:
        """What the operator's page asks AWS with."""
        return Account(self.settings.region, self.settings.name_prefix, self.clock, patience=aws.QUICK)

    @cached_property
    def overview(self) -> Overview:
        """The numbers of the operator's page."""
        return Overview(self.operators, self.jobs)

    @property
    def site_host(self) -> str:
        """Host and port by which users reach the site."""
        return urlsplit(self.settings.site_url).netloc


def build(settings: Settings, clock: Callable[[], float] = time.time) -> Services:
    """The services of a deployment. Raises ValueError when the site's address cannot be used."""
    s3 = aws.client(settings, "s3", aws.QUICK)
    annotations = aws.table(settings, "annotations", aws.QUICK)
    sessions, users, hooks, hook_secrets = (
        aws.table(settings, name, aws.QUICK) for name in ("sessions", "users", "webhooks", "webhook-secrets")
    )
    globus = Globus(lambda: aws.secrets(settings), settings.site_url, settings.globus_issuer)
    services = Services(
        settings=settings,
        jobs=JobStore(annotations, clock, settings.lease_seconds, settings.outbox_seconds),
        shares=ShareStore(aws.table(settings, "shares", aws.QUICK), annotations, clock),
        users=UserStore(users, clock, settings.outbox_seconds),
        webhooks=WebhookStore(hooks, hook_secrets, users, clock),
        sessions=SessionStore(sessions, clock),
        storage=Storage(s3, settings.inputs_bucket, settings.results_bucket),
        uploads=Uploads(s3, settings.inputs_bucket),
        announcer=Announcer.of(settings, aws.QUICK),
        globus=globus,
        bearers=Bearers(globus, clock),
        idempotency=IdempotencyKeys(sessions, clock),
        limits=Limits(settings.api_calls_a_minute),
        clock=clock,
        probes=probes(settings),
    )
    # Both are derived from settings alone: a wrong one must stop the process now, not at the first request.
    services.cookies, services.policy  # noqa: B018
    return services
