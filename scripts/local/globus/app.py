"""The stand-in's HTTP side: Globus Auth's paths over an `Authority`."""

import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import bottle
import jinja2

from scripts.local.globus.authority import ALGORITHM, CHALLENGE_LENGTH, Authority, OAuthError
from scripts.local.globus.clients import CODE_PAGE, Client
from scripts.local.globus.identities import PRESETS, PROVIDER_ID

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("scripts.local.globus", "pages"), autoescape=True, undefined=jinja2.StrictUndefined
)
# What the authorization request may carry; the sign-in form sends the same back.
_REQUEST_FIELDS = (
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "response_type",
    "access_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
)
# The session of real Globus Auth is not imitated: whoever comes is asked again, which is what a developer wants.
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def make_app(authority: Authority) -> bottle.Bottle:
    """The WSGI application."""
    app = bottle.Bottle(catchall=True)
    _add_discovery(app, authority)
    _add_sign_in(app, authority)
    _add_tokens(app, authority)
    _add_people(app, authority)
    return app


def _add_discovery(app: bottle.Bottle, authority: Authority) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        url = authority.issuer
        return {
            "issuer": url,
            "authorization_endpoint": f"{url}/v2/oauth2/authorize",
            "token_endpoint": f"{url}/v2/oauth2/token",
            "userinfo_endpoint": f"{url}/v2/oauth2/userinfo",
            "revocation_endpoint": f"{url}/v2/oauth2/token/revoke",
            "introspection_endpoint": f"{url}/v2/oauth2/token/introspect",
            "end_session_endpoint": f"{url}/v2/web/logout",
            "jwks_uri": f"{url}/jwk.json",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid", "email", "profile"],
            "subject_types_supported": ["public"],
        }

    @app.get("/jwk.json")
    def keys() -> dict[str, Any]:
        return {"keys": [authority.public_key()]}


def _add_sign_in(app: bottle.Bottle, authority: Authority) -> None:
    @app.get("/v2/oauth2/authorize")
    def authorize() -> str:
        query = bottle.request.query.decode()
        client = authority.clients.get(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        # Nobody is sent to an address that no client registered: these two errors are shown here.
        if client is None:
            return _page("refused.html", 400, reason="The client_id is not known here.")
        if not client.allows_redirect(redirect_uri):
            return _page("refused.html", 400, reason="The redirect_uri is not registered for this client.")

        problem = _request_problem(client, query)
        if problem:
            _send_back(redirect_uri, error=problem.code, error_description=problem.description, state=query.state)
        if "cancel" in query:
            _send_back(
                redirect_uri, error="access_denied", error_description="Signing in was cancelled.", state=query.state
            )
        login = query.get("login_as", "").strip()
        if not login:
            return _sign_in_page(client, query)
        try:
            person = authority.people.sign_in(login, query.get("name", ""))
        except ValueError as error:
            return _sign_in_page(client, query, wrong=str(error))
        code = authority.issue_code(
            client,
            person,
            scope=query.scope,
            redirect_uri=redirect_uri,
            challenge=query.get("code_challenge", ""),
            nonce=query.get("nonce", ""),
            offline=query.get("access_type") == "offline",
        )
        return _send_back(redirect_uri, code=code, state=query.state)

    @app.get(CODE_PAGE)
    def show_code() -> str:
        query = bottle.request.query.decode()
        return _page("code.html", code=query.get("code", ""), error=query.get("error_description", ""))

    @app.get("/v2/web/logout")
    def logout() -> str:
        target = bottle.request.query.decode().get("redirect_uri", "")
        if any(_same_origin(target, uri) for client in authority.clients.values() for uri in client.redirect_uris):
            bottle.redirect(target)
        return _page("signed_out.html")


def _add_tokens(app: bottle.Bottle, authority: Authority) -> None:
    @app.post("/v2/oauth2/token")
    @_json_errors
    def token() -> dict[str, Any]:
        form = bottle.request.forms.decode()
        client = _caller(authority, form)
        match form.get("grant_type", ""):
            case "authorization_code":
                return authority.redeem_code(
                    client, form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", "")
                )
            case "refresh_token":
                return authority.refresh(client, form.get("refresh_token", ""))
            case "client_credentials":
                return authority.client_credentials(client, form.get("scope", ""))
            case other:
                raise OAuthError("unsupported_grant_type", f"grant_type {other!r} is not supported.")

    @app.post("/v2/oauth2/token/introspect")
    @_json_errors
    def introspect() -> dict[str, Any]:
        form = bottle.request.forms.decode()
        if _caller(authority, form).native:
            raise OAuthError("unauthorized_client", "Only a client with a secret may introspect tokens.", 401)
        return authority.introspect(form.get("token", ""))

    @app.post("/v2/oauth2/token/revoke")
    @_json_errors
    def revoke() -> dict[str, Any]:
        form = bottle.request.forms.decode()
        authority.revoke(_caller(authority, form), form.get("token", ""))
        return {"active": False}


def _add_people(app: bottle.Bottle, authority: Authority) -> None:
    @app.get("/v2/oauth2/userinfo")
    @_json_errors
    def userinfo() -> dict[str, Any]:
        token = authority.token(_bearer())
        if token is None or "openid" not in token.scopes:
            raise OAuthError("invalid_token", "The access token is unknown, expired or lacks the scope openid.", 401)
        return token.person.claims(set(token.scopes))

    @app.get("/v2/api/identities")
    @_json_errors
    def identities() -> dict[str, Any]:
        if authority.token(_bearer()) is None:
            _caller(authority, {})
        query = bottle.request.query.decode()
        found = authority.people.find(_comma_set(query.get("ids", "")), _comma_set(query.get("usernames", "")))
        return {
            "identities": [
                {
                    "id": person.sub,
                    "username": person.username,
                    "email": person.email,
                    "name": person.name,
                    "organization": person.organization,
                    "identity_provider": PROVIDER_ID,
                    "identity_type": "login",
                    "status": "used",
                }
                for person in found
            ]
        }


def _request_problem(client: Client, query: Any) -> OAuthError | None:
    """What is wrong with an authorization request whose client and address are right."""
    if query.get("response_type") != "code":
        return OAuthError("unsupported_response_type", "response_type must be code.")
    if not query.get("scope", "").split():
        return OAuthError("invalid_scope", "No scope was asked for.")
    challenge = query.get("code_challenge", "")
    if client.native and not challenge:
        return OAuthError("invalid_request", "A native client must send a code_challenge.")
    if challenge and (query.get("code_challenge_method") != "S256" or len(challenge) != CHALLENGE_LENGTH):
        return OAuthError("invalid_request", "code_challenge must be of the method S256.")
    return None


def _sign_in_page(client: Client, query: Any, wrong: str = "") -> str:
    return _page(
        "sign_in.html",
        400 if wrong else 200,
        client=client.name,
        people=PRESETS,
        fields=[(name, query.get(name)) for name in _REQUEST_FIELDS if query.get(name)],
        hint=query.get("login_hint", "") or query.get("login_as", ""),
        wrong=wrong,
    )


def _page(name: str, status: int = 200, **values: Any) -> str:
    bottle.response.status = status
    for header, value in _PAGE_HEADERS.items():
        bottle.response.set_header(header, value)
    return _PAGES.get_template(name).render(**values)


def _send_back(redirect_uri: str, **values: str) -> str:
    """Redirect to the client with the answer in the query."""
    joint = "&" if urlsplit(redirect_uri).query else "?"
    raise bottle.HTTPResponse(
        status=302,
        headers={
            "Location": redirect_uri + joint + urlencode({k: v for k, v in values.items() if v}),
            "Cache-Control": "no-store",
        },
    )


def _caller(authority: Authority, form: Any) -> Client:
    """The client that makes this request: by HTTP Basic, or by client_id alone where it is native."""
    basic = bottle.request.auth
    client = authority.clients.get(basic[0] if basic else form.get("client_id", ""))
    if client is None or (not client.native and not (basic and client.proves(basic[1] or ""))):
        raise OAuthError("invalid_client", "The client is unknown or its secret is wrong.", 401)
    return client


def _bearer() -> str:
    scheme, _, value = bottle.request.get_header("Authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _comma_set(text: str) -> set[str]:
    return {part.strip() for part in text.split(",") if part.strip()}


def _same_origin(one: str, other: str) -> bool:
    try:
        a, b = urlsplit(one), urlsplit(other)
        return bool(a.netloc) and (a.scheme, a.netloc) == (b.scheme, b.netloc)
    except ValueError:
        return False


def _json_errors(view: Any) -> Any:
    """Answer an OAuthError the way Globus does: OAuth 2's two fields and a list of errors."""

    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except OAuthError as error:
            body = {
                "error": error.code,
                "error_description": error.description,
                "errors": [
                    {
                        "status": str(error.status),
                        "code": error.code.upper(),
                        "title": error.code,
                        "detail": error.description,
                    }
                ],
            }
            headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
            if error.status == 401:
                headers["WWW-Authenticate"] = 'Basic realm="globus-auth-stand-in"'
            return bottle.HTTPResponse(json.dumps(body), error.status, headers)

    return answer
