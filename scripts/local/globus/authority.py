"""The authorization server's memory and rules: codes, tokens, signatures."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from scripts.local.globus.clients import Client
from scripts.local.globus.identities import PROVIDER_ID, Directory, Identity

CODE_SECONDS = 60
# https://docs.globus.org/api/auth/developer-guide/: access tokens live for 48 hours.
TOKEN_SECONDS = 172_800
AUTH_SERVER = "auth.globus.org"
ALGORITHM = "RS512"
KEY_ID = "standin"
# RFC 7636 section 4.1 and 4.2: a verifier of 43 to 128 unreserved characters; an S256 challenge has 43.
CHALLENGE_LENGTH = 43


class OAuthError(Exception):
    """A refusal by its OAuth 2 error code (RFC 6749 section 5.2)."""

    def __init__(self, code: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status


@dataclass(frozen=True)
class Grant:
    """What a person agreed to: the content of an authorization code."""

    client: Client
    person: Identity
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    nonce: str
    offline: bool
    issued: float


@dataclass(frozen=True)
class Token:
    """An access or refresh token. `resource_server` is the service it is for."""

    client: Client
    person: Identity
    scopes: tuple[str, ...]
    resource_server: str
    issued: float
    refresh: bool


class Authority:
    """One Globus Auth. `issuer` is its own URL without a final slash; `clock` gives epoch seconds."""

    def __init__(self, issuer: str, clients: list[Client], clock: Callable[[], float] = time.time) -> None:
        self.issuer = issuer
        self.clients = {client.client_id: client for client in clients}
        self.people = Directory()
        self._clock = clock
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Token] = {}

    def public_key(self) -> dict[str, Any]:
        """The signing key as a JWK."""
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return jwk | {"kid": KEY_ID, "alg": ALGORITHM, "use": "sig"}

    def issue_code(
        self,
        client: Client,
        person: Identity,
        *,
        scope: str,
        redirect_uri: str,
        challenge: str = "",
        nonce: str = "",
        offline: bool = False,
    ) -> str:
        """A code that can be redeemed once, within a minute, by the same client."""
        now = self._clock()
        self._codes = {code: grant for code, grant in self._codes.items() if grant.issued + CODE_SECONDS >= now}
        code = secrets.token_urlsafe(24)
        self._codes[code] = Grant(
            client, person, tuple(scope.split()), redirect_uri, challenge, nonce, offline, issued=now
        )
        return code

    def redeem_code(self, client: Client, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Tokens for a code. Raises OAuthError: invalid_grant; the code is spent by the attempt all the same."""
        grant = self._codes.pop(code, None)
        if grant is None:
            raise OAuthError("invalid_grant", "The code is unknown or already spent.")
        if self._clock() > grant.issued + CODE_SECONDS:
            raise OAuthError("invalid_grant", f"The code is older than {CODE_SECONDS} seconds.")
        if grant.client != client:
            raise OAuthError("invalid_grant", "The code was issued to another client.")
        if grant.redirect_uri != redirect_uri:
            raise OAuthError("invalid_grant", "redirect_uri differs from the one of the authorization request.")
        if not _proves_possession(grant.challenge, verifier):
            raise OAuthError("invalid_grant", "code_verifier does not match the code_challenge.")
        return self._answer(client, grant.person, grant.scopes, grant.offline, grant.nonce)

    def refresh(self, client: Client, refresh_token: str) -> dict[str, Any]:
        """A fresh access token with the refresh token's scopes. Raises OAuthError: invalid_grant."""
        token = self._tokens.get(refresh_token)
        if token is None or not token.refresh or token.client != client:
            raise OAuthError("invalid_grant", "The refresh token is unknown, revoked or another client's.")
        return self._answer(client, token.person, token.scopes, offline=False, nonce="")

    def client_credentials(self, client: Client, scope: str) -> dict[str, Any]:
        """Tokens for the client itself."""
        if client.native:
            raise OAuthError("unauthorized_client", "A native client has no credentials of its own.", 401)
        username = f"{client.client_id}@clients.auth.globus.org"
        itself = Identity(client.client_id, username, client.name, username, "")
        return self._answer(client, itself, tuple(scope.split()) or ("openid",), offline=False, nonce="")

    def token(self, value: str) -> Token | None:
        """A live token by its value."""
        token = self._tokens.get(value)
        if token is None or (not token.refresh and self._clock() >= token.issued + TOKEN_SECONDS):
            return None
        return token

    def revoke(self, client: Client, value: str) -> None:
        """End a token of this client; another client's stays as it is."""
        token = self._tokens.get(value)
        if token is not None and token.client == client:
            self._tokens.pop(value, None)

    def introspect(self, value: str) -> dict[str, Any]:
        """RFC 7662, with the fields that Globus adds."""
        token = self.token(value)
        if token is None:
            return {"active": False}
        return {
            "active": True,
            "token_type": "Bearer",
            "scope": " ".join(token.scopes),
            "client_id": token.client.client_id,
            "sub": token.person.sub,
            "username": token.person.username,
            "name": token.person.name,
            "email": token.person.email,
            "aud": [token.resource_server, token.client.client_id],
            "iss": self.issuer,
            "iat": int(token.issued),
            "nbf": int(token.issued),
            "exp": int(token.issued) + TOKEN_SECONDS,
            "identity_set": [token.person.sub],
            "identity_set_detail": [
                {
                    "sub": token.person.sub,
                    "username": token.person.username,
                    "email": token.person.email,
                    "name": token.person.name,
                    "identity_provider": PROVIDER_ID,
                }
            ],
        }

    def _answer(
        self, client: Client, person: Identity, scopes: tuple[str, ...], offline: bool, nonce: str
    ) -> dict[str, Any]:
        """The token response: one token a resource server, all but the first in `other_tokens`."""
        by_server: dict[str, list[str]] = {}
        for scope in scopes:
            by_server.setdefault(_resource_server(scope), []).append(scope)
        if not by_server:
            raise OAuthError("invalid_scope", "No scope was asked for.")
        first, *others = [
            self._issue(Token(client, person, tuple(own), server, self._clock(), refresh=False), offline)
            for server, own in by_server.items()
        ]
        first["other_tokens"] = others
        if "openid" in scopes:
            first["id_token"] = self._id_token(client, person, set(scopes), nonce, first["access_token"])
        return first

    def _issue(self, token: Token, offline: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "access_token": self._remember(token),
            "scope": " ".join(token.scopes),
            "resource_server": token.resource_server,
            "expires_in": TOKEN_SECONDS,
            "token_type": "Bearer",
        }
        if offline:
            answer["refresh_token"] = self._remember(
                Token(token.client, token.person, token.scopes, token.resource_server, token.issued, refresh=True)
            )
        return answer

    def _remember(self, token: Token) -> str:
        value = secrets.token_urlsafe(48)
        self._tokens[value] = token
        return value

    def _id_token(self, client: Client, person: Identity, scopes: set[str], nonce: str, access_token: str) -> str:
        now = int(self._clock())
        # OpenID Connect Core 3.1.3.6: the left half of the access token's hash, by the signature's hash function.
        half = hashlib.sha512(access_token.encode("ascii")).digest()[:32]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "at_hash": _base64url(half),
            **person.claims(scopes),
        }
        if nonce:
            claims["nonce"] = nonce
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": KEY_ID})


def _proves_possession(challenge: str, verifier: str) -> bool:
    """RFC 7636 section 4.6. A verifier without a challenge is refused too: it points to a stripped request."""
    if not challenge or not verifier:
        return not challenge and not verifier
    computed = _base64url(hashlib.sha256(verifier.encode("utf-8")).digest())
    return secrets.compare_digest(computed, challenge)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _resource_server(scope: str) -> str:
    """The service a scope belongs to, from Globus's two ways of writing scopes."""
    if "/scopes/" in scope:
        return scope.split("/scopes/", 1)[1].split("/", 1)[0]
    if scope.startswith("urn:globus:auth:scope:"):
        return scope.removeprefix("urn:globus:auth:scope:").split(":", 1)[0]
    return AUTH_SERVER
