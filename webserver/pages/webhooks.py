"""The addresses that a user has told when a job ends: registered, listed with their latest calls, removed."""

from dataclasses import asdict
from typing import Any

import bottle

from gas.items import Conflict
from gas.outbound import BadAddress
from gas.users import User
from gas.webhooks import MOST_WEBHOOKS, TooManyWebhooks, Webhook
from webserver.problems import Link, Problem, moved_on, not_found
from webserver.web import Route, Visit

WEBHOOKS = "/profile/webhooks"
BACK = Link(WEBHOOKS, "Your webhooks")


def index(visit: Visit) -> bottle.HTTPResponse:
    """The user's webhooks and what became of their latest calls."""
    return _page(visit, visit.member, None)


def create(visit: Visit) -> bottle.HTTPResponse:
    """Register an address. Its secret is in this answer and nowhere else."""
    services, user = visit.services, visit.member
    url = visit.form("url").strip()
    try:
        # Also at each call: what a name leads to may change.
        services.outbound.addresses(services.outbound.target(url))
    except BadAddress as bad:
        raise Problem(400, str(bad), title="Not an address to call", code="webhook_address", link=BACK) from None
    try:
        webhook, secret = services.webhooks.create(user, url)
    except TooManyWebhooks:
        why = f"You have {MOST_WEBHOOKS} webhooks, which is the most. Remove one that is not needed."
        raise Problem(409, why, code="conflict", link=BACK) from None
    except Conflict as error:
        raise moved_on("Your webhooks have changed meanwhile. Nothing was registered.", WEBHOOKS) from error
    if visit.wants_json:
        return visit.json({"webhook": _described(webhook), "secret": secret}, 201)
    return _page(visit, services.users.get(user.user_id) or user, secret)


def remove(visit: Visit, webhook_id: str) -> bottle.HTTPResponse:
    """Forget an address: it is not called again, and its secret is gone."""
    user = visit.member
    if webhook_id not in (user.webhook_ids or ()):
        raise not_found()
    try:
        visit.services.webhooks.remove(user, webhook_id)
    except Conflict as error:
        raise moved_on("Your webhooks have changed meanwhile. Try again.", WEBHOOKS) from error
    return visit.done({"webhook_id": webhook_id, "removed": True}, f"{WEBHOOKS}?done=unhooked")


def _page(visit: Visit, user: User, secret: str | None) -> bottle.HTTPResponse:
    listed = [_described(webhook) for webhook in visit.services.webhooks.of_user(user)]
    return visit.page(
        "webhooks.html", {"webhooks": listed}, secret=secret, most=MOST_WEBHOOKS, done=visit.query("done")
    )


def _described(webhook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "created_time": webhook.created_time,
        "calls": [{**asdict(call), "state": str(call.state)} for call in reversed(webhook.calls)],
    }


ROUTES = (
    Route("GET", WEBHOOKS, index),
    Route("POST", WEBHOOKS, create),
    Route("POST", f"{WEBHOOKS}/<webhook_id:re:[0-9a-f-]{{36}}>/remove", remove),
)
