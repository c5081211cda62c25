"""The OpenAPI document is valid, complete, and what the service really answers."""

import json
from typing import Any

import jsonschema
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.webserver.api.programs import new_program
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL
from webserver.api.openapi import document
from webserver.app import ROUTES
from webserver.services import Services


def test_the_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(document(SITE_URL)).validate()


def test_every_route_for_programs_is_in_it() -> None:
    described = sum(len(methods) for methods in document(SITE_URL)["paths"].values())
    # All but the document itself.
    assert described == sum(route.api for route in ROUTES) - 1


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for path in document(SITE_URL)["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_answers_are_as_described(app: Any, services: Services) -> None:
    described = document(SITE_URL)
    program = new_program(app, services)
    for path in ("/api/v1", "/api/v1/account", "/api/v1/bundles", "/api/v1/jobs", "/ga4gh/wes/v1/service-info"):
        answer = program.call("GET", path)
        schema = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json, {**schema, "components": described["components"]})


def test_people_and_programs_read_the_same(browser: Browser) -> None:
    served = browser.get("/api/v1/openapi.json")
    assert json.loads(served.body) == document(SITE_URL)
    page = browser.get("/api")
    assert page.status == 200
    for path in document(SITE_URL)["paths"]:
        assert path in page.text
