"""The OpenAPI 3.1 document, made from the table of operations and the types of what they take and give."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

import bottle
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webserver.api.models import ProblemDocument
from webserver.api.operations import PREFIX, Operation
from webserver.api.table import OPERATIONS
from webserver.problems import PROBLEM_JSON
from webserver.release import VERSION
from webserver.web import Route, Visit

DOCUMENT_PATH, READER_PATH = f"{PREFIX}/openapi.json", "/api"
SCHEMAS = "#/components/schemas/"
FORM = "application/x-www-form-urlencoded"
FILE_TYPES = ("text/tab-separated-values", "application/gzip", "application/vnd.apache.parquet")
# What any operation may answer, by whom it is asked and what it does.
ALWAYS, BY_MEMBERS, WITH_BODY = (500, 503), (401, 403, 429), (400, 411, 413, 415)
_PARAMETER = re.compile(r"<(\w+):re:((?:[^<>])+)>")
_JOB_ID = {"type": "string", "format": "uuid"}


def document(site_url: str) -> dict[str, Any]:
    """The whole document. `site_url`: where the site is reached, without a path."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = _PARAMETER.sub(r"{\1}", f"{operation.prefix}{operation.path}")
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "GAS, the Genomics Annotation Service",
            "version": VERSION,
            "description": "VCF in, annotated variants out. Times are epoch seconds, sizes bytes; every refusal is a "
            "problem document (RFC 9457) that says what was wrong and what to do.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": site_url}],
        "security": [{"globus": []}],
        "paths": paths,
        "components": {
            "schemas": _schemas(OPERATIONS),
            "securitySchemes": {
                "globus": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A Globus Auth access token with the scope that GET {PREFIX} names.",
                }
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{operation.method.lower()}_{operation.prefix.split('/')[1]}_{operation.name}",
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": _responses(operation),
    }
    if not operation.signed_in and 401 not in operation.refusals:
        described["security"] = []
    if operation.takes is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.takes)}},
        }
    if operation.form:
        schema = {"type": "object", "required": list(operation.form), "properties": operation.form}
        described["requestBody"] = {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        }
    return described


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    found = []
    for name, pattern in _PARAMETER.findall(operation.path):
        schema = _JOB_ID if name == "job_id" else _text(pattern)
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    return found


def _text(pattern: str) -> dict[str, Any]:
    if "|" in pattern:
        return {"type": "string", "enum": pattern.split("|")}
    return {"type": "string", "pattern": f"^{pattern}$"}


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": given.name, "in": given.where, "schema": given.schema, "description": given.description}
        for given in operation.parameters
    ]


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.answers is not None:
        success["content"] = {"application/json": {"schema": _reference(operation.answers)}}
    elif operation.status == 200:
        success["content"] = {kind: {} for kind in FILE_TYPES}
    else:
        success["headers"] = {"Location": {"schema": {"type": "string", "format": "uri"}}}
    statuses = {*ALWAYS, *operation.refusals}
    if operation.signed_in:
        statuses |= {*BY_MEMBERS}
    if operation.method != "GET":
        statuses |= {*WITH_BODY}
    if operation.parameters:
        statuses.add(400)
    problem = {"description": "A problem document", "content": {PROBLEM_JSON: {"schema": _reference(ProblemDocument)}}}
    return {str(operation.status): success, **{str(status): problem for status in sorted(statuses)}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"{SCHEMAS}{model.__name__}"}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    taken = {(operation.takes, "validation") for operation in operations if operation.takes}
    given = {(operation.answers, "serialization") for operation in operations if operation.answers}
    models: Any = sorted({*taken, *given, (ProblemDocument, "serialization")}, key=lambda pair: str(pair))
    _, schemas = models_json_schema(models, ref_template=f"{SCHEMAS}{{model}}")
    return dict(schemas["$defs"])


@cache
def _document(site_url: str) -> dict[str, Any]:
    return document(site_url)


def show_document(visit: Visit) -> bottle.HTTPResponse:
    """GET /api/v1/openapi.json."""
    return visit.json(_document(visit.services.settings.site_url))


def read(visit: Visit) -> bottle.HTTPResponse:
    """GET /api: the document for people."""
    described = _document(visit.services.settings.site_url)
    rows = [
        {"method": method.upper(), "path": path, **operation}
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return visit.page(
        "api.html", {"document": DOCUMENT_PATH}, operations=rows, schemas=described["components"]["schemas"]
    )


ROUTES = (
    *(operation.route() for operation in OPERATIONS),
    Route("GET", DOCUMENT_PATH, show_document, signed_in=False, api=True),
    Route("GET", READER_PATH, read, signed_in=False),
)
