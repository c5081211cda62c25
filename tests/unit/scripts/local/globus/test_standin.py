"""The stand-in as the real globus_sdk and a browser see it."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import globus_sdk
import jwt
import pytest
import requests

from scripts.local.globus import server
from scripts.local.globus.authority import CODE_SECONDS, TOKEN_SECONDS, Authority, OAuthError
from scripts.local.globus.clients import Client

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
NATIVE_ID = "99999999-2222-3333-4444-555555555555"
SECRET = "a secret: with a colon"
REDIRECT = "http://127.0.0.1:8080/authcallback"
# The pair that RFC 7636 gives in appendix B.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPES = ["openid", "profile", "email"]


@dataclass
class StandIn:
    url: str

    def client(self, secret: str = SECRET) -> globus_sdk.ConfidentialAppAuthClient:
        return globus_sdk.ConfidentialAppAuthClient(CLIENT_ID, secret)

    def native(self) -> globus_sdk.NativeAppAuthClient:
        return globus_sdk.NativeAppAuthClient(NATIVE_ID)

    def get(self, url: str) -> requests.Response:
        return requests.get(url, allow_redirects=False, timeout=10)

    def answer(self, url: str) -> dict[str, str]:
        """The query of the redirect that ends a sign-in."""
        response = self.get(url)
        assert response.status_code == 302, response.text
        return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}

    def code(self, client: globus_sdk.ConfidentialAppAuthClient, **query: str) -> str:
        client.oauth2_start_flow(REDIRECT, SCOPES, state="s1", refresh_tokens=True)
        return self.answer(client.oauth2_get_authorize_url(query_params={"login_as": "ada", **query}))["code"]


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    http, url = server.serve(
        "127.0.0.1",
        0,
        client_id=CLIENT_ID,
        client_secret=SECRET,
        native_client_id=NATIVE_ID,
        redirect_uris=[REDIRECT],
    )
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield StandIn(url)
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def standin(running: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("GLOBUS_SDK_SERVICE_URL_AUTH", running.url + "/")
    return running


def test_whole_flow_with_pkce_gives_a_verifiable_id_token(standin: StandIn) -> None:
    client = standin.client()
    client.oauth2_start_flow(REDIRECT, SCOPES, state="s1", refresh_tokens=True)
    url = client.oauth2_get_authorize_url(
        query_params={"nonce": "n1", "code_challenge": CHALLENGE, "code_challenge_method": "S256", "login_as": "ada"}
    )
    answer = standin.answer(url)
    assert answer["state"] == "s1"

    tokens = client.oauth2_token(
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        },
        response_class=globus_sdk.OAuthTokenResponse,
    )
    claims = tokens.decode_id_token()
    assert claims["iss"] == standin.url
    assert claims["aud"] == CLIENT_ID
    assert claims["nonce"] == "n1"
    assert claims["email"] == claims["preferred_username"] == "ada@example.org"
    assert claims["name"] == "Ada Example"
    assert claims["exp"] - claims["iat"] == TOKEN_SECONDS
    assert tokens.by_resource_server["auth.globus.org"]["refresh_token"]


@pytest.mark.parametrize("verifier", ["", "w" * 43])
def test_wrong_or_missing_verifier_is_refused_and_spends_the_code(standin: StandIn, verifier: str) -> None:
    client = standin.client()
    code = standin.code(client, code_challenge=CHALLENGE, code_challenge_method="S256")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": verifier}
    with pytest.raises(globus_sdk.AuthAPIError, match="code_verifier"):
        client.oauth2_token(form)
    with pytest.raises(globus_sdk.AuthAPIError, match="already spent"):
        client.oauth2_token(form | {"code_verifier": VERIFIER})


def test_verifier_without_challenge_is_refused(standin: StandIn) -> None:
    client = standin.client()
    code = standin.code(client)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    with pytest.raises(globus_sdk.AuthAPIError, match="code_verifier"):
        client.oauth2_token(form)


def test_code_works_once(standin: StandIn) -> None:
    client = standin.client()
    code = standin.code(client)
    assert client.oauth2_exchange_code_for_tokens(code)["access_token"]
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        client.oauth2_exchange_code_for_tokens(code)
    assert caught.value.http_status == 400


def test_code_needs_the_same_redirect_uri(standin: StandIn) -> None:
    client = standin.client()
    code = standin.code(client)
    with pytest.raises(globus_sdk.AuthAPIError, match="redirect_uri"):
        client.oauth2_token({"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT + "/"})


def test_wrong_secret_is_refused(standin: StandIn) -> None:
    code = standin.code(standin.client())
    impostor = standin.client("another")
    impostor.oauth2_start_flow(REDIRECT, SCOPES)
    with pytest.raises(globus_sdk.AuthAPIError) as caught:
        impostor.oauth2_exchange_code_for_tokens(code)
    assert caught.value.http_status == 401


def test_confidential_client_cannot_leave_its_secret_out(standin: StandIn) -> None:
    code = standin.code(standin.client())
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "client_id": CLIENT_ID}
    assert requests.post(f"{standin.url}/v2/oauth2/token", data=form, timeout=10).status_code == 401


def test_native_client_flow(standin: StandIn) -> None:
    client = standin.native()
    client.oauth2_start_flow(SCOPES, refresh_tokens=True)
    code = standin.answer(client.oauth2_get_authorize_url(query_params={"login_as": "ben"}))["code"]
    tokens = client.oauth2_exchange_code_for_tokens(code)
    assert tokens.decode_id_token()["preferred_username"] == "ben@example.org"
    refreshed = client.oauth2_refresh_token(tokens["refresh_token"])
    assert refreshed["access_token"] != tokens["access_token"]


def test_native_client_must_send_a_challenge(standin: StandIn) -> None:
    query = f"client_id={NATIVE_ID}&redirect_uri=http://localhost:5000/&response_type=code&scope=openid&login_as=ada"
    assert standin.answer(f"{standin.url}/v2/oauth2/authorize?{query}")["error"] == "invalid_request"


def test_native_client_may_not_introspect(standin: StandIn) -> None:
    form = {"client_id": NATIVE_ID, "token": "x"}
    assert requests.post(f"{standin.url}/v2/oauth2/token/introspect", data=form, timeout=10).status_code == 401


@pytest.mark.parametrize("redirect", ["http://127.0.0.1:8080/authcallback/", "http://evil.example/authcallback", ""])
def test_unregistered_redirect_is_shown_never_followed(standin: StandIn, redirect: str) -> None:
    query = {"client_id": CLIENT_ID, "redirect_uri": redirect, "response_type": "code", "scope": "openid"}
    response = requests.get(
        f"{standin.url}/v2/oauth2/authorize", params=query | {"login_as": "ada"}, allow_redirects=False, timeout=10
    )
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_unknown_client_is_shown(standin: StandIn) -> None:
    response = standin.get(f"{standin.url}/v2/oauth2/authorize?client_id=x&redirect_uri={REDIRECT}")
    assert response.status_code == 400


def test_cancel_sends_access_denied_back(standin: StandIn) -> None:
    client = standin.client()
    client.oauth2_start_flow(REDIRECT, SCOPES, state="s1")
    answer = standin.answer(client.oauth2_get_authorize_url(query_params={"cancel": "1"}))
    assert answer["error"] == "access_denied"
    assert answer["state"] == "s1"


def test_sign_in_page_offers_people_and_keeps_the_request(standin: StandIn) -> None:
    client = standin.client()
    client.oauth2_start_flow(REDIRECT, SCOPES, state='"><script>')
    page = standin.get(client.oauth2_get_authorize_url(query_params={"nonce": "n1"}))
    assert page.status_code == 200
    assert 'value="ada@example.org"' in page.text
    assert "<script>" not in page.text
    assert "&#34;&gt;&lt;script&gt;" in page.text
    assert 'name="nonce" value="n1"' in page.text


def test_a_typed_person_keeps_the_same_id(standin: StandIn) -> None:
    subs = set()
    for login in ("Grace.Hopper@navy.example", "grace.hopper@navy.example"):
        client = standin.client()
        code = standin.code(client, login_as=login)
        claims = client.oauth2_exchange_code_for_tokens(code).decode_id_token()
        assert claims["name"] == "Grace Hopper"
        subs.add(claims["sub"])
    assert len(subs) == 1


def test_bad_login_is_explained_on_the_page(standin: StandIn) -> None:
    client = standin.client()
    client.oauth2_start_flow(REDIRECT, SCOPES)
    page = standin.get(client.oauth2_get_authorize_url(query_params={"login_as": "a b <i>"}))
    assert page.status_code == 400
    assert "Type a name such as ada" in page.text
    assert "<i>" not in page.text


def test_introspection_revocation_userinfo_and_identities(standin: StandIn) -> None:
    client = standin.client()
    tokens = client.oauth2_exchange_code_for_tokens(standin.code(client))
    access = tokens["access_token"]
    seen = client.oauth2_token_introspect(access)
    assert seen["active"]
    assert seen["username"] == "ada@example.org"
    assert seen["aud"] == ["auth.globus.org", CLIENT_ID]

    bearer = globus_sdk.AuthClient(authorizer=globus_sdk.AccessTokenAuthorizer(access))
    assert bearer.userinfo()["email"] == "ada@example.org"
    assert [i["id"] for i in bearer.get_identities(usernames="ada@example.org")] == [seen["sub"]]
    assert [i["username"] for i in bearer.get_identities(ids=seen["sub"])] == ["ada@example.org"]

    client.oauth2_revoke_token(access)
    assert client.oauth2_token_introspect(access)["active"] is False
    with pytest.raises(globus_sdk.AuthAPIError):
        bearer.userinfo()


def test_another_client_cannot_revoke(standin: StandIn) -> None:
    client = standin.client()
    access = client.oauth2_exchange_code_for_tokens(standin.code(client))["access_token"]
    requests.post(f"{standin.url}/v2/oauth2/token/revoke", data={"client_id": NATIVE_ID, "token": access}, timeout=10)
    assert client.oauth2_token_introspect(access)["active"] is True


def test_identities_need_a_caller(standin: StandIn) -> None:
    assert standin.get(f"{standin.url}/v2/api/identities?usernames=ada@example.org").status_code == 401


def test_each_resource_server_has_its_own_token(standin: StandIn) -> None:
    client = standin.client()
    scope = f"https://auth.globus.org/scopes/{CLIENT_ID}/jobs"
    client.oauth2_start_flow(REDIRECT, ["openid", scope])
    code = standin.answer(client.oauth2_get_authorize_url(query_params={"login_as": "ada"}))["code"]
    tokens = client.oauth2_exchange_code_for_tokens(code).by_resource_server
    assert set(tokens) == {"auth.globus.org", CLIENT_ID}
    assert tokens[CLIENT_ID]["refresh_token"] is None
    assert client.oauth2_token_introspect(tokens[CLIENT_ID]["access_token"])["scope"] == scope


def test_client_credentials(standin: StandIn) -> None:
    tokens = standin.client().oauth2_client_credentials_tokens(requested_scopes=["openid"])
    assert standin.client().oauth2_token_introspect(tokens["access_token"])["sub"] == CLIENT_ID
    form = {"grant_type": "client_credentials", "client_id": NATIVE_ID}
    assert requests.post(f"{standin.url}/v2/oauth2/token", data=form, timeout=10).status_code == 401


def test_id_token_of_another_key_fails(standin: StandIn) -> None:
    client = standin.client()
    tokens = client.oauth2_exchange_code_for_tokens(standin.code(client))
    other = Authority(standin.url, []).public_key()
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(tokens["id_token"], jwt.PyJWK(other).key, algorithms=["RS512"], audience=CLIENT_ID)


def test_logout_redirects_only_to_a_registered_site(standin: StandIn) -> None:
    home = standin.get(f"{standin.url}/v2/web/logout?redirect_uri=http://127.0.0.1:8080/")
    assert home.headers["Location"] == "http://127.0.0.1:8080/"
    away = standin.get(f"{standin.url}/v2/web/logout?redirect_uri=http://evil.example/")
    assert away.status_code == 200
    assert "Location" not in away.headers


def test_codes_and_tokens_expire() -> None:
    now = [1_000_000.0]
    client = Client(CLIENT_ID, "GAS", SECRET, (REDIRECT,))
    authority = Authority("http://127.0.0.1:1", [client], clock=lambda: now[0])
    person = authority.people.sign_in("ada")
    late = authority.issue_code(client, person, scope="openid", redirect_uri=REDIRECT)
    now[0] += CODE_SECONDS + 1
    with pytest.raises(OAuthError, match="older than"):
        authority.redeem_code(client, late, REDIRECT, "")

    in_time = authority.issue_code(client, person, scope="openid", redirect_uri=REDIRECT)
    now[0] += CODE_SECONDS
    access = authority.redeem_code(client, in_time, REDIRECT, "")["access_token"]
    now[0] += TOKEN_SECONDS - 1
    assert authority.introspect(access)["active"]
    now[0] += 1
    assert authority.introspect(access) == {"active": False}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost", ""])
def test_only_loopback_addresses_are_served(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        server.check_loopback(host)


ARGUMENTS = ["--client-id", CLIENT_ID, "--client-secret", SECRET, "--native-client-id", NATIVE_ID]


def test_command_prints_its_url_and_stops_on_sigterm() -> None:
    command = [sys.executable, "-m", "scripts.local.globus", "--redirect", REDIRECT, *ARGUMENTS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        found = requests.get(f"{url}/.well-known/openid-configuration", timeout=10).json()
        assert found["issuer"] == url
        process.terminate()
        assert process.wait(10) == 0


def test_command_refuses_another_address() -> None:
    command = [sys.executable, "-m", "scripts.local.globus", "--redirect", REDIRECT, "--host", "0.0.0.0", *ARGUMENTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "not a loopback address" in done.stderr
