"""The WES façade: runs are jobs, in WES's words."""

import json
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gas.job import Job, JobStatus
from tests.unit.webserver.api.programs import Program, new_program
from tests.unit.webserver.api.test_jobs import upload
from webserver.api.wes import state_of
from webserver.services import Services

FORM = {"workflow_type": "GAS", "workflow_type_version": "1", "workflow_url": "annotate"}


@pytest.fixture
def program(app: Any, services: Services) -> Program:
    return new_program(app, services)


def run(program: Program, **fields: str) -> Any:
    return program.browser.request(
        "POST",
        "/ga4gh/wes/v1/runs",
        urllib.parse.urlencode({**FORM, **fields}).encode(),
        {"Authorization": f"Bearer {program.token}", "Content-Type": "application/x-www-form-urlencoded"},
    )


def test_an_upload_becomes_a_run(program: Program) -> None:
    made = run(program, workflow_params=json.dumps({"ticket": upload(program)}))
    assert made.status == 200, made.text
    path = f"/ga4gh/wes/v1/runs/{made.json['run_id']}"
    assert program.call("GET", f"{path}/status").json["state"] == "QUEUED"
    assert program.call("GET", path).json["run_log"]["exit_code"] is None
    assert program.call("POST", f"{path}/cancel").json == made.json
    listed = program.call("GET", "/ga4gh/wes/v1/runs").json
    assert listed == {"runs": [{**made.json, "state": "CANCELED"}], "next_page_token": ""}


def test_a_finished_run_names_its_outputs(program: Program, services: Services, job_in: Callable[..., Job]) -> None:
    job = job_in(services.users.get(program.user_id))
    told = program.call("GET", f"/ga4gh/wes/v1/runs/{job.job_id}").json
    assert (told["state"], told["run_log"]["exit_code"]) == ("COMPLETE", 0)
    path = urllib.parse.urlsplit(told["outputs"]["result"]).path
    assert program.call("GET", path).status == 303


@pytest.mark.parametrize("params", ["", "nonsense", "[]", '"x"', "{}", '{"ticket": 7}'])
def test_a_run_needs_an_upload(program: Program, params: str) -> None:
    assert run(program, workflow_params=params).status in (400, 404)


def test_there_is_one_workflow(program: Program) -> None:
    answer = run(program, workflow_type="CWL", workflow_params="{}")
    assert answer.status == 400
    assert "workflow_type GAS" in answer.json["detail"]


def test_pages_of_runs(program: Program, services: Services, job_in: Callable[..., Job]) -> None:
    user = services.users.get(program.user_id)
    made = {job_in(user, JobStatus.PENDING, submit_time=services.jobs.now() - n).job_id for n in range(3)}
    first = program.call("GET", "/ga4gh/wes/v1/runs?page_size=2").json
    second = program.call("GET", f"/ga4gh/wes/v1/runs?page_size=2&page_token={first['next_page_token']}").json
    assert {one["run_id"] for one in first["runs"] + second["runs"]} == made
    assert program.call("GET", "/ga4gh/wes/v1/runs?page_token=nonsense").status == 400


def test_failures_are_told_apart(services: Services, member: Any, job_in: Callable[..., Job]) -> None:
    failed = job_in(member.user, JobStatus.FAILED)
    assert state_of(failed) == "SYSTEM_ERROR"
    assert state_of(replace(failed, error_reference=None)) == "EXECUTOR_ERROR"


def test_anothers_run_is_not_there(program: Program, member: Any, job_in: Callable[..., Job]) -> None:
    job = job_in(member.user, JobStatus.PENDING)
    for method, rest in (("GET", ""), ("GET", "/status"), ("POST", "/cancel")):
        assert program.call(method, f"/ga4gh/wes/v1/runs/{job.job_id}{rest}").status == 404
