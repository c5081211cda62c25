"""What only programs ask for: how to sign in here, an account for whoever just has, and which bundles there are."""

import json
from pathlib import Path

import bottle

from gas import submissions
from gas.users import BeingDeleted, Role
from webserver.pages import account, uploads
from webserver.pages.sign_in import account_ending
from webserver.release import VERSION
from webserver.web import Visit


def deployment(visit: Visit) -> bottle.HTTPResponse:
    """GET /api/v1: what a program needs to know before it can sign anybody in."""
    services = visit.services
    return visit.json(
        {
            "site_url": services.settings.site_url,
            "version": VERSION,
            "scope": services.bearers.scope,
            "native_client_id": services.settings.globus_native_client_id or None,
            "globus_url": services.settings.globus_issuer,
        }
    )


def open_account(visit: Visit) -> bottle.HTTPResponse:
    """POST /api/v1/account: an account for the token's person; a repeat brings name and e-mail up to date."""
    caller = visit.services.bearers.caller(visit.request.get_header("Authorization"))
    visit.services.limits.count(caller.user_id)
    try:
        visit.user = visit.services.users.sign_in(caller.user_id, caller.email, caller.name)
    except BeingDeleted as error:
        raise account_ending() from error
    return account.profile(visit)


def change_subscription(visit: Visit) -> bottle.HTTPResponse:
    """PUT /api/v1/account/subscription {role}: become a premium or a free user. A repeat changes nothing."""
    services = visit.services
    role = Role(visit.json_body()["role"])
    user = submissions.set_role(services.users, services.announcer, visit.member.user_id, role)
    return visit.json({"role": str(user.role)})


def bundles(visit: Visit) -> bottle.HTTPResponse:
    """GET /api/v1/bundles: the reference bundles of this deployment. Jobs are annotated with the default one.

    A web host of a fleet holds none itself; there, the default one is all that annotators fetch.
    """
    settings = visit.services.settings
    assemblies = {settings.bundle: None, **_assemblies(settings.bundles_dir)}
    return visit.json(
        {
            "bundles": [
                {"name": name, "assembly": assembly, "default": name == settings.bundle}
                for name, assembly in sorted(assemblies.items())
            ]
        }
    )


def _assemblies(folder: Path) -> dict[str, str | None]:
    """The assembly of each bundle of the folder that can be read, by the bundle's name there."""
    found = {}
    for manifest in folder.glob("*/manifest.json"):
        try:
            found[manifest.parent.name] = str(json.loads(manifest.read_text("utf-8"))["assembly"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def create_job(visit: Visit) -> bottle.HTTPResponse:
    """POST /api/v1/jobs {ticket}: the uploaded file becomes a job; the same ticket again: the same job."""
    key = visit.request.get_header("Idempotency-Key")
    if key is not None:
        ticket = uploads.read_ticket(visit, visit.form("ticket"))
        visit.services.idempotency.bind(visit.member.user_id, key, ticket.job_id)
    return uploads.create_job(visit)
