"""Made-up calls of every operation: no failure of ours, no answer that the document does not describe."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.webserver.api.programs import new_program
from tests.unit.webserver.conftest import SITE_URL
from webserver.api.openapi import DOCUMENT_PATH
from webserver.app import make_app
from webserver.services import Services

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
)
EXAMPLES = 6


@pytest.fixture
def api_schema(services: Services) -> Any:
    return schemathesis.openapi.from_wsgi(DOCUMENT_PATH, make_app(services))


schema = schemathesis.pytest.from_fixture("api_schema")


@pytest.fixture
def token(app: Any, services: Services) -> str:
    return new_program(app, services).token


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_call_breaks_it(case: Case, token: str) -> None:
    case.call_and_validate(base_url=SITE_URL, headers={"Authorization": f"Bearer {token}"}, checks=list(CHECKS))
