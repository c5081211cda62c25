"""A deployment in which everything is in its place, and one thing wrong at a time."""

import json
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr

from gas import aws
from gas.admin import verify
from gas.admin.verify import Verification
from gas.archives import tree_hash
from gas.job import Job, to_item
from gas.jobs import JobStore
from gas.storage import archive_key, input_key
from gas.users import Role
from tests.deployment import new_job
from tests.shelf import Shelf
from tests.unit.gas.admin.conftest import Command
from tests.vault import archives_in


def wrong(command: Command, *options: str) -> list[str]:
    """The lines of `gas admin verify`, whose exit status must fit them."""
    status, out, err = command("verify", *options)
    found = out.splitlines()
    assert status == (1 if found else 0), err
    assert f": {len(found) or 'nothing'} wrong." in err
    return found


def in_vault(shelf: Shelf) -> bool:
    return shelf.place.settings.archive_backend == "glacier-vault"


def vault_of(shelf: Shelf) -> tuple[Any, str]:
    return aws.client(shelf.place.settings, "glacier"), f"{shelf.place.settings.name_prefix}-archive"


def store_orphan(shelf: Shelf, label: str) -> str:
    """An archive that no item names; returns its id."""
    if in_vault(shelf):
        glacier, vault = vault_of(shelf)
        made = glacier.upload_archive(
            vaultName=vault, archiveDescription=label, body=b"abc", checksum=tree_hash.of_part(b"abc")
        )
        return str(made["archiveId"])
    shelf.storage.s3.put_object(Bucket=shelf.storage.results_bucket, Key=archive_key(label), Body=b"abc")
    return archive_key(label)


def put(shelf: Shelf, key: str) -> None:
    shelf.storage.s3.put_object(Bucket=shelf.storage.results_bucket, Key=key, Body=b"x")


def test_nothing_is_wrong_with_results_in_every_place(shelf: Shelf, command: Command) -> None:
    free, premium = shelf.user(), shelf.user(Role.PREMIUM)
    hot = shelf.completed(premium)
    back = shelf.archive(shelf.completed(free))
    shelf.change_role(free, Role.PREMIUM)
    shelf.thaw(back)
    archived = shelf.archive(shelf.completed(shelf.user()))
    restoring = shelf.archive(shelf.completed(soon := shelf.user()))
    shelf.change_role(soon, Role.PREMIUM)
    gone = shelf.completed(shelf.user())
    shelf.jobs.mark_deleted(shelf.now(gone))
    assert wrong(command) == []
    tiers = [str(shelf.now(job).result_tier) for job in (hot, back, archived, restoring)]
    assert tiers == ["HOT", "HOT", "ARCHIVED", "RESTORING"]


@pytest.mark.parametrize("label", ["{job.user_id}/{job.job_id}/7", "{other.user_id}/{other.job_id}/1"])
def test_an_orphan_archive(shelf: Shelf, command: Command, label: str) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    orphan = store_orphan(shelf, label.format(job=job, other=new_job()))
    (line,) = wrong(command)
    assert line.startswith("orphan archive: " if in_vault(shelf) else "orphan object: ")
    assert orphan in line
    assert f"job {job.job_id} does not name it" in line or "there is no such job" in line


def test_an_orphan_object_of_a_job_that_is_there_and_of_one_that_is_not(shelf: Shelf, command: Command) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    keys = [f"{job.user_id}/{job.job_id}/result/1/annotated.vcf.gz", "somebody/something/result/1/x", "stray"]
    for key in keys:
        put(shelf, key)
    # Behind a delete marker the bytes are still there.
    shelf.storage.delete(shelf.storage.results_bucket, "stray")
    found = wrong(command)
    assert all(line.startswith("orphan object: ") for line in found)
    assert sorted(line.split("-results/")[1].split(": ")[0] for line in found) == sorted(keys)


def test_what_somebody_is_still_at_is_no_orphan(shelf: Shelf, command: Command) -> None:
    user = shelf.user()
    mine = shelf.jobs.claim(shelf.place.job(user_id=user.user_id), "host:1")
    put(shelf, f"{user.user_id}/{mine.job_id}/result/1/annotated.vcf.gz")
    waiting = shelf.completed(shelf.user())
    put(shelf, f"{waiting.user_id}/{waiting.job_id}/result/0/leftover")
    assert wrong(command) == []


def test_a_missing_archive(shelf: Shelf, command: Command) -> None:
    job = shelf.archive(shelf.completed(shelf.user()))
    shelf.archive(shelf.completed(shelf.user()))
    shelf.archives.discard(str(job.results_file_archive_id))
    (line,) = wrong(command)
    assert line.startswith(f"missing {'archive' if in_vault(shelf) else 'object'}: job {job.job_id} is ARCHIVED, but ")
    assert str(job.results_file_archive_id) in line


def test_an_archive_that_is_not_even_named(shelf: Shelf, command: Command) -> None:
    for _ in range(2):
        job = shelf.archive(shelf.completed(shelf.user()))
        shelf.archives.discard(str(job.results_file_archive_id))
        shelf.jobs.change(job.job_id, Attr("job_id").exists(), results_file_archive_id=None)
    assert len(wrong(command)) == 2


@pytest.mark.parametrize("attribute", ["s3_key_result_file", "s3_key_index_file", "s3_key_log_file"])
@pytest.mark.parametrize("for_good", [True, False], ids=["deleted", "marked"])
def test_a_missing_object(shelf: Shelf, command: Command, attribute: str, for_good: bool) -> None:
    job = shelf.completed(shelf.user(Role.PREMIUM))
    key = getattr(job, attribute)
    if for_good:
        shelf.storage.delete_under(shelf.storage.results_bucket, key)
    else:
        shelf.storage.delete(shelf.storage.results_bucket, key)
    found = [line for line in wrong(command) if "annotated.vcf.gz.tbi" not in line or "index" in attribute]
    assert found == [
        f"missing object: job {job.job_id} is HOT, but s3://{shelf.storage.results_bucket}/{key} is not there"
    ]


def test_a_missing_input_of_a_job_that_still_needs_it(shelf: Shelf, command: Command) -> None:
    waiting, done = shelf.place.job(), shelf.completed(shelf.user(Role.PREMIUM))
    for job in (waiting, done):
        shelf.storage.delete(job.s3_inputs_bucket, job.s3_key_input_file)
    place = f"s3://{waiting.s3_inputs_bucket}/{waiting.s3_key_input_file}"
    assert wrong(command) == [f"missing object: job {waiting.job_id} is PENDING, but {place} is not there"]


def test_an_upload_may_wait_for_its_job_but_not_for_ever(
    shelf: Shelf, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, bucket = new_job(), shelf.storage.inputs_bucket
    job = shelf.archive(shelf.completed(shelf.user()))
    keys = [input_key(other.user_id, other.job_id), f"{job.s3_key_input_file}-2"]
    for key in keys:
        shelf.storage.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert wrong(command) == [f"orphan object: s3://{bucket}/{keys[1]}: job {job.job_id} does not name it"]
    monkeypatch.setattr(verify, "UNCLAIMED_DAYS", 0)
    assert f"orphan object: s3://{bucket}/{keys[0]}: there is no such job" in wrong(command)


def test_an_item_that_cannot_be_read(shelf: Shelf, command: Command) -> None:
    broken = {**to_item(new_job()), "job_status": "PAUSED"}
    shelf.jobs.table.put_item(Item=broken)
    (line,) = wrong(command)
    assert line.startswith(f"unreadable item: job {broken['job_id']}: ")


class SmallPages:
    """The table, of which no scan gives more than two items."""

    def __init__(self, table: Any) -> None:
        self.table = table
        self.pages: list[int] = []

    def scan(self, **request: Any) -> Any:
        answer = self.table.scan(**request, Limit=2)
        self.pages.append(len(answer["Items"]))
        return answer

    def get_item(self, **request: Any) -> Any:
        return self.table.get_item(**request)


def test_every_page_of_the_table_is_read(shelf: Shelf) -> None:
    for _ in range(3):
        shelf.completed(shelf.user(Role.PREMIUM))
    table: Any = SmallPages(shelf.jobs.table)
    looked = Verification(JobStore(table), shelf.storage, vault=False)
    assert list(looked.run()) == []
    assert table.pages == [2, 1]
    assert looked.counts == {"jobs": 3, "objects": 21}


# A vault's inventory is of yesterday


@pytest.fixture
def vaulted(shelf: Shelf) -> Shelf:
    if not in_vault(shelf):
        pytest.skip("only a vault has an inventory")
    return shelf


def inventory_file(shelf: Shelf, folder: Path, date: str, *without: Job) -> str:
    """The vault's inventory as it was then, without the archives of these jobs."""
    glacier, vault = vault_of(shelf)
    listed = [
        {"ArchiveId": archive_id, "ArchiveDescription": label, "CreationDate": date, "Size": 3, "SHA256TreeHash": "0"}
        for archive_id, label in archives_in(glacier, vault).items()
        if archive_id not in {job.results_file_archive_id for job in without}
    ]
    file = folder / "inventory.json"
    file.write_text(json.dumps({"VaultARN": "arn", "InventoryDate": date, "ArchiveList": listed}))
    return str(file)


def test_what_changed_after_the_inventory_is_not_judged(vaulted: Shelf, command: Command, tmp_path: Path) -> None:
    user = vaulted.user()
    later = vaulted.archive(vaulted.completed(vaulted.user()))
    back = vaulted.archive(vaulted.completed(user))
    before = inventory_file(vaulted, tmp_path, "2020-01-01T00:00:00Z", later)
    vaulted.change_role(user, Role.PREMIUM)
    vaulted.thaw(back)
    vaulted.sweeper.sweep()
    vaulted.tell_thawer(back)
    status, out, err = command("verify", "--inventory", before)
    assert (status, out) == (0, "")
    assert "archives changed too lately to be judged. A later inventory tells." in err
    assert "(inventory of 2020-01-01 00:00:00 UTC" in err


def test_a_later_inventory_tells(vaulted: Shelf, command: Command, tmp_path: Path) -> None:
    lost = vaulted.archive(vaulted.completed(vaulted.user()))
    after = inventory_file(vaulted, tmp_path, "2999-01-01T00:00:00Z", lost)
    (line,) = wrong(command, "--inventory", after)
    assert line.startswith(f"missing archive: job {lost.job_id} ")


def test_a_vault_without_an_inventory_judges_no_archive(
    vaulted: Shelf, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    vaulted.archive(vaulted.completed(vaulted.user()))
    monkeypatch.setattr("gas.admin.inventory.fetch", lambda *_: None)
    status, out, err = command("verify")
    assert (status, out) == (0, "")
    assert "1 archives changed too lately to be judged. The vault has no inventory yet" in err


def test_a_file_that_is_no_inventory(vaulted: Shelf, command: Command, tmp_path: Path) -> None:
    file = tmp_path / "inventory.csv"
    file.write_text("ArchiveId,ArchiveDescription\n")
    status, out, err = command("verify", "--inventory", str(file))
    assert (status, out) == (1, "")
    assert err == "Error: This is no inventory in JSON: it has no ArchiveList.\n"
