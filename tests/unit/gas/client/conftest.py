"""The site's fixtures: the command line is tested against the real application."""

from tests.unit.webserver.conftest import (  # noqa: F401
    _fresh_secrets,
    built_services,
    clock,
    deployment,
    globus_url,
    job_in,
    services,
)
