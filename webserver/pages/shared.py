"""The way in for whoever has a link. Beyond it are the owner's own views, read only.

The token stands behind the "#" of the link. The page at its address takes it from there and posts it; the browser then
holds it in a cookie for the path of this one link. So it is in no address that a balancer, a log or another site sees,
and a program that looks links up for a preview neither sees the job nor counts as a reader.
"""

import bottle

from gas.shares import share_id_of
from webserver.pages import annotations, downloads, genome, variants
from webserver.pages.shares import ENTRANCE
from webserver.problems import not_found
from webserver.reading import shared_path
from webserver.web import Route, Visit

MAX_TOKEN_LETTERS = 200


def entrance(visit: Visit) -> bottle.HTTPResponse:
    """Where a link leads: a form that the page's script fills in and sends; by hand without JavaScript."""
    return visit.page("shared.html", {})


def enter(visit: Visit) -> bottle.HTTPResponse:
    """Open a link: `token`, or the whole link, as somebody pastes it."""
    token = visit.form("token").strip().rpartition("#")[2][:MAX_TOKEN_LETTERS]
    share = visit.services.shares.holding(share_id_of(token))
    if share is None:
        raise not_found()
    path, cookies = shared_path(share), visit.services.cookies
    answer = visit.done({"location": path}, path)
    answer.set_cookie(
        cookies.shared,
        token,
        max_age=max(int(share.expires_at - visit.services.clock()), 1),
        path=path,
        httponly=True,
        secure=cookies.secure,
        samesite="lax",
    )
    return answer


SHARED = f"{ENTRANCE}/<share_id:re:[0-9a-f]{{64}}>"
VARIANTS = f"{SHARED}/variants"
ROUTES = tuple(
    Route(method, path, view, signed_in=False)
    for method, path, view in (
        ("GET", ENTRANCE, entrance),
        ("POST", ENTRANCE, enter),
        ("GET", SHARED, annotations.show),
        ("GET", f"{SHARED}/status", annotations.status),
        ("GET", f"{SHARED}/download/<what:re:result|index|receipt>", downloads.download),
        ("GET", VARIANTS, variants.index),
        ("GET", f"{VARIANTS}/<row:re:[0-9]{{1,12}}>", variants.show),
        ("GET", f"{VARIANTS}/export/<kind:re:tsv|vcf|parquet>", variants.file),
        *(("GET", f"{SHARED}/genome{path}", view) for path, view in genome.VIEWS),
    )
)
