"""The operator's page: for those whom the settings name, with what goes on and nothing of anybody's results."""

from dataclasses import replace
from typing import Any

import pytest
import structlog

from gas.jobs import JobStore
from scripts.local import fleet
from tests.conftest import AwsStandIn
from tests.deployment import Deployment, client, create, new_job, settings_of, until
from tests.unit.webserver.browser import Browser
from tests.unit.webserver.conftest import SITE_URL, Clock, Member
from webserver.app import make_app
from webserver.overview import REMEMBERED_SECONDS
from webserver.services import Services

QUEUES = ("job-requests", "notify", "webhooks", "archive", "restore", "thaw")


@pytest.fixture(scope="module")
def place(deployment: Any, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Jobs and queues of their own, so that they can be counted; people sign in as everywhere."""
    settings = settings_of(tmp_path_factory.mktemp("operator"))
    create(settings, queues=QUEUES, tables=["annotations"])
    return Deployment(settings)


@pytest.fixture
def admin(services: Services, clock: Clock, place: Deployment, member: Member) -> Browser:
    """A browser of somebody whom the settings of that deployment name, among others."""
    admins = f"00000000-0000-0000-0000-000000000000 {member.user.user_id}"
    changes = {"name_prefix": place.settings.name_prefix, "admins": admins}
    settings = services.settings.model_copy(update=changes)
    jobs = JobStore(place.jobs.table, clock)
    browser = Browser(make_app(replace(services, settings=settings, jobs=jobs)), SITE_URL)
    browser.cookies = dict(member.browser.cookies)
    return browser


def seen(browser: Browser) -> Any:
    return browser.get("/operator", Accept="application/json").json


def test_a_link_leads_admins_and_nobody_else_there(admin: Browser, member: Member) -> None:
    assert 'href="/operator"' in admin.get("/annotations").text
    assert 'href="/operator"' not in member.browser.get("/annotations").text


def test_what_goes_on(admin: Browser, place: Deployment, clock: Clock) -> None:
    before = seen(admin)
    assert before["queues"]["error"] is before["jobs"]["error"] is before["hosts"]["error"] is None
    assert before["hosts"]["hosts"] == []
    assert "No instance carries" in admin.get("/operator").text

    prefix = place.settings.name_prefix
    (host,) = fleet.create_group(client("ec2"), client("autoscaling"), prefix, "annotator")
    job = new_job(submit_time=int(clock()), input_file_name="patient.vcf", input_size=17_000)
    assert place.jobs.create(job)
    found = place.jobs.get(job.job_id)
    assert found
    place.jobs.claim(found, f"{host}:1")
    place.send("job-requests", "{}")
    # The numbers are as old as this at most.
    assert seen(admin) == before
    clock.moved += REMEMBERED_SECONDS
    now = seen(admin)
    assert [queue["waiting"] for queue in now["queues"]["queues"] if queue["name"] == "job-requests"] == [1]
    assert {row["status"]: row["count"] for row in now["jobs"]["states"]}["RUNNING"] == 1
    assert [one["job_id"] for one in now["jobs"]["slowest_running"]] == [job.job_id]
    (user, *_) = now["jobs"]["users"]
    # The clock that was moved goes on.
    assert REMEMBERED_SECONDS <= user.pop("run_seconds") < 3 * REMEMBERED_SECONDS
    assert user == {"user_id": job.user_id, "jobs": 1, "input_size": 17_000}
    assert [(one["instance_id"], one["role"], one["jobs"]) for one in now["hosts"]["hosts"]] == [(host, "annotator", 1)]
    assert now["dashboard"].endswith(f"#dashboards/dashboard/{prefix}")
    page = admin.get("/operator").text
    for text in (job.job_id, job.user_id, host, "17 kB", 'href="/operator/queues/thaw"'):
        assert text in page
    for secret in ("patient", job.user_email, "/download", f"/annotations/{job.job_id}"):
        assert secret not in page


def test_what_aws_does_not_tell_is_said_and_the_rest_is_there(
    admin: Browser, clock: Clock, aws_standin: AwsStandIn
) -> None:
    clock.moved += REMEMBERED_SECONDS
    aws_standin.fault(
        service="ec2", operation="DescribeInstances", kind="error", code="UnauthorizedOperation", status=403
    )
    try:
        page = admin.get("/operator")
    finally:
        aws_standin.clear_faults()
    assert page.status == 200
    assert "The hosts cannot be shown: " in page.text
    assert "UnauthorizedOperation" in page.text
    assert "Table of queues" in page.text


def test_dead_letters_go_back_and_that_is_noted(admin: Browser, place: Deployment, member: Member) -> None:
    assert "There is no dead letter." in admin.get("/operator/queues/restore").text
    for _ in range(3):
        place.send("restore-dlq", "{}")
    page = admin.get("/operator/queues/restore")
    assert "received too often" in page.text
    assert "Move 3 messages back" in page.text
    assert place.left_in("restore-dlq") == 3
    with structlog.testing.capture_logs() as logs:
        answer = admin.post("/operator/queues/restore/redrive")
    assert (answer.status, answer.location) == (303, "/operator/queues/restore?done=moving")
    (note,) = [line for line in logs if line["event"] == "dead_letters_moved"]
    assert (note["queue"], note["user_id"]) == ("restore", member.user.user_id)
    until(lambda: place.left_in("restore") == 3)
    after = admin.get("/operator/queues/restore", Accept="application/json").json
    assert (after["dead_letters"], after["move"]["status"], after["move"]["moved"]) == (0, "COMPLETED", 3)
    assert "completed" in admin.get(answer.location).text


def test_what_is_being_moved_is_not_moved_again(admin: Browser, place: Deployment, aws_standin: AwsStandIn) -> None:
    aws_standin.fault(
        service="sqs", operation="StartMessageMoveTask", kind="error", code="UnsupportedOperation", status=400
    )
    try:
        answer = admin.post("/operator/queues/thaw/redrive", Accept="application/json")
    finally:
        aws_standin.clear_faults()
    assert (answer.status, answer.json["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["/operator/queues/nothing", "/operator/queues/thaw-dlq", "/operator/queues/A"])
def test_a_queue_that_is_not_there(admin: Browser, path: str) -> None:
    assert admin.get(path).status == 404
    assert admin.post(f"{path}/redrive").status == 404
