"""HTTP to this machine's own servers, whatever proxy the environment names."""

import requests

TIMEOUT_SECONDS = 30


def session() -> requests.Session:
    """A session that reads neither proxies nor passwords from the caller's environment."""
    own = requests.Session()
    own.trust_env = False
    return own


def get(url: str) -> requests.Response:
    """The page, or an OSError (requests' exceptions are) where it cannot be had or has an error status."""
    response = session().get(url, timeout=TIMEOUT_SECONDS)
    response.raise_for_status()
    return response
