"""Sign-in with Globus Auth: authorization code with PKCE, the ID token checked, the access token revoked at once.

GAS needs to know who someone is and nothing else, so no token outlives the sign-in: there is none to leak.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode

import globus_sdk
import jwt
from globus_sdk import IDTokenDecoder, OAuthTokenResponse
from globus_sdk.services.auth import GlobusAuthorizationCodeFlowManager

from gas.aws import Secrets
from gas.telemetry import logger
from webserver.sessions import SignIn

SCOPES = ("openid", "profile", "email")
TRANSPORT_SECONDS = 10
# Both ends keep time by NTP; a minute is generous.
CLOCK_LEEWAY_SECONDS = 60
REQUIRED_CLAIMS = ("iss", "sub", "aud", "exp", "iat")

log = logger(__name__)


class SignInRefused(Exception):
    """Globus, or our check of its answer, did not accept the sign-in. `str` is for the log, not for the user."""


@dataclass(frozen=True)
class Identity:
    """Who signed in, as Globus vouches for it."""

    user_id: str
    email: str
    name: str
    institution: str


class Globus:
    """The site as a client of Globus Auth. `read_secrets` is called at the first sign-in."""

    def __init__(self, read_secrets: Callable[[], Secrets], site_url: str, issuer: str):
        self._read_secrets = read_secrets
        self._site_url = site_url
        self._issuer = issuer
        self._decoder: IDTokenDecoder | None = None

    @property
    def issuer(self) -> str:
        """`iss` of every token that counts."""
        return self._issuer

    @property
    def client_id(self) -> str:
        """The site's own client at Globus."""
        return self._read_secrets().globus_client_id

    @property
    def callback_url(self) -> str:
        """Where Globus sends the browser back to; registered with Globus."""
        return f"{self._site_url}/authcallback"

    @cached_property
    def client(self) -> globus_sdk.ConfidentialAppAuthClient:
        """The SDK's client. Its flow methods keep state in the client, so only stateless calls are made here."""
        found = self._read_secrets()
        client = globus_sdk.ConfidentialAppAuthClient(found.globus_client_id, found.globus_client_secret)
        client.transport.http_timeout = TRANSPORT_SECONDS
        return client

    def authorize_url(self, sign_in: SignIn) -> str:
        """Where to send the browser to sign in."""
        challenge = urlsafe_b64encode(sha256(sign_in.verifier.encode()).digest()).decode().rstrip("=")
        flow = GlobusAuthorizationCodeFlowManager(self.client, self.callback_url, SCOPES, state=sign_in.state)
        return flow.get_authorize_url(
            {"nonce": sign_in.nonce, "code_challenge": challenge, "code_challenge_method": "S256"}
        )

    def logout_url(self) -> str:
        """Globus's page that ends its own session in this browser and offers the way back to us.

        https://docs.globus.org/api/helper-pages/auth
        """
        query = {"client_id": self.client.client_id, "redirect_uri": self._site_url, "redirect_name": "GAS"}
        return f"{self.client.base_url.rstrip('/')}/v2/web/logout?{urlencode(query)}"

    def identity(self, code: str, sign_in: SignIn) -> Identity:
        """Exchange the code, check what comes back and revoke the access token.

        Raises SignInRefused; globus_sdk.GlobusError when Globus cannot be reached or is out of order.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.callback_url,
            "code_verifier": sign_in.verifier,
        }
        try:
            tokens = self.client.oauth2_token(form)
        except globus_sdk.AuthAPIError as error:
            if error.http_status >= 500:
                raise
            raise SignInRefused(f"the code was not accepted: {error.http_status} {error.code}") from error
        claims = self._claims(tokens)
        self._revoke(tokens)
        return checked(claims, self._issuer, sign_in.nonce)

    def introspect(self, token: str) -> dict[str, Any]:
        """What Globus knows of an access token (RFC 7662); `active` is False for one it does not know.

        Raises globus_sdk.GlobusError when Globus cannot be asked.
        """
        return dict(self.client.oauth2_token_introspect(token).data)

    def _claims(self, tokens: OAuthTokenResponse) -> dict[str, Any]:
        """The ID token's claims once signature, audience and times hold."""
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise SignInRefused("the answer held no ID token")
        fresh = self._decoder is None
        while True:
            decoder = self._decoder or IDTokenDecoder(
                self.client, jwt_leeway=CLOCK_LEEWAY_SECONDS, jwt_options={"require": list(REQUIRED_CLAIMS)}
            )
            try:
                claims = decoder.decode(id_token)
            except jwt.InvalidSignatureError as error:
                # Globus may have changed its key since it was cached: ask once more.
                self._decoder = None
                if fresh:
                    raise SignInRefused("the ID token's signature does not hold") from error
                fresh = True
            except jwt.PyJWTError as error:
                raise SignInRefused(f"the ID token was not accepted: {error}") from error
            else:
                self._decoder = decoder
                return claims

    def _revoke(self, tokens: OAuthTokenResponse) -> None:
        for token in tokens.by_resource_server.values():
            try:
                self.client.oauth2_revoke_token(token["access_token"])
            except globus_sdk.GlobusError as error:
                # It expires by itself; a sign-in must not fail for it.
                log.warning("token_not_revoked", error=str(error))


def checked(claims: dict[str, Any], issuer: str, nonce: str) -> Identity:
    """The identity in claims whose signature, audience and times hold; the SDK leaves `iss` and `nonce` to us.

    Raises SignInRefused.
    """
    if claims["iss"] != issuer:
        raise SignInRefused(f"the ID token was issued by {claims['iss']}, not by {issuer}")
    if not compare_digest(str(claims.get("nonce", "")), nonce):
        raise SignInRefused("the ID token's nonce is not the one of this sign-in")
    # A `preferred_username` often looks like an address; only `email` is one that mail reaches.
    # https://docs.globus.org/api/auth/reference/#oidc_userinfo
    email = str(claims.get("email") or "")
    name = str(claims.get("name") or claims.get("preferred_username") or email)
    institution = str(claims.get("organization") or claims.get("identity_provider_display_name") or "")
    return Identity(str(claims["sub"]), email, name, institution)
