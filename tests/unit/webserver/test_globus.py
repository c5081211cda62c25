import time
import uuid
from typing import Any
from unittest.mock import Mock

import globus_sdk
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gas.aws import Secrets
from webserver.globus import Globus, SignInRefused, checked
from webserver.sessions import SignIn

ISSUER = "https://issuer.example"
CLIENT_ID = str(uuid.uuid4())
SIGN_IN = SignIn(state="s", nonce="the nonce", verifier="v" * 43, next="/")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLAIMS = {"iss": ISSUER, "sub": "someone", "nonce": "the nonce", "email": "a@example.org", "name": "A"}


def id_token(key: Any = KEY, algorithm: str = "RS512", **changes: Any) -> str:
    now = int(time.time())
    claims = {**CLAIMS, "aud": CLIENT_ID, "iat": now, "exp": now + 600, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm=algorithm)


class Tokens(dict[str, Any]):
    @property
    def by_resource_server(self) -> dict[str, dict[str, str]]:
        return {"auth.globus.org": {"access_token": "at"}}


def globus(token: str | None, keys: list[Any] | None = None) -> tuple[Globus, Mock]:
    """A Globus whose client answers with this ID token and, in turn, with these public keys."""
    client = Mock(spec=globus_sdk.ConfidentialAppAuthClient, client_id=CLIENT_ID)
    client.oauth2_token.return_value = Tokens(id_token=token)
    client.get_openid_configuration.return_value = Mock(data={"id_token_signing_alg_values_supported": ["RS512"]})
    client.get_jwk.side_effect = [key.public_key() for key in keys or [KEY]]
    made = Globus(lambda: Secrets(CLIENT_ID, "s", "k"), "https://gas.example.org", ISSUER)
    made.__dict__["client"] = client
    return made, client


def test_a_sound_token_names_who_signed_in() -> None:
    made, client = globus(id_token(organization="Institute"))
    identity = made.identity("code", SIGN_IN)
    assert (identity.user_id, identity.email, identity.institution) == ("someone", "a@example.org", "Institute")
    client.oauth2_revoke_token.assert_called_once_with("at")
    assert client.oauth2_token.call_args.args[0]["code_verifier"] == SIGN_IN.verifier


@pytest.mark.parametrize(
    "token",
    [
        None,
        "not a token",
        id_token(aud=str(uuid.uuid4())),
        id_token(exp=int(time.time()) - 3600),
        id_token(exp=None),
        id_token(aud=None),
        id_token(sub=None),
        id_token(iss=None),
        id_token(iss="https://auth.globus.org.evil.example"),
        id_token(nonce=None),
        id_token(nonce="another"),
        id_token(nonce=""),
        id_token(key="", algorithm="none"),
        id_token(key="a shared secret, long enough for HMAC" * 2, algorithm="HS512"),
    ],
    # A token is another one in each process, and tests need the same names in all.
    ids=[
        "none",
        "no token",
        "another's",
        "expired",
        "no expiry",
        "no audience",
        "no subject",
        "no issuer",
        "another issuer",
        "no nonce",
        "another nonce",
        "empty nonce",
        "unsigned",
        "shared secret",
    ],
)
def test_an_unsound_token_is_refused(token: str | None) -> None:
    made, _ = globus(token)
    with pytest.raises(SignInRefused):
        made.identity("code", SIGN_IN)


def test_a_token_signed_by_another_key_is_refused_after_one_more_look() -> None:
    made, client = globus(id_token(key=OTHER_KEY), keys=[KEY])
    with pytest.raises(SignInRefused, match="signature"):
        made.identity("code", SIGN_IN)
    assert client.get_jwk.call_count == 1


def test_a_changed_key_is_fetched_anew() -> None:
    made, client = globus(id_token(), keys=[KEY, OTHER_KEY])
    made.identity("code", SIGN_IN)
    client.oauth2_token.return_value = Tokens(id_token=id_token(key=OTHER_KEY))
    assert made.identity("code", SIGN_IN).user_id == "someone"
    assert client.get_jwk.call_count == 2


def test_a_token_that_cannot_be_revoked_does_not_stop_the_sign_in() -> None:
    made, client = globus(id_token())
    client.oauth2_revoke_token.side_effect = globus_sdk.NetworkError("gone", OSError("gone"))
    assert made.identity("code", SIGN_IN).user_id == "someone"


@pytest.mark.parametrize(
    ("claims", "name", "email", "institution"),
    [
        ({"name": None, "email": None, "preferred_username": "a@uni.example"}, "a@uni.example", "", ""),
        ({"organization": None, "identity_provider_display_name": "Uni"}, "A", "a@example.org", "Uni"),
    ],
)
def test_what_globus_does_not_say_is_made_up_for(
    claims: dict[str, Any], name: str, email: str, institution: str
) -> None:
    identity = checked({**CLAIMS, **claims}, ISSUER, "the nonce")
    assert (identity.name, identity.email, identity.institution) == (name, email, institution)
