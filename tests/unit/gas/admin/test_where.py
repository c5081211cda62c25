import json
import uuid

from gas.users import Role
from tests.deployment import ACCOUNT
from tests.shelf import Shelf
from tests.unit.gas.admin.conftest import Command


def test_a_job_on_its_way_back(shelf: Shelf, command: Command) -> None:
    user = shelf.user()
    job = shelf.archive(shelf.completed(user))
    shelf.change_role(user, Role.PREMIUM)
    now = shelf.now(job)
    status, out, _ = command("where", job.job_id, "--json")
    found = json.loads(out)
    assert status == 0
    assert (found["job_status"], found["result_tier"], found["role"]) == ("COMPLETED", "RESTORING", "premium_user")
    assert found["attention_at"] == now.attention_at
    retrieval = found["retrieval"]
    assert (retrieval["id"], retrieval["tier"], retrieval["expected"]) == (
        now.retrieval_id,
        "Expedited",
        now.retrieval_due,
    )
    assert retrieval["progress"] in ("WAITING", "READY")
    exists = {place["what"]: place["exists"] for place in found["files"]}
    in_vault = shelf.place.settings.archive_backend == "glacier-vault"
    people = command("where", job.job_id)[1]
    assert "archived " in people
    assert "NOT THERE" not in people
    assert exists == {
        "input": True,
        "result": False,
        "index": False,
        "table": False,
        "log": True,
        "receipt": True,
        "summary": True,
        "archive": None if in_vault else True,
    }


def test_the_same_for_people(shelf: Shelf, command: Command) -> None:
    job = shelf.place.jobs.claim(shelf.place.job(input_file_name="a\nb.vcf"), "host:1")
    status, out, _ = command("where", job.job_id)
    assert status == 0
    rows = {line[:14].strip(): line[15:] for line in out.splitlines() if line}
    assert rows["Status"] == "RUNNING, attempt 1"
    assert rows["Tier"] == rows["Retrieval"] == "none"
    assert rows["Lease"].startswith("host:1:1, until 2")
    assert rows["Looked at"].endswith(" s)")
    assert rows["Owner"] == f"{job.user_id} (no such user)"
    assert "\n" not in rows["File"]
    assert rows["input"].startswith("there ")
    failed = shelf.place.jobs.fail(job, "Line 3 has no POS column.", "REF123")
    assert "Line 3 has no POS column. (REF123)" in command("where", failed.job_id)[1]


def test_what_is_lost_stands_out(shelf: Shelf, command: Command) -> None:
    job = shelf.completed(shelf.user())
    shelf.storage.delete_under(shelf.storage.results_bucket, str(job.s3_key_result_file))
    assert "NOT THERE" in command("where", job.job_id)[1]


def test_no_such_job(shelf: Shelf, command: Command) -> None:
    missing = str(uuid.uuid4())
    assert command("where", missing) == (1, "", f"Error: There is no job {missing}.\n")
    status, _, err = command("where", ACCOUNT)
    assert status == 1
    assert "looks like" in err
