"""Who calls the API: a Globus access token, asked about at Globus and remembered for at most a minute."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cachetools import TTLCache

from gas.telemetry import logger
from webserver.globus import CLOCK_LEEWAY_SECONDS, Globus
from webserver.problems import Link, Problem

# A token that was revoked is refused after this long at the latest.
REMEMBERED_SECONDS = 60
REMEMBERED_TOKENS = 10_000
# RFC 6750 section 2.1, and a bound so that nobody makes us send megabytes to Globus.
LONGEST_TOKEN = 4096

log = logger(__name__)


@dataclass(frozen=True)
class Caller:
    """The person behind a token that holds now, as Globus vouches for them."""

    user_id: str
    email: str
    name: str


class Bearers:
    """Checks bearer tokens. Fails closed: while Globus does not answer, nobody is let in."""

    def __init__(self, globus: Globus, clock: Callable[[], float] = time.time):
        self._globus = globus
        self._clock = clock
        self._known: TTLCache[str, Caller] = TTLCache(REMEMBERED_TOKENS, REMEMBERED_SECONDS, timer=clock)
        self._lock = threading.Lock()

    @property
    def scope(self) -> str:
        """The scope that a token for this API must carry."""
        return api_scope(self._globus.client_id)

    def caller(self, authorization: str | None) -> Caller:
        """The caller named by an `Authorization` header.

        Raises the 401 problem for no token or one that does not hold, 403 for one without our scope;
        globus_sdk.GlobusError when Globus cannot be asked.
        """
        kind, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token or len(token) > LONGEST_TOKEN:
            raise _unauthorized("This needs a Globus access token in the header `Authorization: Bearer …`.", "")
        # Only the hash is kept, so that a dump of this process signs nobody in.
        key = sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        caller, expires = self._ask(token)
        if expires - self._clock() > REMEMBERED_SECONDS:
            with self._lock:
                self._known[key] = caller
        return caller

    def _ask(self, token: str) -> tuple[Caller, float]:
        """https://docs.globus.org/api/auth/reference/#token-introspect and RFC 7662."""
        found = self._globus.introspect(token)
        wrong = self._wrong(found)
        if wrong:
            log.info("token_refused", reason=wrong)
            raise _unauthorized("Globus does not vouch for this token. Sign in again.", "invalid_token")
        if self.scope not in str(found.get("scope", "")).split():
            raise Problem(
                403,
                "This token was not issued for this service. Sign in again and grant the permission that is asked for.",
                title="Permission missing",
                code="scope",
                headers={"WWW-Authenticate": f'Bearer realm="GAS", error="insufficient_scope", scope="{self.scope}"'},
            )
        caller = Caller(str(found["sub"]), str(found.get("email") or ""), str(found.get("name") or ""))
        return caller, float(found["exp"])

    def _wrong(self, found: dict[str, Any]) -> str | None:
        if found.get("active") is not True:
            return "not active"
        now = self._clock()
        audience = found.get("aud")
        if self._globus.client_id not in (audience if isinstance(audience, list) else [audience]):
            return "issued for another service"
        if found.get("iss") != self._globus.issuer:
            return "issued by another issuer"
        if not isinstance(found.get("exp"), (int, float)) or found["exp"] <= now:
            return "expired"
        if float(found.get("nbf") or 0) > now + CLOCK_LEEWAY_SECONDS:
            return "not valid yet"
        return None if found.get("sub") else "names nobody"


def api_scope(client_id: str) -> str:
    """The Globus scope of this API: registered with the site's own client, under the suffix `api`.

    Globus writes all scopes below auth.globus.org, whatever the deployment.
    https://docs.globus.org/api/auth/developer-guide/#scope-naming
    """
    return f"https://auth.globus.org/scopes/{client_id}/api"


def refused_account() -> Problem:
    """For a token of somebody who has no account here, or whose account is being deleted."""
    return Problem(
        403,
        "You have no account here yet. `gas login` makes one, and so does signing in on the site.",
        title="No account",
        code="no_account",
        link=Link("/login", "Sign in"),
    )


def _unauthorized(detail: str, error: str) -> Problem:
    challenge = 'Bearer realm="GAS"' + (f', error="{error}"' if error else "")
    return Problem(401, detail, title="Not signed in", code="token", headers={"WWW-Authenticate": challenge})
