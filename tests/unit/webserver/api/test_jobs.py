"""The API's jobs and uploads: the same as the pages', reached by token."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from gas.job import Job, JobStatus
from tests.unit.webserver.api.programs import Program, new_program
from webserver.services import Services

VCF = b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nMT\t3243\t.\tA\tG\t.\t.\t.\n"


@pytest.fixture
def program(app: Any, services: Services) -> Program:
    return new_program(app, services)


def upload(program: Program, content: bytes = VCF, name: str = "sample.vcf") -> str:
    """Upload a file in one part; returns the ticket."""
    begun = program.call("POST", "/api/v1/uploads", {"name": name, "size": len(content)})
    assert begun.status == 201, begun.text
    put = requests.put(begun.json["addresses"]["1"], data=content, timeout=30)
    assert put.status_code == 200, put.text
    done = program.call("POST", "/api/v1/uploads/complete", {"ticket": begun.json["ticket"]})
    assert done.json == {"size": len(content)}
    return str(begun.json["ticket"])


def test_an_upload_becomes_one_job_however_often_it_is_sent(program: Program, services: Services) -> None:
    ticket = upload(program)
    first = program.call("POST", "/api/v1/jobs", {"ticket": ticket}, **{"Idempotency-Key": "night-run-1"})
    again = program.call("POST", "/api/v1/jobs", {"ticket": ticket}, **{"Idempotency-Key": "night-run-1"})
    assert first.status == again.status == 201
    assert first.json == again.json
    listed = program.call("GET", "/api/v1/jobs").json["jobs"]
    assert [job["job_id"] for job in listed] == [first.json["job_id"]]
    shown = program.call("GET", f"/api/v1/jobs/{first.json['job_id']}").json
    assert shown["job"]["status"] == "PENDING"
    assert shown["queue_position"] is not None


def test_a_key_makes_no_second_job_of_a_second_upload(program: Program) -> None:
    first = program.call("POST", "/api/v1/jobs", {"ticket": upload(program)}, **{"Idempotency-Key": "k"})
    second = program.call("POST", "/api/v1/jobs", {"ticket": upload(program)}, **{"Idempotency-Key": "k"})
    assert second.status == 422
    assert second.json["code"] == "idempotency_key"
    assert first.json["job_id"] in second.json["detail"]
    assert len(program.call("GET", "/api/v1/jobs").json["jobs"]) == 1


def test_a_key_is_its_owners_only(program: Program, app: Any, services: Services) -> None:
    other = new_program(app, services)
    assert program.call("POST", "/api/v1/jobs", {"ticket": upload(program)}, **{"Idempotency-Key": "k"}).status == 201
    assert other.call("POST", "/api/v1/jobs", {"ticket": upload(other)}, **{"Idempotency-Key": "k"}).status == 201


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(program: Program, key: str) -> None:
    answer = program.call("POST", "/api/v1/jobs", {"ticket": upload(program)}, **{"Idempotency-Key": key})
    assert (answer.status, answer.json["code"]) == (400, "idempotency_key")


def test_cancel_retry_delete(program: Program, services: Services, job_in: Callable[..., Job]) -> None:
    user = services.users.get(program.user_id)
    waiting, failed = job_in(user, JobStatus.PENDING), job_in(user, JobStatus.FAILED)
    path = f"/api/v1/jobs/{waiting.job_id}"
    assert program.call("DELETE", path).status == 409
    assert program.call("POST", f"{path}/cancel").json["status"] == "CANCELLED"
    assert program.call("POST", f"{path}/cancel").status == 409
    assert program.call("DELETE", path).json["deleted"] is True
    assert program.call("GET", path).status == 404
    assert program.call("POST", f"/api/v1/jobs/{failed.job_id}/retry").json["status"] == "PENDING"


def test_files_and_log(program: Program, services: Services, job_in: Callable[..., Job]) -> None:
    job = job_in(services.users.get(program.user_id))
    answer = program.call("GET", f"/api/v1/jobs/{job.job_id}/files/result")
    assert answer.status == 303
    assert requests.get(answer.location, timeout=30).content == b"result bytes"
    assert "Read 3 records." in program.call("GET", f"/api/v1/jobs/{job.job_id}/log").json["log"]


@pytest.mark.parametrize(
    ("method", "rest"),
    [
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("GET", "/log"),
        ("GET", "/files/input"),
        ("GET", "/files/result"),
    ],
)
def test_anothers_job_is_not_there(
    app: Any, services: Services, member: Any, job_in: Callable[..., Job], program: Program, method: str, rest: str
) -> None:
    job = job_in(member.user)
    answer = program.call(method, f"/api/v1/jobs/{job.job_id}{rest}")
    assert (answer.status, answer.header("Content-Type")) == (404, "application/problem+json")
    assert services.jobs.get(job.job_id) == job


def test_anothers_ticket_is_not_there(program: Program, app: Any, services: Services) -> None:
    ticket = upload(new_program(app, services))
    assert program.call("POST", "/api/v1/jobs", {"ticket": ticket}).status == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "x"}, "`size`: field required."),
        ({"name": "x", "size": "3"}, "`size`: input should be a valid integer."),
        ({"name": "x", "size": 3, "to": "s3://elsewhere"}, "`to`: extra inputs are not permitted."),
        ([], "one JSON object"),
    ],
)
def test_a_body_of_another_type_is_refused_by_member(program: Program, body: Any, said: str) -> None:
    answer = program.call("POST", "/api/v1/uploads", body)
    assert answer.status == 400
    assert said in answer.json["detail"]


def test_a_form_is_no_json(program: Program) -> None:
    answer = program.browser.request(
        "POST",
        "/api/v1/uploads",
        b"name=x&size=3",
        {"Authorization": f"Bearer {program.token}", "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 415


def test_ids_that_are_none_are_unknown_addresses(program: Program) -> None:
    assert program.call("GET", f"/api/v1/jobs/{uuid.uuid4().hex}").status == 404
    answer = program.call("PATCH", "/api/v1/jobs")
    assert (answer.status, answer.header("Content-Type")) == (405, "application/problem+json")
