from dataclasses import replace

import pytest

from gas.job import Job, JobStatus, ResultTier
from gas.users import Role, User
from webserver.results import Access, Availability, availability

WINDOW = 300
DONE = 1_000_000
JOB = Job(
    job_id="j",
    user_id="u",
    user_email="u@example.org",
    input_file_name="a.vcf",
    s3_inputs_bucket="b",
    s3_key_input_file="k",
    submit_time=DONE - 10,
    job_status=JobStatus.COMPLETED,
    complete_time=DONE,
    result_tier=ResultTier.HOT,
)
FREE = User("u", "u@example.org", "U")
PREMIUM = replace(FREE, role=Role.PREMIUM)


@pytest.mark.parametrize("status", [status for status in JobStatus if status is not JobStatus.COMPLETED])
@pytest.mark.parametrize("user", [FREE, PREMIUM])
def test_only_a_completed_job_has_a_result(status: JobStatus, user: User) -> None:
    job = replace(JOB, job_status=status, complete_time=DONE, result_tier=None)
    assert availability(job, user, WINDOW, DONE).access is Access.NONE


@pytest.mark.parametrize(
    ("now", "access"),
    [(DONE, Access.OPEN), (DONE + 299.9, Access.OPEN), (DONE + 300, Access.EXPIRED), (DONE + 1e9, Access.EXPIRED)],
)
@pytest.mark.parametrize("tier", list(ResultTier))
def test_a_free_users_window_is_the_clocks_and_not_the_archivers(now: float, access: Access, tier: ResultTier) -> None:
    assert availability(replace(JOB, result_tier=tier), FREE, WINDOW, now) == Availability(access, DONE + WINDOW)


@pytest.mark.parametrize(
    ("tier", "access"),
    [
        (ResultTier.HOT, Access.OPEN),
        (ResultTier.ARCHIVING, Access.OPEN),
        (ResultTier.ARCHIVED, Access.RESTORING),
        (ResultTier.RESTORING, Access.RESTORING),
    ],
)
def test_a_premium_users_result_is_there_unless_it_is_in_the_archive(tier: ResultTier, access: Access) -> None:
    assert availability(replace(JOB, result_tier=tier), PREMIUM, WINDOW, DONE + 1e9) == Availability(access)
