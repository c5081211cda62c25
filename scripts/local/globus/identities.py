"""The people who can sign in: some to pick from, and whoever one types."""

import re
import uuid
from dataclasses import dataclass

# Identity ids are derived from the user name, so that jobs still belong to their owner after a restart.
_NAMESPACE = uuid.UUID("6a0f4b7e-51f4-5a83-9d0c-3d2f5f0f2c11")
PROVIDER_ID = str(uuid.uuid5(_NAMESPACE, "identity-provider"))
PROVIDER_NAME = "GAS local sign-in"
_USERNAME = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_MAX_LENGTH = 254


@dataclass(frozen=True)
class Identity:
    """A Globus identity: `sub` is its UUID, `username` has the form of a mail address."""

    sub: str
    username: str
    name: str
    email: str
    organization: str

    def claims(self, scopes: set[str]) -> dict[str, str]:
        """What the OpenID Connect scopes `profile` and `email` give away about this person."""
        claims = {"sub": self.sub}
        if "profile" in scopes:
            claims |= {
                "name": self.name,
                "preferred_username": self.username,
                "organization": self.organization,
                "identity_provider": PROVIDER_ID,
                "identity_provider_display_name": PROVIDER_NAME,
            }
        if "email" in scopes:
            claims["email"] = self.email
        return claims


def identity(login: str, name: str = "", organization: str = "Example Institute") -> Identity:
    """The person behind a typed login: `ada` is short for `ada@example.org`. Raises ValueError with a sentence."""
    username = login.strip().lower()
    if "@" not in username:
        username = f"{username}@example.org"
    if len(username) > _MAX_LENGTH or not _USERNAME.fullmatch(username):
        raise ValueError("Type a name such as ada, or an address such as ada@example.org.")
    spoken = " ".join(name.split()) or " ".join(
        part.capitalize() for part in re.split(r"[._+-]+", username.split("@")[0]) if part
    )
    return Identity(str(uuid.uuid5(_NAMESPACE, username)), username, spoken, username, organization)


# Who sees the operator's page of `make run`.
OPERATOR = identity("dora@example.org", "Dora Operator", "Whoever runs this service")
PRESETS = (
    identity("ada@example.org", "Ada Example", "Example Institute of Genomics"),
    identity("ben@example.org", "Ben Sample", "University of Somewhere"),
    identity("chidi@example.org", "Chidi Trial", "City Hospital"),
    OPERATOR,
)


class Directory:
    """Everyone this server has heard of: the presets and those who signed in since it started."""

    def __init__(self) -> None:
        self._by_username = {person.username: person for person in PRESETS}

    def sign_in(self, login: str, name: str = "") -> Identity:
        """Find or add a person. Raises ValueError with a sentence where the login is no user name."""
        person = identity(login, name)
        known = self._by_username.get(person.username)
        if known and not name.strip():
            return known
        self._by_username[person.username] = person
        return person

    def find(self, subs: set[str], usernames: set[str]) -> list[Identity]:
        """Those with one of the ids or one of the user names."""
        return [p for p in list(self._by_username.values()) if p.sub in subs or p.username in usernames]
