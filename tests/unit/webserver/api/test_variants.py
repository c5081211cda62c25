"""Variants by token: the explorer's filters, a page at a time or as a file."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest

from gas.job import Job
from tests.explored import Annotated, annotated
from tests.unit.webserver.api.programs import Program, new_program
from tests.unit.webserver.conftest import SITE_URL, Clock
from webserver.api.openapi import document
from webserver.services import Services

__all__ = ["annotated"]
RARE = [("max_af", "0.01"), ("impact", "HIGH"), ("clinvar", "pathogenic"), ("clinvar", "likely_pathogenic")]


@pytest.fixture
def explored(app: Any, services: Services, job_in: Callable[..., Job], annotated: Annotated) -> tuple[Program, str]:
    program = new_program(app, services)
    files = {"annotated.vcf.gz": annotated.vcf.read_bytes(), "variants.parquet": annotated.table.read_bytes()}
    job = job_in(services.users.get(program.user_id), files=files)
    return program, f"/api/v1/jobs/{job.job_id}/variants"


def test_the_rare_severe_and_pathogenic(explored: tuple[Program, str]) -> None:
    program, path = explored
    page = program.call("GET", f"{path}?{urlencode([*RARE, ('limit', '5'), ('sort', 'POS')])}").json
    schema = document(SITE_URL)
    told = schema["paths"]["/api/v1/jobs/{job_id}/variants"]["get"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(page, {**told["schema"], "components": schema["components"]})
    assert 0 < len(page["rows"]) <= 5
    assert all(row["MOST_SEVERE_IMPACT"] == "HIGH" for row in page["rows"])
    one = program.call("GET", f"{path}/{page['rows'][0]['row']}")
    assert one.status == 200
    assert one.json["transcripts"]
    file = program.call("GET", f"{path}/export/tsv?{urlencode(RARE)}")
    assert len(file.text.splitlines()) == page["total"] + 1


def test_a_filter_that_makes_no_sense_is_refused(explored: tuple[Program, str]) -> None:
    program, path = explored
    answer = program.call("GET", f"{path}?max_af=often")
    assert (answer.status, answer.json["code"]) == (400, "bad_filter")
    assert "frequency" in answer.json["detail"]


def test_an_expired_result_is_not_read(explored: tuple[Program, str], clock: Clock) -> None:
    program, path = explored
    clock.moved += 301
    for more in ("", "/0", "/export/vcf"):
        assert program.call("GET", f"{path}{more}").json["code"] == "expired"
