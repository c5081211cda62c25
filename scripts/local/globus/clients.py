"""Who may ask the stand-in for tokens, and where it may send people back to."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

# The installed application's page that shows the code for copying, below the issuer's own URL.
CODE_PAGE = "/v2/web/auth-code"


@dataclass(frozen=True)
class Client:
    """A registered application. `secret` is None for a native one, which proves itself by PKCE alone."""

    client_id: str
    name: str
    secret: str | None
    redirect_uris: tuple[str, ...]

    @property
    def native(self) -> bool:
        return self.secret is None

    def proves(self, secret: str) -> bool:
        """Whether `secret` is this client's; never true of a native client."""
        return self.secret is not None and secrets.compare_digest(self.secret.encode(), secret.encode())

    def allows_redirect(self, uri: str) -> bool:
        """Exact match; a native client may also listen on any loopback port (RFC 8252 section 7.3)."""
        return uri in self.redirect_uris or (self.native and is_loopback_url(uri))


def is_loopback_url(uri: str) -> bool:
    """Whether this is a plain http URL of this machine."""
    try:
        parts = urlsplit(uri)
        return (
            parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost") and "@" not in parts.netloc
        )
    except ValueError:
        return False
