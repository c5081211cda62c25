"""A program that calls the API: tokens from the Globus stand-in, JSON both ways."""

import base64
import hashlib
import json
import secrets
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

from tests.unit.webserver.browser import Answer, Browser, redirect_of
from tests.unit.webserver.conftest import NATIVE_CLIENT_ID, SITE_URL
from webserver.services import Services


def token_of(services: Services, login: str, scope: str | None = None) -> str:
    """A Globus access token of `login`, by the flow of `gas login`: native client, PKCE."""
    globus = services.settings.globus_issuer
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    redirect_uri = f"{globus}/v2/web/auth-code"
    asked = {
        "client_id": NATIVE_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": scope or services.bearers.scope,
        "state": "x",
        "response_type": "code",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_as": login,
    }
    back = redirect_of(f"{globus}/v2/oauth2/authorize?{urllib.parse.urlencode(asked)}")
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": NATIVE_CLIENT_ID,
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    request = urllib.request.Request(f"{globus}/v2/oauth2/token", urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["access_token"])


@dataclass
class Program:
    """One script and its token; `user_id` once it has an account."""

    browser: Browser
    token: str
    user_id: str = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        if body is not None:
            sent["Content-Type"] = "application/json"
        return self.browser.request(method, path, content, sent)


def new_program(app: Any, services: Services, login: str | None = None) -> Program:
    """A script of somebody new, who has an account."""
    program = Program(Browser(app, SITE_URL), token_of(services, login or f"p{uuid.uuid4().hex}@example.org"))
    opened = program.call("POST", "/api/v1/account")
    assert opened.status == 200, opened.text
    program.user_id = opened.json["user_id"]
    return program
