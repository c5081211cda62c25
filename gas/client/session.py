"""Signed in at a deployment: Globus's tokens for it, kept for this user's eyes only, and calls that carry them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import globus_sdk
import requests
from globus_sdk.scopes import Scope
from globus_sdk.token_storage import JSONTokenStorage
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

FOLDER = Path(click.get_app_dir("gas"))
CALL_SECONDS = 30
# What a busy or restarting site answers; a call that changes something is safe to repeat, because each is idempotent.
RETRIES = Retry(total=5, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504), allowed_methods=None)


class ClientError(Exception):
    """What went wrong, in a sentence for the user."""


class SignInNeeded(ClientError):
    """There is no token for this deployment, or it no longer holds."""


class Refused(ClientError):
    """The deployment refused the call. `code` and `status` are the problem document's."""

    def __init__(self, detail: str, status: int, code: str | None):
        super().__init__(detail)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Deployment:
    """What `GET /api/v1` tells: how to sign in there."""

    site_url: str
    scope: str
    native_client_id: str


class Session:
    """Calls to one deployment's API. `folder`: where tokens are kept between commands."""

    def __init__(self, site_url: str, folder: Path):
        self.site_url = site_url.rstrip("/")
        self.folder = folder
        self.http = http()
        self._authorizer: globus_sdk.authorizers.GlobusAuthorizer | None = None

    def login(self) -> dict[str, Any]:
        """Sign in at Globus in the browser, with the code pasted here; returns the account. Raises ClientError."""
        deployment = self._discover()
        app = self._app(deployment)
        app.login(force=True)
        self._authorizer = app.get_authorizer(_resource_server(deployment.scope))
        known = self.folder / "deployments.json"
        sites = _read(known)
        sites["default"] = self.site_url
        sites.setdefault("sites", {})[self.site_url] = asdict(deployment)
        _write(known, sites)
        return self.call("POST", "/account")

    def logout(self) -> None:
        """Revoke the tokens and forget them."""
        app = self._known_app()
        app.logout()

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """One call of the API, answered with JSON. Raises `SignInNeeded`, `Refused`, ClientError."""
        answer = self.send(method, path, json=body, **options)
        return dict(answer.json())

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call of the API; redirects are not followed, so that no token goes elsewhere."""
        headers = {"Authorization": self._authorization(), **options.pop("headers", {})}
        url = f"{self.site_url}/api/v1{path}"
        try:
            answer = self.http.request(
                method, url, headers=headers, timeout=CALL_SECONDS, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise ClientError(f"{self.site_url} cannot be reached: {_cause(error)}.") from error
        if answer.status_code < 400:
            return answer
        raise _refusal(answer)

    def _authorization(self) -> str:
        if self._authorizer is None:
            app = self._known_app()
            try:
                self._authorizer = app.get_authorizer(next(iter(app.scope_requirements)))
            except globus_sdk.GlobusError as error:
                raise SignInNeeded(_SIGN_IN.format(self.site_url)) from error
        try:
            header = self._authorizer.get_authorization_header()
        except globus_sdk.GlobusError as error:
            raise SignInNeeded(_SIGN_IN.format(self.site_url)) from error
        if header is None:
            raise SignInNeeded(_SIGN_IN.format(self.site_url))
        return header

    def _known_app(self) -> globus_sdk.UserApp:
        found = _read(self.folder / "deployments.json").get("sites", {}).get(self.site_url)
        if found is None:
            raise SignInNeeded(_SIGN_IN.format(self.site_url))
        return self._app(Deployment(**found))

    def _app(self, deployment: Deployment) -> globus_sdk.UserApp:
        server = _resource_server(deployment.scope)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        storage = JSONTokenStorage(self.folder / f"tokens-{server}.json")
        config = globus_sdk.GlobusAppConfig(
            request_refresh_tokens=True,
            token_storage=storage,
            token_validation_error_handler=_again,
        )
        return globus_sdk.UserApp(
            "gas",
            client_id=deployment.native_client_id,
            scope_requirements={server: [Scope.parse(deployment.scope)]},
            config=config,
        )

    def _discover(self) -> Deployment:
        if urlsplit(self.site_url).scheme not in ("http", "https"):
            raise ClientError(f"{self.site_url} is no web address; it begins with https://.")
        try:
            answer = self.http.get(f"{self.site_url}/api/v1", timeout=CALL_SECONDS)
            found = answer.json()
            told = Deployment(self.site_url, str(found["scope"]), str(found["native_client_id"] or ""))
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise ClientError(f"{self.site_url} is no GAS that answers: {_cause(error)}.") from error
        if not told.native_client_id:
            raise ClientError(f"{self.site_url} has no client for the command line; its operators can set one.")
        return told


_SIGN_IN = "Sign in first: gas login {}"


def http() -> requests.Session:
    """A session that tries again what a passing fault has stopped."""
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=RETRIES))
    session.mount("http://", HTTPAdapter(max_retries=RETRIES))
    return session


def default_site(folder: Path) -> str | None:
    """The deployment signed in to last."""
    found = _read(folder / "deployments.json").get("default")
    return None if found is None else str(found)


def printable(text: str) -> str:
    """A text without what would steer a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _again(app: Any, error: Any) -> None:
    """Never ask for a sign-in in the middle of a command: say that it is needed."""
    raise SignInNeeded("Your sign-in has ended. Sign in again: gas login") from error


def _resource_server(scope: str) -> str:
    return scope.split("/scopes/", 1)[-1].split("/", 1)[0]


def _refusal(answer: requests.Response) -> ClientError:
    try:
        problem = answer.json()
        detail, code = str(problem["detail"]), problem.get("code")
    except (ValueError, KeyError, TypeError):
        return ClientError(f"The site answered {answer.status_code} {answer.reason}, and no reason.")
    if answer.status_code == 401:
        return SignInNeeded(f"{detail} (gas login)")
    if problem.get("reference"):
        detail = f"{detail} Reference: {problem['reference']}."
    return Refused(detail, answer.status_code, code)


def _cause(error: BaseException) -> str:
    inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    return str(getattr(inner, "reason", inner)).rstrip(".")


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
    draft.replace(path)
